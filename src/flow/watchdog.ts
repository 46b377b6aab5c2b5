/**
 * Notices work that never returns. sharp has been seen waiting for ever on a futex: nothing can stop such a thread, so its
 * slot is lost until the process ends.
 */
export interface WatchdogOptions {
  /** How long the oldest work under way has been going, in milliseconds; 0 when there is none. */
  longestMs(): number;
  /** Longer than any honest work can take. */
  limitMs: number;
  /** Called once. */
  onLost(ms: number): void;
}

const LOOKS_PER_LIMIT = 20;

/** Looks in on the work from time to time. Returns how to stop that. */
export function startWatchdog({ longestMs, limitMs, onLost }: WatchdogOptions): () => void {
  let lookedAt = performance.now();
  let judgesFrom = 0;
  const look = () => {
    const now = performance.now();
    // A machine that was suspended has work that looks old and is not: nothing is judged until it had its time anew.
    if (now - lookedAt > limitMs / 2) judgesFrom = now + limitMs;
    lookedAt = now;
    const ms = longestMs();
    if (ms <= limitMs || now < judgesFrom) return;
    clearInterval(timer);
    onLost(ms);
  };
  const timer = setInterval(look, Math.max(50, limitMs / LOOKS_PER_LIMIT)).unref();
  return () => clearInterval(timer);
}
