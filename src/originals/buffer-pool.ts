/**
 * Memory for originals, used again and again: a fresh buffer of 3 MB for each cold rendition has every page of it zeroed by
 * the kernel first, and is garbage that V8 has to find afterwards (see process/gc.ts).
 */
export interface BufferPool {
  /** A buffer of just this length, its content undefined. */
  take(bytes: number): Buffer;
  /** Nobody reads it any more, and nobody is still writing to it. What came from elsewhere is left to V8. */
  giveBack(buffer: Buffer): void;
  /** So many bytes may lie idle from now on, and never more than `maxIdleBytes`. */
  leaveIdle(bytes: number): void;
  readonly idleBytes: number;
}

/** Smaller ones are left to V8. */
const LEAST_BYTES = 64 * 1024;
/** An idle one that is larger by more than this would be a waste of the rest. */
const MOST_SPARE = 1.3;
/** Steps between two powers of two, so that originals of about one size share their memory. */
const STEPS = 4;

export function createBufferPool(maxIdleBytes: number): BufferPool {
  const taken = new WeakSet<ArrayBufferLike>();
  /** The one that was used last is last. */
  const idle: ArrayBufferLike[] = [];
  let idleBytes = 0;
  let mostIdle = maxIdleBytes;

  function remove(at: number): ArrayBufferLike | undefined {
    const [memory] = idle.splice(at, 1);
    idleBytes -= memory?.byteLength ?? 0;
    return memory;
  }

  function trim(): void {
    while (idleBytes > mostIdle) remove(0);
  }

  /** Of those that fit, the smallest. */
  function fitting(bytes: number): ArrayBufferLike | undefined {
    let best = -1;
    for (const [at, { byteLength }] of idle.entries()) {
      if (byteLength < bytes || byteLength > bytes * MOST_SPARE) continue;
      if (best < 0 || byteLength < (idle[best]?.byteLength ?? 0)) best = at;
    }
    return best < 0 ? undefined : remove(best);
  }

  return {
    take(bytes) {
      if (bytes < LEAST_BYTES) return Buffer.allocUnsafeSlow(bytes);
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
      mostIdle = Math.min(maxIdleBytes, bytes);
      trim();
    },
    get idleBytes() {
      return idleBytes;
    },
  };
}
