import { existsSync } from 'node:fs';
import { ALLOCATORS, createMemoryGroup, type MemoryGroup } from './server.ts';

const JEMALLOC = ALLOCATORS.jemalloc ?? {};

/** The allocator of the production image, or where jemalloc is not installed the one that the server's warning advises. */
export function productionAllocator(): { name: string; settings: Record<string, string> } {
  return existsSync(JEMALLOC.LD_PRELOAD ?? '')
    ? { name: 'jemalloc', settings: JEMALLOC }
    : { name: 'glibc, two arenas', settings: ALLOCATORS['arenas, mmap'] ?? {} };
}

/** Undefined, with a line on standard error, without root or without a memory controller. */
export function tryMemoryGroup(limitBytes: number): MemoryGroup | undefined {
  try {
    return createMemoryGroup(limitBytes);
  } catch (error) {
    console.error(`no memory limit: ${(error as Error).message}`);
    return undefined;
  }
}
