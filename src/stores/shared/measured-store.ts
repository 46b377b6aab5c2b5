import { DarkroomError } from '../../errors.ts';
import type { ObjectReader, ObjectStore } from '../store.ts';
import { aroundEachPage } from './pages.ts';

/** One call to a store: how it ended, and its duration in milliseconds. */
export interface StoreReport {
  readonly store: 'originals' | 'results';
  /** `get` and `put` count conditional calls too; `list` is one page. */
  readonly call: 'get' | 'head' | 'list' | 'put' | 'delete' | 'delete_all';
  /** `aborted`: the caller gave up. */
  readonly outcome: 'ok' | 'missing' | 'failed' | 'timeout' | 'too_large' | 'aborted';
  readonly ms: number;
}

export type OnStoreCall = (call: StoreReport) => void;

/** The same store, with a report of each call when it has ended. */
export function measureStore(inner: ObjectStore, name: StoreReport['store'], onCall: OnStoreCall): ObjectStore {
  const timed = timer(name, onCall);
  return {
    ...measureReader(inner, name, onCall),
    getIfChanged: (key, etag, limits) => timed('get', () => inner.getIfChanged(key, etag, limits)),
    put: (key, object, limits) => timed('put', () => inner.put(key, object, limits)),
    putIf: (key, object, condition, limits) => timed('put', () => inner.putIf(key, object, condition, limits)),
    delete: (key, limits) => timed('delete', () => inner.delete(key, limits)),
    list: (prefix, limits) => aroundEachPage(inner.list(prefix, limits), (next) => timed('list', next)),
    deleteAll: (folder, limits) => timed('delete_all', () => inner.deleteAll(folder, limits)),
  };
}

/** As `measureStore`, for stores that are only read. */
export function measureReader(inner: ObjectReader, name: StoreReport['store'], onCall: OnStoreCall): ObjectReader {
  const timed = timer(name, onCall);
  return {
    get: (key, limits) => timed('get', () => inner.get(key, limits)),
    head: (key, limits) => timed('head', () => inner.head(key, limits)),
    check: (limits) => inner.check(limits),
    close: () => inner.close(),
  };
}

function timer(store: StoreReport['store'], onCall: OnStoreCall) {
  return async <T>(call: StoreReport['call'], work: () => Promise<T>): Promise<T> => {
    const since = performance.now();
    let outcome: StoreReport['outcome'] = 'ok';
    try {
      const result = await work();
      if (result === 'missing' || (call === 'get' && result === undefined)) outcome = 'missing';
      return result;
    } catch (reason) {
      outcome = outcomeOf(reason);
      throw reason;
    } finally {
      onCall({ store, call, outcome, ms: performance.now() - since });
    }
  };
}

function outcomeOf(reason: unknown): StoreReport['outcome'] {
  // The caller's own time-out is the store's fault too; see withCircuitBreaker.
  if (reason instanceof DOMException && reason.name === 'TimeoutError') return 'timeout';
  if (!(reason instanceof DarkroomError)) return 'aborted';
  if (reason.code === 'store_timeout') return 'timeout';
  return reason.code === 'store_failed' ? 'failed' : 'too_large';
}
