import { Worker } from 'node:worker_threads';
import { isLook, type Look, type LookDepth, type Probe } from './face.ts';

export interface FaceFinder {
  /**
   * Finds the faces of one picture, largest first, without blocking the event loop, at least to this depth. Rejects with a `FaceFinderError` when the
   * thread crashes, hangs, does not start or has too many calls waiting, and with the signal's reason when that aborts.
   */
  find(probe: Probe, depth: LookDepth, signal: AbortSignal): Promise<Look>;
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
  /** For one call, the wait and the start of the thread included. */
  readonly timeoutMs: number;
  /** For the start of the thread: on a slow machine the first calls may time out before it is ready. */
  readonly startMs?: number;
  /** How many calls may wait; a further one is refused at once. */
  readonly waiting: number;
  /** The thread ends after this long without work, which frees its 60 to 90 MB. */
  readonly idleMs: number;
  /** Faults in a row after which no thread is started for a while. */
  readonly patience?: number;
  /** First pause after too many faults; doubled by each further one, up to a minute. */
  readonly backOffMs?: number;
  /** Heap of the thread's JavaScript in MB, without the models. */
  readonly maxHeapMb?: number;
  /** The thread's code; replaceable by tests. */
  readonly workerUrl?: URL;
}

/**
 * A rendition waits this long for its faces, the start of their thread included. A look takes some 140 ms, so in a burst of
 * new originals about the tenth in the queue gives up and is framed by attention for a minute.
 */
export const FACE_FINDER = { timeoutMs: 1500, waiting: 16, idleMs: 5 * 60_000 };
const MAX_BACK_OFF_MS = 60_000;
/** `.ts` from source, `.js` in the bundle; this file and its thread are side by side in both. */
const RUNNING_AS = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

interface Call {
  readonly task: FaceTask;
  settle(reply: FaceReply | Error): void;
}

/** Owns one thread, started by the first call, with one detection at a time. */
export function createFaceFinder(options: FaceFinderOptions): FaceFinder {
  const { timeoutMs, waiting, idleMs, startMs = 10_000, patience = 3, backOffMs = 1000, maxHeapMb = 128 } = options;
  const workerUrl = options.workerUrl ?? new URL(`./worker${RUNNING_AS}`, import.meta.url);
  const line: Call[] = [];
  let worker: Worker | undefined;
  let ready = false;
  let current: Call | undefined;
  /** Limits the start of the thread; later, its time without work. */
  let timer: NodeJS.Timeout | undefined;
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
    timer = setTimeout(() => fault(new FaceFinderError('the face thread does not start')), startMs).unref();
    thread.on('message', (message: FaceReply | 'ready') => {
      if (thread !== worker) return;
      if (message === 'ready') {
        ready = true;
        clearTimeout(timer);
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
    clearTimeout(timer);
    return thread?.terminate();
  }

  function next(): void {
    if (current) return;
    if (!worker && line.length > 0) startThread();
    if (!ready) return;
    clearTimeout(timer);
    if (line.length === 0) timer = setTimeout(endThread, idleMs).unref();
    current = line.shift();
    if (!current) return;
    const { task } = current;
    worker?.postMessage(task, [task.data.buffer as ArrayBuffer]);
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
          clearTimeout(limit);
          if (reply instanceof Error) reject(reply);
          else if ('faces' in reply) resolve({ faces: reply.faces, depth: reply.depth, complete: reply.complete });
        },
      };
      const leaveLine = () => {
        const place = line.indexOf(call);
        if (place < 0) return;
        line.splice(place, 1);
        clearTimeout(limit);
      };
      // Stays set when the caller aborts during the detection: a thread that hangs must be noticed all the same.
      const limit = setTimeout(() => {
        const late = new FaceFinderError(`the face thread took longer than ${timeoutMs} ms`);
        // A call that still waits times out without a fault of the thread.
        if (current === call) return fault(late);
        leaveLine();
        reject(late);
      }, timeoutMs);
      const onAbort = () => {
        leaveLine();
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
