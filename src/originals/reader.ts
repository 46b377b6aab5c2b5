import { errors } from '../errors.ts';
import type { ObjectReader, ReadOptions } from '../stores/store.ts';
import type { InputBuffers } from './buffer-pool.ts';
import { QUARANTINE } from './quarantine.ts';

/** An original in pooled memory. Dispose of it once nothing reads `body` any more: the memory is then used for another one. */
export interface HeldOriginal extends Disposable {
  readonly body: Buffer;
}

export interface OriginalReader {
  /** Throws `original_not_found`, for quarantined originals too, and the store's own errors. */
  read(id: string, options: Omit<ReadOptions, 'allocate'>): Promise<HeldOriginal>;
}

export function createOriginalReader(originals: ObjectReader, buffers: InputBuffers): OriginalReader {
  return {
    async read(id, options) {
      // On error the buffer is not pooled: an aborted read may still write into it.
      const object = id.startsWith(QUARANTINE)
        ? undefined
        : await originals.get(id, { ...options, allocate: buffers.take, bodyOnly: true });
      if (!object) throw errors.originalNotFound();
      const { body } = object;
      // Some origins announce no length.
      options.onLength?.(body.length);
      return { body, [Symbol.dispose]: () => buffers.giveBack(body) };
    },
  };
}
