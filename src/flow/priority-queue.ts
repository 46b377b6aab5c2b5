/**
 * People in line for something there is little of. Each stands where its arrival plus a few times its own cost puts it:
 * small jobs overtake large ones, and no job is overtaken by what comes later than its cost allows, so none starves.
 *
 * Whoever does not fit yet (it needs more than is free) lets those behind it pass, until its own time has come.
 */
export interface PriorityQueue<Need> {
  /** Whether a newcomer may take at once: there is room, and nobody in line would have to be overtaken. */
  free(need: Need): boolean;
  /** Waits for its turn, then takes: what `take` returns. Rejects with the signal's reason. */
  wait<T>(need: Need, ms: number, take: () => T, signal: AbortSignal): Promise<T>;
  /** Something was given back. */
  advance(): void;
}

/** Times its own cost that a job may be overtaken: at 4, a retina render of 300 ms lets thumbs pass for 1.2 s. */
const OVERTAKEN_FOR = 4;

interface Waiter<Need> {
  readonly need: Need;
  /** On the process's own clock, in milliseconds. */
  readonly due: number;
  readonly turn: () => void;
}

export function createPriorityQueue<Need>(fits: (need: Need) => boolean): PriorityQueue<Need> {
  const waiters: Waiter<Need>[] = [];

  /** The first in line that fits, unless one whose time has come stands before it. */
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
      // It takes here and now, so that a newcomer cannot slip in between.
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
        // Whom it held up may go now.
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
