import { DarkroomError, errors } from '../../errors.ts';
import type { ObjectStore } from '../store.ts';
import { CHECK_FOLDER } from './check.ts';
import { aroundEachPage } from './pages.ts';

export interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. */
  readonly failures?: number;
  /** Milliseconds between two probes while the circuit is open. */
  readonly probeEveryMs?: number;
  /** `open`: the store is not called any more, but for the probes. */
  onChange?(open: boolean): void;
}

/** Any answer will do, that there is no such object too. */
const PROBE_KEY = `${CHECK_FOLDER}probe`;
const PROBE_LIMIT_MS = 2000;

/**
 * The same store behind a circuit breaker, so that not every miss pays for the time-out of a store that is down. After some
 * failures in a row the circuit is open and all calls fail at once with `store_failed`. The breaker then asks the store by
 * itself until it answers: no request waits for a probe, and what was purged meanwhile is known soon after the store is back.
 * Failures are `store_failed`, `store_timeout` and the caller's own time-out; a missing or too large object and a caller
 * that left for another reason are none.
 */
export function withCircuitBreaker(store: ObjectStore, options: CircuitBreakerOptions = {}): ObjectStore {
  const { failures: patience = 5, probeEveryMs = 1000, onChange } = options;
  let failures = 0;
  /** Of the next probe; undefined while the circuit is closed. */
  let timer: NodeJS.Timeout | undefined;

  function succeeded(): void {
    failures = 0;
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    onChange?.(false);
  }

  function failed(): void {
    failures += 1;
    if (failures < patience || timer !== undefined) return;
    probeLater();
    onChange?.(true);
  }

  function probeLater(): void {
    timer = setTimeout(probe, probeEveryMs).unref();
  }

  async function probe(): Promise<void> {
    const mine = timer;
    try {
      await store.get(PROBE_KEY, { signal: AbortSignal.timeout(PROBE_LIMIT_MS), maxBytes: 1024 });
      succeeded();
    } catch (error) {
      if (timer !== mine) return;
      if (blamesStore(error)) probeLater();
      else succeeded();
    }
  }

  async function guard<T>(call: () => Promise<T>): Promise<T> {
    if (timer !== undefined) throw errors.storeFailed(new Error('the circuit is open after repeated failures'));
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
    close() {
      clearTimeout(timer);
      // A probe under way finds itself over.
      timer = undefined;
      return store.close();
    },
  };
}

function blamesStore(error: unknown): boolean {
  if (error instanceof DarkroomError) return error.code === 'store_failed' || error.code === 'store_timeout';
  return error instanceof DOMException && error.name === 'TimeoutError';
}
