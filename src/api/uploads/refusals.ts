import { type DarkroomError, errors, READ_FORMATS, type Refusal } from '../../errors.ts';
import { isFaultOfFile } from './faults-of-files.ts';
import { fileTypeOf, isPictureType } from './file-type.ts';

/** How far a file was read before it failed. */
export type ReadStage = 'header' | 'pixels';

/**
 * What libjpeg, libnsgif, libheif and this server's own checks say of a file that stops too soon. libpng and libwebp say the
 * same of all damage.
 */
const ENDS_EARLY = /premature end of JPEG|unexpected end|truncated|ends before/i;
/** libheif, of an AVIF that is right and uses what it cannot decode. */
const NOT_DECODED = /unsupported (?:feature|codec|image type|color conversion)/i;
const WHAT_IS_BROKEN = { header: 'header is broken', pixels: 'pixels are damaged', end: 'end is missing' } as const;

/**
 * What an API client is told of a refused file. `error`: what was thrown for it, a fault of the file itself; `accepted`: the
 * media types that are read. `quarantined` is
 * false for a picture of a type that another version of this server may read: such an upload stays where it is.
 */
export function explainRefusal(
  error: DarkroomError,
  file: Buffer,
  stage: ReadStage,
  accepted: readonly string[],
): DarkroomError {
  const [message, facts] = error.refusal ? [error.publicMessage, error.refusal] : factsOf(error, file, stage, accepted);
  const { reason, found } = facts;
  const quarantined = !(reason === 'unsupported_type' && found !== undefined && isPictureType(found));
  const where = quarantined ? 'is quarantined' : 'stays where it is';
  return errors.refusedUpload(`${message} The upload ${where}.`, { ...facts, quarantined }, error.cause);
}

/** The same refusal with the reason that an API client is told; other errors as they are. */
export function withReason(error: unknown, file: Buffer, stage: ReadStage, accepted: readonly string[]): unknown {
  if (!isFaultOfFile(error) || error.refusal || error.code !== 'original_unreadable') return error;
  const [message, facts] = factsOf(error, file, stage, accepted);
  return errors.refusedUpload(message, facts, error.cause);
}

function factsOf(
  { cause }: DarkroomError,
  file: Buffer,
  stage: ReadStage,
  accepted: readonly string[],
): [message: string, Refusal] {
  const unread = (what: string) => `The original is not a picture that can be read: ${what}.`;
  const said = cause instanceof Error ? cause.message : '';
  const found = fileTypeOf(file);
  const unsupported: Refusal = { reason: 'unsupported_type', accepted, found };
  if (found === undefined) return [unread(READ_FORMATS), unsupported];
  if (!accepted.includes(found)) return [unread(`it is ${found}, not ${READ_FORMATS}`), unsupported];
  if (NOT_DECODED.test(said)) return [unread(`it is ${found} of a kind that is not decoded`), unsupported];
  const format = found.replace('image/', '');
  const part = ENDS_EARLY.test(said) || endsEarly(file, found) ? 'end' : stage;
  return [unread(`the ${WHAT_IS_BROKEN[part]} (${format})`), { reason: 'broken', part, format }];
}

/** Whether a file stops before its own parts do. Of JPEG and GIF the decoder says it. */
function endsEarly(file: Buffer, type: string): boolean {
  // https://developers.google.com/speed/webp/docs/riff_container
  if (type === 'image/webp') return file.length < 12 || 8 + file.readUInt32LE(4) > file.length;
  // The last chunk (https://www.w3.org/TR/png-3/#11IEND); the lengths of damaged chunks would not lead to it.
  if (type === 'image/png') return !file.includes('IEND');
  return /^image\/(avif|heic|heif)$/.test(type) && !holdsItsBoxes(file);
}

/** Whether the outermost boxes of an ISO base media file (ISO/IEC 14496-12, 4.2) lie within it. */
function holdsItsBoxes(file: Buffer): boolean {
  let at = 0;
  while (at + 8 <= file.length) {
    const size = file.readUInt32BE(at);
    // Up to the end of the file, or a length of 64 bits.
    if (size < 8) return true;
    at += size;
  }
  return at <= file.length;
}
