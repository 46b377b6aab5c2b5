/**
 * A pool of memory for originals. Without it, the kernel zeroes every page of a fresh buffer of 3 MB for each cold rendition,
 * and V8 has to find the garbage afterwards.
 */
export interface InputBuffers {
  /** A buffer of exactly this many bytes; its content is undefined. */
  take(bytes: number): Buffer;
  /** Call it when nothing reads or writes the buffer any more. Buffers from elsewhere are left to V8. */
  giveBack(buffer: Buffer): void;
  /** Sets how many bytes may be idle from now on, at most `maxIdleBytes`. */
  leaveIdle(bytes: number): void;
  readonly idleBytes: number;
}

/** Smaller buffers are left to V8. */
const MIN_BYTES = 64 * 1024;
/** An idle buffer that is larger by more than this factor is not used: the rest of it would be wasted. */
const MAX_SPARE = 1.3;
/** Steps between two powers of two, so that originals of about one size share their memory. */
const STEPS = 4;

export function createInputBuffers(maxIdleBytes: number): InputBuffers {
  const taken = new WeakSet<ArrayBufferLike>();
  /** Most recently used last. */
  const idle: ArrayBufferLike[] = [];
  let idleBytes = 0;
  let idleLimit = maxIdleBytes;

  function remove(at: number): ArrayBufferLike | undefined {
    const [memory] = idle.splice(at, 1);
    idleBytes -= memory?.byteLength ?? 0;
    return memory;
  }

  function trim(): void {
    while (idleBytes > idleLimit) remove(0);
  }

  /** Takes the smallest idle buffer that fits. */
  function fitting(bytes: number): ArrayBufferLike | undefined {
    let best = -1;
    for (const [at, { byteLength }] of idle.entries()) {
      if (byteLength < bytes || byteLength > bytes * MAX_SPARE) continue;
      if (best < 0 || byteLength < (idle[best]?.byteLength ?? 0)) best = at;
    }
    return best < 0 ? undefined : remove(best);
  }

  return {
    take(bytes) {
      if (bytes < MIN_BYTES) return Buffer.allocUnsafeSlow(bytes);
      const step = 2 ** Math.floor(Math.log2(bytes)) / STEPS;
      const memory = fitting(bytes) ?? Buffer.allocUnsafeSlow(Math.ceil(bytes / step) * step).buffer;
      taken.add(memory);
      return Buffer.from(memory, 0, bytes);
    },
    giveBack({ buffer: memory }) {
      if (!taken.delete(memory)) return;
      idle.push(memory);
      idleBytes += memory.byteLength;
      trim();
    },
    leaveIdle(bytes) {
      idleLimit = Math.min(maxIdleBytes, bytes);
      trim();
    },
    get idleBytes() {
      return idleBytes;
    },
  };
}
