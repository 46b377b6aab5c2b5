/**
 * Jobs that wait for a scarce resource. A job's position is its arrival plus a multiple of its own cost: cheap jobs overtake
 * dear ones, and no job is overtaken by one that arrives later than that, so none starves.
 *
 * A job that needs more than is free lets later jobs pass until its own time has come.
 */
export interface PriorityQueue<Need> {
  /** Whether a new job may take at once: its need fits and the queue is empty. */
  free(need: Need): boolean;
  /** Waits for the job's turn and resolves with what `take` returns. `ms`: its cost. Rejects with the signal's reason. */
  wait<T>(need: Need, ms: number, take: () => T, signal: AbortSignal): Promise<T>;
  /** Call it when resources were released: every job that fits now takes. */
  advance(): void;
}

/** A job may be overtaken for this multiple of its own cost: a retina render of 300 ms lets thumbs pass for 1.2 s. */
const OVERTAKEN_FOR = 4;

interface Waiter<Need> {
  readonly need: Need;
  /** On the clock of `performance.now()`, in milliseconds. */
  readonly due: number;
  readonly turn: () => void;
}

export function createPriorityQueue<Need>(fits: (need: Need) => boolean): PriorityQueue<Need> {
  const waiters: Waiter<Need>[] = [];

  /** Index of the first job that fits, unless a job before it is overdue; else -1. */
  function nextUp(): number {
    const now = performance.now();
    for (const [at, { need, due }] of waiters.entries()) {
      if (fits(need)) return at;
      if (due <= now) return -1;
    }
    return -1;
  }

  function advance(): void {
    for (let at = nextUp(); at >= 0; at = nextUp()) {
      const [waiter] = waiters.splice(at, 1);
      // Taken in the same turn, so that no new job slips in between.
      waiter?.turn();
    }
  }

  return {
    free: (need) => waiters.length === 0 && fits(need),
    wait(need, ms, take, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<ReturnType<typeof take>>();
      const leave = () => {
        waiters.splice(waiters.indexOf(waiter), 1);
        reject(signal.reason);
        // An overdue job held up those behind it.
        advance();
      };
      const waiter: Waiter<Need> = {
        need,
        due: performance.now() + ms * OVERTAKEN_FOR,
        turn: () => {
          signal.removeEventListener('abort', leave);
          resolve(take());
        },
      };
      if (signal.aborted) return Promise.reject(signal.reason);
      const behind = waiters.findIndex(({ due }) => due > waiter.due);
      waiters.splice(behind < 0 ? waiters.length : behind, 0, waiter);
      signal.addEventListener('abort', leave, { once: true });
      advance();
      return promise;
    },
    advance,
  };
}
