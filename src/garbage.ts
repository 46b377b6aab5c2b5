import './v8-flags.ts';
import { getHeapStatistics } from 'node:v8';
import { runInNewContext } from 'node:vm';

let gc: ((options?: { readonly type: 'minor' }) => void) | undefined;

/** Has V8 free now what nobody holds any more. Its own schedule looks at the heap, and buffers lie outside of it. */
export function collectGarbage(options?: { readonly type: 'minor' }): void {
  gc ??= runInNewContext('gc') as NonNullable<typeof gc>;
  gc(options);
}

export interface GarbageLimits {
  /** Bytes of new buffers after which those that V8 still holds as young are collected: a millisecond or two. */
  readonly young: number;
  /** After which all are. */
  readonly all: number;
}

/**
 * Call what is returned where buffers have been let go: it collects once they may be enough. Bytes that are in use count
 * too, because nobody knows which are not, but only once: what a collection leaves is the new level.
 */
export function watchGarbage(
  limits: GarbageLimits,
  collect = collectGarbage,
  bufferBytes = () => getHeapStatistics().external_memory,
): () => void {
  let [levelYoung, levelAll] = [bufferBytes(), bufferBytes()];
  return () => {
    const bytes = bufferBytes();
    // Freed buffers are counted off by another thread, some time after their collection.
    levelYoung = Math.min(levelYoung, bytes);
    levelAll = Math.min(levelAll, bytes);
    const all = bytes - levelAll >= limits.all;
    if (!all && bytes - levelYoung < limits.young) return;
    levelYoung = bytes;
    if (all) levelAll = bytes;
    // Whoever let go is still on its way out.
    setImmediate(() => {
      collect(all ? undefined : { type: 'minor' });
      levelAll = Math.min(levelAll, bufferBytes());
    });
  };
}
