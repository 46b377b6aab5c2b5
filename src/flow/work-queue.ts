import { errors } from '../errors.ts';
import { startDeadline } from './deadline.ts';
import { createPriorityQueue } from './priority-queue.ts';

/**
 * Admission to CPU-heavy work in three steps:
 *
 * 1. `enter()` takes one of `slots + waiting` permits or refuses with `busy` at once, and returns when the job may hold
 *    its input in memory. That many jobs hold input: one a slot for those that work, one a slot fetched ahead, so
 *    that slow input does not leave the CPUs idle while what merely waits holds no bytes.
 * 2. `permit.hold()` counts the input's bytes, or refuses with `busy` when all inputs together would be too many.
 * 3. `permit.slot()` returns when a CPU and the memory for the work are free.
 *
 * Both waits together are bounded by `waitTimeoutMs` (then `busy`) and by the caller's signal (then its reason). Small
 * jobs overtake large ones, but only for a time: see `priority-queue.ts`.
 */
export interface WorkQueue {
  /** `ms`: what the job is expected to cost, by what is known before its input is read. */
  enter(ms: number, signal: AbortSignal): Promise<QueuePermit>;
  /** Jobs that hold a slot, and jobs that are in the house without one. */
  readonly running: number;
  readonly waiting: number;
  /** Bytes counted for the jobs that hold a slot, and for inputs. */
  readonly workBytes: number;
  readonly inputBytes: number;
  /** Milliseconds since the job that holds its input longest was let in; 0 when there is none. */
  readonly longestStayMs: number;
}

/** Hold it with `using`: everything taken is given back however the job ends. */
export interface QueuePermit extends Disposable {
  /** Counts the input. A second call replaces the first. Throws `busy`. */
  hold(bytes: number): void;
  /** Waits for a CPU and memory. Throws `original_too_large` for work that no waiting would make fit. */
  slot(cost: JobCost): Promise<void>;
  /** Milliseconds spent waiting so far. */
  readonly waitedMs: number;
}

/** What a job needs: CPU in milliseconds, and memory in bytes at its peak. Estimates. */
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
  /** Told whenever the bytes counted for work change, before that work begins. */
  onWorkBytes?(bytes: number): void;
  /** Told whenever the bytes counted for inputs change. */
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
  // What needs more memory than is free lets others pass; a job alone in the house is never refused for others' sake.
  const slotQueue = createPriorityQueue<JobCost>(({ bytes }) => running < slots && workBytes + bytes <= mostWork);

  /** Seconds until the work that stands in line now should be done, spread so that clients do not return together. */
  const retryAfter = () => {
    const seconds = ((inside / slots) * meanHoldMs) / 1000;
    return Math.min(RETRY_AFTER_MAX_S, Math.max(1, Math.ceil(seconds * (1 + Math.random() / 2))));
  };

  function countWork(bytes: number): void {
    workBytes += bytes;
    onWorkBytes?.(workBytes);
  }

  /** Takes a slot here and now. Returns how to give it back. */
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
