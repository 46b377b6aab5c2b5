import type { Readable } from 'node:stream';
import { DarkroomError, errors } from '../../errors.ts';
import { startDeadline } from '../../flow/deadline.ts';
import type { BodyLimits } from '../store.ts';

/**
 * Runs a call under the caller's signal and the store's own time limit in milliseconds. Throws the signal's reason,
 * `store_timeout` when the limit is over, and `store_failed` with the cause for every failure that is not a DarkroomError.
 */
export async function bounded<T>(
  signal: AbortSignal,
  timeoutMs: number,
  work: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  using deadline = startDeadline(signal, timeoutMs);
  const limit = deadline.signal;
  const ended = Promise.withResolvers<never>();
  const onAbort = () => ended.reject(limit.reason);
  limit.addEventListener('abort', onAbort, { once: true });
  ended.promise.catch(() => {});
  try {
    // A race, because a hanging disk or library may ignore its signal.
    return await Promise.race([work(limit), ended.promise]);
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (deadline.expired) throw errors.storeTimeout(cause);
    throw cause instanceof DarkroomError ? cause : errors.storeFailed(cause);
  } finally {
    limit.removeEventListener('abort', onAbort);
  }
}

export function tooLarge(maxBytes: number): DarkroomError {
  return errors.overLimit(`The original weighs more than ${maxBytes} bytes.`, { reason: 'too_large', limit: maxBytes });
}

/** Call it before a body is read. Throws `original_too_large` for more than `maxBytes`, and the errors of `onLength`. */
export function announce(bytes: number, { maxBytes, onLength }: BodyLimits): void {
  if (bytes > maxBytes) throw tooLarge(maxBytes);
  onLength?.(bytes);
}

/** A body that arrives in chunks. */
export interface Collected {
  /** Throws `original_too_large` as soon as the body exceeds `maxBytes`. */
  add(chunk: Buffer): void;
  /** The whole body. Throws `store_failed` when its length is not the one announced. */
  end(): Buffer;
}

/** `announced`: the length in bytes, where it is known. Throws as `announce` does. */
export function collectBody(announced: number | undefined, limits: BodyLimits): Collected {
  const { maxBytes, allocate = Buffer.allocUnsafeSlow } = limits;
  if (announced !== undefined) announce(announced, limits);
  // Chunks are copied at once into memory of the announced length, so that no byte is in memory twice.
  const whole = announced === undefined ? undefined : allocate(announced);
  const chunks: Buffer[] = [];
  let length = 0;
  return {
    add(chunk) {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge(maxBytes);
      if (!whole) chunks.push(chunk);
      else if (length <= whole.length) chunk.copy(whole, length - chunk.length);
    },
    end() {
      if (announced !== undefined && length !== announced)
        throw errors.storeFailed(new Error(`${length} bytes came of ${announced} announced`));
      return whole ?? Buffer.concat(chunks, length);
    },
  };
}

/** Collects a stream, which the caller destroys afterwards. Throws as `collectBody` does. */
export async function readBody(
  stream: Readable,
  announced: number | undefined,
  limits: BodyLimits,
  limit: AbortSignal,
): Promise<Buffer> {
  const body = collectBody(announced, limits);
  // Only its destruction ends a stream that stalls.
  const onAbort = () => stream.destroy(limit.reason instanceof Error ? limit.reason : new Error('aborted'));
  limit.addEventListener('abort', onAbort, { once: true });
  try {
    for await (const chunk of stream) body.add(chunk);
  } finally {
    limit.removeEventListener('abort', onAbort);
  }
  return body.end();
}
