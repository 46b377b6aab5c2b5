/**
 * Notices work that never returns. sharp was seen to wait on a futex for ever: such a thread cannot be stopped, so its slot
 * is lost until the process ends.
 */
export interface WatchdogOptions {
  /** Age of the oldest work under way in milliseconds; 0 when there is none. */
  longestMs(): number;
  /** Milliseconds; longer than any regular work takes. */
  limitMs: number;
  /** Called once, with the age of the lost work in milliseconds. */
  onLost(ms: number): void;
}

const LOOKS_PER_LIMIT = 20;

/** Checks the age of the work at intervals. The function returned stops that. */
export function startWatchdog({ longestMs, limitMs, onLost }: WatchdogOptions): () => void {
  let lookedAt = performance.now();
  let judgesFrom = 0;
  const look = () => {
    const now = performance.now();
    // After a suspend the work looks older than it is: it gets its whole time again before it counts as lost.
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
