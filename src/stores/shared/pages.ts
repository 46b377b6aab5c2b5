import { errors } from '../../errors.ts';
import type { DeleteAllOptions, ObjectStore } from '../store.ts';

/** The same pages, each fetched by `around`. */
export async function* aroundEachPage<T>(
  pages: AsyncIterable<T>,
  around: (next: () => Promise<IteratorResult<T>>) => Promise<IteratorResult<T>>,
): AsyncGenerator<T> {
  const iterator = pages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const page = await around(() => iterator.next());
      if (page.done) return;
      yield page.value;
    }
  } finally {
    await iterator.return?.();
  }
}

const DELETES_AT_A_TIME = 16;
const MOST_PASSES = 10;

/**
 * Deletes in passes all that a store lists below a folder; resolves with the number of keys deleted. Throws `store_failed`
 * when all that a pass deleted is listed by the next one, and when other objects appear for ten passes.
 */
export async function deleteListed(
  store: Pick<ObjectStore, 'list' | 'delete'>,
  folder: string,
  { signal, keep = () => false }: DeleteAllOptions,
): Promise<number> {
  const all = new Set<string>();
  let last = new Set<string>();
  for (let pass = 0; pass < MOST_PASSES; pass += 1) {
    const listed = new Set<string>();
    for await (const page of store.list(`${folder}/`, { signal })) {
      const keys = page.filter((key) => !keep(key));
      for (const key of keys) listed.add(key);
      const next = async () => {
        for (let key = keys.pop(); key !== undefined; key = keys.pop()) await store.delete(key, { signal });
      };
      await Promise.all(Array.from({ length: DELETES_AT_A_TIME }, next));
    }
    if (listed.size === 0) return all.size;
    if (last.size > 0 && Array.from(last).every((key) => listed.has(key)))
      throw errors.storeFailed(new Error('deleted objects are still listed'));
    for (const key of listed) all.add(key);
    last = listed;
  }
  throw errors.storeFailed(new Error('objects are written while their folder is deleted'));
}
