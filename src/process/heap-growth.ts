import { setFlagsFromString } from 'node:v8';

/**
 * Buffers lie outside of V8's heap: by itself V8 collects the whole heap, 20 ms of CPU, when some 10 MB of them were allocated, more
 * than once for each photo. With these flags it weighs them together with the heap, and collects when both have grown by a quarter:
 * bench/family.ts, bench/ceiling.ts. By half takes 0.5 % less CPU of a shop's traffic, and 20 MiB more of 512 (bench/mixed.ts).
 */
export const HEAP_GROWTH = ['--external-memory-accounted-in-global-limit', '--heap-growing-percent=25'];
const AS_BEFORE = ['--no-external-memory-accounted-in-global-limit', '--heap-growing-percent=0'];

/**
 * V8 reads both whenever it sets a limit for its heap. Called once the server's own modules are loaded: V8 refuses saved code that was
 * compiled under other flags, Node's own for its modules too, which given to Node at its start cost each start 28 ms of CPU.
 */
export function growHeapSlowly(): void {
  for (const flag of HEAP_GROWTH) setFlagsFromString(flag);
}

/** For build/code-cache.ts, whose code is read before the flags are set. */
export function growHeapAsBefore(): void {
  for (const flag of AS_BEFORE) setFlagsFromString(flag);
}
