import { takenDown } from '../originals/records/record.ts';
import type { OriginalRecords } from '../originals/records/records.ts';
import { cacheTagOf, recordKey, renditionFolder } from '../renditions/keys.ts';
import type { RenditionCache } from '../renditions/memory-cache.ts';
import type { ObjectStore } from '../stores/store.ts';
import type { CdnPurge } from './cdn-purge.ts';
import type { Peers, PeersTold } from './peers.ts';

export interface PurgeDeps {
  readonly cache: RenditionCache;
  readonly records: OriginalRecords;
  /** Undefined with `DARKROOM_RESULTS=none`. */
  readonly results: ObjectStore | undefined;
  /** Undefined where originals cannot be deleted: they lie at an HTTP origin. */
  readonly originals: ObjectStore | undefined;
  /** Undefined without a CDN to tell. */
  readonly cdn: CdnPurge | undefined;
  /** Undefined without `DARKROOM_PEERS`. */
  readonly peers: Peers | undefined;
  /** Sees to it that what other machines save and send within the window goes too, after its end. */
  secondRound(id: string, cacheTag: string): Promise<void>;
  warn(what: string, key: string, reason: unknown): void;
}

/** A step of a purge, in the order they are tried. */
export type PurgeStep = 'record' | 'second_round' | 'original' | 'results';

/** What was there and is gone. */
export interface PurgeReport {
  readonly id: string;
  readonly cacheTag: string;
  readonly removed: {
    /** Renditions in the memory of this process. */
    readonly memory: number;
    /** Renditions and proxy images in the result store. */
    readonly results: number;
    /** Whether the original was there and was deleted. */
    readonly original: boolean;
  };
  /** Other machines that forgot it at once; the rest notice within the purge window. */
  readonly machines: PeersTold;
  /** `none` without a CDN; `failed` when it could not be told, after retries. */
  readonly cdn: 'purged' | 'failed' | 'none';
  /** Steps that failed: the purge is to be called again. */
  readonly failed: readonly PurgeStep[];
}

/** Never rejects: each step is tried and reported by itself. */
export type Purge = (id: string, options: PurgeOptions, signal: AbortSignal) => Promise<PurgeReport>;

export interface PurgeOptions {
  /** Whether the original goes too. */
  readonly original: boolean;
  /** Whether there is a second round after the window; where many are purged, one job does that for all. */
  readonly again: boolean;
  /** The new epoch began already: the original was found replaced. */
  readonly raised?: boolean;
}

/** Takes an image down on every machine. Idempotent. */
export function createPurge(deps: PurgeDeps): Purge {
  const { cache, records, results, originals, cdn, peers, warn } = deps;

  return async (id, { original, again, raised = false }, signal) => {
    const [folder, record, cacheTag] = [renditionFolder(id), recordKey(id), cacheTagOf(id)];
    const failed = new Set<PurgeStep>();
    async function step<T>(name: PurgeStep, work: () => Promise<T> | undefined): Promise<T | undefined> {
      try {
        return await work();
      } catch (reason) {
        failed.add(name);
        warn(`a purge could not do one of its steps: ${name}`, id, reason);
        return undefined;
      }
    }

    const memory = cache.countBelow(`${folder}/`);
    // Durably and first: what is made under the old epoch from here on is missing to every machine.
    if (!raised) await step('record', () => records.raise(id, signal));
    cache.deleteBelow(`${folder}/`);
    // Durable before anything else is tried: this machine may stop on the way.
    if (again) await step('second_round', () => deps.secondRound(id, cacheTag));
    const forget = () => peers?.tell({ ids: [id] }, signal);
    const told = forget();
    let gone = false;
    const wasThere = original
      ? await step('original', async () => {
          const there = (await originals?.head(id, { signal })) ?? 'missing';
          await originals?.delete(id, { signal });
          gone = originals !== undefined;
          return there !== 'missing';
        })
      : false;
    // Until then it could be read, and pictures be made of it under the new epoch: that one is over too.
    // Also where it was missing a moment ago: it may have come and gone since.
    // Its edit stayed until now, so that meanwhile nothing that was covered showed.
    if (original) await step('record', () => records.raise(id, signal, gone ? takenDown : undefined));
    // The window of the other machines begins anew too.
    if (original && again) await step('second_round', () => deps.secondRound(id, cacheTag));
    const toldAgain = original ? forget() : told;
    const keep = (key: string) => key === record;
    const removed = await step('results', () => results?.deleteAll(folder, { signal, keep }));
    await told;
    const machines = (await toldAgain) ?? { told: 0, failed: 0 };
    // Last: until then the CDN would fetch the old picture again.
    const cdnTold = cdn ? await cdn(id, cacheTag, signal) : 'none';
    return {
      id,
      cacheTag,
      removed: { memory, results: removed ?? 0, original: wasThere ?? false },
      ...{ machines, cdn: cdnTold, failed: [...failed] },
    };
  };
}
