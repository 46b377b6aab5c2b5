import { errors } from './errors.ts';
import type { ObjectReader, ReadOptions } from './stores/store.ts';
import { QUARANTINE } from './uploads/quarantine.ts';

/** The bytes of an original. Throws `original_not_found`, for what is quarantined too, and the store's own errors. */
export async function readOriginal(originals: ObjectReader, id: string, options: ReadOptions): Promise<Buffer> {
  const object = id.startsWith(QUARANTINE) ? undefined : await originals.get(id, options);
  if (!object) throw errors.originalNotFound();
  // Some origins announce nothing.
  options.onLength?.(object.body.length);
  return object.body;
}
