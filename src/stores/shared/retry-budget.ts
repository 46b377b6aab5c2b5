/** Retries for at most a tenth of the calls: a store that is down must not get twice the load for it. */
export interface RetryBudget {
  /** A call was begun. */
  earn(): void;
  /** Whether one may be repeated. */
  take(): boolean;
}

const RETRIES_PER_CALL = 0.1;
/** At first, and after quiet times. */
const MOST = 10;

export function createRetryBudget(): RetryBudget {
  let left = MOST;
  return {
    earn() {
      left = Math.min(MOST, left + RETRIES_PER_CALL);
    },
    take() {
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}
