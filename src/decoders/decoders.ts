import { type DarkroomError, errors } from '../errors.ts';
import { createThread, type Thread, ThreadError } from '../flow/thread.ts';
import type { WorkLimits } from '../flow/thread-watch.ts';
import { type Decoded, DecodeError, type FileHeader, type JxlPixels, type Wanted } from './decoder.ts';
import { type DecodedFormat, decodedFormatOf, FORMATS, type FormatName } from './formats.ts';
import { refusedName } from './refused.ts';

/** Decodes what sharp does not read, each picture in a thread, of which there are as many as pictures at a time. */
export interface Decoders {
  /** Of a file that is decoded here; undefined for all others. Reads its first bytes, on the calling thread. */
  formatOf(file: Buffer): DecodedFormat | undefined;
  /** What the header of a file says, and nothing of its pixels. Throws as `decode` rejects; undefined where sharp reads it. */
  readHeader(format: DecodedFormat, file: Buffer): FileHeader | undefined;
  /** The picture that sharp reads inside a file. Throws as `decode` rejects. */
  embedded(format: DecodedFormat, file: Buffer): Buffer | undefined;
  /** The same file with another of its pictures as the first one; undefined where there are fewer. */
  page(format: DecodedFormat, file: Buffer, page: number): Buffer | undefined;
  /** The name of a format that is known and not read: because no decoder reads it, or because its decoder is left out. */
  refusedName(file: Buffer): string | undefined;
  /** Of what is decoded here. */
  readonly mediaTypes: readonly string[];
  /**
   * Rejects with `original_unreadable`, with `original_too_large` for a file that needs more than its limits, with `busy` when
   * no thread can take it, and with the signal's reason, which ends the work.
   */
  decode(format: FormatName, file: Buffer, request: DecodeRequest, signal: AbortSignal): Promise<Decoded>;
  /**
   * A JPEG XL of these pixels, in one of the threads. Rejects with `render_timeout` when it takes more than `cpuMs` milliseconds of CPU,
   * with `busy` when no thread can take it or the one that had it ended, with `internal` when it cannot be made, and with the signal's reason.
   */
  encodeJxl(pixels: JxlPixels, cpuMs: number, signal: AbortSignal): Promise<Buffer>;
  /** Threads that there are now. */
  readonly running: number;
  close(): Promise<void>;
}

export interface DecodeRequest extends Wanted {
  /** CPU that the thread may use for it, in milliseconds. */
  readonly cpuMs: number;
}

/** Messages between the owner and a thread. `lost`: the thread is not to be used again. */
export interface DecodeTask {
  readonly number: number;
  readonly format: FormatName;
  readonly file: Uint8Array;
  readonly wanted: Wanted;
}
export interface JxlTask {
  readonly number: number;
  readonly pixels: JxlPixels;
}
export type DecodeReply =
  | { readonly number: number; readonly picture: Decoded; readonly file?: undefined; readonly kind?: undefined }
  | { readonly number: number; readonly picture?: undefined; readonly file: Uint8Array; readonly kind?: undefined }
  | {
      readonly number: number;
      readonly picture?: undefined;
      readonly file?: undefined;
      readonly kind: DecodeError['kind'];
      readonly why: string;
      readonly lost?: boolean;
    };

export interface DecodersOptions {
  /** Formats that are left out. */
  readonly without?: readonly FormatName[];
  /** Threads at most, one for each slot: a render that decodes holds one. */
  readonly threads: number;
  /** A thread ends after this long without work, which frees its memory. */
  readonly idleMs: number;
  readonly start?: Partial<WorkLimits>;
  /** How long a thread may stand still over a picture, in milliseconds. */
  readonly stillMs?: number;
  /** First pause after threads that did not start or crashed, in milliseconds. */
  readonly backOffMs?: number;
  /** The threads' code; replaceable by tests. */
  readonly workerUrl?: URL;
}

/** Uploads decode without a slot being theirs alone. */
const WAITING = 64;
const START: WorkLimits = { cpuMs: 10_000, stillMs: 30_000 };
const STILL_MS = 20_000;
/** Crashes in a row after which no thread is started for a while: more than files can be made to cause within one page. */
const PATIENCE = 16;
const BACK_OFF_MS = 250;
/** JavaScript's own; pixels and WebAssembly lie outside. */
const MAX_HEAP_MB = 96;
/** After too many crashes, or a queue of other pictures. */
const RETRY_AFTER_S = 5;
/** `.ts` from source, `.js` in the bundle, where it has a name of its own beside the face thread. */
const WORKER = import.meta.url.endsWith('.ts') ? './worker.ts' : './decoder-worker.js';

