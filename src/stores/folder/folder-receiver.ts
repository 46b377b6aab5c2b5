import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errors } from '../../errors.ts';
import type { ObjectReceiver } from '../object-receiver.ts';
import { bounded } from '../shared/time-limit.ts';
import { pathOfKey } from './file-names.ts';
import { LEFTOVER_AGE_MS, sidecarFileOf, sweepLeftovers, TEMPORARY } from './folder-writer.ts';
import { inFolder, writeNew } from './object-files.ts';
import { NO_HEADERS, packHeaders } from './trailer.ts';

export interface FolderReceiverOptions {
  /** Folder of a store that keeps metadata in sidecars (`createFolderStore`, `metadataIn: 'sidecar'`). */
  readonly root: string;
  /** Limit of one step on the disk in milliseconds; the body itself may take longer. */
  readonly timeoutMs: number;
  /** Makes a hard link, as `link` of `node:fs/promises` does. */
  readonly hardLink?: (existing: string, path: string) => Promise<void>;
}

/** `link` fails with one of these where a file system has no hard links (exFAT, some network and FUSE mounts). */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Takes uploads into the folder of a folder store. */
export function createFolderReceiver({ root, timeoutMs, hardLink = link }: FolderReceiverOptions): ObjectReceiver {
  const home = resolve(root);
  let sweptAt = Number.NEGATIVE_INFINITY;

  /** Uploads of a crashed process are old only after a while, so a sweep at the start would miss them. */
  async function sweepNowAndThen(): Promise<void> {
    if (Date.now() - sweptAt < LEFTOVER_AGE_MS) return;
    await sweepLeftovers(join(home, TEMPORARY));
    sweptAt = Date.now();
  }

  /** Gives a finished file its name, unless the name is taken: `rename` would replace, `link` does not. */
  async function claimName(finished: string, file: string): Promise<boolean> {
    try {
      await inFolder(file, () => hardLink(finished, file));
      return true;
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false;
      if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    // Without links an empty file claims the name. For a moment readers see that one.
    try {
      await inFolder(file, () => writeFile(file, '', { flag: 'wx' }));
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false;
      throw error;
    }
    await rename(finished, file).catch((error) => removeAndThrow(file, error));
    return true;
  }

  return {
    async receive(key, body, { contentType, signal }) {
      const path = pathOfKey(key);
      if (path === undefined) throw errors.storeFailed(new Error('a folder has no file for this key'));
      const file = join(home, path);
      const [newBody, newSidecar] = [join(home, TEMPORARY, randomUUID()), join(home, TEMPORARY, randomUUID())];
      let handle: FileHandle | undefined;
      let lastStep: Promise<unknown> = Promise.resolve();
      const step = <T>(work: () => Promise<T>): Promise<T> => {
        const working = work();
        lastStep = working.catch(() => {});
        return bounded(signal, timeoutMs, () => working);
      };
      const openNew = async () => {
        handle = await open(newBody, 'wx');
      };
      const cleanUp = async () => {
        await handle?.close().catch(() => {});
        await Promise.all([newBody, newSidecar].map((leftover) => rm(leftover, { force: true })));
      };

      if (await step(() => exists(file))) return false;
      try {
        await step(sweepNowAndThen);
        await step(() => inFolder(newBody, openNew));
        for await (const chunk of body) await step(async () => handle?.writeFile(chunk));
        // Before the file has its name: some file systems report a full disk only now.
        await step(async () => handle?.close());
        return await step(async () => {
          await writeNew(newSidecar, [packHeaders({ ...NO_HEADERS, contentType })], signal);
          if (!(await claimName(newBody, file))) return false;
          await rename(newSidecar, sidecarFileOf(file)).catch((error) => removeAndThrow(file, error));
          return true;
        });
      } finally {
        // After the last step has really ended, because a disk that hangs would bring a removed file back.
        const cleaned = lastStep.then(cleanUp);
        await bounded(new AbortController().signal, timeoutMs, () => cleaned).catch(() => {});
      }
    },
  };
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function removeAndThrow(file: string, error: unknown): Promise<never> {
  await rm(file, { force: true });
  throw error;
}

const isCode = (error: unknown, code: string) => (error as NodeJS.ErrnoException).code === code;
