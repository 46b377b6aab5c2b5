import { errors } from '../errors.ts';
import type { ObjectReader, ReadOptions } from '../stores/store.ts';
import type { InputBuffers } from './buffer-pool.ts';
import { QUARANTINE } from './quarantine.ts';

/** An original in memory that is used again as soon as this is disposed of: dispose of it once nothing reads it. */
export interface HeldOriginal extends Disposable {
  readonly body: Buffer;
}

export interface OriginalReader {
  /** Throws `original_not_found`, for what is quarantined too, and the store's own errors. */
  read(id: string, options: Omit<ReadOptions, 'allocate'>): Promise<HeldOriginal>;
}

export function createOriginalReader(originals: ObjectReader, buffers: InputBuffers): OriginalReader {
  return {
    async read(id, options) {
      // What fails is not given back: something may be writing to it still.
      const object = id.startsWith(QUARANTINE)
        ? undefined
        : await originals.get(id, { ...options, allocate: buffers.take, bodyOnly: true });
      if (!object) throw errors.originalNotFound();
      const { body } = object;
      // Some origins announce nothing.
      options.onLength?.(body.length);
      return { body, [Symbol.dispose]: () => buffers.giveBack(body) };
    },
  };
}
