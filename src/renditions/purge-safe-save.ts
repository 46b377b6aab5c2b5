import type { WriteBehind } from '../flow/write-behind.ts';
import type { ObjectStore, StoredObject } from '../stores/store.ts';
import type { PurgeEpochs } from './purge-epochs.ts';

export interface PurgeableSave {
  readonly id: string;
  /** Of the id, noted before anything was read that the object is made of. */
  readonly epoch: number;
  readonly key: string;
  readonly bytes: number;
  /** Asked for when its turn comes; undefined when there is nothing to save any more. */
  object(): StoredObject | undefined;
}

/** Saves something of an id behind the answer. Of what was purged since its epoch, nothing is left in the store. */
export function saveUnlessPurged(
  { results, saves, epochs }: { results: ObjectStore; saves: WriteBehind; epochs: PurgeEpochs },
  { id, epoch, key, bytes, object }: PurgeableSave,
): void {
  const run = async (signal: AbortSignal) => {
    const current = epochs.of(id) === epoch ? object() : undefined;
    if (!current) return;
    try {
      await results.put(key, current, { signal });
    } finally {
      // A purge that came in between has already looked; this one was too late for it, and may be there though it failed.
      if (epochs.of(id) !== epoch) await results.delete(key, { signal });
    }
  };
  saves.add({ key, bytes, run });
}
