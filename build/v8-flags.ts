/**
 * What Node is given to run the server; package.json and the Dockerfile repeat it. Buffers lie outside of V8's heap: by itself V8
 * collects the whole heap, 20 ms of CPU, when some 10 MB of them were allocated, more than once for each photo. With these flags
 * it weighs them together with the heap, and collects when both have grown by a quarter: bench/family.ts, bench/ceiling.ts. By half
 * takes 0.5 % less CPU of a shop's traffic, and 20 MiB more of 512 (bench/mixed.ts).
 *
 * V8 refuses code that was compiled under other flags, its own for Node's modules too, which costs each start 28 ms of CPU.
 */
export const V8_FLAGS = ['--external-memory-accounted-in-global-limit', '--heap-growing-percent=25'] as const;
