import type { RenditionCache } from '../renditions/memory-cache.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { DecodeCache } from './decode-cache.ts';

/** Bytes, by the memory plan. */
interface Shares {
  readonly work: number;
  readonly cache: number;
  readonly decodes: number;
  readonly inputs: number;
}

/** What the work queue may use, and what the caches give up for it. */
export function sharedWith(
  memory: Shares,
  caches: { readonly cache: RenditionCache; readonly decodes: DecodeCache; readonly inputBuffers: BufferPool },
) {
  const { cache, decodes, inputBuffers } = caches;
  return {
    ...{ workBytes: memory.work + memory.cache + memory.decodes, inputBytes: memory.inputs },
    // Renders that need more than their own share take it from the caches, first from the one that is cheapest to refill.
    onWorkBytes(bytes: number) {
      const more = bytes - memory.work;
      decodes.shrinkBy(more);
      cache.shrinkBy(more - memory.decodes);
    },
    onInputBytes: (bytes: number) => inputBuffers.leaveIdle(memory.inputs - bytes),
  };
}
