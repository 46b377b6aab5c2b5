import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, mkdir, open, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { announce } from '../shared/time-limit.ts';
import type { BodyLimits, ObjectVersion, StoredObject } from '../store.ts';
import { NO_HEADERS, readTrailer, TAIL_BYTES, type Trailer } from './trailer.ts';

/**
 * Opens a file and closes it again behind the answer, which would wait for another round trip to the thread pool. Refuses a link as
 * the last segment (`ELOOP`), and does not wait for the writer of a pipe.
 */
async function reading<T>(real: string, read: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return await read(handle);
  } finally {
    handle.close().catch(() => {});
  }
}

/** Reads a whole file; undefined when it is not a regular file. `real`: a path without links. */
export async function readFile(real: string, limits: BodyLimits, signal: AbortSignal): Promise<Buffer | undefined> {
  return reading(real, async (handle) => {
    const info = await handle.stat();
    if (!info.isFile()) return undefined;
    announce(info.size, limits);
    return await fill(handle, (limits.allocate ?? Buffer.allocUnsafeSlow)(info.size), 0, signal);
  });
}

export interface ReadObject {
  /** Whether the file's end may be a trailer. */
  readonly trailer: boolean;
  readonly limits: BodyLimits;
  /** The body of an object with this ETag is not read. */
  readonly unlessEtag?: string | undefined;
}

/** Reads an object and the headers of its trailer; undefined when it is not a regular file. */
export async function readObject(
  real: string,
  { trailer, limits, unlessEtag }: ReadObject,
  signal: AbortSignal,
): Promise<StoredObject | 'unchanged' | undefined> {
  return reading(real, async (handle) => {
    const found = await examine(handle, trailer, signal);
    if (!found) return undefined;
    const { version, headers, tail } = found;
    if (unlessEtag !== undefined && version.etag === unlessEtag) return 'unchanged';
    announce(version.bytes, limits);
    const body = (limits.allocate ?? Buffer.allocUnsafeSlow)(version.bytes);
    if (!tail) return { body: await fill(handle, body, 0, signal), ...headers, version };
    tail.copy(body);
    return { body, ...headers, version };
  });
}

/** The version of an object without its body; undefined when it is not a regular file. */
export async function readVersion(
  real: string,
  trailer: boolean,
  signal: AbortSignal,
): Promise<ObjectVersion | undefined> {
  return reading(real, async (handle) => (await examine(handle, trailer, signal))?.version);
}

/** `tail`: the whole file, when it is so short that it was read with its trailer. */
async function examine(handle: FileHandle, trailer: boolean, signal: AbortSignal) {
  const info = await handle.stat({ bigint: true });
  if (!info.isFile()) return undefined;
  const size = Number(info.size);
  const start = trailer ? Math.max(0, size - TAIL_BYTES) : size;
  const tail = trailer ? await fill(handle, Buffer.allocUnsafeSlow(size - start), start, signal) : undefined;
  const plain: Trailer = { bytes: size, headers: NO_HEADERS };
  const { bytes, headers, etag = etagOf(info) } = tail ? readTrailer(tail, size) : plain;
  const version: ObjectVersion = { etag, bytes, lastModified: Number(info.mtimeMs) };
  return { version, headers, tail: start === 0 ? tail : undefined };
}

/** The ETag of a file that carries none. Strong as long as its writers replace it, or leave more than a clock tick between. */
function etagOf({ size, mtimeNs, ino }: BigIntStats): string {
  return `"${[size, mtimeNs, ino].map((part) => part.toString(16)).join('-')}"`;
}

/** The ETag of a file without a trailer. */
export async function etagOfFile(path: string): Promise<string> {
  return etagOf(await stat(path, { bigint: true }));
}

/** Fills memory from an offset of a file on. Shorter than the memory only when the file was truncated meanwhile. */
async function fill(handle: FileHandle, memory: Buffer, from: number, signal: AbortSignal): Promise<Buffer> {
  let length = 0;
  while (length < memory.length) {
    const { bytesRead } = await handle.read(memory, length, memory.length - length, from + length);
    signal.throwIfAborted();
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return memory.subarray(0, length);
}

/** Writes a new file of these parts in one system call; makes its folder when that is missing. */
export async function writeNew(path: string, parts: readonly Buffer[], signal: AbortSignal): Promise<void> {
  await inFolder(path, async () => {
    await using handle = await open(path, 'wx');
    signal.throwIfAborted();
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const { bytesWritten } = await handle.writev(parts);
    // The disk is full.
    if (bytesWritten !== length) throw new Error(`${bytesWritten} of ${length} bytes were written`);
    signal.throwIfAborted();
  });
}

/**
 * Sets a new file's time to the microsecond. The kernel's own stamp is some milliseconds coarse: two versions of one size
 * in a reused inode would have one ETag.
 */
export async function stampTime(path: string): Promise<void> {
  const seconds = (performance.timeOrigin + performance.now()) / 1000;
  await utimes(path, seconds, seconds);
}

/** Tries to write first and makes the file's folder only when it is missing, which is rare. */
export async function inFolder(file: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(file), { recursive: true });
    await write();
  }
}
