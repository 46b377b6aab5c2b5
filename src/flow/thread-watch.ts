import type { Worker } from 'node:worker_threads';

/** Limits of one piece of a thread's work. Neither counts time in which the thread could not compute. */
export interface WorkLimits {
  /** CPU time of the thread, in milliseconds. */
  readonly cpuMs: number;
  /** How long it may stand still while the process runs, in milliseconds. */
  readonly stillMs: number;
}

/** How often a working thread is looked at; most tasks end before the first time, and cost nothing for being watched. */
const TICK_MS = 1000;
/** CPU within `stillMs` below which a thread counts as standing still. To be asked costs it 0.1 ms each time. */
const PULSE_MS = 20;
/** A timer that comes later than this, in ticks, shows that the process was stopped or had no CPU. */
const LATE_TICKS = 2;

/**
 * Calls `onLimit` once, when a thread has used up its CPU time or stands still. `worked`: CPU time of the thread in milliseconds
 * when the work began; undefined for as at the first time that it is looked at, a second later. Returns the function that ends the watch.
 * CPU time: https://nodejs.org/docs/latest-v24.x/api/worker_threads.html#workercpuusageprev
 */
export function watchWork(
  thread: Pick<Worker, 'cpuUsage'>,
  { cpuMs, stillMs }: WorkLimits,
  onLimit: (reason: string) => void,
  worked?: number,
): () => void {
  const tickMs = Math.max(1, Math.min(TICK_MS, stillMs / 5));
  let [begun, used, pulse, still] = [worked, 0, 0, 0];
  let asking = false;
  let over = false;
  let before = { at: performance.now(), cpu: ownCpuMs() };

  function end(reason?: string): void {
    if (over) return;
    over = true;
    clearInterval(timer);
    if (reason !== undefined) onLimit(reason);
  }

  /** The thread answers between two steps of its code, JavaScript or WebAssembly; one that is not up yet, or waits, may not. */
  async function ask(): Promise<void> {
    if (asking) return;
    asking = true;
    try {
      const { user, system } = await thread.cpuUsage();
      const now = (user + system) / 1000;
      begun ??= now;
      used = now - begun;
      if (used > cpuMs) end(`used more than ${cpuMs} ms of CPU`);
    } catch {
      // Not running yet or any more: the finder hears of its end.
    } finally {
      asking = false;
    }
  }

  function tick(): void {
    const now = { at: performance.now(), cpu: ownCpuMs() };
    const passed = now.at - before.at;
    // After a suspend, or where other processes have the CPU, a thread that did nothing is not to blame.
    still += passed < LATE_TICKS * tickMs ? passed : Math.min(now.cpu - before.cpu, LATE_TICKS * tickMs);
    before = now;
    if (used - pulse >= PULSE_MS) [pulse, still] = [used, 0];
    if (still >= stillMs) end(`stood still for ${stillMs} ms`);
    else void ask();
  }

  const timer = setInterval(tick, tickMs).unref();
  return () => end();
}

/** CPU time of the whole process in milliseconds. */
function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
