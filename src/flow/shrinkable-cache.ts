import type { LRUCache } from 'lru-cache';

/** A cache that gives up part of its bytes when other parts of the process need memory. */
export interface Shrinkable {
  /** Lowers the limit by this many bytes until the next call, and evicts at once. Returns the bytes evicted. */
  shrinkBy(bytes: number): number;
}

/** `trim` must be called after each addition, because the LRU cache itself knows only its full limit. */
export function makeShrinkable<V extends object>(
  lru: LRUCache<string, V>,
  maxBytes: number,
): Shrinkable & { trim(): number } {
  let shrunkBy = 0;
  function trim(): number {
    const before = lru.calculatedSize;
    while (lru.size > 0 && lru.calculatedSize > maxBytes - shrunkBy) lru.pop();
    return before - lru.calculatedSize;
  }
  return {
    trim,
    shrinkBy(bytes) {
      shrunkBy = Math.max(0, bytes);
      return trim();
    },
  };
}
