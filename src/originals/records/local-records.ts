import { LRUCache } from 'lru-cache';
import type { Epoch } from '../../renditions/epochs.ts';
import { emptyRecord, type OriginalRecord, patched, raised } from './record.ts';
import type { OriginalRecords } from './records.ts';

/** Far more purges than fit into the longest flight. */
const MAX_EPOCHS = 100_000;
/** At some 1.5 KB each. */
const MAX_RECORDS = 20_000;

/**
 * Records where no results are kept (`DARKROOM_RESULTS=none`): of this process alone. A purge holds for this process, and for
 * its peers when they are told; what each of them learned of an original stays with it.
 */
export function createLocalRecords({ onEpoch }: { onEpoch(id: string): void }): OriginalRecords {
  const epochs = new LRUCache<string, number>({ max: MAX_EPOCHS });
  const records = new LRUCache<string, OriginalRecord>({ max: MAX_RECORDS });
  // Counted for all ids together, so that an id whose epoch was evicted never gets an old one again.
  let count = 0;
  /** Of all ids: raised by the purge of a folder. */
  let floor = 0;

  const of = (id: string): Epoch => String(Math.max(floor, epochs.get(id) ?? 0));
  const known = (id: string) => records.get(id) ?? emptyRecord(id);
  const trusted = (id: string) => ({ epoch: of(id), current: true, seenAt: Date.now(), askedAt: Date.now() });

  function begin(id: string, record: OriginalRecord): void {
    count += 1;
    epochs.set(id, count);
    records.set(id, record);
    onEpoch(id);
  }

  return {
    ...{ of, known, trusted },
    see: async (id) => trusted(id),
    confirm: async (id) => of(id),
    mayServe: () => true,
    isRecent: () => true,
    learn(id, epoch, patch) {
      if (of(id) === epoch) records.set(id, patched(known(id), patch));
    },
    async raise(id, _signal, next = (record) => raised(record)) {
      const record = next(known(id), of(id));
      if (record) begin(id, record);
      return of(id);
    },
    async raiseFolder() {
      count += 1;
      floor = count;
      records.clear();
    },
    distrust: (id) => begin(id, emptyRecord(id)),
    distrustAll() {
      count += 1;
      floor = count;
      records.clear();
    },
  };
}
