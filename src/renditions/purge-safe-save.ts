import type { WriteBehind } from '../flow/write-behind.ts';
import type { ObjectStore, StoredObject } from '../stores/store.ts';
import type { Generations } from './purge-epochs.ts';

export interface PurgeableSave {
  readonly id: string;
  /** Of the id, noted before anything was read that the object is made of. */
  readonly generation: number;
  readonly key: string;
  readonly bytes: number;
  /** Asked for when its turn comes; undefined when there is nothing to save any more. */
  object(): StoredObject | undefined;
}

/** Saves something of an id behind the answer. Of what was purged since its generation, nothing is left in the store. */
export function saveUnlessPurged(
  { results, saves, generations }: { results: ObjectStore; saves: WriteBehind; generations: Generations },
  { id, generation, key, bytes, object }: PurgeableSave,
): void {
  const run = async (signal: AbortSignal) => {
    const current = generations.of(id) === generation ? object() : undefined;
    if (!current) return;
    try {
      await results.put(key, current, { signal });
    } finally {
      // A purge that came in between has already looked; this one was too late for it, and may be there though it failed.
      if (generations.of(id) !== generation) await results.delete(key, { signal });
    }
  };
  saves.add({ key, bytes, run });
}
