import type { Readable } from 'node:stream';
import { DarkroomError, errors } from '../../errors.ts';
import { startDeadline } from '../../flow/deadline.ts';
import type { BodyLimits } from '../store.ts';

/** Runs under the caller's signal and the store's own time limit, and turns every failure into the contract's. */
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
    // Raced, because a hanging disk or library may not answer to its signal.
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
  return errors.originalTooLarge(`The original weighs more than ${maxBytes} bytes.`);
}

/**
 * Before a body is read: throws `original_too_large` when more than `maxBytes` are announced, and whatever `onLength`
 * throws.
 */
export function announce(bytes: number, { maxBytes, onLength }: BodyLimits): void {
  if (bytes > maxBytes) throw tooLarge(maxBytes);
  onLength?.(bytes);
}

/** A body that comes in pieces. */
export interface Collected {
  /** Throws `original_too_large` as soon as it exceeds `maxBytes`. */
  add(chunk: Buffer): void;
  /** Throws `store_failed` when it is not as long as announced. */
  end(): Buffer;
}

/** Throws as `announce` does. */
export function collectBody(announced: number | undefined, limits: BodyLimits): Collected {
  const { maxBytes, allocate = Buffer.allocUnsafeSlow } = limits;
  if (announced !== undefined) announce(announced, limits);
  // Of a known length: filled as it comes, so that nothing is in memory twice. Pages that nothing is written to cost nothing.
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

/** Collects a stream, which the caller destroys. Throws as `collectBody` does. */
export async function readBody(
  stream: Readable,
  announced: number | undefined,
  limits: BodyLimits,
  limit: AbortSignal,
): Promise<Buffer> {
  const body = collectBody(announced, limits);
  // A stalled stream is woken by its destruction, never by waiting.
  const onAbort = () => stream.destroy(limit.reason instanceof Error ? limit.reason : new Error('aborted'));
  limit.addEventListener('abort', onAbort, { once: true });
  try {
    for await (const chunk of stream) body.add(chunk);
  } finally {
    limit.removeEventListener('abort', onAbort);
  }
  return body.end();
}
