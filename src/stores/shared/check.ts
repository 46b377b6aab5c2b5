import { DarkroomError } from '../../errors.ts';
import type { StoreCheck } from '../store.ts';
import { bounded } from './time-limit.ts';

/** Folder of the keys by which a store is tried: they are asked for, and written and deleted where a write is tried. */
export const CHECK_FOLDER = '.darkroom-check/';

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its name has no address',
  EAI_AGAIN: 'its name cannot be resolved now',
  ENOENT: 'it does not exist',
  ENOTDIR: 'it is no folder',
  EACCES: 'this process has no right to it',
  EPERM: 'this process has no right to it',
  EROFS: 'its file system is read-only',
};

/**
 * Runs a check under the caller's signal and a time limit in milliseconds. A failure becomes a sentence with its cause;
 * only the signal's reason is thrown. `subject`: begins the sentence.
 */
export async function checked(
  subject: string,
  signal: AbortSignal,
  timeoutMs: number,
  work: (limit: AbortSignal) => Promise<StoreCheck>,
): Promise<StoreCheck> {
  try {
    return await bounded(signal, timeoutMs, work);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DarkroomError && error.code === 'store_timeout')
      return { usable: false, why: `${subject} did not answer within ${timeoutMs} ms` };
    return { usable: false, why: `${subject} cannot be used: ${reasonOf(error)}` };
  }
}

/** The innermost cause in words. */
function reasonOf(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === undefined) return message;
  const words = WORDS[code] ?? message;
  return words.includes(code) ? words : `${words} (${code})`;
}
