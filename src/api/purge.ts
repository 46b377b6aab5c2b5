import type { DecodeCache } from '../originals/decode-cache.ts';
import type { OriginalMetadata } from '../originals/metadata.ts';
import type { RenditionCache } from '../renditions/memory-cache.ts';
import type { PurgeEpochs } from '../renditions/purge-epochs.ts';
import { cacheTagOf, renditionFolder } from '../renditions/rendition.ts';
import type { ObjectStore } from '../stores/store.ts';
import type { CdnPurge } from './cdn-purge.ts';

export interface PurgeDeps {
  readonly cache: RenditionCache;
  readonly decodes: DecodeCache;
  readonly epochs: PurgeEpochs;
  readonly metadata: OriginalMetadata;
  /** Undefined where nothing is kept. */
  readonly results: ObjectStore | undefined;
  /** Undefined where originals cannot be deleted: they lie at an HTTP origin. */
  readonly originals: ObjectStore | undefined;
  /** Undefined without a CDN to tell. */
  readonly cdn: CdnPurge | undefined;
}

/** What was there and is gone. Counts are of this process and of the stores; other processes keep their own memory. */
export interface PurgeReport {
  readonly id: string;
  readonly cacheTag: string;
  readonly removed: {
    /** Renditions in memory. */
    readonly memory: number;
    /** Renditions and what was known about the original, in the result store. */
    readonly results: number;
    /** Whether deletion of the original was asked for and done. */
    readonly original: boolean;
  };
  /** `none` without a CDN; `failed` when it could not be told, after retries: what it holds may live on. */
  readonly cdn: 'purged' | 'failed' | 'none';
}

export type Purge = (id: string, options: { original: boolean }, signal: AbortSignal) => Promise<PurgeReport>;

/** Takes an image down everywhere. Idempotent. Rejects with a store's error when a store cannot be emptied. */
export function createPurge({ cache, decodes, epochs, metadata, results, originals, cdn }: PurgeDeps): Purge {
  return async (id, { original }, signal) => {
    const folder = renditionFolder(id);
    const forget = () => {
      epochs.raise(id);
      metadata.forget(id);
      decodes.forget(id);
      return cache.deleteFolder(folder);
    };
    let memory = forget();
    // The original first, so that nothing is made of it again while its renditions go.
    if (original) await originals?.delete(id, { signal });
    const stored = (await results?.deleteAll(folder, { signal })) ?? 0;
    // What was read from the store while it was being emptied.
    memory += forget();
    const cacheTag = cacheTagOf(id);
    const told = cdn ? await cdn(id, cacheTag, signal) : 'none';
    return {
      id,
      cacheTag,
      removed: { memory, results: stored, original: original && originals !== undefined },
      cdn: told,
    };
  };
}
