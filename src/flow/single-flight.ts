/**
 * One piece of work per key, shared by everybody who asks while it is under way.
 *
 * - The work belongs to the flight, never to the waiter that happened to come first: a waiter that leaves disturbs
 *   nobody.
 * - While the work is only waiting for its turn, the last waiter to leave drops it: its signal aborts and the key is
 *   free at once.
 * - After `commit()` the work is finished whoever waits. Waiters are told after `deadlineMs`; the key stays taken until
 *   the work has really ended, so that work that cannot be stopped is never started twice.
 * - Nothing is remembered: a flight that failed leaves the next caller free to try again.
 */
export interface SingleFlight<T> {
  /** Rejects with the work's error, with the deadline's error, or with the waiter's own abort reason. */
  join(key: string, waiter: AbortSignal, work: (flight: Flight) => Promise<T>): Promise<Landing<T>>;
  /** Flights under way. */
  readonly size: number;
}

export interface Flight {
  /** Aborts when nobody waits any more, before `commit()` only. */
  readonly signal: AbortSignal;
  /** From here on the work is worth finishing. `late` makes the error for those still waiting after `deadlineMs`. */
  commit(deadlineMs: number, late: () => Error): void;
}

export interface Landing<T> {
  readonly value: T;
  /** True for everybody but the one whose request started the work. */
  readonly collapsed: boolean;
}

interface SharedWork<T> {
  readonly result: Promise<T>;
  /** Leaves the flight; the last one out drops work that has not been committed. */
  leave(): void;
  waiters: number;
}

export interface SingleFlightOptions {
  /** Called when the work of a flight has ended, however. */
  onLanded?(): void;
}

export function createSingleFlight<T>({ onLanded }: SingleFlightOptions = {}): SingleFlight<T> {
  const flights = new Map<string, SharedWork<T>>();

  function start(key: string, work: (flight: Flight) => Promise<T>): SharedWork<T> {
    const abandoned = new AbortController();
    const answer = Promise.withResolvers<T>();
    /** Committed or over: no reason to drop it any more. */
    let keeps = false;
    let deadline: NodeJS.Timeout | undefined;

    const shared: SharedWork<T> = {
      result: answer.promise,
      waiters: 0,
      leave() {
        shared.waiters -= 1;
        if (shared.waiters > 0 || keeps) return;
        land();
        abandoned.abort(new Error('nobody waits for this work any more'));
      },
    };
    // The key may already belong to a later flight when work that was dropped comes to its end.
    const land = () => {
      keeps = true;
      clearTimeout(deadline);
      if (flights.get(key) === shared) flights.delete(key);
    };

    const flight: Flight = {
      signal: abandoned.signal,
      commit(deadlineMs, late) {
        keeps = true;
        deadline = setTimeout(() => answer.reject(late()), deadlineMs).unref();
      },
    };
    flights.set(key, shared);
    Promise.resolve(flight)
      .then(work)
      .finally(() => {
        land();
        onLanded?.();
      })
      .then(answer.resolve, answer.reject);
    // When all waiters have left, nobody else handles a failure.
    answer.promise.catch(() => {});
    return shared;
  }

  return {
    async join(key, waiter, work) {
      waiter.throwIfAborted();
      const running = flights.get(key);
      const shared = running ?? start(key, work);
      shared.waiters += 1;

      const left = Promise.withResolvers<never>();
      const onLeave = () => left.reject(waiter.reason);
      waiter.addEventListener('abort', onLeave, { once: true });
      try {
        const value = await Promise.race([shared.result, left.promise]);
        return { value, collapsed: running !== undefined };
      } finally {
        waiter.removeEventListener('abort', onLeave);
        shared.leave();
      }
    },
    get size() {
      return flights.size;
    },
  };
}
