import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';

/** One machine among several in this process: its clocks, and whether it runs. */
export interface Host {
  /** How far its wall clock is ahead of the others, in milliseconds. */
  aheadMs: number;
  /** How long its monotonic clock stood still in suspends, in milliseconds. */
  stoodStillMs: number;
  /** False once it was killed: nothing reaches it any more. */
  alive: boolean;
  frozen: boolean;
  /** What came up while it was frozen, in order. */
  readonly backlog: (() => void)[];
}

export function createHost(): Host {
  return { aheadMs: 0, stoodStillMs: 0, alive: true, frozen: false, backlog: [] };
}

/** Time that passes only when it is told to; all timers of the process go by it. */
export interface VirtualTime extends Disposable {
  /** The true wall clock in unix milliseconds; a machine's own may be ahead of it. */
  readonly now: number;
  /** The machine whose code this is; undefined outside of all. */
  readonly current: Host | undefined;
  /** Outside of all machines. */
  after(ms: number, run: () => void): void;
  /** Runs in a machine: its clock, its timers. */
  on<T>(host: Host, run: () => T): T;
  /** Hands something to a machine: at once, when it thaws, or never. */
  deliver(host: Host, run: () => void): void;
  /** Until it thaws. `stands`: for how many milliseconds its monotonic clock and its timers stand still, as in a suspend. */
  freeze(host: Host, stands: number): void;
  thaw(host: Host): void;
  /** Lets this many milliseconds pass, with all that happens in them. */
  pass(ms: number): Promise<void>;
}

const START = Date.UTC(2030, 0, 1);
const hosts = new AsyncLocalStorage<Host>();
const real = {
  ...{ setTimeout, clearTimeout, setInterval, clearInterval, setImmediate },
  ...{ dateNow: Date.now, performanceNow: performance.now, random: Math.random, timeout: AbortSignal.timeout },
  delay: timersPromises.setTimeout,
};

/** One for all: most of these signals outlive their calls, and making the error is what costs most of them. */
const TIMED_OUT = new DOMException('The operation was aborted due to timeout', 'TimeoutError');

class Timer {
  due: number;
  readonly order: number;
  readonly host: Host | undefined;
  readonly run: () => void;
  /** Of an interval, in milliseconds. */
  readonly every: number | undefined;
  cancelled = false;

  constructor(due: number, order: number, run: () => void, every: number | undefined) {
    this.due = due;
    this.order = order;
    const host = hosts.getStore();
    this.host = host;
    this.run = host ? () => hosts.run(host, run) : run;
    this.every = every;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return false;
  }

  close(): this {
    this.cancelled = true;
    return this;
  }

  [Symbol.dispose](): void {
    this.cancelled = true;
  }
}

/**
 * Takes the place of the process's clocks and timers until it is disposed of. `random`: takes the place of `Math.random`.
 */
export function installVirtualTime(random: () => number): VirtualTime {
  let now = START;
  let order = 0;
  let immediates = 0;
  let timers: Timer[] = [];

  function add(run: () => void, ms: number | undefined, every?: number): Timer {
    order += 1;
    const timer = new Timer(now + Math.max(1, Math.ceil(Number(ms) || 0)), order, run, every);
    timers.push(timer);
    return timer;
  }

  function deliver(host: Host, run: () => void): void {
    if (!host.alive) return;
    if (host.frozen) host.backlog.push(run);
    else run();
  }

  function fire(timer: Timer): void {
    const { host, every, run } = timer;
    if (every !== undefined && host?.alive !== false) {
      timer.due = now + every;
      timers.push(timer);
    }
    // Also while it waited for its machine to thaw.
    const unlessCancelled = () => {
      if (!timer.cancelled) run();
    };
    if (host) deliver(host, unlessCancelled);
    else unlessCancelled();
  }

  function next(): Timer | undefined {
    timers = timers.filter(({ cancelled }) => !cancelled);
    return timers.reduce<Timer | undefined>(
      (first, timer) =>
        !first || timer.due < first.due || (timer.due === first.due && timer.order < first.order) ? timer : first,
      undefined,
    );
  }

  /** All that does not wait for a timer. */
  async function settle(): Promise<void> {
    let quiet = 0;
    while (quiet < 2) {
      await new Promise((resolve) => real.setImmediate(() => resolve(undefined)));
      quiet = immediates === 0 ? quiet + 1 : 0;
    }
  }

  const cancel = (timer: unknown) => {
    if (timer instanceof Timer) timer.cancelled = true;
  };
  Object.assign(globalThis, {
    setTimeout: (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => add(() => run(...args), ms),
    setInterval: (run: (...args: unknown[]) => void, ms: number, ...args: unknown[]) => add(() => run(...args), ms, ms),
    clearTimeout: cancel,
    clearInterval: cancel,
    setImmediate(run: (...args: unknown[]) => void, ...args: unknown[]) {
      immediates += 1;
      return real.setImmediate(() => {
        immediates -= 1;
        const host = hosts.getStore();
        if (host) deliver(host, () => run(...args));
        else run(...args);
      });
    },
  });
  Date.now = () => now + (hosts.getStore()?.aheadMs ?? 0);
  performance.now = () => now - START - (hosts.getStore()?.stoodStillMs ?? 0);
  Math.random = random;
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController();
    add(() => controller.abort(TIMED_OUT), ms);
    return controller.signal;
  };
  const delay = (ms?: number, value?: unknown, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = add(() => resolve(value), ms);
      signal?.addEventListener('abort', () => {
        timer.cancelled = true;
        reject(signal.reason);
      });
    });
  Object.assign(timersPromises, { setTimeout: delay });
  syncBuiltinESMExports();

  return {
    get now() {
      return now;
    },
    get current() {
      return hosts.getStore();
    },
    after(ms, run) {
      hosts.exit(add, run, ms);
    },
    on: (host, run) => hosts.run(host, run),
    deliver,
    freeze(host, stands) {
      host.frozen = true;
      host.stoodStillMs += stands;
      for (const timer of timers) if (timer.host === host) timer.due += stands;
    },
    thaw(host) {
      host.frozen = false;
      for (const run of host.backlog.splice(0)) deliver(host, run);
    },
    async pass(ms) {
      const until = now + ms;
      await settle();
      for (let timer = next(); timer && timer.due <= until; timer = next()) {
        timers.splice(timers.indexOf(timer), 1);
        now = Math.max(now, timer.due);
        fire(timer);
        await settle();
      }
      now = until;
    },
    [Symbol.dispose]() {
      const { dateNow, performanceNow, random: realRandom, timeout, delay: realDelay, ...globals } = real;
      Object.assign(globalThis, globals);
      Date.now = dateNow;
      performance.now = performanceNow;
      Math.random = realRandom;
      AbortSignal.timeout = timeout;
      Object.assign(timersPromises, { setTimeout: realDelay });
      syncBuiltinESMExports();
    },
  };
}
