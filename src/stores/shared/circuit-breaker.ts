import { DarkroomError, errors } from '../../errors.ts';
import type { ObjectStore } from '../store.ts';
import { aroundEachPage } from './pages.ts';

export interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. */
  readonly failures?: number;
  /** Milliseconds until the first probe; doubled by each probe that fails, up to `mostRestMs`. */
  readonly restMs?: number;
  readonly mostRestMs?: number;
  /** `open`: the store is not called any more. */
  onChange?(open: boolean): void;
}

/**
 * The same store behind a circuit breaker, so that not every miss pays for the time-out of a store that is down. After some
 * failures in a row the circuit is open and all calls fail at once with `store_failed`; after a rest one call goes through
 * as a probe, and its outcome closes the circuit or keeps it open.
 * Failures are `store_failed`, `store_timeout` and the caller's own time-out; a missing or too large object and a caller
 * that left for another reason are none.
 */
export function withCircuitBreaker(store: ObjectStore, options: CircuitBreakerOptions = {}): ObjectStore {
  const { failures: patience = 5, restMs = 1000, mostRestMs = 30_000, onChange } = options;
  let failures = 0;
  let rest = restMs;
  /** Undefined while closed; else when the next probe may go, on the clock of `performance.now()`. */
  let probeAt: number | undefined;

  function succeeded(): void {
    failures = 0;
    rest = restMs;
    if (probeAt === undefined) return;
    probeAt = undefined;
    onChange?.(false);
  }

  function failed(): void {
    failures += 1;
    if (failures < patience) return;
    const wasClosed = probeAt === undefined;
    probeAt = performance.now() + rest;
    rest = Math.min(mostRestMs, rest * 2);
    if (wasClosed) onChange?.(true);
  }

  async function guard<T>(call: () => Promise<T>): Promise<T> {
    if (probeAt !== undefined) {
      if (performance.now() < probeAt)
        throw errors.storeFailed(new Error('the circuit is open after repeated failures'));
      // One probe at a time: the next goes after another rest.
      probeAt = performance.now() + rest;
    }
    try {
      const result = await call();
      succeeded();
      return result;
    } catch (error) {
      if (blamesStore(error)) failed();
      throw error;
    }
  }

  return {
    get: (key, limits) => guard(() => store.get(key, limits)),
    head: (key, limits) => guard(() => store.head(key, limits)),
    getIfChanged: (key, etag, limits) => guard(() => store.getIfChanged(key, etag, limits)),
    put: (key, object, limits) => guard(() => store.put(key, object, limits)),
    putIf: (key, object, condition, limits) => guard(() => store.putIf(key, object, condition, limits)),
    delete: (key, limits) => guard(() => store.delete(key, limits)),
    list: (prefix, limits) => aroundEachPage(store.list(prefix, limits), guard),
    deleteAll: (folder, limits) => guard(() => store.deleteAll(folder, limits)),
    check: (limits) => store.check(limits),
    close: () => store.close(),
  };
}

function blamesStore(error: unknown): boolean {
  if (error instanceof DarkroomError) return error.code === 'store_failed' || error.code === 'store_timeout';
  return error instanceof DOMException && error.name === 'TimeoutError';
}
