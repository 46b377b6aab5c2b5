import type { WriteBehind } from '../flow/write-behind.ts';
import type { ObjectStore, StoredObject } from '../stores/store.ts';
import type { Epoch, Epochs } from './epochs.ts';

export interface EpochSave {
  readonly id: string;
  /** Under which the object was made; it stands in the object's metadata too. */
  readonly epoch: Epoch;
  readonly key: string;
  readonly object: StoredObject;
}

const MAX_OBJECT_BYTES = 64 * 1024 * 1024;

/**
 * Saves an object of an original behind the answer, if the original's record still tells the epoch that the object was made
 * under. The record is asked again after the write: a purge in between has listed the folder before the object was there.
 */
export function saveUnderEpoch(
  { results, saves, epochs }: { results: ObjectStore; saves: WriteBehind; epochs: Epochs },
  { id, epoch, key, object }: EpochSave,
): void {
  let mayBeThere = false;

  /** Only an object of the same epoch: another machine may have written a newer one under this key meanwhile. */
  async function takeBack(signal: AbortSignal): Promise<void> {
    const there = await results.get(key, { signal, maxBytes: MAX_OBJECT_BYTES });
    if (there?.metadata.epoch === epoch) await results.delete(key, { signal });
  }

  async function run(signal: AbortSignal): Promise<void> {
    if ((await epochs.confirm(id, signal)) !== epoch) return mayBeThere ? takeBack(signal) : undefined;
    // A failed write may have reached the store all the same.
    mayBeThere = true;
    await results.put(key, object, { signal });
    if ((await epochs.confirm(id, signal)) !== epoch) await takeBack(signal);
  }

  saves.add({ key, bytes: object.body.length, run });
}
