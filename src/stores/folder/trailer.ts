import type { StoredObject } from '../store.ts';

/** All that is stored of an object beside its bytes; S3 sends the same as headers. */
export type ObjectHeaders = Pick<StoredObject, 'contentType' | 'cacheControl' | 'metadata'>;
export const NO_HEADERS: ObjectHeaders = { contentType: undefined, cacheControl: undefined, metadata: {} };

export const packHeaders = ({ contentType, cacheControl, metadata }: ObjectHeaders, etag?: string) =>
  Buffer.from(JSON.stringify({ contentType, cacheControl, metadata, etag }));

export function parseHeaders(text: Buffer | undefined): { readonly headers: ObjectHeaders; readonly etag?: string } {
  if (!text) return { headers: NO_HEADERS };
  try {
    const { etag, ...headers }: ObjectHeaders & { etag?: string } = JSON.parse(text.toString());
    return { headers: { ...NO_HEADERS, ...headers }, ...(typeof etag === 'string' && { etag }) };
  } catch {
    // As if there were none: an object that needs its metadata then fails the checks of its reader.
    return { headers: NO_HEADERS };
  }
}

/** Layout of a trailer: headers and ETag as JSON, its length as 4 bytes (big-endian), this mark. */
const MARK = Buffer.from('darkroom');
const FOOTER_BYTES = 4 + MARK.length;

/** The trailer of an object's file. Viewers of pictures ignore it, because picture formats say where they end. */
export function trailerOf(headers: ObjectHeaders, etag: string): Buffer {
  const text = packHeaders(headers, etag);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([text, length, MARK]);
}

/** Bytes read from a file's end for its trailer. Metadata is at most 1 KiB; a small object is read in the same step. */
export const TAIL_BYTES = 16_384;

export interface Trailer {
  /** How many bytes of the file are the object. */
  readonly bytes: number;
  readonly headers: ObjectHeaders;
  readonly etag?: string;
}

/** Reads the trailer in the last bytes of a file. A file without one, as other programs write it, is all object. */
export function readTrailer(tail: Buffer, fileBytes: number): Trailer {
  const end = tail.length - FOOTER_BYTES;
  const marked = end >= 0 && tail.subarray(end + 4).equals(MARK);
  const start = marked ? end - tail.readUInt32BE(end) : -1;
  if (start < 0) return { bytes: fileBytes, headers: NO_HEADERS };
  return { bytes: fileBytes - tail.length + start, ...parseHeaders(tail.subarray(start, end)) };
}
