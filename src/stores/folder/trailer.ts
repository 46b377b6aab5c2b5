import type { StoredObject } from '../store.ts';

/** What travels with an object in a folder. */
export type TravellingMetadata = Pick<StoredObject, 'contentType' | 'cacheControl' | 'metadata'>;
export const NO_METADATA: TravellingMetadata = { contentType: undefined, cacheControl: undefined, metadata: {} };

export const packMetadata = (metadata: TravellingMetadata) => Buffer.from(JSON.stringify(metadata));

export function parseMetadata(text: Buffer | undefined): TravellingMetadata {
  if (!text) return NO_METADATA;
  try {
    return { ...NO_METADATA, ...(JSON.parse(text.toString()) as TravellingMetadata) };
  } catch {
    // A damaged companion is none: its object then fails the checks of whoever needs the metadata.
    return NO_METADATA;
  }
}

/** Ends a file that has a companion behind its object: the companion's length as 4 bytes, then this. */
const MARK = Buffer.from('darkroom');
const FOOTER_BYTES = 4 + MARK.length;

/** What follows an object in its own file. Viewers of pictures stop before it, because their formats say where they end. */
export function trailerOf(metadata: TravellingMetadata): Buffer {
  const text = packMetadata(metadata);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([text, length, MARK]);
}

/** How much of a file's end is read for its trailer: metadata is at most 1 KiB, and a small object comes with it in one step. */
export const TAIL_BYTES = 16_384;

/**
 * How much of a file is the object, and its companion, by the file's last bytes. A file that somebody simply put there is all
 * object, and nothing is known of it.
 */
export function readTrailer(
  tail: Buffer,
  fileBytes: number,
): { readonly bytes: number; readonly metadata: TravellingMetadata } {
  const end = tail.length - FOOTER_BYTES;
  const marked = end >= 0 && tail.subarray(end + 4).equals(MARK);
  const start = marked ? end - tail.readUInt32BE(end) : -1;
  if (start < 0) return { bytes: fileBytes, metadata: NO_METADATA };
  return { bytes: fileBytes - tail.length + start, metadata: parseMetadata(tail.subarray(start, end)) };
}
