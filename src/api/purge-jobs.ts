import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { OWN_FOLDER } from '../renditions/keys.ts';
import type { ObjectStore, StoredObject } from '../stores/store.ts';

/**
 * Work of purges that outlives a request, as one object each in the result store: any machine finishes what another one that
 * stopped has left. A machine that works on a job holds it for a while (`heldUntil`) and prolongs that with its progress.
 */
const jobSchema = z.object({
  version: z.literal(1),
  id: z.string(),
  /** `again`: the second round of these originals. `ids`, `prefix`: purge them all; `again`: the second round of a folder. */
  task: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('again'), targets: z.array(z.object({ id: z.string(), cacheTag: z.string() })) }),
    z.object({ kind: z.literal('ids'), ids: z.array(z.string()) }),
    z.object({ kind: z.literal('prefix'), prefix: z.string(), again: z.boolean() }),
  ]),
  status: z.enum(['waiting', 'running', 'done', 'failed']),
  /** Ids purged so far; what `total` is, where it is known. */
  done: z.int(),
  failed: z.int(),
  attempts: z.int(),
  /** Unix milliseconds. */
  createdAt: z.int(),
  dueAt: z.int(),
  heldUntil: z.int(),
  holder: z.string(),
});
export type PurgeJob = z.output<typeof jobSchema>;
export type PurgeTask = PurgeJob['task'];

export interface PurgeJobs {
  /** Durable once it resolves. `inMs`: not before, in milliseconds from now. Rejects with the store's error. */
  submit(task: PurgeTask, inMs: number, signal: AbortSignal): Promise<PurgeJob>;
  find(id: string, signal: AbortSignal): Promise<PurgeJob | undefined>;
  /** Looks for jobs that are due and that no machine works on, and does them. Never rejects. */
  sweep(): Promise<void>;
  /** Sweeps now and then until closed. */
  start(): void;
  close(): void;
}

export interface PurgeJobsOptions {
  readonly results: ObjectStore;
  /** Does a job, from its beginning: all steps may be repeated. Throws when it is to be tried again. */
  work(task: PurgeTask, job: JobControl): Promise<void>;
  warn(what: string, key: string, reason: unknown): void;
  /** The wall clock in milliseconds. */
  now?(): number;
  /** Milliseconds on a clock that is never set. */
  monotonic?(): number;
}

/** What the work on a job is given. */
export interface JobControl {
  progress(done: number, failed: number): Promise<void>;
  /** A job that follows. */
  submit(task: PurgeTask, inMs: number): Promise<unknown>;
  readonly signal: AbortSignal;
}

const FOLDER = `${OWN_FOLDER}/jobs/`;
const SWEEP_MS = 60_000;
/** A machine that died holds its job this long. */
const HOLD_MS = 120_000;
const CALL_MS = 10_000;
/** With a pause of `HOLD_MS` between: an hour of a CDN that cannot be told. */
const ATTEMPTS = 30;
const KEEP_DONE_MS = 24 * 3_600_000;
const MAX_JOB_BYTES = 2 * 1024 * 1024;
const MAX_JOBS = 1000;

