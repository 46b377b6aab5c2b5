import { Worker } from 'node:worker_threads';
import { type WorkLimits, watchWork } from './thread-watch.ts';

/**
 * One thread that does one task at a time. Started by the first task, ended when it has had none for a while, and ended and
 * started anew when it crashes, stands still or computes too long. Its code says 'ready' once, then answers each task, which has
 * a `number`, with a reply of that number, or with `{ number, error }`.
 */
export interface Thread<Task extends object, Reply> {
  /**
   * Takes as long as the thread computes and others are before it; limited in work, not in time. `transfer`: memory of the task
   * that the caller gives away. Rejects with a `ThreadError`, and with the signal's reason when that aborts.
   */
  run(task: Task, transfer: ArrayBuffer[], signal: AbortSignal, limits?: WorkLimits): Promise<Reply>;
  /** A task will come soon: starts the thread if there is none. It ends like any other without work. */
  prepare(): void;
  /** Whether there is a thread. */
  readonly running: boolean;
  /** Tasks that wait or are under way. */
  readonly load: number;
  /** `resting`: it failed too often and is not started for a while. */
  readonly state: 'none' | 'starting' | 'ready' | 'resting';
  close(): Promise<void>;
}

/** `limit`: a task used more than it may. `error`: the thread's own words. `full`: too many wait. `lost`: all else. */
export class ThreadError extends Error {
  readonly kind: 'limit' | 'error' | 'full' | 'lost';
  constructor(kind: ThreadError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface ThreadOptions<Reply> {
  /** In messages: `face` is `the face thread`. */
  readonly name: string;
  readonly url: URL;
  /** How many tasks may wait; a further one is refused at once. */
  readonly waiting: number;
  /** The thread ends after this long without work. */
  readonly idleMs: number;
  /** Of the thread's start, and of one task. */
  readonly start: WorkLimits;
  readonly task: WorkLimits;
  /** Faults in a row after which no thread is started for a while. A task that used more than it may is none with `forgiving`. */
  readonly patience: number;
  readonly forgiving?: boolean;
  /** First pause after too many faults; doubled by each further one, up to a minute. */
  readonly backOffMs: number;
  /** Heap of the thread's JavaScript in MB, without WebAssembly and buffers. */
  readonly maxHeapMb: number;
  readonly workerData?: unknown;
  /** A task whose caller left is ended with its thread. Else it goes on, and its reply is dropped. */
  readonly endsOnAbort?: boolean;
  /** Whether a value from the thread is a reply; else it told of `nonsense`. */
  isReply(value: unknown): value is Reply;
  readonly nonsense: string;
  /** Whether the thread is to end behind this reply. */
  isLast?(reply: Reply): boolean;
  /** It may have become free for a task. */
  onTurn?(): void;
  /** It was ended for a fault; before its start was done with `starting`. Tasks that wait for it have been told. */
  onFault?(reason: ThreadError, starting: boolean): void;
}

type Message = 'ready' | { readonly number: number; readonly error?: string };

const MAX_BACK_OFF_MS = 60_000;

interface Call<Reply> {
  readonly number: number;
  readonly message: unknown;
  readonly transfer: ArrayBuffer[];
  readonly limits: WorkLimits;
  settle(reply: Reply | ThreadError): void;
}

export function createThread<Task extends object, Reply>(options: ThreadOptions<Reply>): Thread<Task, Reply> {
  const { name, url, waiting, idleMs, patience, backOffMs, forgiving = false, endsOnAbort = false } = options;
  const line: Call<Reply>[] = [];
  let worker: Worker | undefined;
  let ready = false;
  let current: Call<Reply> | undefined;
  /** Ends the watch over what the thread does now: its start or a task. */
  let unwatch = () => {};
  /** Limits the thread's time without work. */
  let idle: NodeJS.Timeout | undefined;
  let numbers = 0;
  let faults = 0;
  let restUntil = 0;
  let closed = false;

  function startThread(): void {
    const thread = new Worker(url, {
      ...{ name, stdout: true, stderr: true, workerData: options.workerData },
      // A thread that needs more ends alone instead of ending the process.
      resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb },
    });
    // What libraries print is drained and dropped; errors come as messages.
    thread.stdout.resume();
    thread.stderr.resume();
    worker = thread;
    ready = false;
    thread.unref();
    const lost = (what: string) => thread === worker && fault(new ThreadError('lost', `the ${name} thread ${what}`));
    unwatch = watchWork(thread, options.start, (reason) => lost(`does not start: it ${reason}`), 0);
    thread.on('message', (message: Message) => {
      if (thread !== worker) return;
      if (message === 'ready') {
        // Said again, it must not end the watch over a task.
        if (!ready) unwatch();
        ready = true;
      } else if (message.number === current?.number) finish(message);
      next();
      options.onTurn?.();
    });
    thread.on('error', (error) => lost(`failed: ${error}`));
    thread.on('exit', (code) => lost(`ended (${code})`));
  }

  /** Settles the current call. A thread that keeps answering with errors is replaced like one that crashed. */
  function finish(message: Exclude<Message, 'ready'>): void {
    const reply = replyIn(message);
    const failed = reply instanceof ThreadError;
    if (failed && faults + 1 >= patience) {
      fault(reply);
      return;
    }
    unwatch();
    const call = current;
    current = undefined;
    faults = failed ? faults + 1 : 0;
    if (!failed && options.isLast?.(reply)) endThread();
    call?.settle(reply);
  }

  function replyIn(message: Exclude<Message, 'ready'>): Reply | ThreadError {
    if (message.error !== undefined) return new ThreadError('error', message.error);
    return options.isReply(message)
      ? message
      : new ThreadError('error', `the ${name} thread told of ${options.nonsense}`);
  }

  /** Fails the current call and ends the thread; waiting calls get a new one, unless it failed too often. */
  function fault(reason: ThreadError): void {
    const casualties = current ? [current] : line.splice(0);
    const starting = !ready;
    current = undefined;
    endThread();
    if (!forgiving || reason.kind !== 'limit') faults += 1;
    if (faults >= patience) {
      restUntil = performance.now() + Math.min(MAX_BACK_OFF_MS, backOffMs * 2 ** (faults - patience));
      casualties.push(...line.splice(0));
    }
    for (const call of casualties) call.settle(reason);
    next();
    options.onFault?.(reason, starting);
  }

  function endThread(): Promise<number> | undefined {
    const thread = worker;
    worker = undefined;
    ready = false;
    unwatch();
    clearTimeout(idle);
    return thread?.terminate();
  }

  function next(): void {
    if (current) return;
    if (!worker && line.length > 0) startThread();
    if (!ready || !worker) return;
    clearTimeout(idle);
    current = line.shift();
    if (!current) {
      idle = setTimeout(endThread, idleMs).unref();
      return;
    }
    const { message, transfer, limits } = current;
    unwatch = watchWork(worker, limits, (reason) => fault(new ThreadError('limit', `the ${name} thread ${reason}`)));
    worker.postMessage(message, transfer);
  }

  function abort(call: Call<Reply>): void {
    const place = line.indexOf(call);
    if (place >= 0) line.splice(place, 1);
    if (call !== current || !endsOnAbort) return;
    current = undefined;
    endThread();
    next();
  }

  return {
    async run(task, transfer, signal, limits = options.task) {
      signal.throwIfAborted();
      if (closed) throw new ThreadError('lost', `the ${name} thread is closed`);
      if (performance.now() < restUntil)
        throw new ThreadError('lost', `the ${name} thread failed too often and is left alone`);
      if (line.length >= waiting) throw new ThreadError('full', `too many tasks wait for the ${name} thread`);
      numbers += 1;
      const { promise, resolve, reject } = Promise.withResolvers<Reply>();
      const call: Call<Reply> = {
        ...{ number: numbers, message: { ...task, number: numbers }, transfer, limits },
        settle: (reply) => (reply instanceof ThreadError ? reject(reply) : resolve(reply)),
      };
      const onAbort = () => {
        reject(signal.reason);
        abort(call);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      line.push(call);
      next();
      try {
        return await promise;
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    prepare() {
      if (!worker && !closed && performance.now() >= restUntil) startThread();
    },
    get running() {
      return worker !== undefined;
    },
    get load() {
      return line.length + (current ? 1 : 0);
    },
    get state() {
      if (worker) return ready ? 'ready' : 'starting';
      return performance.now() < restUntil ? 'resting' : 'none';
    },
    async close() {
      closed = true;
      for (const call of [...line.splice(0), ...(current ? [current] : [])])
        call.settle(new ThreadError('lost', `the ${name} thread is closed`));
      current = undefined;
      await endThread();
    },
  };
}
