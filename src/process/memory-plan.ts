import { totalmem } from 'node:os';

/** The memory that this process may use and its shares, in bytes. Made once, at boot. */
export interface MemoryPlan {
  readonly limit: number;
  /** Cached renditions. A render that needs more than `work` shrinks this cache until it ends. */
  readonly cache: number;
  /** Downscaled decodes, for other renditions of the same originals; shrunk likewise, and first. */
  readonly decodes: number;
  /** Saves waiting or under way. */
  readonly saves: number;
  /** Buffers of uploads to this server, while they are written to its folder. */
  readonly uploads: number;
  /** All originals in memory together, and so the largest one. */
  readonly inputs: number;
  /** Files of the shop's assets; 0 without `DARKROOM_ASSETS`. */
  readonly assets: number;
  /** Reserve for buffers that are unused and not collected by V8 yet. */
  readonly garbage: number;
  /** Decoding and encoding in all slots together, decoders' threads included, while the caches keep their whole shares. */
  readonly work: number;
}

export interface MemoryPlanOptions {
  readonly limit: number;
  /** `DARKROOM_MEMORY_CACHE`; a quarter of the limit when left out. */
  readonly cache?: number | undefined;
  /** How many face threads there may be. */
  readonly faceThreads: number;
  /** Whether there are assets. */
  readonly assets?: boolean;
}

const MIB = 1024 * 1024;
/** Share of the limit; the kernel's buffers and freed memory that the allocator keeps have the rest. */
const USABLE = 0.85;
/** The process at work beside its renders: 40 MiB of its own, and 69 of code that it maps. */
const PROCESS_BYTES = 109 * MIB;
/** V8 collects buffers late, because a collection takes 20 ms of CPU (heap-growth.ts). */
const GARBAGE_SHARE = 1 / 16;
const SMALL_GARBAGE_SHARE = 1 / 32;
const SMALL = 384 * MIB;
const MOST_GARBAGE = 128 * MIB;
/** The reserve that small machines need in spite of their share, by the peaks that bench/ceiling.ts prints. */
const LEAST_KEPT_FREE = 27 * MIB;
/** The first face thread with both models at work, by the same peaks; a second one shares its machine code. */
const FACES_BYTES = 88 * MIB;
const MORE_FACES_BYTES = 65 * MIB;
/** A render keeps its slot while it waits for a look: with two CPUs one is idle when two renders wait for one thread. */
const SEVERAL = { cpus: 2, bytes: 1024 * MIB };
/** A second copy of a flash sale's minute at most. */
const MOST_SAVES = 64 * MIB;
const SAVES_SHARE = 1 / 32;
/** Out of the saves' share, so that 256 MiB still suffice: 4 uploads at a time there, 8 on 512 MiB, 64 at most. */
const UPLOADS_SHARE = 1 / 256;
const MOST_UPLOADS = 16 * MIB;
/** Decodes of 4 MB each: some seven on 512 MiB. */
const MOST_DECODES = 128 * MIB;
const DECODES_SHARE = 1 / 16;
/** On 512 MiB an original of the largest size; on 256 photos for two slots and as many fetched ahead. */
const INPUT_SHARE = 1 / 10;
/** Logos, a placeholder and fonts: 16 MiB on 512. */
const MOST_ASSETS = 32 * MIB;
const ASSETS_SHARE = 1 / 32;
/** A progressive photo of 12 megapixels; with less there is no point in starting. */
const LEAST_WORK = 48 * MIB;

/** The memory this process may use in bytes: the cgroup's limit where there is one. */
export const allowedMemory = () => Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());

/** Face threads at most, of a machine with so many CPUs and bytes of memory. Two look at what eight CPUs decode. */
export function faceThreadsFor(cpus: number, limit: number): number {
  return cpus >= SEVERAL.cpus && limit >= SEVERAL.bytes ? 2 : 1;
}

/** Undefined when the memory does not suffice. */
export function planMemory(options: MemoryPlanOptions): MemoryPlan | undefined {
  const { limit } = options;
  const uploads = Math.min(MOST_UPLOADS, Math.floor(limit * UPLOADS_SHARE));
  const saves = Math.min(MOST_SAVES, Math.floor(limit * SAVES_SHARE)) - uploads;
  const inputs = Math.floor(limit * INPUT_SHARE);
  // A small DARKROOM_MEMORY_CACHE bounds this cache too.
  const decodes = Math.min(MOST_DECODES, Math.floor(limit * DECODES_SHARE), options.cache ?? MOST_DECODES);
  const garbage = Math.min(MOST_GARBAGE, Math.floor(limit * (limit < SMALL ? SMALL_GARBAGE_SHARE : GARBAGE_SHARE)));
  const assets = options.assets ? Math.min(MOST_ASSETS, Math.floor(limit * ASSETS_SHARE)) : 0;
  const free =
    limit * USABLE -
    PROCESS_BYTES -
    Math.max(LEAST_KEPT_FREE, garbage) -
    facesBytes(options.faceThreads) -
    saves -
    uploads -
    inputs -
    decodes -
    assets;
  const cache = options.cache ?? Math.floor(Math.min(limit / 4, free));
  return free + decodes < LEAST_WORK || cache > free
    ? undefined
    : { limit, cache, decodes, saves, uploads, inputs, assets, garbage, work: Math.floor(free - cache) };
}

function facesBytes(threads: number): number {
  return threads === 0 ? 0 : FACES_BYTES + (threads - 1) * MORE_FACES_BYTES;
}
