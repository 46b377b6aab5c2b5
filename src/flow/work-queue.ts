import { errors } from '../errors.ts';
import { startDeadline } from './deadline.ts';
import { createPriorityQueue } from './priority-queue.ts';

/**
 * Admission to CPU-heavy work in three steps:
 *
 * 1. `enter()` takes one of `slots + waiting` permits or refuses with `busy` at once, and returns when the job may hold
 *    its input in memory. Twice as many jobs as there are slots may: one for each slot works, and one more is fetched
 *    ahead, so that slow input does not leave CPUs idle. The jobs behind them hold no bytes.
 * 2. `permit.hold()` counts the input's bytes, or refuses with `busy` when all inputs together would be too many.
 * 3. `permit.slot()` returns when a CPU and the memory for the work are free.
 *
 * Both waits together are bounded by `waitTimeoutMs` (then `busy`) and by the caller's signal (then its reason). Small
 * jobs overtake large ones, but only for a time: see `priority-queue.ts`.
 */
export interface WorkQueue {
  /** `ms`: expected CPU time, estimated before the input is read. Throws `busy`. */
  enter(ms: number, signal: AbortSignal): Promise<QueuePermit>;
  /** Jobs that hold a slot, and jobs that hold a permit without a slot. */
  readonly running: number;
  readonly waiting: number;
  /** Bytes counted for the jobs that hold a slot, and for inputs. */
  readonly workBytes: number;
  readonly inputBytes: number;
  /** Milliseconds since the oldest job that may hold input was admitted; 0 when there is none. */
  readonly longestStayMs: number;
}

/** Hold it with `using`: slot, memory and permit are released however the job ends. */
export interface QueuePermit extends Disposable {
  /** Counts the bytes of the input; a second call replaces the first. Throws `busy` when all inputs would be too many. */
  hold(bytes: number): void;
  /** Waits for a CPU and memory. Throws `busy`, or `original_too_large` for work that needs more memory than there is. */
  slot(cost: JobCost): Promise<void>;
  /** Milliseconds spent waiting so far. */
  readonly waitedMs: number;
}

/** Estimated need of a job: CPU time in milliseconds, and peak memory in bytes. */
export interface JobCost {
  readonly ms: number;
  readonly bytes: number;
}

export interface WorkQueueOptions {
  readonly slots: number;
  readonly waiting: number;
  readonly waitTimeoutMs: number;
  /** Bytes that all jobs holding a slot may need together. */
  readonly workBytes?: number;
  /** Bytes that all inputs in memory may have together. */
  readonly inputBytes?: number;
  /** Called whenever the bytes counted for work change, before that work begins. */
  onWorkBytes?(bytes: number): void;
  /** Called whenever the bytes counted for inputs change. */
  onInputBytes?(bytes: number): void;
}

const RETRY_AFTER_MAX_S = 30;
/** Weight of the newest job in the running mean of how long a slot is held. */
const MEAN_WEIGHT = 0.2;

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { slots, waiting, waitTimeoutMs, onWorkBytes, onInputBytes } = options;
  const { workBytes: mostWork = Number.POSITIVE_INFINITY, inputBytes: mostInput = Number.POSITIVE_INFINITY } = options;
  const stays = new Set<{ readonly since: number }>();
  let inside = 0;
  let running = 0;
  let inputBytes = 0;
  let workBytes = 0;
  let meanHoldMs = 200;

  const inputQueue = createPriorityQueue<void>(() => stays.size < slots * 2);
  // A job that needs more memory than is free lets others pass; alone, it always fits (`slot` refuses larger ones).
  const slotQueue = createPriorityQueue<JobCost>(({ bytes }) => running < slots && workBytes + bytes <= mostWork);

  /** Seconds in which the jobs of now should be done, spread so that clients do not return together. */
  const retryAfter = () => {
    const seconds = ((inside / slots) * meanHoldMs) / 1000;
    return Math.min(RETRY_AFTER_MAX_S, Math.max(1, Math.ceil(seconds * (1 + Math.random() / 2))));
  };

  function countWork(bytes: number): void {
    workBytes += bytes;
    onWorkBytes?.(workBytes);
  }

  /** Takes a slot. The function returned releases it. */
  function takeSlot(bytes: number): () => void {
    const since = performance.now();
    running += 1;
    countWork(bytes);
    return () => {
      running -= 1;
      countWork(-bytes);
      meanHoldMs += MEAN_WEIGHT * (performance.now() - since - meanHoldMs);
      slotQueue.advance();
    };
  }

  function takeInput(): () => void {
    const stay = { since: performance.now() };
    stays.add(stay);
    return () => {
      stays.delete(stay);
      inputQueue.advance();
    };
  }

  return {
    async enter(ms, signal) {
      if (inside >= slots + waiting) throw errors.busy(retryAfter());
      inside += 1;
      let waitedMs = 0;
      let held = 0;
      const taken: (() => void)[] = [() => (inside -= 1), () => count(0)];
      const count = (bytes: number) => {
        inputBytes += bytes - held;
        held = bytes;
        onInputBytes?.(inputBytes);
      };
      const giveBack = () => {
        while (taken.length > 0) taken.pop()?.();
      };
      const waitFor = async (turn: (limit: AbortSignal) => Promise<() => void>) => {
        signal.throwIfAborted();
        const since = performance.now();
        using deadline = startDeadline(signal, Math.max(0, Math.ceil(waitTimeoutMs - waitedMs)));
        try {
          taken.push(await turn(deadline.signal));
        } catch (reason) {
          throw signal.aborted ? reason : errors.busy(retryAfter());
        } finally {
          waitedMs += performance.now() - since;
        }
      };

      try {
        if (inputQueue.free()) taken.push(takeInput());
        else await waitFor((limit) => inputQueue.wait(undefined, ms, takeInput, limit));
      } catch (error) {
        giveBack();
        throw error;
      }
      return {
        hold(bytes) {
          if (inputBytes - held + bytes > mostInput) throw errors.busy(retryAfter());
          count(bytes);
        },
        async slot(cost) {
          if (cost.bytes > mostWork) throw errors.tooLargeForThisServer();
          signal.throwIfAborted();
          const take = () => takeSlot(cost.bytes);
          if (slotQueue.free(cost)) taken.push(take());
          else await waitFor((limit) => slotQueue.wait(cost, cost.ms, take, limit));
        },
        get waitedMs() {
          return waitedMs;
        },
        [Symbol.dispose]: giveBack,
      };
    },
    get running() {
      return running;
    },
    get waiting() {
      return inside - running;
    },
    get workBytes() {
      return workBytes;
    },
    get inputBytes() {
      return inputBytes;
    },
    get longestStayMs() {
      const [longest] = stays;
      return longest ? performance.now() - longest.since : 0;
    },
  };
}
