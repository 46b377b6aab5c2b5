import { LRUCache } from 'lru-cache';
import type { Size } from '../../pixels.ts';

/** An overlay ready to be laid on a picture: sRGB with straight alpha, 4 bytes a pixel. No reader writes into it. */
export interface Layer extends Size {
  readonly data: Buffer;
}

export interface LayerCache {
  /** `key`: all that decides the layer. What `make` throws is thrown, and nothing is kept. */
  of(key: string, make: () => Promise<Layer | undefined>): Promise<Layer | undefined>;
}

/** A watermark of each of a shop's sizes; larger layers are made each time. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_LAYER_BYTES = MAX_BYTES / 4;
const MAX_LAYERS = 256;
const MAX_AGE_MS = 600_000;

/** Of one renderer. Layers are rendered anew ten minutes after they were made, so that those of a changed asset go. */
export function createLayerCache(): LayerCache {
  const kept = new LRUCache<string, Layer>({
    ...{ max: MAX_LAYERS, maxSize: MAX_BYTES, maxEntrySize: MAX_LAYER_BYTES, ttl: MAX_AGE_MS },
    sizeCalculation: ({ data }) => Math.max(1, data.length),
  });
  return {
    async of(key, make) {
      const found = kept.get(key);
      if (found) return found;
      const layer = await make();
      if (layer) kept.set(key, layer);
      return layer;
    },
  };
}
