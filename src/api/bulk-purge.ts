import type { OriginalRecords } from '../originals/records/records.ts';
import { cacheTagOf, folderTagOf, recordKey, renditionFolder } from '../renditions/keys.ts';
import type { RenditionCache } from '../renditions/memory-cache.ts';
import type { ObjectStore } from '../stores/store.ts';
import type { CdnPurge } from './cdn-purge.ts';
import type { Peers } from './peers.ts';
import type { Purge } from './purge.ts';
import type { JobControl, PurgeTask } from './purge-jobs.ts';

export interface BulkPurgeDeps {
  readonly cache: RenditionCache;
  readonly records: OriginalRecords;
  readonly results: ObjectStore;
  readonly purge: Purge;
  readonly cdn: CdnPurge | undefined;
  readonly peers: Peers | undefined;
  /** After this, no machine trusts what it held before, in milliseconds: then the second round begins. */
  readonly windowMs: number;
}

export interface BulkPurge {
  /** How many originals have something in the result store below this folder. */
  count(prefix: string, signal: AbortSignal): Promise<number>;
  /** Begins a new epoch for the folder, durably, and has all machines forget. What it holds is removed by the job behind. */
  begin(prefix: string, signal: AbortSignal): Promise<void>;
  /** Does a job of purge-jobs.ts. */
  work(task: PurgeTask, job: JobControl): Promise<void>;
}

interface CdnTarget {
  readonly id: string;
  readonly cacheTag: string;
}

const AT_A_TIME = 8;
const PROGRESS_EVERY = 50;
/** Where a folder's name is shortened, see keys.ts: a longer prefix cannot be told by it. */
const COMPARABLE_LENGTH = 575;
const RECORD = '/original.json';

export function createBulkPurge(deps: BulkPurgeDeps): BulkPurge {
  const { cache, records, results, purge, cdn, peers, windowMs } = deps;

  /** Keys in the result store below a folder of ids, with the folder of their original. */
  async function* keysBelow(prefix: string, signal: AbortSignal) {
    const encoded = encodeURIComponent(prefix).slice(0, COMPARABLE_LENGTH);
    for await (const keys of results.list(encoded, { signal }))
      yield keys.map((key) => ({ key, folder: key.slice(0, key.indexOf('/')) }));
  }

  async function tellCdn(targets: readonly CdnTarget[], signal: AbortSignal): Promise<void> {
    await eachOf(targets, signal, async ({ id, cacheTag }) => {
      if (cdn && (await cdn(id, cacheTag, signal)) === 'failed') throw new Error('the CDN could not be told');
    });
  }

  async function purgeIds(ids: readonly string[], { progress, submit, signal }: JobControl): Promise<void> {
    let [done, failed] = [0, 0];
    await eachOf(ids, signal, async (id) => {
      const report = await purge(id, { original: false, again: false }, signal);
      if (report.failed.length > 0) failed += 1;
      done += 1;
      if (done % PROGRESS_EVERY === 0) await progress(done, failed);
    });
    await progress(done, failed);
    if (failed > 0) throw new Error(`${failed} of ${done} originals could not be purged`);
    const targets = ids.map((id) => ({ id, cacheTag: cacheTagOf(id) }));
    await submit({ kind: 'again', targets }, windowMs);
  }

  /** What other machines saved, or left half-saved when they stopped, and sent within the window. */
  async function purgeAgain(targets: readonly CdnTarget[], signal: AbortSignal): Promise<void> {
    await eachOf(targets, signal, async ({ id }) => {
      const record = recordKey(id);
      await results.deleteAll(renditionFolder(id), { signal, keep: (key) => key === record });
    });
    await tellCdn(targets, signal);
  }

  async function purgeFolder(prefix: string, { progress, signal }: JobControl): Promise<void> {
    const folders = new Set<string>();
    for await (const page of keysBelow(prefix, signal)) {
      for (const { folder } of page) folders.add(folder);
      // The records stay: their epochs must not fall.
      const removable = page.filter(({ key }) => !key.endsWith(RECORD));
      await eachOf(removable, signal, ({ key }) => results.delete(key, { signal }));
      await progress(folders.size, 0);
    }
    const cacheTag = folderTagOf(prefix);
    if (cacheTag) return tellCdn([{ id: prefix, cacheTag }], signal);
    // Below the fourth level no folder has a tag, so the CDN is told of each original.
    const ids = [...folders].filter((folder) => !folder.includes('+')).map(decodeURIComponent);
    await tellCdn(
      ids.map((id) => ({ id, cacheTag: cacheTagOf(id) })),
      signal,
    );
  }

  return {
    async count(prefix, signal) {
      const folders = new Set<string>();
      for await (const page of keysBelow(prefix, signal)) for (const { folder } of page) folders.add(folder);
      return folders.size;
    },
    async begin(prefix, signal) {
      await records.raiseFolder(prefix, signal);
      cache.deleteBelow(encodeURIComponent(prefix));
      await peers?.tell({ prefix }, signal);
    },
    async work(task, job) {
      if (task.kind === 'again') return purgeAgain(task.targets, job.signal);
      if (task.kind === 'ids') return purgeIds(task.ids, job);
      await purgeFolder(task.prefix, job);
      if (!task.again) await job.submit({ ...task, again: true }, windowMs);
    },
  };
}

/** A few at a time, until the first failure. */
async function eachOf<T>(items: readonly T[], signal: AbortSignal, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const next = async () => {
    for (const item of left) {
      signal.throwIfAborted();
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, next));
}
