import { totalmem } from 'node:os';

/** How the memory that this process may use is shared out, in bytes. Made once, at boot. */
export interface MemoryPlan {
  readonly limit: number;
  /** Renditions in memory. What a heavy render needs beyond its own share, the cache lends for so long. */
  readonly cache: number;
  /** Whole pictures in memory, for other renditions of the same originals; lent likewise. */
  readonly decodes: number;
  /** Saves waiting or under way. */
  readonly saves: number;
  /** Buffers of uploads to this server, while they are written to its folder. */
  readonly uploads: number;
  /** Originals in memory, all together; none may be larger. */
  readonly inputs: number;
  /** Buffers that nobody needs any more, before they are collected. */
  readonly garbage: number;
  /** Decoding and encoding, all slots together, with nothing borrowed. */
  readonly work: number;
}

export interface MemoryPlanOptions {
  readonly limit: number;
  /** Of the settings; a quarter of the limit when left out. */
  readonly cache?: number | undefined;
  readonly faces: boolean;
}

const MIB = 1024 * 1024;
/** What is left for the kernel's own buffers, and for what an allocator keeps to itself. */
const USABLE = 0.85;
/** The process at work beside its renders: 40 MiB of its own, and 69 of code that it maps. */
const PROCESS_BYTES = 109 * MIB;
/** A collection takes 25 ms of CPU: on 512 MiB one for every 32 MiB of buffers, on 256, where each counts, for every 8. */
const GARBAGE_SHARE = 1 / 16;
const SMALL_GARBAGE_SHARE = 1 / 32;
const SMALL = 384 * MIB;
const MOST_GARBAGE = 128 * MIB;
/** Some more lies about until it is collected: by the peaks that bench/ceiling.ts prints. */
const LEAST_KEPT_FREE = 27 * MIB;
/** The face thread with both models at work. Both by the peaks that bench/ceiling.ts prints. */
const FACES_BYTES = 88 * MIB;
/** A second copy of a flash sale's minute at most. */
const MOST_SAVES = 64 * MIB;
const SAVES_SHARE = 1 / 32;
/** Out of the saves' share, so that 256 MiB still suffice: 4 uploads at a time there, 8 on 512 MiB, 64 at most. */
const UPLOADS_SHARE = 1 / 256;
const MOST_UPLOADS = 16 * MIB;
/** Whole pictures of 4 MB each: some seven on 512 MiB. */
const MOST_DECODES = 128 * MIB;
const DECODES_SHARE = 1 / 16;
/** One of the largest originals allowed on 512 MiB; ordinary photos for two slots and as many fetched ahead on 256. */
const INPUT_SHARE = 1 / 10;
/** A progressive photo of 12 megapixels; with less there is no point in starting. */
const LEAST_WORK = 48 * MIB;

/** The memory this process may use in bytes: the cgroup's limit where there is one. */
export const allowedMemory = () => Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());

/** Undefined when the memory does not suffice. */
export function planMemory(options: MemoryPlanOptions): MemoryPlan | undefined {
  const { limit } = options;
  const uploads = Math.min(MOST_UPLOADS, Math.floor(limit * UPLOADS_SHARE));
  const saves = Math.min(MOST_SAVES, Math.floor(limit * SAVES_SHARE)) - uploads;
  const inputs = Math.floor(limit * INPUT_SHARE);
  // Who asks for a small cache means this one too.
  const decodes = Math.min(MOST_DECODES, Math.floor(limit * DECODES_SHARE), options.cache ?? MOST_DECODES);
  const garbage = Math.min(MOST_GARBAGE, Math.floor(limit * (limit < SMALL ? SMALL_GARBAGE_SHARE : GARBAGE_SHARE)));
  const free =
    limit * USABLE -
    PROCESS_BYTES -
    Math.max(LEAST_KEPT_FREE, garbage) -
    (options.faces ? FACES_BYTES : 0) -
    saves -
    uploads -
    inputs -
    decodes;
  const cache = options.cache ?? Math.floor(Math.min(limit / 4, free));
  return free + decodes < LEAST_WORK || cache > free
    ? undefined
    : { limit, cache, decodes, saves, uploads, inputs, garbage, work: Math.floor(free - cache) };
}
