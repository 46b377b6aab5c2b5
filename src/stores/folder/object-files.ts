import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { announce } from '../shared/time-limit.ts';
import type { BodyLimits, StoredObject } from '../store.ts';
import { readTrailer, TAIL_BYTES } from './trailer.ts';

/** No link in the last step, and no waiting for a writer where the file is a pipe. */
const openToRead = (real: string) => open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);

/** The bytes of a file; undefined where it is no regular one. */
export async function readFile(real: string, limits: BodyLimits, signal: AbortSignal): Promise<Buffer | undefined> {
  await using handle = await openToRead(real);
  const info = await handle.stat();
  if (!info.isFile()) return undefined;
  announce(info.size, limits);
  return await fill(handle, (limits.allocate ?? Buffer.allocUnsafeSlow)(info.size), 0, signal);
}

/** An object and what lies behind it in its file. */
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
  const { bytes, metadata } = readTrailer(tail, size);
  announce(bytes, limits);
  const body = (limits.allocate ?? Buffer.allocUnsafeSlow)(bytes);
  if (start > 0) return { body: await fill(handle, body, 0, signal), ...metadata };
  tail.copy(body);
  return { body, ...metadata };
}

/** Into memory, from a place in a file on. In one step as a rule; a file that was cut short meanwhile ends early. */
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

/** In one step, wherever the parts lie in memory. */
export async function writeNew(path: string, parts: readonly Buffer[], signal: AbortSignal): Promise<void> {
  await inFolder(path, async () => {
    await using handle = await open(path, 'wx');
    signal.throwIfAborted();
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const { bytesWritten } = await handle.writev(parts);
    // As when the disk is full.
    if (bytesWritten !== length) throw new Error(`${bytesWritten} of ${length} bytes were written`);
    signal.throwIfAborted();
  });
}

/** Makes the file's folder when it is missed, because it is the first file of it or the folder vanished. */
export async function inFolder(file: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(file), { recursive: true });
    await write();
  }
}
