import { setFlagsFromString } from 'node:v8';

/**
 * Set when this is imported, before anything that V8's code cache holds is compiled: V8 refuses code of other flags.
 * https://nodejs.org/api/v8.html#v8setflagsfromstringflags
 */

/**
 * Buffers lie outside of V8's heap. By itself V8 collects the whole heap, 25 ms of CPU, whenever some 20 MB of them were
 * allocated: at each photo. With this they are weighed together with the heap, and garbage.ts decides.
 */
setFlagsFromString('--external-memory-accounted-in-global-limit');

/** The function shows in contexts made afterwards, and nowhere else. */
setFlagsFromString('--expose-gc');
