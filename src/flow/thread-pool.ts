import { createThread, type Thread, ThreadError, type ThreadOptions } from './thread.ts';
import type { WorkLimits } from './thread-watch.ts';

export interface ThreadPoolOptions<Reply> extends Omit<ThreadOptions<Reply>, 'onTurn' | 'onFault'> {
  /** Threads at most. */
  readonly threads: number;
  /** How long tasks wait together, in milliseconds, before a further thread is started: as long as its start computes. */
  readonly furtherAfterMs: number;
}

interface Call<Task, Reply> {
  readonly task: Task;
  readonly transfer: ArrayBuffer[];
  readonly limits: WorkLimits | undefined;
  readonly signal: AbortSignal;
  settle(work: Promise<Reply>): void;
}

/**
 * Threads of the same code that share one line; each has one task at a time, and faults and rests of its own. A task goes to the
 * first thread that is free. A further thread is started only while all others are up and at work, so a second start never slows the
 * first one down, and when the waits for them add up to what it costs: for tasks that meet now and then it is not worth it. Tasks
 * fail while they wait only where no thread is up and the one that starts fails, or where all rest.
 */
export function createThreadPool<Task extends object, Reply>(
  options: ThreadPoolOptions<Reply>,
): Omit<Thread<Task, Reply>, 'state'> {
  const { threads: most, furtherAfterMs, name, waiting, ...each } = options;
  const line: Call<Task, Reply>[] = [];
  let closed = false;
  const threads = Array.from({ length: most }, () =>
    // In a thread's own line no task waits.
    createThread<Task, Reply>({ ...each, name, waiting: 1, onTurn: next, onFault }),
  );
  const some = (state: Thread<Task, Reply>['state']) => threads.some((thread) => thread.state === state);
  /** Of all tasks since a thread was started last, and since when those in the line wait for threads that are up. */
  let waitedMs = 0;
  let since: number | undefined;
  let recount: NodeJS.Timeout | undefined;

  /** To be called before the line changes. */
  function countWaits(): void {
    const now = performance.now();
    if (since !== undefined) waitedMs += (now - since) * line.length;
    since = some('starting') ? undefined : now;
  }

  function next(): void {
    clearTimeout(recount);
    countWaits();
    for (const thread of threads) {
      if (thread.state !== 'ready' || thread.load > 0) continue;
      const call = line.shift();
      if (!call) return;
      call.settle(thread.run(call.task, call.transfer, call.signal, call.limits));
    }
    if (line.length === 0) return;
    if (!some('ready') || waitedMs >= furtherAfterMs) start();
    else recount = setTimeout(next, (furtherAfterMs - waitedMs) / line.length).unref();
  }

  function start(): void {
    const further = some('starting') ? undefined : threads.find(({ state }) => state === 'none');
    if (!further) return;
    [waitedMs, since] = [0, undefined];
    further.prepare();
  }

  function onFault(reason: ThreadError, starting: boolean): void {
    const hopeless = threads.every(({ state }) => state === 'resting') || (starting && !some('ready'));
    if (hopeless) for (const { settle } of line.splice(0)) settle(Promise.reject(reason));
    next();
  }

  return {
    async run(task, transfer, signal, limits) {
      signal.throwIfAborted();
      if (closed) throw new ThreadError('lost', `the ${name} thread is closed`);
      if (threads.every(({ state }) => state === 'resting'))
        throw new ThreadError('lost', `the ${name} thread failed too often and is left alone`);
      if (line.length >= waiting) throw new ThreadError('full', `too many tasks wait for the ${name} thread`);
      const { promise, resolve, reject } = Promise.withResolvers<Reply>();
      const call: Call<Task, Reply> = { task, transfer, signal, limits, settle: resolve };
      const onAbort = () => {
        countWaits();
        const place = line.indexOf(call);
        if (place >= 0) line.splice(place, 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      countWaits();
      line.push(call);
      next();
      try {
        return await promise;
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    prepare() {
      if (!closed && !some('ready')) start();
    },
    get running() {
      return threads.some(({ running }) => running);
    },
    get load() {
      return threads.reduce((sum, thread) => sum + thread.load, line.length);
    },
    async close() {
      closed = true;
      for (const { settle } of line.splice(0))
        settle(Promise.reject(new ThreadError('lost', `the ${name} thread is closed`)));
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}
