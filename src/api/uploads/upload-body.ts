import type { Readable } from 'node:stream';
import { errors } from '../../errors.ts';
import { freeNow } from '../../render/pixels.ts';

/**
 * The chunks of a request's body, each to be used before the next is asked for, because its memory is freed then. Throws
 * `bad_request` where the body is cut off, longer or shorter than `size` bytes, and the signal's reason. Leaves the request open,
 * because its answer takes the same connection.
 */
export async function* exactBody(body: Readable, size: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const wrongLength = () => errors.badRequest(`The upload must have ${size} bytes.`);
  // Not in a `for await`, which destroys the request and its connection when it is left early.
  const chunks: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
  let length = 0;
  for (;;) {
    const { value, done } = await unlessAborted(signal, chunks.next());
    if (done) break;
    length += value.length;
    if (length > size) throw wrongLength();
    yield value;
    freeNow(value);
  }
  if (length < size) throw wrongLength();
}

/**
 * Reads on to the end of a refused body and keeps nothing. Node would do the same, but V8 finds the chunks only after some
 * 64 MiB of them.
 */
export function discardBody(body: Readable): void {
  body.on('data', freeNow);
}

/**
 * The next chunk or the signal's reason. A promise of its own for each chunk: in a race, the promise of the abort would keep
 * every chunk in memory until the upload ends.
 */
async function unlessAborted<T>(signal: AbortSignal, chunk: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const onAbort = () => reject(signal.reason);
  chunk.then(resolve, () => reject(errors.refusedRequest('The upload was cut off.')));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
