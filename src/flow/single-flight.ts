/**
 * One piece of work per key, shared by all callers that join while it is under way.
 *
 * - The work belongs to the flight, never to the first waiter: a waiter that leaves does not disturb the others.
 * - Before `commit()` the last waiter to leave drops the work: its signal aborts and the key is free at once.
 * - After `commit()` the work is finished even without waiters. Waiters are rejected after `deadlineMs`; the key stays
 *   taken until the work has ended, so that work that cannot be stopped is never started twice.
 * - Results and failures are not kept: the next caller starts new work.
 */
export interface SingleFlight<T> {
  /** Rejects with the work's error, with the deadline's error, or with the waiter's own abort reason. */
  join(key: string, waiter: AbortSignal, work: (flight: Flight) => Promise<T>): Promise<Landing<T>>;
  /** Flights under way. */
  readonly size: number;
}

export interface Flight {
  /** Aborts when the last waiter leaves before `commit()`. */
  readonly signal: AbortSignal;
  /** From here on the work is always finished. `late` makes the error for waiters that are left after `deadlineMs`. */
  commit(deadlineMs: number, late: () => Error): void;
}

export interface Landing<T> {
  readonly value: T;
  /** False for the caller that started the work, true for the others. */
  readonly collapsed: boolean;
}

interface SharedWork<T> {
  readonly result: Promise<T>;
  /** Removes one waiter; without waiters, work that has not been committed is dropped. */
  leave(): void;
  waiters: number;
}

export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, SharedWork<T>>();

  function start(key: string, work: (flight: Flight) => Promise<T>): SharedWork<T> {
    const abandoned = new AbortController();
    const answer = Promise.withResolvers<T>();
    /** Committed or ended: the work is not dropped any more. */
    let keeps = false;
    let deadline: NodeJS.Timeout | undefined;

    const shared: SharedWork<T> = {
      result: answer.promise,
      waiters: 0,
      leave() {
        shared.waiters -= 1;
        if (shared.waiters > 0 || keeps) return;
        land();
        abandoned.abort(new Error('the last waiter left before the work began'));
      },
    };
    // When dropped work ends, its key may belong to a later flight.
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
    Promise.resolve(flight).then(work).finally(land).then(answer.resolve, answer.reject);
    // Without waiters a failure would be an unhandled rejection.
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
