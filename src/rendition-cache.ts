import { LRUCache } from 'lru-cache';
import type { Rendition } from './rendition.ts';

/** Renditions in this process's memory, least recently used out first, bounded by bytes. */
export interface RenditionCache {
  get(key: string): Rendition | undefined;
  /** A rendition larger than an eighth of the cache is not kept: it would push out hundreds of thumbs. */
  set(key: string, rendition: Rendition): void;
  /** Drops everything whose key begins with `folder/`; how many that were. */
  deleteFolder(folder: string): number;
  readonly bytes: number;
  readonly entries: number;
}

/** What an entry costs beside its body: key, object and the cache's own bookkeeping, measured at some 500 bytes. */
const ENTRY_OVERHEAD_BYTES = 512;

export function createRenditionCache(maxBytes: number): RenditionCache {
  const lru = new LRUCache<string, Rendition>({
    maxSize: maxBytes,
    maxEntrySize: Math.max(1, Math.floor(maxBytes / 8)),
    sizeCalculation: ({ body }) => body.length + ENTRY_OVERHEAD_BYTES,
  });
  return {
    get: (key) => lru.get(key),
    set(key, rendition) {
      lru.set(key, rendition);
    },
    deleteFolder(folder) {
      const keys = Array.from(lru.keys()).filter((key) => key.startsWith(`${folder}/`));
      for (const key of keys) lru.delete(key);
      return keys.length;
    },
    get bytes() {
      return lru.calculatedSize;
    },
    get entries() {
      return lru.size;
    },
  };
}
