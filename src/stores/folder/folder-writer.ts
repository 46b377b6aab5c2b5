import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import type { StoredObject } from '../store.ts';
import { etagOfFile, inFolder, stampTime, writeNew } from './object-files.ts';
import { packHeaders, trailerOf } from './trailer.ts';
import { leaveLock, takeLock } from './write-lock.ts';

/**
 * Where the headers of an object (content type, cache control, metadata) lie. `trailer`: in the object's own file behind its
 * bytes, because each further file costs 0.3 ms of CPU. `sidecar`: in `.<name>.json` beside it, so that other programs can
 * read the files.
 */
export type HeaderLocation = 'trailer' | 'sidecar';

/** Folder of unfinished writes. A key cannot name it, because leading dots of keys are escaped. */
export const TEMPORARY = '.tmp';
export const LEFTOVER_AGE_MS = 3_600_000;

/** An object in files that are not yet in place. */
export interface Staged {
  readonly body: string;
  readonly sidecar?: string;
  readonly etag: string;
}

/** Writes objects to files under `home` so that a reader never sees half a file: each is renamed into place. */
export function createFolderWriter(home: string, metadataIn: HeaderLocation) {
  let swept: Promise<void> | undefined;

  /** Removes what killed processes left, once. */
  async function sweep(): Promise<void> {
    swept ??= sweepLeftovers(join(home, TEMPORARY));
    await swept.catch((error) => {
      swept = undefined;
      throw error;
    });
  }

  /** `path`: of the body. */
  async function stage(path: string, { body, ...headers }: StoredObject, signal: AbortSignal): Promise<Staged> {
    if (metadataIn === 'trailer') {
      const etag = `"${randomUUID()}"`;
      await writeNew(path, [body, trailerOf(headers, etag)], signal);
      return { body: path, etag };
    }
    const sidecar = join(home, TEMPORARY, `${basename(path)}.json`);
    const writeBody = async () => {
      await writeNew(path, [body], signal);
      await stampTime(path);
      return etagOfFile(path);
    };
    // In parallel, because each step is a round trip to the thread pool; both are awaited, because a file that is still
    // being written would reappear after its removal.
    const [written, other] = await Promise.allSettled([writeBody(), writeNew(sidecar, [packHeaders(headers)], signal)]);
    if (written.status === 'rejected') throw written.reason;
    if (other.status === 'rejected') throw other.reason;
    return { body: path, sidecar, etag: written.value };
  }

  /** Two files do not change in one step: a reader may see the new headers with the old body for a moment. */
  async function commit({ body, sidecar }: Staged, file: string): Promise<void> {
    if (!sidecar) return inFolder(file, () => rename(body, file));
    await inFolder(file, () => rename(sidecar, sidecarFileOf(file)));
    // Without making the folder: when it is gone, the object was deleted meanwhile. Without its object, the sidecar would
    // never be deleted.
    await rename(body, file).catch(async (error) => {
      await rm(sidecarFileOf(file), { force: true });
      throw error;
    });
  }

  /** Removes staged files, and folders that were made for them in vain. */
  async function discard(path: string, file: string): Promise<void> {
    for (const leftover of [path, join(home, TEMPORARY, `${basename(path)}.json`)])
      await rm(leftover, { force: true }).catch(() => {});
    await removeEmptyFolders(dirname(file));
  }

  async function removeEmptyFolders(folder: string): Promise<void> {
    try {
      for (let empty = folder; empty.startsWith(home + sep); empty = dirname(empty)) await rmdir(empty);
    } catch {
      // One is not empty, or gone already.
    }
  }

  return {
    /** Writes or replaces an object. */
    async put(file: string, object: StoredObject, signal: AbortSignal): Promise<void> {
      await sweep();
      const path = join(home, TEMPORARY, randomUUID());
      try {
        await commit(await stage(path, object, signal), file);
      } catch (error) {
        await discard(path, file);
        throw error;
      }
    },

    /** As `put`, if `holds` says yes while this key is locked; resolves with the new ETag, or with undefined. */
    async putIf(
      file: string,
      object: StoredObject,
      holds: () => Promise<boolean>,
      signal: AbortSignal,
    ): Promise<string | undefined> {
      await sweep();
      const id = randomUUID();
      const path = join(home, TEMPORARY, `stage-${id}`, id);
      const lock = join(home, TEMPORARY, `lock-${createHash('sha256').update(file).digest('hex')}`);
      let left = path;
      try {
        await mkdir(dirname(path), { recursive: true });
        const staged = await stage(path, object, signal);
        left = await takeLock(lock, path, signal);
        if (await holds()) {
          signal.throwIfAborted();
          await commit({ ...staged, body: left }, file);
          left = '';
          return staged.etag;
        }
      } catch (error) {
        // The lock was taken over.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      } finally {
        if (left) await discard(left, file);
        // Its folder has become the lock's.
        if (left === path) await rmdir(dirname(path)).catch(() => {});
        await leaveLock(lock);
      }
      return undefined;
    },

    /** Writes and removes a file, as every write does, and makes the folder where it is missing. */
    async tryToWrite(signal: AbortSignal): Promise<void> {
      const path = join(home, TEMPORARY, randomUUID());
      await writeNew(path, [Buffer.from('darkroom')], signal);
      await rm(path, { force: true });
    },

    async remove(file: string): Promise<void> {
      await rm(file, { force: true });
      if (metadataIn === 'sidecar') await rm(sidecarFileOf(file), { force: true });
      await removeEmptyFolders(dirname(file));
    },

    /** Removes a folder and returns the number of its objects. `real`: its path without links. */
    async removeFolder(folder: string, real: string): Promise<number> {
      // Moved away first, so that a write in the meantime makes a new folder.
      const grave = join(home, TEMPORARY, randomUUID());
      await mkdir(dirname(grave), { recursive: true });
      await rename(real, grave);
      await removeEmptyFolders(dirname(folder));
      const entries = await readdir(grave, { recursive: true, withFileTypes: true });
      await rm(grave, { recursive: true, force: true });
      return entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.')).length;
    },
  };
}

export function sidecarFileOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.json`);
}

/** Removes unfinished writes that are older than any write lasts: a crash left them. */
export async function sweepLeftovers(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const leftover = join(folder, name);
    const { mtimeMs } = await stat(leftover).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > LEFTOVER_AGE_MS) await rm(leftover, { recursive: true, force: true });
  }
}
