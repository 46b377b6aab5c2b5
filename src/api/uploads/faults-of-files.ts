import { DarkroomError } from '../../errors.ts';

/** libvips, libjpeg, libpng, libwebp and libheif where this machine's memory ends: they report it like a broken file. */
const OUT_OF_MEMORY = /out of memory|insufficient memory|memory allocation|allocate memory/i;
/** libheif's own limits against bombs, which it reports as failed allocations. */
const LIMIT_OF_DECODER = /limit/i;

/**
 * Whether an error says that the uploaded file itself is wrong: no picture, another type, or over the configured limits of pixels
 * and frames. All others (memory, slots, stores, time) come from this machine and its state: another attempt may succeed.
 */
export function isFaultOfFile(error: unknown): error is DarkroomError {
  if (!(error instanceof DarkroomError)) return false;
  if (error.code === 'original_too_large') return !error.ofThisServer;
  return error.code === 'original_unreadable' && !isOutOfMemory(error);
}

/** Whether a decoder took an original for unreadable because it got no memory. */
export function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof DarkroomError) || error.code !== 'original_unreadable') return false;
  const message = error.cause instanceof Error ? error.cause.message : '';
  return OUT_OF_MEMORY.test(message) && !LIMIT_OF_DECODER.test(message);
}
