import { LRUCache } from 'lru-cache';
import { makeShrinkable, type Shrinkable } from '../flow/shrinkable-cache.ts';
import type { Epoch } from './epochs.ts';
import type { Rendition } from './rendition.ts';

/** Renditions in this process's memory, least recently used out first, bounded by bytes. */
export interface RenditionCache extends Shrinkable {
  /** Undefined unless it was made under this epoch. */
  get(key: string, epoch: Epoch | undefined): Rendition | undefined;
  /** Whether there is one, of any epoch. Does not count as use. */
  has(key: string): boolean;
  /**
   * A rendition larger than an eighth of the cache is not kept: it would push out hundreds of thumbs. `keepMs`: for how long,
   * in milliseconds, if not until its room is needed.
   */
  set(key: string, rendition: Rendition, family: string, keepMs?: number): void;
  /** Drops this rendition; another one under its key stays. */
  drop(key: string, rendition: Rendition): void;
  /** Those of one original and epoch in one shape, in any size and format. Does not count as use. */
  family(family: string, epoch: Epoch): Rendition[];
  /** How many keys begin with this text. */
  countBelow(prefix: string): number;
  /** Drops all whose key begins with this text. */
  deleteBelow(prefix: string): void;
  readonly bytes: number;
  readonly entries: number;
  /** How often `get` found something and how often it did not, and entries dropped to make room. */
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
}

interface Entry {
  readonly rendition: Rendition;
  readonly family: string;
}

/** What an entry costs beside its body: keys, objects and the cache's own bookkeeping, measured at some 700 bytes. */
const ENTRY_OVERHEAD_BYTES = 768;

export function createRenditionCache(maxBytes: number): RenditionCache {
  const families = new Map<string, Set<string>>();
  let hits = 0;
  let misses = 0;
  let evictions = 0;
  const lru = new LRUCache<string, Entry>({
    maxSize: maxBytes,
    maxEntrySize: Math.max(1, Math.floor(maxBytes / 8)),
    sizeCalculation: ({ rendition }) => rendition.body.length + ENTRY_OVERHEAD_BYTES,
    dispose({ family }, key, reason) {
      if (reason === 'evict') evictions += 1;
      const keys = families.get(family);
      keys?.delete(key);
      if (keys?.size === 0) families.delete(family);
    },
  });

  const { trim, shrinkBy } = makeShrinkable(lru, maxBytes);

  const keysBelow = (prefix: string) => Array.from(lru.keys()).filter((key) => key.startsWith(prefix));

  return {
    get(key, epoch) {
      const found = epoch === undefined ? undefined : lru.get(key)?.rendition;
      const current = found?.epoch === epoch ? found : undefined;
      if (current) hits += 1;
      else misses += 1;
      return current;
    },
    has: (key) => lru.has(key),
    set(key, rendition, family, keepMs) {
      lru.set(key, { rendition, family }, keepMs === undefined ? {} : { ttl: keepMs });
      if (!lru.has(key)) return;
      const keys = families.get(family) ?? new Set();
      families.set(family, keys.add(key));
      trim();
    },
    drop(key, rendition) {
      if (lru.peek(key)?.rendition === rendition) lru.delete(key);
    },
    family: (family, epoch) =>
      Array.from(families.get(family) ?? [], (key) => lru.peek(key)?.rendition)
        .filter((found) => found !== undefined)
        .filter((found) => found.epoch === epoch),
    countBelow: (prefix) => keysBelow(prefix).length,
    deleteBelow(prefix) {
      for (const key of keysBelow(prefix)) lru.delete(key);
    },
    shrinkBy,
    get bytes() {
      return lru.calculatedSize;
    },
    get entries() {
      return lru.size;
    },
    get hits() {
      return hits;
    },
    get misses() {
      return misses;
    },
    get evictions() {
      return evictions;
    },
  };
}
