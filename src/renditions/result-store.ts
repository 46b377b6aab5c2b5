import { startDeadline } from '../flow/deadline.ts';
import type { WriteBehind } from '../flow/write-behind.ts';
import type { ObjectStore, StoredObject } from '../stores/store.ts';
import type { StepTimer } from '../telemetry/step-timer.ts';
import type { Epoch, Epochs } from './epochs.ts';
import { fromStoredObject, type Rendition, toStoredObject } from './rendition.ts';
import { saveUnderEpoch } from './save-under-epoch.ts';

/**
 * Renditions, proxy images and metadata as the result store keeps them. The store is a convenience: an object that is missing,
 * damaged or out of reach is undefined, and no failure here fails a picture.
 */
export interface ResultStore {
  rendition(key: string, timer: StepTimer, abandoned: AbortSignal): Promise<Rendition | undefined>;
  /** An object that `parse` accepts; it returns undefined for a damaged one, which is deleted. */
  find<T>(
    key: string,
    timer: StepTimer,
    abandoned: AbortSignal,
    parse: (object: StoredObject) => T | undefined,
  ): Promise<T | undefined>;
  /** Saves behind the answer, unless the epoch of its original is over by then. */
  save(id: string, key: string, rendition: Rendition): void;
  /** The same for another object made under `epoch`, which stands in its metadata. */
  saveObject(id: string, key: string, epoch: Epoch, object: StoredObject): void;
}

export interface ResultStoreOptions {
  readonly results: ObjectStore;
  readonly saves: WriteBehind;
  readonly epochs: Epochs;
  warn(what: string, key: string, reason: unknown): void;
}

/**
 * How long a lookup may hold up a picture, in milliseconds. A store that takes longer is slower than most renders, so its
 * answer counts as "not there".
 */
const LOOKUP_MS = 1000;
/** A larger object is none of this server's renditions, and is not read. */
const MAX_RESULT_BYTES = 64 * 1024 * 1024;

export function createResultStore({ results, saves, epochs, warn }: ResultStoreOptions): ResultStore {
  async function find<T>(
    key: string,
    timer: StepTimer,
    abandoned: AbortSignal,
    parse: (object: StoredObject) => T | undefined,
  ): Promise<T | undefined> {
    using deadline = startDeadline(abandoned, LOOKUP_MS);
    const { signal } = deadline;
    try {
      const object = await timer.time('store', results.get(key, { signal, maxBytes: MAX_RESULT_BYTES }));
      const found = object && parse(object);
      if (object && !found) {
        // Deleted at once, because the render that replaces it may fail.
        warn('a stored result is damaged and will be replaced', key, undefined);
        await results.delete(key, { signal });
      }
      timer.note('store', found ? 'hit' : object ? 'damaged' : 'miss');
      return found;
    } catch (reason) {
      abandoned.throwIfAborted();
      warn('the result store cannot be read', key, reason);
      return undefined;
    }
  }

  function saveObject(id: string, key: string, epoch: Epoch, object: StoredObject): void {
    saveUnderEpoch({ results, saves, epochs }, { id, epoch, key, object });
  }

  return {
    rendition: (key, timer, abandoned) => find(key, timer, abandoned, fromStoredObject),
    find,
    save: (id, key, rendition) => saveObject(id, key, rendition.epoch, toStoredObject(rendition)),
    saveObject,
  };
}
