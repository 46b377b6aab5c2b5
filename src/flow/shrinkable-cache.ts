import type { LRUCache } from 'lru-cache';

/** A cache that does without a part of its bytes when others need them. */
export interface Shrinkable {
  /** Does without this many bytes of its limit until told otherwise; evicts at once. Bytes evicted. */
  shrinkBy(bytes: number): number;
}

/** `trim`: call it when something was added, because the cache itself knows only its whole limit. */
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
