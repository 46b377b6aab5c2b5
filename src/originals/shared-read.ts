import { DarkroomError } from '../errors.ts';

/**
 * One read that all sessions of an original share. It differs from flow/single-flight.ts in two ways: later sessions still
 * join a read that has ended, for as long as the session that began it is open; and what was read is released when the last
 * session that holds it closes, long after the read.
 */
export interface SharedRead<T> {
  openSession(): SharedReadSession<T>;
}

export interface SharedReadSession<T> extends Disposable {
  /**
   * Joins a shared read, or starts one. A joined read that fails with a `DarkroomError` fails here too; one that fails
   * otherwise (its own client left) is started again.
   */
  read(start: () => Promise<T>): Promise<T>;
}

interface Reading<T> {
  readonly value: Promise<T>;
  holders: number;
}

/** `release` is called once for each value, when no session holds it any more. */
export function createSharedRead<T>(release: (value: T) => void = () => {}): SharedRead<T> {
  let shared: Reading<T> | undefined;

  return {
    openSession() {
      let own: Reading<T> | undefined;
      const held: Reading<T>[] = [];
      function hold(reading: Reading<T>): Promise<T> {
        reading.holders += 1;
        held.push(reading);
        return reading.value;
      }

      return {
        async read(start) {
          if (shared) {
            try {
              return await hold(shared);
            } catch (error) {
              if (error instanceof DarkroomError) throw error;
            }
          }
          const value = start();
          // When its session is the only one and closes early, no other code handles a failure.
          value.catch(() => {});
          own = { value, holders: 0 };
          shared = own;
          return hold(own);
        },
        [Symbol.dispose]() {
          // The memory of a value is counted by the session that read it, so no new session may join after that.
          if (shared === own) shared = undefined;
          for (const reading of held) {
            reading.holders -= 1;
            if (reading.holders === 0) void reading.value.then(release, () => {});
          }
        },
      };
    },
  };
}
