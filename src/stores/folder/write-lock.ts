import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Longest pause between two looks at a lock, in milliseconds. */
const LOOK_MS = 8;
/**
 * A lock that has not changed for so long, by the waiter's own clock, belongs to a process that died or hangs. Taking it from
 * one that lives is safe: its write becomes a conflict.
 */
const STALE_MS = 2000;
const HELD = new Set(['ENOTEMPTY', 'EEXIST']);

/**
 * Takes the lock of one key for a staged file, among all processes that share the folder. `staged`: the file, alone in a
 * folder of its own. Ends with the signal's reason.
 *
 * The lock is that folder, renamed to the lock's name: rename(2) replaces an empty folder and fails on one that is not. So
 * moving the staged file into place is commit and release in one step, and removing it takes the lock away and makes the
 * commit of its former holder fail: there is no moment in which two may write.
 *
 * Returns the path of the staged file under the lock.
 */
export async function takeLock(lock: string, staged: string, signal: AbortSignal): Promise<string> {
  let holder = '';
  let since = performance.now();
  for (;;) {
    signal.throwIfAborted();
    try {
      await rename(dirname(staged), lock);
      return `${lock}/${basename(staged)}`;
    } catch (error) {
      if (!HELD.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    const [now = ''] = await readdir(lock).catch(() => []);
    if (now !== holder) {
      holder = now;
      since = performance.now();
    } else if (performance.now() - since > STALE_MS) {
      await rm(`${lock}/${holder}`, { force: true, recursive: true });
    }
    await delay(1 + Math.random() * LOOK_MS, undefined, { signal });
  }
}

/** Releases a lock whose staged file was moved or removed; does nothing when it has another holder by now. */
export async function leaveLock(lock: string): Promise<void> {
  await rmdir(lock).catch(() => {});
}
