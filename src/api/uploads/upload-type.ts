import { errors } from '../../errors.ts';

/**
 * The ending of an id by what a client says of its file: media types, and endings of names where it says no type. A browser's
 * `File.type` follows from the file's name, and phones convert what they send, so that types stand here too whose content is
 * not read: `complete` decides by the content.
 */
const ENDINGS: readonly [ending: string, types: readonly string[], names: readonly string[]][] = [
  ['jpg', ['image/jpeg', 'image/jpg', 'image/pjpeg'], ['jpg', 'jpeg', 'jfif']],
  ['png', ['image/png', 'image/x-png'], ['png']],
  ['webp', ['image/webp'], ['webp']],
  ['avif', ['image/avif'], ['avif']],
  ['gif', ['image/gif'], ['gif']],
  ['heic', ['image/heic', 'image/heic-sequence'], ['heic', 'heics']],
  ['heif', ['image/heif', 'image/heif-sequence'], ['heif', 'heifs', 'hif']],
  ['tiff', ['image/tiff'], ['tiff', 'tif']],
  ['bmp', ['image/bmp', 'image/x-ms-bmp'], ['bmp']],
  ['jxl', ['image/jxl'], ['jxl']],
  ['jp2', ['image/jp2', 'image/jpx', 'image/j2c'], ['jp2', 'j2k', 'jpf', 'jpx', 'j2c']],
  ['psd', ['image/vnd.adobe.photoshop', 'image/x-photoshop', 'application/x-photoshop'], ['psd', 'psb']],
  ['ico', ['image/x-icon', 'image/vnd.microsoft.icon'], ['ico']],
  ['svg', ['image/svg+xml'], ['svg']],
];

/** Of bytes of which nothing is said (RFC 2046, 4.5.1). */
const UNKNOWN_TYPE = 'application/octet-stream';

export interface UploadType {
  /** Signed with the ticket: the media type as it was said, in lower case and without parameters. */
  readonly contentType: string;
  /** Of the id, with its dot; empty where neither type nor name tell one. */
  readonly ending: string;
}

/** What a client says of its file. `accepted`: the media types that are read. Throws `bad_request` (`unsupported_type`) for a type that is not listed. */
export function uploadTypeOf(said: string, filename: string, accepted: readonly string[]): UploadType {
  const contentType = (said.split(';')[0] ?? '').trim().toLowerCase() || UNKNOWN_TYPE;
  const named = /\.([a-z0-9]{3,5})$/i.exec(filename)?.[1]?.toLowerCase() ?? '';
  const untyped = contentType === UNKNOWN_TYPE;
  // Drawn only where the operator allows it.
  const known = ENDINGS.filter(([ending]) => ending !== 'svg' || accepted.includes('image/svg+xml'));
  const found = known.find(([, types, names]) => (untyped ? names.includes(named) : types.includes(contentType)));
  if (!found && !untyped)
    throw errors.refusedTicket(`contentType: expected ${accepted.slice(0, -1).join(', ')} or ${accepted.at(-1)}`, {
      ...{ reason: 'unsupported_type', accepted, found: contentType },
    });
  return { contentType, ending: found ? `.${found[0]}` : '' };
}
