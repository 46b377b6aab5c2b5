import { LRUCache } from 'lru-cache';

/**
 * How often an id was purged in this process's life. Whoever works on something of an id notes its epoch first, and
 * keeps nothing when that has changed meanwhile: it may be made of what was purged.
 */
export interface PurgeEpochs {
  of(id: string): number;
  /** From here on, what was begun before counts as purged. */
  raise(id: string): void;
}

/** Far more purges than fit into the longest flight. */
const MAX_REMEMBERED = 100_000;

export function createPurgeEpochs(): PurgeEpochs {
  const raised = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  // Counted for all ids together, so that an id that was forgotten and comes back never has an old number again.
  let count = 0;
  return {
    of: (id) => raised.get(id) ?? 0,
    raise(id) {
      count += 1;
      raised.set(id, count);
    },
  };
}
