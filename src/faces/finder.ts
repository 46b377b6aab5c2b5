import { ThreadError } from '../flow/thread.ts';
import { createThreadPool } from '../flow/thread-pool.ts';
import type { WorkLimits } from '../flow/thread-watch.ts';
import { isLook, type Look, type LookDepth, type Probe } from './face.ts';

export interface FaceFinder {
  /**
   * Finds the faces of one picture, largest first, without blocking the event loop, at least to this depth. Takes as long as
   * a thread computes and others are before it; limited in work, not in time. Rejects with a `FaceFinderError` when its thread
   * crashes, stands still or computes without end, when none starts or too many calls wait, and with the signal's reason when that
   * aborts.
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
  /** Threads at most, one when left out. */
  readonly threads?: number;
  /** How long calls wait together, in milliseconds, before a further thread is started. */
  readonly furtherAfterMs?: number;
  /** How many calls may wait; a further one is refused at once. */
  readonly waiting: number;
  /** A thread ends after this long without work, which frees its 60 to 90 MB. */
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
/** What a thread's start and its first look cost, in milliseconds of CPU: 260 by the bundle with its saved code, 400 from source. */
const FURTHER_AFTER_MS = 400;
/** A cold look, before V8 has optimised its code, takes a second. */
const LOOK: WorkLimits = { cpuMs: 5000, stillMs: 10_000 };
/** A start takes half a second, much of it in V8's own threads, while this one stands still. */
const START: WorkLimits = { cpuMs: 10_000, stillMs: 30_000 };
/** `.ts` from source, `.js` in the bundle; this file and its thread are side by side in both. */
const RUNNING_AS = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** Owns threads, the first started by the first call, with one detection at a time each. */
export function createFaceFinder(options: FaceFinderOptions): FaceFinder {
  const { threads = 1, waiting, idleMs, patience = 3, backOffMs = 1000, maxHeapMb = 128 } = options;
  const { furtherAfterMs = FURTHER_AFTER_MS } = options;
  const pool = createThreadPool<Probe & { readonly depth: LookDepth }, Look>({
    ...{ name: 'face', threads, furtherAfterMs, waiting, idleMs, patience, backOffMs, maxHeapMb },
    url: options.workerUrl ?? new URL(`./worker${RUNNING_AS}`, import.meta.url),
    start: { ...START, ...options.start },
    task: { ...LOOK, ...options.look },
    ...{ isReply: isLook, nonsense: 'what can be no face' },
  });
  return {
    async find({ data, given, width, height }, depth, signal) {
      signal.throwIfAborted();
      if (data.length !== width * height * 4 || data.length === 0)
        throw new FaceFinderError('these are no RGBA pixels');
      // Neither sharp's memory nor Node's pool can be handed over to a thread; a copy of 1.6 MB takes 0.4 ms.
      const own = given && data.buffer instanceof ArrayBuffer ? data : new Uint8Array(data);
      try {
        const look = await pool.run({ depth, data: own, width, height }, [own.buffer as ArrayBuffer], signal);
        return { faces: look.faces, depth: look.depth, complete: look.complete };
      } catch (reason) {
        throw reason instanceof ThreadError ? new FaceFinderError(reason.message) : reason;
      }
    },
    prepare: pool.prepare,
    get running() {
      return pool.running;
    },
    close: pool.close,
  };
}
