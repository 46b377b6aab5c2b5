import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { errors } from '../../errors.ts';
import { bounded } from '../shared/time-limit.ts';
import type { ObjectStore } from '../store.ts';
import { inFolder, readFile, readWithTrailer, writeNew } from './object-files.ts';
import { NO_METADATA, packMetadata, parseMetadata, type TravellingMetadata, trailerOf } from './trailer.ts';

/**
 * Where what travels with an object lies: in its own file, behind its bytes, because each file that is made costs a third of
 * a millisecond of CPU; or in `.<name>.json` beside it, where others read the files too.
 */
export type MetadataPlace = 'trailer' | 'sidecar';

export interface FolderStoreOptions {
  readonly root: string;
  readonly metadataIn: MetadataPlace;
  /** Limit of one call in milliseconds; a disk that hangs must not hold a request. */
  readonly timeoutMs: number;
}

/** Where unfinished writes lie. A key cannot reach it, because a key's own leading dot is escaped. */
export const TEMPORARY = '.tmp';
export const LEFTOVER_AGE_MS = 3_600_000;
/** File systems end names at 255 bytes; the rest is room for our own prefix and suffix. */
const MAX_NAME_BYTES = 200;
const READABLE_NAME_BYTES = 120;
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EISDIR', 'ENXIO']);

/** Objects as files under one folder that no key can leave. */
export function createFolderStore({ root, timeoutMs, metadataIn }: FolderStoreOptions): ObjectStore {
  const home = resolve(root);
  let swept: Promise<void> | undefined;
  let realHome = '';

  const fileOf = (key: string) => fileIn(home, key);

  /** Whether a path without links is inside the folder, which may itself be a link, and one that is changed meanwhile. */
  async function isInside(real: string): Promise<boolean> {
    // Compared with the separator: /data/public must not let /data/public123 in.
    const inside = () => realHome !== '' && real.startsWith(realHome + sep);
    if (!inside()) realHome = await realpath(home);
    return inside();
  }

  /** Where the file is once every link is followed; undefined when that is outside of the folder. */
  async function follow(file: string): Promise<string | undefined> {
    const real = await realpath(file);
    return (await isInside(real)) ? real : undefined;
  }

  /** A reader never sees half a file: it is written elsewhere in the same file system and moved into place. */
  async function replace(file: string, body: Buffer, metadata: TravellingMetadata, signal: AbortSignal): Promise<void> {
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

  /**
   * Two files cannot change in one step; a reader that meets the old one of one and the new one of the other notices by the
   * checksum that renditions carry.
   */
  async function replaceBoth(
    file: string,
    body: Buffer,
    metadata: TravellingMetadata,
    signal: AbortSignal,
  ): Promise<void> {
    const [newSidecar, newBody] = [join(home, TEMPORARY, randomUUID()), join(home, TEMPORARY, randomUUID())];
    const leftovers = [newSidecar, newBody];
    try {
      // At the same time, because each step is a way to another thread and back.
      const writing = [writeNew(newSidecar, [packMetadata(metadata)], signal), writeNew(newBody, [body], signal)];
      // Both to their end: what is still being written would come back after its removal.
      const failed = (await Promise.allSettled(writing)).find((one) => one.status === 'rejected');
      if (failed) throw failed.reason;
      await inFolder(file, () => rename(newSidecar, sidecarFileOf(file)));
      // Without its object it would stay for good.
      leftovers.push(sidecarFileOf(file));
      // Not with its folder: where that is gone again, the object was deleted meanwhile.
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

  /** Of an object in a folder that was just seen to be inside. */
  async function readSidecarFile(real: string, signal: AbortSignal): Promise<TravellingMetadata> {
    return parseMetadata(await readFile(sidecarFileOf(real), { maxBytes: 65_536 }, signal).catch(unlessAbsent));
  }

  /** How many objects were in it. */
  async function removeFolder(folder: string): Promise<number> {
    const real = await follow(folder);
    if (real === undefined) return 0;
    // Moved away first, so that whoever writes meanwhile writes to a new folder.
    const grave = join(home, TEMPORARY, randomUUID());
    await mkdir(dirname(grave), { recursive: true });
    await rename(real, grave);
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
        // At the same time, because each step is a way to another thread and back.
        const [body, metadata] = await Promise.all([
          readFile(real, limits, limit).catch(unlessAbsent),
          bodyOnly ? NO_METADATA : readSidecarFile(real, limit),
        ]);
        return body && { body, ...metadata };
      });
    },

    async put(key, { body, ...metadata }, { signal }) {
      const file = fileOf(key);
      if (!file) throw errors.storeFailed(new Error('a folder has no file for this key'));
      await bounded(signal, timeoutMs, async (limit) => {
        swept ??= sweepLeftovers(home);
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

/** The file of a key below a folder. Undefined for keys that name no file: empty, dot and NUL segments. */
export function fileIn(home: string, key: string): string | undefined {
  const segments = key.split('/');
  const nameless = segments.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'));
  return nameless ? undefined : join(home, ...segments.map(fileName));
}

/** Removes unfinished writes that are older than any write lasts: a crash left them. */
export async function sweepLeftovers(home: string): Promise<void> {
  const folder = join(home, TEMPORARY);
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const leftover = join(folder, name);
    const { mtimeMs } = await stat(leftover).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > LEFTOVER_AGE_MS) await rm(leftover, { recursive: true, force: true });
  }
}

/** One segment of a key as a file name: leading dots are ours, and long names keep their beginning and a digest. */
function fileName(segment: string): string {
  // What looks escaped already is escaped once more, so that two keys never share a file.
  const visible = segment.replace(/^(?:\.|%(?=(?:25)*2E))/, (first) => (first === '.' ? '%2E' : '%25'));
  if (Buffer.byteLength(visible) <= MAX_NAME_BYTES) return visible;
  let readable = '';
  for (const letter of visible) {
    if (Buffer.byteLength(readable + letter) > READABLE_NAME_BYTES) break;
    readable += letter;
  }
  return `${readable}~${createHash('sha256').update(segment).digest('hex')}`;
}

export function sidecarFileOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.json`);
}

function unlessAbsent(error: unknown): undefined {
  if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  throw error;
}
