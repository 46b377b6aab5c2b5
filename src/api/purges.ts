import type { OriginalRecords } from '../originals/records/records.ts';
import { createBulkPurge } from './bulk-purge.ts';
import { createPurge, type Purge, type PurgeDeps } from './purge.ts';
import { createPurgeJobs } from './purge-jobs.ts';
import type { PurgeRoutesDeps } from './purge-routes.ts';

export interface PurgesOptions extends Omit<PurgeDeps, 'secondRound'> {
  readonly records: OriginalRecords;
  /** `DARKROOM_PURGE_WINDOW`, in milliseconds. */
  readonly windowMs: number;
  /** The wall clock in milliseconds. */
  now?(): number;
  /** Milliseconds on a clock that is never set; `performance.now` by default. */
  monotonic?(): number;
}

/** Everything that takes pictures down: one at once, many by jobs, and what an automatic new epoch leaves to be removed. */
export interface Purges extends PurgeRoutesDeps {
  readonly purge: Purge;
  /** The original was found replaced or gone: its renditions, the other machines and the CDN are to know. Never rejects. */
  cleanUp(id: string): Promise<void>;
}

const CLEAN_UP_MS = 60_000;

export function createPurges(options: PurgesOptions): Purges {
  const { results, windowMs } = options;
  // Without a store there is nothing to remove, and this process may stop before: then the CDN is told once only.
  const purge = createPurge({
    ...options,
    async secondRound(id, cacheTag) {
      const signal = AbortSignal.timeout(CLEAN_UP_MS);
      await jobs?.submit({ kind: 'again', targets: [{ id, cacheTag }] }, windowMs, signal);
    },
  });
  const bulk = results && createBulkPurge({ ...options, results, purge });
  const jobs = results && bulk && createPurgeJobs({ ...options, results, work: bulk.work });
  return {
    purge,
    bulk: bulk && jobs ? { purges: bulk, jobs } : undefined,
    async cleanUp(id) {
      await purge(id, { original: false, again: true, raised: true }, AbortSignal.timeout(CLEAN_UP_MS));
    },
  };
}
