/**
 * Every error that Darkroom answers. `code` is a contract (DESIGN.md section 3) that clients and dashboards rely on;
 * `publicMessage` is for people and never carries keys, paths or hosts.
 */

/** Status and Cache-Control header of an error code. */
interface ErrorKind {
  readonly status: number;
  readonly cacheControl: string;
}

const REPEATABLE = 'public, max-age=60';
const NEVER_KEPT = 'no-store';

const KINDS = {
  bad_request: { status: 400, cacheControl: REPEATABLE },
  unauthorized: { status: 401, cacheControl: NEVER_KEPT },
  forbidden: { status: 403, cacheControl: NEVER_KEPT },
  bad_signature: { status: 403, cacheControl: REPEATABLE },
  not_found: { status: 404, cacheControl: REPEATABLE },
  unknown_preset: { status: 404, cacheControl: REPEATABLE },
  // Short, because the upload of this original may finish a moment later.
  original_not_found: { status: 404, cacheControl: 'public, max-age=10' },
  method_not_allowed: { status: 405, cacheControl: NEVER_KEPT },
  upload_under_way: { status: 409, cacheControl: NEVER_KEPT },
  already_exists: { status: 412, cacheControl: NEVER_KEPT },
  changed_meanwhile: { status: 412, cacheControl: NEVER_KEPT },
  expired: { status: 410, cacheControl: REPEATABLE },
  original_too_large: { status: 413, cacheControl: REPEATABLE },
  original_unreadable: { status: 422, cacheControl: REPEATABLE },
  internal: { status: 500, cacheControl: NEVER_KEPT },
  store_failed: { status: 502, cacheControl: NEVER_KEPT },
  busy: { status: 503, cacheControl: NEVER_KEPT },
  render_timeout: { status: 503, cacheControl: NEVER_KEPT },
  draining: { status: 503, cacheControl: NEVER_KEPT },
  store_timeout: { status: 504, cacheControl: NEVER_KEPT },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof KINDS;

/** In messages. */
export const READ_FORMATS = 'JPEG, PNG, WebP, AVIF, GIF, HEIC, JPEG XL, TIFF, PSD, BMP, ICO or JPEG 2000';

/** Why a file was refused, for the shop's own words. New ones may come; none is renamed. */
export const REFUSAL_REASONS = [
  ...['empty', 'too_large', 'unsupported_type', 'broken', 'changed'],
  ...['too_many_pixels', 'side_too_long', 'too_many_scans', 'too_much_memory', 'too_much_work'],
] as const;

/** A reason and its facts. They stand beside `error` in answers of the API, and in none of an image request. */
export interface Refusal {
  readonly reason: (typeof REFUSAL_REASONS)[number];
  /** That was exceeded: bytes, pixels, pixels of a side, frames or scans, as the reason says. */
  readonly limit?: number | undefined;
  /** Media types that are read. */
  readonly accepted?: readonly string[];
  /** The media type of the content; at upload-url, the one that was said. */
  readonly found?: string | undefined;
  /** Of a broken file. `end`: it stops too soon. */
  readonly part?: 'header' | 'pixels' | 'end';
  readonly format?: string;
  /** False: the upload stays where it is. */
  readonly quarantined?: boolean;
}

/** The only error class. `cause` goes to the log, never into an answer. */
export class DarkroomError extends Error {
  readonly code: ErrorCode;
  readonly publicMessage: string;
  readonly status: number;
  readonly cacheControl: string;
  /** Seconds after which a retry makes sense, for the Retry-After header (RFC 9110, 10.2.3). */
  readonly retryAfter: number | undefined;
  /** The error comes of this server's size: a larger one would not refuse the same file. */
  readonly ofThisServer: boolean;
  readonly refusal: Refusal | undefined;

  /**
   * `status` replaces the code's own where the URL is right and the rest of the request is not (a header, its speed): such an
   * answer is `no-store`, because caches keep answers by their URL.
   */
  constructor(
    code: ErrorCode,
    publicMessage: string,
    detail: { cause?: unknown; retryAfter?: number; status?: number; ofThisServer?: boolean; refusal?: Refusal } = {},
  ) {
    super(`${code}: ${publicMessage}`, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'DarkroomError';
    this.code = code;
    this.publicMessage = publicMessage;
    this.status = detail.status ?? KINDS[code].status;
    this.cacheControl = detail.status === undefined ? KINDS[code].cacheControl : NEVER_KEPT;
    this.retryAfter = detail.retryAfter;
    this.ofThisServer = detail.ofThisServer ?? false;
    this.refusal = detail.refusal;
  }
}

/** A mistake in the operator's settings or files, told in a sentence, so that no stack is printed for it. */
export class OperatorError extends Error {}

export const errors = {
  badRequest: (message: string) => new DarkroomError('bad_request', message),
  refusedRequest: (message: string, status = 400) => new DarkroomError('bad_request', message, { status }),
  unauthorized: () => new DarkroomError('unauthorized', 'A bearer token is needed.'),
  /** An upload for which no ticket is given, or whose ticket is not for such a file. */
  refusedTicket: (message: string, refusal: Refusal) => new DarkroomError('bad_request', message, { refusal }),
  /** An uploaded file that is wrong in itself. */
  refusedUpload: (message: string, refusal: Refusal, cause?: unknown) =>
    new DarkroomError('original_unreadable', message, { refusal, cause }),
  uploadForbidden: () => new DarkroomError('forbidden', 'This server did not sign this upload.'),
  uploadUnderWay: () =>
    new DarkroomError('upload_under_way', 'Another upload with this ticket is under way.', { retryAfter: 1 }),
  uploadTooSlow: () => new DarkroomError('bad_request', 'The upload took too long.', { status: 408 }),
  alreadyExists: () => new DarkroomError('already_exists', 'There is an original already; none is ever replaced.'),
  changedMeanwhile: () =>
    new DarkroomError('changed_meanwhile', 'The image was changed since: read it again, then send the edit again.'),
  forbidden: () => new DarkroomError('forbidden', 'The bearer token is not the right one.'),
  notFromCdn: () => new DarkroomError('forbidden', 'Pictures are fetched through the CDN.'),
  badSignature: (message = 'The signature is missing or does not match this URL.') =>
    new DarkroomError('bad_signature', message),
  notFound: () => new DarkroomError('not_found', 'There is nothing here. Image URLs read /<signature>/<preset>/<id>.'),
  methodNotAllowed: () => new DarkroomError('method_not_allowed', 'Images are read with GET or HEAD.'),
  expired: () => new DarkroomError('expired', 'This URL has expired.'),
  presetNotFound: () => new DarkroomError('unknown_preset', 'No such preset, size or format is on offer.'),
  /** Of a URL of another server: an option that has no equal here. */
  optionNotFound: (message: string) => new DarkroomError('unknown_preset', message),
  /** Of a URL of another server: an address that stands for no id. */
  sourceNotFound: (message: string) => new DarkroomError('original_not_found', message),
  originalNotFound: () => new DarkroomError('original_not_found', 'There is no original with this id.'),
  noSuchPage: (page: number) =>
    new DarkroomError('original_not_found', `The original has no page ${page}; the first is 0.`),
  originalTooLarge: (message: string, cause?: unknown) => new DarkroomError('original_too_large', message, { cause }),
  tooLargeForThisServer: () =>
    new DarkroomError('original_too_large', 'The original needs more memory than this server has for one picture.', {
      ofThisServer: true,
      refusal: { reason: 'too_much_memory' },
    }),
  /** Of an original over one of the limits. */
  overLimit: (message: string, refusal: Refusal, cause?: unknown) =>
    new DarkroomError('original_too_large', message, { refusal, cause }),
  originalUnreadable: (message: string, cause?: unknown) =>
    new DarkroomError('original_unreadable', message, { cause }),
  /** Bytes that no decoder takes for a picture. */
  unreadable: (cause?: unknown) =>
    new DarkroomError('original_unreadable', `The original is not a picture that can be read: ${READ_FORMATS}.`, {
      cause,
    }),
  busy: (retryAfter: number, cause?: unknown) =>
    new DarkroomError('busy', 'All slots and waiting places are taken.', { retryAfter, cause }),
  renderTimeout: (retryAfter: number) =>
    new DarkroomError('render_timeout', 'The rendition was not finished in time.', { retryAfter }),
  draining: () => new DarkroomError('draining', 'This server is shutting down.', { retryAfter: 1 }),
  storeFailed: (cause: unknown) => new DarkroomError('store_failed', 'A store cannot be used right now.', { cause }),
  storeTimeout: (cause?: unknown) => new DarkroomError('store_timeout', 'A store did not answer in time.', { cause }),
  internal: (cause: unknown) => new DarkroomError('internal', 'Something went wrong on our side.', { cause }),
} as const;
