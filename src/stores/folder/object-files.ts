import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { announce } from '../shared/time-limit.ts';
import type { BodyLimits, StoredObject } from '../store.ts';
import { readTrailer, TAIL_BYTES } from './trailer.ts';

/** Refuses a link as the last segment, and does not wait for the writer of a pipe. */
const openToRead = (real: string) => open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);

/** Reads a whole file; undefined when it is not a regular file. `real`: a path without links. */
export async function readFile(real: string, limits: BodyLimits, signal: AbortSignal): Promise<Buffer | undefined> {
  await using handle = await openToRead(real);
  const info = await handle.stat();
  if (!info.isFile()) return undefined;
  announce(info.size, limits);
  return await fill(handle, (limits.allocate ?? Buffer.allocUnsafeSlow)(info.size), 0, signal);
}

/** Reads an object and the headers behind it in its file; undefined when it is not a regular file. */
export async function readWithTrailer(
  real: string,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<StoredObject | undefined> {
  await using handle = await openToRead(real);
  const info = await handle.stat();
  if (!info.isFile()) return undefined;
  const { size } = info;
  const start = Math.max(0, size - TAIL_BYTES);
  const tail = await fill(handle, Buffer.allocUnsafeSlow(size - start), start, signal);
  const { bytes, headers } = readTrailer(tail, size);
  announce(bytes, limits);
  const body = (limits.allocate ?? Buffer.allocUnsafeSlow)(bytes);
  if (start > 0) return { body: await fill(handle, body, 0, signal), ...headers };
  tail.copy(body);
  return { body, ...headers };
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
