import { errors } from '../errors.ts';
import type { Epoch } from '../renditions/epochs.ts';
import type { ObjectReader, ReadOptions } from '../stores/store.ts';
import type { BufferPool } from './buffer-pool.ts';
import { QUARANTINE } from './quarantine.ts';
import type { Replacements } from './records/replacements.ts';

/** An original in pooled memory, which is used again after this is disposed of: dispose of it once nothing reads it. */
export interface HeldOriginal extends Disposable {
  readonly body: Buffer;
  /** Unix milliseconds, from before the store was asked. */
  readonly readAt: number;
  /**
   * The epoch that these bytes belong to: the one given to `read`, or a new one where they replaced the bytes that the record
   * knows. Undefined when that cannot be told now: then nothing made of them may be kept.
   */
  readonly epoch: Promise<Epoch | undefined>;
}

export interface OriginalReader {
  /**
   * `epoch`: of the record, before the read. Throws `original_not_found`, for what is quarantined too, and the store's own
   * errors.
   */
  read(id: string, epoch: Epoch, options: Omit<ReadOptions, 'allocate'>): Promise<HeldOriginal>;
  /** False where the store says that there is none, and for what is quarantined. Rejects with the store's errors. */
  mayExist(id: string, signal: AbortSignal): Promise<boolean>;
}

export interface OriginalReaderDeps {
  readonly originals: ObjectReader;
  readonly buffers: BufferPool;
  readonly replacements: Replacements;
  /** The wall clock in milliseconds. */
  now?(): number;
}

export function createOriginalReader(deps: OriginalReaderDeps): OriginalReader {
  const { originals, buffers, replacements, now = Date.now } = deps;
  return {
    mayExist: async (id, signal) => !id.startsWith(QUARANTINE) && (await originals.head(id, { signal })) !== 'missing',
    async read(id, epoch, options) {
      const readAt = now();
      // After a failed read the buffer is not pooled: an aborted read may still write into it.
      const object = id.startsWith(QUARANTINE)
        ? undefined
        : await originals.get(id, { ...options, allocate: buffers.take, bodyOnly: true });
      if (!object) throw errors.originalNotFound();
      const { body, version } = object;
      // Some origins announce no length.
      options.onLength?.(body.length);
      // The digest reads the body in later turns, so the buffer is pooled after that.
      const told = replacements.notice(id, epoch, body, version);
      return {
        ...{ body, readAt, epoch: told },
        [Symbol.dispose]: () => void told.finally(() => buffers.giveBack(body)),
      };
    },
  };
}
