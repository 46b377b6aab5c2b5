import { Worker } from 'node:worker_threads';
import { isLook, type Look, type LookDepth, type Probe } from './face.ts';
import { type WorkLimits, watchWork } from './thread-watch.ts';

export interface FaceFinder {
  /**
   * Finds the faces of one picture, largest first, without blocking the event loop, at least to this depth. Takes as long as
   * the thread computes and others are before it; limited in work, not in time. Rejects with a `FaceFinderError` when the thread
   * crashes, stands still, computes without end, does not start or has too many calls waiting, and with the signal's reason when
   * that aborts.
   */
  find(probe: Probe, depth: LookDepth, signal: AbortSignal): Promise<Look>;
  /** A picture will be there soon: starts the thread if there is none. It ends like any other without work. */
  prepare(): void;
  /** Whether there is a thread. */
  readonly running: boolean;
  close(): Promise<void>;
}

export class FaceFinderError extends Error {}

/** Messages between the finder and its thread. */
export interface FaceTask extends Probe {
  readonly number: number;
  readonly depth: LookDepth;
}
export type FaceReply = ({ readonly number: number } & Look) | { readonly number: number; readonly error: string };

export interface FaceFinderOptions {
  /** How many calls may wait; a further one is refused at once. */
  readonly waiting: number;
  /** The thread ends after this long without work, which frees its 60 to 90 MB. */
  readonly idleMs: number;
  /** Of one look. The thread itself ends a look sooner (`complete: false`); this is for one that does not. */
  readonly look?: Partial<WorkLimits>;
  /** Of the thread's start. */
  readonly start?: Partial<WorkLimits>;
  /** Faults in a row after which no thread is started for a while. */
  readonly patience?: number;
  /** First pause after too many faults; doubled by each further one, up to a minute. */
  readonly backOffMs?: number;
  /** Heap of the thread's JavaScript in MB, without the models. */
  readonly maxHeapMb?: number;
  /** The thread's code; replaceable by tests. */
  readonly workerUrl?: URL;
}

/** Renders that wait keep their slots, so the line is never that long but on machines of dozens of CPUs. */
export const FACE_FINDER = { waiting: 64, idleMs: 5 * 60_000 };
/** A cold look, before V8 has optimised its code, takes a second. */
const LOOK: WorkLimits = { cpuMs: 5000, stillMs: 10_000 };
/** A start takes half a second, much of it in V8's own threads, while this one stands still. */
const START: WorkLimits = { cpuMs: 10_000, stillMs: 30_000 };
const MAX_BACK_OFF_MS = 60_000;
/** `.ts` from source, `.js` in the bundle; this file and its thread are side by side in both. */
const RUNNING_AS = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

interface Call {
  readonly task: FaceTask;
  settle(reply: FaceReply | Error): void;
}

/** Owns one thread, started by the first call, with one detection at a time. */
export function createFaceFinder(options: FaceFinderOptions): FaceFinder {
  const { waiting, idleMs, patience = 3, backOffMs = 1000, maxHeapMb = 128 } = options;
  const limits = { look: { ...LOOK, ...options.look }, start: { ...START, ...options.start } };
  const workerUrl = options.workerUrl ?? new URL(`./worker${RUNNING_AS}`, import.meta.url);
  const line: Call[] = [];
  let worker: Worker | undefined;
  let ready = false;
  let current: Call | undefined;
  /** Ends the watch over what the thread does now: its start or a look. */
  let unwatch = () => {};
  /** Limits the thread's time without work. */
  let idle: NodeJS.Timeout | undefined;
  let numbers = 0;
  let faults = 0;
  let restUntil = 0;
  let closed = false;

  function startThread(): void {
    const thread = new Worker(workerUrl, {
      ...{ name: 'faces', stdout: true, stderr: true },
      // A thread that needs more ends alone instead of ending the process.
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    });
    // MediaPipe's output is drained and dropped; errors come as messages.
    thread.stdout.resume();
    thread.stderr.resume();
    worker = thread;
    ready = false;
    thread.unref();
    const onLimit = (reason: string) => fault(new FaceFinderError(`the face thread does not start: it ${reason}`));
    unwatch = watchWork(thread, limits.start, onLimit, 0);
    thread.on('message', (message: FaceReply | 'ready') => {
      if (thread !== worker) return;
      if (message === 'ready') {
        // Said again, it must not end the watch over a look.
        if (!ready) unwatch();
        ready = true;
      } else if (message.number === current?.task.number) finish(message);
      next();
    });
    thread.on('error', (error) => thread === worker && fault(new FaceFinderError(`the face thread failed: ${error}`)));
    thread.on('exit', (code) => thread === worker && fault(new FaceFinderError(`the face thread ended (${code})`)));
  }

  /** Settles the current call. A thread that keeps answering with errors is replaced like one that crashed. */
  function finish(reply: FaceReply): void {
    const failure = failureIn(reply);
    if (failure && faults + 1 >= patience) {
      fault(failure);
      return;
    }
    unwatch();
    const call = current;
    current = undefined;
    faults = failure ? faults + 1 : 0;
    call?.settle(failure ?? reply);
  }

  /** Fails the current call and ends the thread; waiting calls get a new one, unless it failed too often. */
  function fault(reason: FaceFinderError): void {
    const casualties = current ? [current] : line.splice(0);
    current = undefined;
    endThread();
    faults += 1;
    if (faults >= patience) {
      restUntil = performance.now() + Math.min(MAX_BACK_OFF_MS, backOffMs * 2 ** (faults - patience));
      casualties.push(...line.splice(0));
    }
    for (const call of casualties) call.settle(reason);
    next();
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
    const { task } = current;
    unwatch = watchWork(worker, limits.look, (reason) => fault(new FaceFinderError(`the face thread ${reason}`)));
    worker.postMessage(task, [task.data.buffer as ArrayBuffer]);
  }

  return {
    async find({ data, width, height }, depth, signal) {
      signal.throwIfAborted();
      if (closed) throw new FaceFinderError('the face finder is closed');
      if (performance.now() < restUntil)
        throw new FaceFinderError('the face thread failed too often and is left alone');
      if (line.length >= waiting) throw new FaceFinderError('too many pictures wait for the face thread');
      if (data.length !== width * height * 4 || data.length === 0)
        throw new FaceFinderError('these are no RGBA pixels');
      // Neither sharp's memory nor Node's pool can be handed over to a thread; a copy of 1.6 MB takes 0.4 ms.
      const own = new Uint8Array(data);
      numbers += 1;
      const { promise, resolve, reject } = Promise.withResolvers<Look>();
      const call: Call = {
        task: { number: numbers, depth, data: own, width, height },
        settle: (reply) => {
          if (reply instanceof Error) reject(reply);
          else if ('faces' in reply) resolve({ faces: reply.faces, depth: reply.depth, complete: reply.complete });
        },
      };
      const onAbort = () => {
        const place = line.indexOf(call);
        if (place >= 0) line.splice(place, 1);
        reject(signal.reason);
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
    async close() {
      closed = true;
      for (const call of [...line.splice(0), ...(current ? [current] : [])])
        call.settle(new FaceFinderError('the face finder is closed'));
      current = undefined;
      await endThread();
    },
  };
}

function failureIn(reply: FaceReply): FaceFinderError | undefined {
  if ('error' in reply) return new FaceFinderError(reply.error);
  return isLook(reply) ? undefined : new FaceFinderError('the face thread told of what can be no face');
}
