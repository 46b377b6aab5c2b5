import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, realpath, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { errors } from '../errors.ts';
import type { BodyLimits, ObjectStore, StoredObject } from './store.ts';
import { announce, bounded } from './time-limit.ts';

export interface DiskStoreOptions {
  readonly root: string;
  /** Limit of one call in milliseconds; a disk that hangs must not hold a request. */
  readonly timeoutMs: number;
}

/** Where unfinished writes lie. A key cannot reach it, because a key's own leading dot is escaped. */
const TEMPORARY = '.tmp';
const LEFTOVER_AGE_MS = 3_600_000;
/** File systems end names at 255 bytes; the rest is room for our own prefix and suffix. */
const MAX_NAME_BYTES = 200;
const READABLE_NAME_BYTES = 120;
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EISDIR', 'ENXIO']);

/** What travels with an object, in `.<name>.json` beside the plain file. */
type Companion = Pick<StoredObject, 'contentType' | 'cacheControl' | 'metadata'>;
const NO_COMPANION: Companion = { contentType: undefined, cacheControl: undefined, metadata: {} };

/** Objects as plain files under one folder that no key can leave. */
export function createDiskStore({ root, timeoutMs }: DiskStoreOptions): ObjectStore {
  const home = resolve(root);
  let swept: Promise<void> | undefined;
  let realHome = '';

  /** The file of a key. Undefined for keys that name no file: empty, dot and NUL segments. */
  function fileOf(key: string): string | undefined {
    const segments = key.split('/');
    const nameless = segments.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'));
    return nameless ? undefined : join(home, ...segments.map(fileName));
  }

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

  /** The bytes of a file that is a regular one and no link. */
  async function read(real: string, limits: BodyLimits, signal: AbortSignal): Promise<Buffer | undefined> {
    // No link in the last step, and no waiting for a writer where the file is a pipe.
    await using handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const info = await handle.stat();
    if (!info.isFile()) return undefined;
    announce(info.size, limits);
    const { allocate = Buffer.allocUnsafeSlow } = limits;
    const body = allocate(info.size);
    let length = 0;
    // In one step as a rule; a file that was cut short meanwhile ends early.
    while (length < body.length) {
      const { bytesRead } = await handle.read(body, length, body.length - length, length);
      signal.throwIfAborted();
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return body.subarray(0, length);
  }

  /**
   * A reader never sees half a file: both are written elsewhere in the same file system and moved into place. Two files cannot
   * change in one step; a reader that meets the old one of one and the new one of the other notices by the checksum that
   * renditions carry.
   */
  async function replace(file: string, body: Buffer, companion: Companion, signal: AbortSignal): Promise<void> {
    const [newCompanion, newBody] = [join(home, TEMPORARY, randomUUID()), join(home, TEMPORARY, randomUUID())];
    const write = (path: string, content: Buffer | string) =>
      inFolder(path, () => writeFile(path, content, { signal, flag: 'wx' }));
    const leftovers = [newCompanion, newBody];
    try {
      // At the same time, because each step is a way to another thread and back.
      const writing = [write(newCompanion, JSON.stringify(companion)), write(newBody, body)];
      // Both to their end: what is still being written would come back after its removal.
      const failed = (await Promise.allSettled(writing)).find((one) => one.status === 'rejected');
      if (failed) throw failed.reason;
      await inFolder(file, () => rename(newCompanion, companionOf(file)));
      // Without its object it would stay for good.
      leftovers.push(companionOf(file));
      // Not with its folder: where that is gone again, the object was deleted meanwhile.
      await rename(newBody, file);
    } catch (error) {
      for (const leftover of leftovers) await rm(leftover, { force: true }).catch(() => {});
      await removeEmptyFolders(dirname(file)).catch(() => {});
      throw error;
    }
  }

  /** Of an object in a folder that was just seen to be inside. */
  async function readCompanion(real: string, signal: AbortSignal): Promise<Companion> {
    return parseCompanion(await read(companionOf(real), { maxBytes: 65_536 }, signal).catch(unlessAbsent));
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
        // At the same time, because each step is a way to another thread and back.
        const [body, companion] = await Promise.all([
          read(real, limits, limit).catch(unlessAbsent),
          bodyOnly ? NO_COMPANION : readCompanion(real, limit),
        ]);
        return body && { body, ...companion };
      });
    },

    async put(key, { body, ...companion }, { signal }) {
      const file = fileOf(key);
      if (!file) throw errors.storeFailed(new Error('a folder has no file for this key'));
      await bounded(signal, timeoutMs, async (limit) => {
        swept ??= sweepLeftovers();
        await swept.catch((error) => {
          swept = undefined;
          throw error;
        });
        await replace(file, body, companion, limit);
      });
    },

    async delete(key, { signal }) {
      const file = fileOf(key);
      if (!file) return;
      await bounded(signal, timeoutMs, async () => {
        await rm(file, { force: true }).catch(unlessAbsent);
        await rm(companionOf(file), { force: true }).catch(unlessAbsent);
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

function companionOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.json`);
}

function parseCompanion(text: Buffer | undefined): Companion {
  if (!text) return NO_COMPANION;
  try {
    return { ...NO_COMPANION, ...(JSON.parse(text.toString()) as Companion) };
  } catch {
    // A damaged companion is none: its object then fails the checks of whoever needs the metadata.
    return NO_COMPANION;
  }
}

/** Makes the file's folder when it is missed, because it is the first file of it or the folder vanished. */
async function inFolder(file: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(file), { recursive: true });
    await write();
  }
}

function unlessAbsent(error: unknown): undefined {
  if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  throw error;
}
