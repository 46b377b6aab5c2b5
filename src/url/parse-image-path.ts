import { isConsistent } from './spelling.ts';

/** A parsed image URL: `/<signature>/<preset><suffix>/<id>[?exp=<unix seconds>]`, every part percent-decoded once. */
export interface ImageUrl {
  readonly signature: string;
  /** Name or inline recipe without the suffix, as the signature covers it. */
  readonly preset: string;
  /** `@2x`, `@640w`, `.webp`, a combination, or empty. Not signed: the preset declares what it offers. */
  readonly suffix: string;
  readonly id: string;
  /** Unix seconds. */
  readonly expiresAt: number | undefined;
}

export const MAX_ID_BYTES = 512;

/** A URL that is not an image URL, with the answer that server and edge both give. */
export class MalformedUrl extends Error {
  readonly code: 'bad_request' | 'not_found';

  constructor(code: 'bad_request' | 'not_found', message: string) {
    super(message);
    this.code = code;
  }
}

const bad = (message: string) => new MalformedUrl('bad_request', message);

// Raw spaces, controls and non-ASCII characters cannot stand in a URI (RFC 3986, 2); a `#` never reaches a server.
const NOT_IN_A_REQUEST_TARGET = /[^\x21-\x7e]|#/;
const CONTROL_CHARACTERS = /\p{Cc}/u;
const EXPIRY_QUERY = /^exp=([1-9][0-9]{0,11})$/;
const DISGUISED = /%(25|2e|2f|5c|00)/gi;

/** Splits and checks a request target (RFC 9112, 3.2). Throws a MalformedUrl: `not_found` for fewer than three parts. */
export function parseImagePath(target: string): ImageUrl {
  const originForm = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
  if (NOT_IN_A_REQUEST_TARGET.test(originForm)) throw bad('The URL holds characters that must be encoded.');
  const [path, query] = splitOnce(originForm, '?');
  const [, signature, preset, id] = /^\/([^/]*)\/([^/]*)\/(.*)$/.exec(path) ?? [];
  if (signature === undefined || preset === undefined || id === undefined)
    throw new MalformedUrl('not_found', 'There is nothing here. Image URLs read /<signature>/<preset>/<id>.');

  const [, name = '', suffix = ''] = /^([^@.]*)(.*)$/s.exec(decode(preset)) ?? [];
  if (CONTROL_CHARACTERS.test(name)) throw bad('The preset holds control characters.');
  const url = { signature: decode(signature), preset: name, suffix, id: checkId(decode(id)), expiresAt: expiry(query) };
  if (!isConsistent(signature + preset, id)) throw bad('The URL is not percent-encoded as the signers encode it.');
  return url;
}

function decode(part: string): string {
  try {
    // Throws on invalid UTF-8 as well as on stray percent signs; leaves `+` alone.
    return decodeURIComponent(part);
  } catch {
    throw bad('The URL is not validly percent-encoded UTF-8.');
  }
}

/** The id itself. Throws a MalformedUrl for ids that could leave their folder or that are no valid text. */
export function checkId(id: string): string {
  if (id === '') throw bad('The id is empty.');
  if (id.startsWith('/')) throw bad('The id starts with a slash.');
  if (new TextEncoder().encode(id).length > MAX_ID_BYTES) throw bad(`The id is longer than ${MAX_ID_BYTES} bytes.`);
  if (CONTROL_CHARACTERS.test(id)) throw bad('The id holds control characters.');
  if (climbs(id)) throw bad('The id holds dot segments.');
  return id;
}

/**
 * Whether the id leaves its folder, read as it is or decoded further. An HTTP origin may decode once more than it should,
 * so encoded dots, slashes, backslashes and NULs count as decoded; other encoded text stays literal.
 */
function climbs(id: string): boolean {
  for (let reading = id; ; ) {
    if (reading.includes('\0') || reading.split(/[/\\]/).some((part) => part === '.' || part === '..')) return true;
    const next = reading.replace(DISGUISED, (hex) => String.fromCharCode(Number.parseInt(hex.slice(1), 16)));
    if (next === reading) return false;
    reading = next;
  }
}

function expiry(query: string | undefined): number | undefined {
  if (query === undefined) return undefined;
  const [, seconds] = EXPIRY_QUERY.exec(query) ?? [];
  // An ignored query would be a free way around the CDN's cache, so there is exactly one spelling.
  if (seconds === undefined) throw bad('The only query parameter is exp=<unix seconds>.');
  return Number(seconds);
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
