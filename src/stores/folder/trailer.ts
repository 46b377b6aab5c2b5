import type { StoredObject } from '../store.ts';

/** All that is stored of an object beside its bytes; S3 sends the same as headers. */
export type ObjectHeaders = Pick<StoredObject, 'contentType' | 'cacheControl' | 'metadata'>;
export const NO_HEADERS: ObjectHeaders = { contentType: undefined, cacheControl: undefined, metadata: {} };

export const packHeaders = (headers: ObjectHeaders) => Buffer.from(JSON.stringify(headers));

export function parseHeaders(text: Buffer | undefined): ObjectHeaders {
  if (!text) return NO_HEADERS;
  try {
    return { ...NO_HEADERS, ...(JSON.parse(text.toString()) as ObjectHeaders) };
  } catch {
    // As if there were none: an object that needs its metadata then fails the checks of its reader.
    return NO_HEADERS;
  }
}

/** Layout of a trailer: the headers as JSON, their length as 4 bytes (big-endian), this mark. */
const MARK = Buffer.from('darkroom');
const FOOTER_BYTES = 4 + MARK.length;

/** The trailer of an object's file. Viewers of pictures ignore it, because picture formats say where they end. */
export function trailerOf(headers: ObjectHeaders): Buffer {
  const text = packHeaders(headers);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([text, length, MARK]);
}

/** Bytes read from a file's end for its trailer. Metadata is at most 1 KiB; a small object is read in the same step. */
export const TAIL_BYTES = 16_384;

/**
 * Reads the trailer in the last bytes of a file: how many bytes of the file are the object, and its headers. A file without
 * a trailer, as other programs write it, is all object and has no headers.
 */
export function readTrailer(
  tail: Buffer,
  fileBytes: number,
): { readonly bytes: number; readonly headers: ObjectHeaders } {
  const end = tail.length - FOOTER_BYTES;
  const marked = end >= 0 && tail.subarray(end + 4).equals(MARK);
  const start = marked ? end - tail.readUInt32BE(end) : -1;
  if (start < 0) return { bytes: fileBytes, headers: NO_HEADERS };
  return { bytes: fileBytes - tail.length + start, headers: parseHeaders(tail.subarray(start, end)) };
}