export function createPurgeJobs(options: PurgeJobsOptions): PurgeJobs {
  const { results, work, warn, now = Date.now, monotonic = () => performance.now() } = options;
  const me = randomUUID();
  const stop = new AbortController();
  const timers = new Set<NodeJS.Timeout>();
  /** When this machine first saw each job that waits, by its monotonic clock. */
  const waiting = new Map<string, number>();
  let sweeping: Promise<void> | undefined;

  const keyOf = (id: string) => `${FOLDER}${id}.json`;
  const call = () => AbortSignal.any([stop.signal, AbortSignal.timeout(CALL_MS)]);

  async function read(key: string, signal: AbortSignal): Promise<{ job: PurgeJob; etag: string } | undefined> {
    const object = await results.get(key, { signal, maxBytes: MAX_JOB_BYTES });
    const etag = object?.version?.etag;
    const parsed = object && jobSchema.safeParse(jsonOf(object.body));
    if (object && !parsed?.success) warn('a purge job cannot be read', key, parsed?.error);
    return parsed?.data && etag !== undefined ? { job: parsed.data, etag } : undefined;
  }

  /** Undefined when another machine was first. */
  async function write(job: PurgeJob, etag: string | undefined, signal: AbortSignal): Promise<string | undefined> {
    const condition = etag === undefined ? 'absent' : { etag };
    const outcome = await results.putIf(keyOf(job.id), toObject(job), condition, { signal });
    return outcome === 'conflict' ? undefined : outcome.etag;
  }

  /**
   * Milliseconds until a job is due. Counted from when this machine first saw it, because another machine's clock may be wrong
   * and a second round that comes too early is none.
   */
  function restOf(key: string, { createdAt, dueAt }: PurgeJob): number {
    const known = waiting.get(key);
    if (known === undefined) {
      waiting.set(key, monotonic());
      if (dueAt > createdAt) sweepIn(dueAt - createdAt + 1);
    }
    return dueAt - createdAt - (monotonic() - (known ?? monotonic()));
  }

  async function doIfDue(key: string): Promise<void> {
    const found = await read(key, call());
    if (!found) return;
    let { job, etag } = found;
    const over = job.status === 'done' || job.status === 'failed';
    if (over) {
      if (now() - job.createdAt > KEEP_DONE_MS) await results.delete(key, { signal: call() });
      return;
    }
    if (restOf(key, job) > 0) return;
    if (now() < job.heldUntil) return;
    let saved = Promise.resolve();
    /** One after the other: each names the version that the one before it wrote. */
    function save(change: Partial<PurgeJob>): Promise<void> {
      saved = saved.then(async () => {
        job = { ...job, ...change };
        const next = await write(job, etag, call());
        if (next === undefined) throw new Error('another machine took this job over');
        etag = next;
      });
      return saved;
    }
    const held = () => ({ heldUntil: now() + HOLD_MS, holder: me });
    await save({ status: 'running', attempts: job.attempts + 1, ...held() });
    try {
      const progress = (done: number, failed: number) => save({ done, failed, ...held() });
      const follow = (task: PurgeTask, inMs: number) => submit(task, inMs, call());
      await work(job.task, { progress, submit: follow, signal: stop.signal });
    } catch (reason) {
      warn('a purge job failed and will be tried again', job.id, reason);
      if (job.attempts >= ATTEMPTS) await save({ status: 'failed' });
      return;
    }
    // Its outcome stood in the answer of the purge; there is no status to ask for.
    if (job.task.kind === 'again') await results.delete(key, { signal: call() });
    else await save({ status: 'done', heldUntil: 0 });
  }

  async function sweepOnce(): Promise<void> {
    try {
      const listed = new Set<string>();
      for await (const keys of results.list(FOLDER, { signal: stop.signal })) {
        for (const key of keys) {
          if (listed.size === MAX_JOBS) break;
          listed.add(key);
          await doIfDue(key).catch((reason) => warn('a purge job could not be looked at', key, reason));
        }
      }
      for (const key of waiting.keys()) if (!listed.has(key)) waiting.delete(key);
    } catch (reason) {
      if (!stop.signal.aborted) warn('purge jobs cannot be listed', FOLDER, reason);
    }
  }

  function sweep(): Promise<void> {
    sweeping ??= sweepOnce().finally(() => {
      sweeping = undefined;
    });
    return sweeping;
  }

  function sweepIn(ms: number): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      // After one that is under way, which may have been past this job already.
      void Promise.resolve(sweeping).then(() => (stop.signal.aborted ? undefined : sweep()));
    }, ms).unref();
    timers.add(timer);
  }

  async function submit(task: PurgeTask, inMs: number, signal: AbortSignal): Promise<PurgeJob> {
    const id = randomBytes(16).toString('hex');
    const createdAt = now();
    const fresh = { status: 'waiting', done: 0, failed: 0, attempts: 0, heldUntil: 0, holder: '' } as const;
    const job: PurgeJob = { version: 1, id, task, ...fresh, createdAt, dueAt: createdAt + inMs };
    if ((await write(job, undefined, signal)) === undefined) throw new Error('the id of a new job is taken');
    waiting.set(keyOf(id), monotonic());
    sweepIn(inMs + 1);
    return job;
  }

  return {
    submit,
    find: async (id, signal) => (await read(keyOf(id), signal))?.job,
    sweep,
    start() {
      sweepIn(0);
      timers.add(setInterval(() => void sweep(), SWEEP_MS).unref());
    },
    close() {
      stop.abort(new Error('this machine stops'));
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

function toObject(job: PurgeJob): StoredObject {
  const body = Buffer.from(JSON.stringify(job));
  return { body, contentType: 'application/json', cacheControl: 'no-store', metadata: {} };
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
