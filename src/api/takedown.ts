import type { DecodeCache } from '../originals/decode-cache.ts';
import { createLocalRecords } from '../originals/records/local-records.ts';
import { createOriginalRecords, type OriginalRecords, type RecordsOptions } from '../originals/records/records.ts';
import { createReplacements, type Replacements } from '../originals/records/replacements.ts';
import type { Epoch } from '../renditions/epochs.ts';
import { renditionFolder } from '../renditions/keys.ts';
import type { RenditionCache } from '../renditions/memory-cache.ts';
import type { ObjectStore } from '../stores/store.ts';
import { createPurges, type Purges, type PurgesOptions } from './purges.ts';

export interface TakedownOptions
  extends Omit<PurgesOptions, 'records' | 'results'>,
    Omit<RecordsOptions, 'results' | 'onEpoch' | 'onContradiction'> {
  readonly cache: RenditionCache;
  readonly decodes: DecodeCache;
  /** Undefined with `DARKROOM_RESULTS=none`. */
  readonly results: ObjectStore | undefined;
  onReplacement?(outcome: 'noticed' | 'limited'): void;
}

/** One truth about each original: its record, who notices that it changed, and what takes it down on every machine. */
export interface Takedown {
  readonly records: OriginalRecords;
  readonly replacements: Replacements;
  readonly purges: Purges;
}

export function createTakedown(options: TakedownOptions): Takedown {
  const { cache, decodes, results, warn, onReplacement } = options;
  const onEpoch = (id: string) => {
    decodes.forget(id);
    cache.deleteBelow(`${renditionFolder(id)}/`);
  };
  const onContradiction = (id: string, epoch: Epoch) => void replacements.contradicted(id, epoch);
  const records = results
    ? createOriginalRecords({ ...options, results, onEpoch, onContradiction })
    : createLocalRecords({ onEpoch });
  const purges = createPurges({ ...options, records });
  const replacements = createReplacements({
    ...{ ...options, records },
    onReplaced(id) {
      onReplacement?.('noticed');
      warn('an original was replaced: what was made of it goes', id, undefined);
      void purges.cleanUp(id);
    },
    onLimited: () => onReplacement?.('limited'),
  });
  return { records, replacements, purges };
}
