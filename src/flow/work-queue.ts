import { errors } from '../errors.ts';

/**
 * Admission to CPU-heavy work in two steps, first come first served:
 *
 * 1. `enter()` takes one of `slots + waiting` places or refuses with `busy` at once, and returns when the job may hold
 *    its input in memory. That many jobs hold input: one a slot for those that work, one a slot fetched ahead, so
 *    that slow input does not leave the CPUs idle while what merely waits holds no bytes.
 * 2. `place.slot()` returns when a CPU is free.
 *
 * Both waits together are bounded by `waitTimeoutMs` (then `busy`) and by the caller's signal (then its reason).
 */
export interface WorkQueue {
  enter(signal: AbortSignal): Promise<Place>;
  /** Jobs that hold a slot, and jobs that are in the house without one. */
  readonly running: number;
  readonly waiting: number;
}

/** Hold it with `using`: everything taken is given back however the job ends. */
export interface Place extends Disposable {
  /** Waits for a CPU. */
  slot(): Promise<void>;
  /** Milliseconds spent waiting so far. */
  readonly waitedMs: number;
}

export interface WorkQueueOptions {
  readonly slots: number;
  readonly waiting: number;
  readonly waitTimeoutMs: number;
}

const RETRY_AFTER_MAX_S = 30;
/** Weight of the newest job in the running mean of how long a slot is held. */
const MEAN_WEIGHT = 0.2;

export function createWorkQueue({ slots, waiting, waitTimeoutMs }: WorkQueueOptions): WorkQueue {
  const inputs = createSemaphore(slots * 2);
  const cpus = createSemaphore(slots);
  let inside = 0;
  let meanHoldMs = 200;

  /** Seconds until the work that stands in line now should be done, spread so that clients do not return together. */
  const retryAfter = () => {
    const seconds = ((inside / slots) * meanHoldMs) / 1000;
    return Math.min(RETRY_AFTER_MAX_S, Math.max(1, Math.ceil(seconds * (1 + Math.random() / 2))));
  };

  return {
    async enter(signal) {
      if (inside >= slots + waiting) throw errors.busy(retryAfter());
      inside += 1;
      let waitedMs = 0;
      const taken: (() => void)[] = [() => (inside -= 1)];
      const giveBack = () => {
        while (taken.length > 0) taken.pop()?.();
      };
      const waitFor = async (semaphore: Semaphore) => {
        signal.throwIfAborted();
        const since = performance.now();
        try {
          const wait = () =>
            AbortSignal.any([signal, AbortSignal.timeout(Math.max(0, Math.ceil(waitTimeoutMs - waitedMs)))]);
          taken.push(semaphore.take() ?? (await semaphore.acquire(wait())));
        } catch (reason) {
          throw signal.aborted ? reason : errors.busy(retryAfter());
        } finally {
          waitedMs += performance.now() - since;
        }
      };

      try {
        await waitFor(inputs);
      } catch (error) {
        giveBack();
        throw error;
      }
      return {
        async slot() {
          await waitFor(cpus);
          const since = performance.now();
          taken.push(() => {
            meanHoldMs += MEAN_WEIGHT * (performance.now() - since - meanHoldMs);
          });
        },
        get waitedMs() {
          return waitedMs;
        },
        [Symbol.dispose]: giveBack,
      };
    },
    get running() {
      return cpus.held;
    },
    get waiting() {
      return inside - cpus.held;
    },
  };
}

interface Semaphore {
  /** A permit at once, or undefined. Permits come as the one function that gives them back. */
  take(): (() => void) | undefined;
  /** First come, first served. Rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<() => void>;
  readonly held: number;
}

function createSemaphore(permits: number): Semaphore {
  const line = new Set<() => void>();
  let held = 0;

  const release = () => {
    held -= 1;
    const [next] = line;
    next?.();
  };
  const take = () => {
    if (held >= permits) return undefined;
    held += 1;
    return release;
  };

  return {
    take,
    async acquire(signal) {
      const turn = Promise.withResolvers<() => void>();
      const leave = () => {
        line.delete(advance);
        turn.reject(signal.reason);
      };
      // The permit changes hands here and now, so that a newcomer cannot slip in between.
      const advance = () => {
        line.delete(advance);
        signal.removeEventListener('abort', leave);
        held += 1;
        turn.resolve(release);
      };
      line.add(advance);
      signal.addEventListener('abort', leave, { once: true });
      return turn.promise;
    },
    get held() {
      return held;
    },
  };
}
