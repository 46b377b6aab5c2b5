import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import packageJson from '../../package.json' with { type: 'json' };
import { runningAllocator } from './allocator.ts';
import type { Config } from './config.ts';

/** sharp, file reads and DNS share libuv's threads: with fewer, encodes hold up reads for seconds. */
const SPARE_THREADS = 4;
/** In bytes. On larger machines what glibc keeps does not matter. */
const SMALL_MACHINE = 2 * 1024 ** 3;
/**
 * With two arenas, and large blocks in mappings of their own, glibc gives freed pixels back to the machine (bench/allocators.ts). Without
 * a threshold it raises that to 32 MiB by itself: servers of 512 MiB were killed after some hundred dear renders (bench/ceiling.ts).
 */
const FRUGAL_GLIBC = 'MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072';

/** What the log says of a process once it is up: all that decides how it behaves, and no secret. Bytes and numbers. */
export function startUpLine(config: Config, address: string, metricsServer: Server | undefined, renderVersion: string) {
  return {
    version: packageJson.version,
    node: process.versions.node,
    renderVersion,
    address,
    metricsPort: (metricsServer?.address() as AddressInfo | undefined)?.port,
    originals: config.originals.kind,
    results: config.results.kind,
    slots: config.slots,
    faces: config.faces,
    refusedFormats: config.decoders.without,
    queue: config.queue,
    memory: config.memory,
    allocator: runningAllocator(),
    threadPool: config.threadPool,
  };
}

/** What an operator should set before the next start, a sentence each; empty when all is well. */
export function startUpWarnings(
  { threadPool, slots, memory, playground, host, publicUrl, pathPrefix }: Config,
  allocator = runningAllocator(),
): string[] {
  const warnings: string[] = [];
  const threads = slots + SPARE_THREADS;
  if (threadPool < threads)
    warnings.push(`UV_THREADPOOL_SIZE is ${threadPool}; set it to at least ${threads} before the start`);
  const frugal = !allocator.startsWith('glibc') || /arenas, mapped from/.test(allocator);
  if (!frugal && memory.limit < SMALL_MACHINE)
    warnings.push(
      `glibc may keep half a gigabyte of freed memory: set ${FRUGAL_GLIBC} before the start, or preload jemalloc`,
    );
  if (playground && !isLoopback(host))
    warnings.push(
      `the playground signs URLs for every visitor, and HOST=${host} is no loopback address: DARKROOM_PLAYGROUND=off removes it`,
    );
  if (publicUrl !== undefined && !publicUrl.endsWith(pathPrefix))
    warnings.push(
      `DARKROOM_PUBLIC_URL=${publicUrl} does not end with ${pathPrefix}: the URLs that the API signs are right only if the CDN adds it`,
    );
  return warnings;
}

/** RFC 5735, 4 and RFC 4291, 2.5.3. A name other than `localhost` may lead anywhere. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
