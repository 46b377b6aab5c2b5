import { opendir, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { errors } from '../../errors.ts';
import { checked } from '../shared/check.ts';
import { deleteListed } from '../shared/pages.ts';
import { bounded } from '../shared/time-limit.ts';
import type { ObjectStore, ObjectVersion, ReadOptions, StoredObject } from '../store.ts';
import { pathOfKey } from './file-names.ts';
import { listKeys } from './folder-list.ts';
import { createFolderWriter, type HeaderLocation, sidecarFileOf } from './folder-writer.ts';
import { readFile, readObject, readVersion } from './object-files.ts';
import { NO_HEADERS, type ObjectHeaders, parseHeaders } from './trailer.ts';

export interface FolderStoreOptions {
  readonly root: string;
  readonly metadataIn: HeaderLocation;
  /** Limit of one call in milliseconds, for disks that hang. */
  readonly timeoutMs: number;
  /** Whether `check` also writes and deletes a file of its own. Default: false. */
  readonly checkWrites?: boolean;
}

const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EISDIR', 'ENXIO']);
const PAGE_KEYS = 1000;
const REFUSED = new Set(['EACCES', 'EPERM']);

/** Objects as files under one folder; no key reaches a file outside of it. */
export function createFolderStore(options: FolderStoreOptions): ObjectStore {
  const { root, timeoutMs, metadataIn, checkWrites = false } = options;
  const home = resolve(root);
  const writer = createFolderWriter(home, metadataIn);
  const trailer = metadataIn === 'trailer';
  let realHome = '';
  const followed = new Map<string, Promise<string>>();

  /** The path of a key's file; undefined for keys that name none. */
  function fileOf(key: string): string | undefined {
    const path = pathOfKey(key);
    return path === undefined ? undefined : join(home, path);
  }

  function fileToWrite(key: string): string {
    const file = fileOf(key);
    if (!file) throw errors.storeFailed(new Error('a folder has no file for this key'));
    return file;
  }

  /** Whether a path without links is inside the folder. The folder itself may be a link whose target changes. */
  async function isInside(real: string): Promise<boolean> {
    // With the separator, so that /data/public123 is not inside /data/public.
    const inside = () => realHome !== '' && real.startsWith(realHome + sep);
    if (!inside()) realHome = await realpath(home);
    return inside();
  }

  /** The path of a file with every link followed; undefined when it is missing or outside of the folder. */
  async function follow(file: string): Promise<string | undefined> {
    try {
      const real = await realpath(file);
      return (await isInside(real)) ? real : undefined;
    } catch (error) {
      return unlessAbsent(error);
    }
  }

  /**
   * Reads a file by its path without links; undefined when it is missing or outside of the folder. Reads at the same time in one
   * folder, a rendition and its original's record, follow that folder's links once: each call is a round trip to the thread pool.
   */
  async function atRealPath<T>(file: string, read: (real: string) => Promise<T>): Promise<T | undefined> {
    const folder = dirname(file);
    const following = followed.get(folder) ?? realpath(folder).finally(() => followed.delete(folder));
    followed.set(folder, following);
    try {
      const real = join(await following, basename(file));
      return (await isInside(real)) ? await read(real) : undefined;
    } catch (error) {
      // The file itself is a link, or is absent.
      const target = codeOf(error) === 'ELOOP' ? await follow(file) : unlessAbsent(error);
      return target === undefined ? undefined : read(target).catch(unlessAbsent);
    }
  }

  /** `real`: the object's path, already known to be inside the folder. */
  async function readSidecarFile(real: string, signal: AbortSignal): Promise<ObjectHeaders> {
    const text = await readFile(sidecarFileOf(real), { maxBytes: 65_536 }, signal).catch(unlessAbsent);
    return parseHeaders(text).headers;
  }

  async function currentVersion(file: string, signal: AbortSignal): Promise<ObjectVersion | undefined> {
    return atRealPath(file, (real) => readVersion(real, trailer, signal));
  }

  async function read(
    key: string,
    { signal, bodyOnly, ...limits }: ReadOptions,
    unlessEtag?: string,
  ): Promise<StoredObject | 'unchanged' | undefined> {
    const file = fileOf(key);
    if (!file) return undefined;
    return bounded(signal, timeoutMs, (limit) =>
      atRealPath(file, async (real) => {
        // In parallel, because each step is a round trip to the thread pool.
        const [object, headers] = await Promise.all([
          readObject(real, { trailer, limits, unlessEtag }, limit),
          trailer || bodyOnly ? NO_HEADERS : readSidecarFile(real, limit),
        ]);
        return trailer || typeof object !== 'object' ? object : { ...object, ...headers };
      }),
    );
  }

  const store: ObjectStore = {
    async get(key, options) {
      const object = await read(key, options);
      return object === 'unchanged' ? undefined : object;
    },

    getIfChanged: (key, etag, options) => read(key, options, etag),

    async head(key, { signal }) {
      const file = fileOf(key);
      if (!file) return 'missing';
      return bounded(signal, timeoutMs, async (limit) => {
        try {
          return (await currentVersion(file, limit)) ?? 'missing';
        } catch (error) {
          if (REFUSED.has(codeOf(error))) return 'unknown';
          throw error;
        }
      });
    },

    async put(key, object, { signal }) {
      const file = fileToWrite(key);
      await bounded(signal, timeoutMs, (limit) => writer.put(file, object, limit));
    },

    async putIf(key, object, condition, { signal }) {
      const file = fileToWrite(key);
      return bounded(signal, timeoutMs, async (limit) => {
        const holds = async () => {
          const version = await currentVersion(file, limit);
          return condition === 'absent' ? version === undefined : version?.etag === condition.etag;
        };
        const etag = await writer.putIf(file, object, holds, limit);
        return etag === undefined ? 'conflict' : { etag };
      });
    },

    async delete(key, { signal }) {
      const file = fileOf(key);
      if (!file) return;
      await bounded(signal, timeoutMs, () => writer.remove(file).catch(unlessAbsent));
    },

    async *list(prefix, { signal }) {
      const keys = listKeys(home, prefix, follow);
      try {
        for (let more = true; more; ) {
          const page = await bounded(signal, timeoutMs, (limit) => nextPage(keys, limit));
          more = page.length === PAGE_KEYS;
          if (page.length > 0) yield page;
        }
      } finally {
        // Not awaited: after a time-out, the disk may still hang.
        keys.return(undefined).catch(() => {});
      }
    },

    async deleteAll(folder, { signal, keep }) {
      if (keep) return deleteListed(store, folder, { signal, keep });
      const path = fileOf(folder);
      if (!path) return 0;
      return bounded(signal, timeoutMs, async () => {
        const real = await follow(path);
        return (real && (await writer.removeFolder(path, real).catch(unlessAbsent))) || 0;
      });
    },

    check: ({ signal }) =>
      checked(`the folder ${home}`, signal, timeoutMs, async (limit) => {
        if (checkWrites) await writer.tryToWrite(limit);
        await (await opendir(home)).close();
        return { usable: true };
      }),

    async close() {},
  };
  return store;
}

async function nextPage(keys: AsyncIterator<string>, limit: AbortSignal): Promise<string[]> {
  const page: string[] = [];
  while (page.length < PAGE_KEYS) {
    const next = await keys.next();
    limit.throwIfAborted();
    if (next.done) break;
    page.push(next.value);
  }
  return page;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

function unlessAbsent(error: unknown): undefined {
  if (ABSENT.has(codeOf(error))) return undefined;
  throw error;
}
