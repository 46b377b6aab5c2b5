import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The memory allocator that this process runs with: `jemalloc`, `glibc, 2 arenas`, `glibc`, or `system` where it is another libc's.
 *
 * From /proc and not from the environment as Node shows it: allocators read their settings before `main()`, so a value that
 * `--env-file` sets comes too late, and the loader passes over a preloaded library that it cannot find. `environ` holds what
 * `execve` was given.
 * https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html,
 * https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
export function runningAllocator(processFolder = '/proc/self'): string {
  const maps = contentOf(join(processFolder, 'maps'));
  const [, library] = /\/lib(jemalloc|mimalloc|tcmalloc)[^/\n]*\.so/.exec(maps) ?? [];
  if (library) return library;
  if (!/\/libc(-[\d.]+)?\.so/.test(maps)) return 'system';
  const environment = `\0${contentOf(join(processFolder, 'environ'))}`;
  const [, arenas] = /(?:\0MALLOC_ARENA_MAX|glibc\.malloc\.arena_max)=(\d+)/.exec(environment) ?? [];
  const [, threshold] = /(?:\0MALLOC_MMAP_THRESHOLD_|glibc\.malloc\.mmap_threshold)=(\d+)/.exec(environment) ?? [];
  return `glibc${arenas ? `, ${arenas} arenas` : ''}${threshold ? `, mapped from ${threshold} bytes` : ''}`;
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
