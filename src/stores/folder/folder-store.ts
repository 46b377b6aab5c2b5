import { randomUUID } from 'node:crypto';
import { mkdir, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { errors } from '../../errors.ts';
import { bounded } from '../shared/time-limit.ts';
import type { ObjectStore } from '../store.ts';
import { pathOfKey } from './file-names.ts';
import { inFolder, readFile, readWithTrailer, writeNew } from './object-files.ts';
import { NO_HEADERS, type ObjectHeaders, packHeaders, parseHeaders, trailerOf } from './trailer.ts';

/**
 * Where the headers of an object (content type, cache control, metadata) lie. `trailer`: in the object's own file behind its
 * bytes, because each further file costs 0.3 ms of CPU. `sidecar`: in `.<name>.json` beside it, so that other programs can
 * read the files.
 */
export type HeaderLocation = 'trailer' | 'sidecar';

export interface FolderStoreOptions {
  readonly root: string;
  readonly metadataIn: HeaderLocation;
  /** Limit of one call in milliseconds, for disks that hang. */
  readonly timeoutMs: number;
}

/** Folder of unfinished writes. A key cannot name it, because leading dots of keys are escaped. */
const TEMPORARY = '.tmp';
const LEFTOVER_AGE_MS = 3_600_000;
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EISDIR', 'ENXIO']);

/** Objects as files under one folder; no key reaches a file outside of it. */
export function createFolderStore({ root, timeoutMs, metadataIn }: FolderStoreOptions): ObjectStore {
  const home = resolve(root);
  let swept: Promise<void> | undefined;
  let realHome = '';

  /** The path of a key's file; undefined for keys that name none. */
  function fileOf(key: string): string | undefined {
    const path = pathOfKey(key);
    return path === undefined ? undefined : join(home, path);
  }

  /** Whether a path without links is inside the folder. The folder itself may be a link whose target changes. */
  async function isInside(real: string): Promise<boolean> {
    // With the separator, so that /data/public123 is not inside /data/public.
    const inside = () => realHome !== '' && real.startsWith(realHome + sep);
    if (!inside()) realHome = await realpath(home);
    return inside();
  }

  /** The path of a file with every link followed; undefined when it is outside of the folder. */
  async function follow(file: string): Promise<string | undefined> {
    const real = await realpath(file);
    return (await isInside(real)) ? real : undefined;
  }

  /** Written in the same file system and renamed, so that a reader never sees half a file. */
  async function replace(file: string, body: Buffer, metadata: ObjectHeaders, signal: AbortSignal): Promise<void> {
    if (metadataIn === 'sidecar') return replaceBoth(file, body, metadata, signal);
    const fresh = join(home, TEMPORARY, randomUUID());
    try {
      await writeNew(fresh, [body, trailerOf(metadata)], signal);
      await inFolder(file, () => rename(fresh, file));
    } catch (error) {
      await giveUp([fresh], file);
      throw error;
    }
  }

  /** Two files do not change in one step: a reader may see the new headers with the old body for a moment. */
  async function replaceBoth(file: string, body: Buffer, metadata: ObjectHeaders, signal: AbortSignal): Promise<void> {
    const [newSidecar, newBody] = [join(home, TEMPORARY, randomUUID()), join(home, TEMPORARY, randomUUID())];
    const leftovers = [newSidecar, newBody];
    try {
      // In parallel, because each step is a round trip to the thread pool.
      const writing = [writeNew(newSidecar, [packHeaders(metadata)], signal), writeNew(newBody, [body], signal)];
      // Both are awaited, because a file that is still being written would reappear after its removal.
      const failed = (await Promise.allSettled(writing)).find((one) => one.status === 'rejected');
      if (failed) throw failed.reason;
      await inFolder(file, () => rename(newSidecar, sidecarFileOf(file)));
      // Without its object, the sidecar would never be deleted.
      leftovers.push(sidecarFileOf(file));
      // Without making the folder: when it is gone, the object was deleted meanwhile.
      await rename(newBody, file);
    } catch (error) {
      await giveUp(leftovers, file);
      throw error;
    }
  }

  async function giveUp(leftovers: readonly string[], file: string): Promise<void> {
    for (const leftover of leftovers) await rm(leftover, { force: true }).catch(() => {});
    await removeEmptyFolders(dirname(file)).catch(() => {});
  }

  /** `real`: the object's path, already known to be inside the folder. */
  async function readSidecarFile(real: string, signal: AbortSignal): Promise<ObjectHeaders> {
    return parseHeaders(await readFile(sidecarFileOf(real), { maxBytes: 65_536 }, signal).catch(unlessAbsent));
  }

  async function sweepLeftovers(): Promise<void> {
    const folder = join(home, TEMPORARY);
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      const leftover = join(folder, name);
      const { mtimeMs } = await stat(leftover).catch(() => ({ mtimeMs: Date.now() }));
      if (Date.now() - mtimeMs > LEFTOVER_AGE_MS) await rm(leftover, { recursive: true, force: true });
    }
  }

  /** Returns the number of objects deleted. */
  async function removeFolder(folder: string): Promise<number> {
    const real = await follow(folder);
    if (real === undefined) return 0;
    // Moved away first, so that a write in the meantime makes a new folder.
    const grave = join(home, TEMPORARY, randomUUID());
    await mkdir(dirname(grave), { recursive: true });
    await rename(real, grave);
    await removeEmptyFolders(dirname(folder)).catch(() => {});
    const entries = await readdir(grave, { recursive: true, withFileTypes: true });
    await rm(grave, { recursive: true, force: true });
    return entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.')).length;
  }

  async function removeEmptyFolders(folder: string): Promise<void> {
    for (let empty = folder; empty.startsWith(home + sep); empty = dirname(empty)) await rmdir(empty);
  }

  return {
    async get(key, { signal, bodyOnly, ...limits }) {
      const file = fileOf(key);
      if (!file) return undefined;
      return bounded(signal, timeoutMs, async (limit) => {
        const real = await follow(file).catch(unlessAbsent);
        if (!real) return undefined;
        if (metadataIn === 'trailer') return readWithTrailer(real, limits, limit).catch(unlessAbsent);
        // In parallel, because each step is a round trip to the thread pool.
        const [body, metadata] = await Promise.all([
          readFile(real, limits, limit).catch(unlessAbsent),
          bodyOnly ? NO_HEADERS : readSidecarFile(real, limit),
        ]);
        return body && { body, ...metadata };
      });
    },

    async put(key, { body, ...metadata }, { signal }) {
      const file = fileOf(key);
      if (!file) throw errors.storeFailed(new Error('a folder has no file for this key'));
      await bounded(signal, timeoutMs, async (limit) => {
        swept ??= sweepLeftovers();
        await swept.catch((error) => {
          swept = undefined;
          throw error;
        });
        await replace(file, body, metadata, limit);
      });
    },

    async delete(key, { signal }) {
      const file = fileOf(key);
      if (!file) return;
      await bounded(signal, timeoutMs, async () => {
        await rm(file, { force: true }).catch(unlessAbsent);
        if (metadataIn === 'sidecar') await rm(sidecarFileOf(file), { force: true }).catch(unlessAbsent);
        await removeEmptyFolders(dirname(file)).catch(() => {});
      });
    },

    async deleteAll(folder, { signal }) {
      const path = fileOf(folder);
      if (!path) return 0;
      return bounded(signal, timeoutMs, async () => (await removeFolder(path).catch(unlessAbsent)) ?? 0);
    },

    async close() {},
  };
}

function sidecarFileOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.json`);
}

function unlessAbsent(error: unknown): undefined {
  if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  throw error;
}
