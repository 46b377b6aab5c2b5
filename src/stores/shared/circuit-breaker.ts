import { DarkroomError, errors } from '../../errors.ts';
import type { ObjectStore } from '../store.ts';

export interface CircuitBreakerOptions {
  /** Failures in a row until the store is left alone. */
  readonly failures?: number;
  /** First rest in milliseconds; doubled by each probe that fails, up to `mostRestMs`. */
  readonly restMs?: number;
  readonly mostRestMs?: number;
  /** Open: the store is left alone. */
  onChange?(open: boolean): void;
}

/**
 * The same store, left alone while it is down, so that not every miss pays for its time-out. After some failures in a row
 * all calls fail at once with `store_failed`; after a rest one call is let through, and decides.
 * A caller who gave up because it took too long counts as a failure of the store; one who left for reasons of its own
 * does not, and neither does an object that is too large.
 */
export function withCircuitBreaker(store: ObjectStore, options: CircuitBreakerOptions = {}): ObjectStore {
  const { failures: patience = 5, restMs = 1000, mostRestMs = 30_000, onChange } = options;
  let failures = 0;
  let rest = restMs;
  /** Undefined while closed; else when the next probe may go, on the process's own clock. */
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
      if (performance.now() < probeAt) throw errors.storeFailed(new Error('it failed too often and is left alone'));
      // One probe at a time: the next may go when this one has had its rest.
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
    put: (key, object, limits) => guard(() => store.put(key, object, limits)),
    delete: (key, limits) => guard(() => store.delete(key, limits)),
    deleteAll: (folder, limits) => guard(() => store.deleteAll(folder, limits)),
    close: () => store.close(),
  };
}

function blamesStore(error: unknown): boolean {
  if (error instanceof DarkroomError) return error.code === 'store_failed' || error.code === 'store_timeout';
  return error instanceof DOMException && error.name === 'TimeoutError';
}
