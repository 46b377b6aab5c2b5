import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** `HEAP_MAX_SIZE` of glibc's malloc/arena.c on 64-bit machines: the size and alignment of a heap. */
const HEAP_BYTES = 64 * 1024 * 1024;
/** A heap begins with a `heap_info`, whose first field points to its arena; an arena lies in its first heap, behind that. */
const LARGEST_HEAP_INFO = 256;

/** How many arenas glibc's malloc has made in a running process, the main one included. Needs Linux with glibc. */
export function arenasOf(pid: number): number {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const anonymous = readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(/^([0-9a-f]+)-\S+ rw-p 0+ 00:00 0\s*$/gm);
    const starts = Array.from(anonymous, ([, start = '']) => Number.parseInt(start, 16));
    const arenas = starts.filter((start) => {
      if (start % HEAP_BYTES !== 0) return false;
      const pointer = Buffer.alloc(8);
      readSync(memory, pointer, 0, 8, start);
      const offset = Number(pointer.readBigUInt64LE()) - start;
      return offset > 0 && offset < LARGEST_HEAP_INFO;
    });
    return arenas.length + 1;
  } finally {
    closeSync(memory);
  }
}