type Task = Omit<DecodeTask, 'number'> | Omit<JxlTask, 'number'>;

export function createDecoders(options: DecodersOptions): Decoders {
  const { without = [], idleMs, stillMs = STILL_MS, backOffMs = BACK_OFF_MS } = options;
  const url = options.workerUrl ?? new URL(WORKER, import.meta.url);
  const threads = Array.from({ length: options.threads }, () =>
    createThread<Task, DecodeReply>({
      ...{ name: 'decoder', url, idleMs, backOffMs, waiting: WAITING, patience: PATIENCE, maxHeapMb: MAX_HEAP_MB },
      start: { ...START, ...options.start },
      task: { cpuMs: 0, stillMs },
      // A file that takes too long is no fault of the thread.
      ...{ forgiving: true, endsOnAbort: true, isReply, nonsense: 'what can be no picture' },
      isLast: (reply) => reply.kind !== undefined && reply.lost === true,
    }),
  );

  /** One that is up and free, else one to be started, else the one with the shortest line. */
  function freest(): Thread<Task, DecodeReply> {
    const [first] = threads.toSorted((a, b) => a.load - b.load || Number(b.running) - Number(a.running));
    if (!first) throw new Error('there is no thread to decode in');
    return first;
  }

  return {
    mediaTypes: FORMATS.filter(({ name }) => !without.includes(name)).flatMap((format) => format.mediaTypes),
    formatOf(file) {
      const format = decodedFormatOf(file);
      return format && !without.includes(format.name) ? format : undefined;
    },
    refusedName(file) {
      const format = decodedFormatOf(file);
      return format && without.includes(format.name) ? format.name.toUpperCase() : refusedName(file);
    },
    readHeader: (format, file) => refusing(() => format.readHeader?.(file)),
    embedded: (format, file) => refusing(() => format.embedded?.(file)),
    page: (format, file, page) => format.page?.(file, page),
    async decode(format, file, { cpuMs, ...wanted }, signal) {
      // The caller's memory may be read by others; a copy of 3 MB takes under a millisecond.
      const own = new Uint8Array(file);
      try {
        const task = { format, file: own, wanted };
        const reply = await freest().run(task, [own.buffer], signal, { cpuMs, stillMs });
        if (reply.kind) throw refusal(reply.kind, reply.why);
        if (!reply.picture) throw errors.busy(RETRY_AFTER_S, new Error('the decoder thread sent a file'));
        return reply.picture;
      } catch (reason) {
        if (!(reason instanceof ThreadError)) throw reason;
        if (reason.kind === 'limit') throw refusal('too_large', reason.message);
        throw errors.busy(RETRY_AFTER_S, reason);
      }
    },
    async encodeJxl(pixels, cpuMs, signal) {
      const rows = new Uint8Array(pixels.rows);
      try {
        const task = { pixels: { ...pixels, rows } };
        const reply = await freest().run(task, [rows.buffer], signal, { cpuMs, stillMs });
        if (!reply.file)
          throw errors.internal(new Error(`no JPEG XL was made: ${reply.kind ? reply.why : 'a picture came'}`));
        return Buffer.from(reply.file.buffer, reply.file.byteOffset, reply.file.byteLength);
      } catch (reason) {
        if (!(reason instanceof ThreadError)) throw reason;
        throw reason.kind === 'limit' ? errors.renderTimeout(RETRY_AFTER_S) : errors.busy(RETRY_AFTER_S, reason);
      }
    },
    get running() {
      return threads.filter(({ running }) => running).length;
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof DecodeError ? refusal(error.kind, error.message) : error;
  }
}

/** `why`: a decoder's own words, for the log. */
function refusal(kind: DecodeError['kind'], why: string): DarkroomError {
  const cause = new Error(kind === 'unsupported' ? `unsupported feature: ${why}` : why);
  return kind === 'too_large'
    ? errors.overLimit('The original takes more work than one picture may.', { reason: 'too_much_work' }, cause)
    : errors.unreadable(cause);
}

/** Whether a value from the thread is a reply: with a reason, a file, or a picture whose rows are all there. */
function isReply(value: unknown): value is DecodeReply {
  const { picture, file, kind, why } = value as Partial<Record<string, unknown>>;
  if (kind !== undefined)
    return ['broken', 'unsupported', 'too_large'].includes(String(kind)) && typeof why === 'string';
  if (file !== undefined) return file instanceof Uint8Array && file.length > 0;
  const { memory, at, width, height, channels } = (picture ?? {}) as Partial<Decoded>;
  return (
    memory instanceof ArrayBuffer &&
    memory.byteLength === Number(at) + Number(width) * Number(height) * Number(channels)
  );
}
