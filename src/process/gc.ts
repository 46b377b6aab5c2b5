import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let gc: ((options?: { readonly type: 'minor' }) => void) | undefined;

/** Has V8 free now what nobody holds any more. Its own schedule looks at the heap, and buffers lie outside of it. */
export function collectGarbage(options?: { readonly type: 'minor' }): void {
  // https://nodejs.org/api/v8.html#v8setflagsfromstringflags: the function shows in contexts made afterwards.
  if (!gc) setFlagsFromString('--expose-gc');
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
 * Buffers lie outside of V8's heap. By itself V8 collects the whole heap, 25 ms of CPU, whenever some 20 MB of them were
 * allocated: at each photo. With this they are weighed together with the heap, and `watchGarbage` decides.
 */
const WEIGH_TOGETHER = '--external-memory-accounted-in-global-limit';

/**
 * Then V8 collects when heap and buffers have grown by a third or so, which takes a twentieth of the CPU of six presets of a photo.
 * Where much garbage may lie about, it waits until they have grown by this many percent: by bench/ceiling.ts and family.ts.
 */
const PATIENCE: readonly (readonly [garbageBytes: number, growth: number])[] = [
  [64 * 1024 * 1024, 150],
  [16 * 1024 * 1024, 50],
];

function setPatience(garbageBytes: number): void {
  setFlagsFromString(WEIGH_TOGETHER);
  const growth = PATIENCE.find(([least]) => garbageBytes >= least)?.[1];
  if (growth !== undefined) setFlagsFromString(`--heap-growing-percent=${growth}`);
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
  let begun = false;
  return () => {
    // Not at the start: from then on Node's own modules are compiled anew rather than taken from what Node brings along.
    if (!begun) setPatience(limits.all);
    begun = true;
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
