import type { StoredObject } from '../store.ts';

/** What travels with an object in a folder. */
export type Companion = Pick<StoredObject, 'contentType' | 'cacheControl' | 'metadata'>;
export const NO_COMPANION: Companion = { contentType: undefined, cacheControl: undefined, metadata: {} };

export const packCompanion = (companion: Companion) => Buffer.from(JSON.stringify(companion));

export function parseCompanion(text: Buffer | undefined): Companion {
  if (!text) return NO_COMPANION;
  try {
    return { ...NO_COMPANION, ...(JSON.parse(text.toString()) as Companion) };
  } catch {
    // A damaged companion is none: its object then fails the checks of whoever needs the metadata.
    return NO_COMPANION;
  }
}

/** Ends a file that has a companion behind its object: the companion's length as 4 bytes, then this. */
const MARK = Buffer.from('darkroom');
const FOOTER_BYTES = 4 + MARK.length;

/** What follows an object in its own file. Viewers of pictures stop before it, because their formats say where they end. */
export function trailerOf(companion: Companion): Buffer {
  const text = packCompanion(companion);
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
): { readonly bytes: number; readonly companion: Companion } {
  const end = tail.length - FOOTER_BYTES;
  const marked = end >= 0 && tail.subarray(end + 4).equals(MARK);
  const start = marked ? end - tail.readUInt32BE(end) : -1;
  if (start < 0) return { bytes: fileBytes, companion: NO_COMPANION };
  return { bytes: fileBytes - tail.length + start, companion: parseCompanion(tail.subarray(start, end)) };
}
