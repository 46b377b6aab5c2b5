import { type Config, environmentWith } from './config.ts';

/** On larger machines what glibc keeps does not matter. */
const SMALL_MACHINE = 2 * 1024 ** 3;

/**
 * With two arenas, and everything above 128 KiB in mappings of its own, glibc gives freed pictures back to the machine; by
 * itself it keeps half a gigabyte (bench/ceiling.ts). https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
const FRUGAL = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };

/** A small machine whose allocator nobody has chosen. The production image has, so it never starts twice. */
export function keepsFreedMemory({ allocator, memory }: Config): boolean {
  return process.platform === 'linux' && allocator === 'glibc' && memory.limit < SMALL_MACHINE;
}

/** The same process begins again: allocators read their settings before any code of ours runs. Does not return. */
export function restartFrugally(): never {
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  // In Node 24 for every system but Windows: https://nodejs.org/api/process.html#processexecvefile-args-env
  return (process.execve as NonNullable<typeof process.execve>)(process.execPath, command, environmentWith(FRUGAL));
}
