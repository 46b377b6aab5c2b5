import { setTimeout as delay } from 'node:timers/promises';

/**
 * Saves that happen after the answer. Bounded in bytes: when full, the oldest save that has not begun is given up.
 * Failed saves are tried again with growing pauses. Losing one is safe: it only costs doing the work again.
 */
export interface WriteBehind {
  /** Queues the save and returns at once. A save whose key waits or is being saved already is dropped. */
  add(save: Save): void;
  /** Resolves when all is saved or `withinMs` is over, with the number of saves that were lost. */
  drain(withinMs: number): Promise<number>;
  /** Bytes of the saves that wait or are under way, and the number of these saves. */
  readonly bytes: number;
  readonly pending: number;
}

export interface Save {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds before it may begin, for more to come to it; a drain does not wait for them. */
  readonly pauseMs?: number;
  /** One attempt; must end when the signal aborts and may be called again after a failure. */
  run(signal: AbortSignal): Promise<void>;
  /** Called when the save is given up. */
  onLost?(): void;
}

export interface WriteBehindOptions {
  readonly maxBytes: number;
  /** Saves under way at the same time. */
  readonly concurrency: number;
  /** Tries for one save, the first included. */
  readonly attempts: number;
  /** Pause before the second try in milliseconds; doubled each time, with jitter. */
  readonly retryDelayMs: number;
  onSaved?(save: Save): void;
  onRetry?(save: Save, reason: unknown): void;
  onLost?(save: Save, reason: unknown): void;
}

/** Of the server. */
export const SAVES = { concurrency: 8, attempts: 3, retryDelayMs: 200 };

export function createWriteBehind(options: WriteBehindOptions): WriteBehind {
  const { maxBytes, concurrency, attempts, retryDelayMs, onSaved, onRetry, onLost } = options;
  const waiting = new Map<string, Save>();
  const running = new Map<string, Save>();
  /** Timers of the waiting saves that may not begin yet. */
  const pausing = new Map<string, NodeJS.Timeout>();
  const stop = new AbortController();
  let bytes = 0;
  let lost = 0;
  let drains = 0;
  let whenEmpty: (() => void) | undefined;

  function lose(save: Save, reason: unknown): void {
    lost += 1;
    save.onLost?.();
    onLost?.(save, reason);
  }

  function makeRoom(): void {
    for (const [key, oldest] of waiting) {
      if (bytes <= maxBytes) return;
      waiting.delete(key);
      endPause(key);
      bytes -= oldest.bytes;
      lose(oldest, new Error('the write-behind queue is full'));
    }
  }

  function endPause(key: string): void {
    clearTimeout(pausing.get(key));
    pausing.delete(key);
  }

  function pause(key: string, ms: number): void {
    const timer = setTimeout(() => {
      endPause(key);
      next();
    }, ms);
    pausing.set(key, timer.unref());
  }

  async function attempt(save: Save): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await save.run(stop.signal);
      } catch (reason) {
        if (tries >= attempts || stop.signal.aborted) throw reason;
        onRetry?.(save, reason);
        const pause = retryDelayMs * 2 ** (tries - 1) * (0.5 + Math.random());
        await delay(pause, undefined, { signal: stop.signal });
      }
    }
  }

  function next(): void {
    for (const [key, save] of waiting) {
      if (running.size >= concurrency) return;
      if (pausing.has(key)) continue;
      waiting.delete(key);
      running.set(key, save);
      attempt(save)
        .then(
          () => onSaved?.(save),
          (reason) => lose(save, reason),
        )
        .finally(() => {
          running.delete(key);
          bytes -= save.bytes;
          next();
        });
    }
    if (waiting.size + running.size === 0) whenEmpty?.();
  }

  return {
    add(save) {
      if (waiting.has(save.key) || running.has(save.key)) return;
      if (stop.signal.aborted) return lose(save, stop.signal.reason);
      waiting.set(save.key, save);
      bytes += save.bytes;
      if (save.pauseMs && drains === 0) pause(save.key, save.pauseMs);
      makeRoom();
      // In a later turn, so that the waiters are answered before the save begins.
      setImmediate(next);
    },
    async drain(withinMs) {
      const lostBefore = lost;
      let cutOff = 0;
      if (waiting.size + running.size > 0) {
        drains += 1;
        for (const key of [...pausing.keys()]) endPause(key);
        setImmediate(next);
        const empty = Promise.withResolvers<void>();
        whenEmpty = empty.resolve;
        const timer = setTimeout(() => {
          // Saves under way report their loss themselves when they see the signal; here they are only counted.
          cutOff = running.size;
          stop.abort(new Error('the time for the last saves is over'));
          for (const save of waiting.values()) {
            bytes -= save.bytes;
            lose(save, stop.signal.reason);
          }
          waiting.clear();
          empty.resolve();
        }, withinMs);
        await empty.promise;
        clearTimeout(timer);
        drains -= 1;
      }
      return lost - lostBefore + cutOff;
    },
    get bytes() {
      return bytes;
    },
    get pending() {
      return waiting.size + running.size;
    },
  };
}
