/** Counts in an object by read and conditional write. Run as a process: a folder and how often, as arguments. */
import { createFolderStore } from '../../src/stores/folder/folder-store.ts';
import type { ObjectStore } from '../../src/stores/store.ts';

const KEY = 'counter.json';
const live = () => ({ signal: new AbortController().signal, maxBytes: 1000 });

/** Adds one so many times, one after another; resolves with the number of conflicts on the way. */
export async function count(store: ObjectStore, times: number): Promise<number> {
  let conflicts = 0;
  for (let done = 0; done < times; ) {
    const found = await store.get(KEY, live());
    const etag = found?.version?.etag;
    const body = Buffer.from(String(Number(found?.body ?? 0) + 1));
    const object = { body, contentType: 'text/plain', cacheControl: undefined, metadata: {} };
    const outcome = await store.putIf(KEY, object, etag === undefined ? 'absent' : { etag }, live());
    if (outcome === 'conflict') conflicts += 1;
    else done += 1;
  }
  return conflicts;
}

export async function counted(store: ObjectStore): Promise<number> {
  return Number((await store.get(KEY, live()))?.body ?? 0);
}

if (import.meta.main) {
  const [, , root = '', times = '', metadataIn = 'trailer'] = process.argv;
  const store = createFolderStore({
    ...{ root, timeoutMs: 60_000 },
    metadataIn: metadataIn === 'sidecar' ? 'sidecar' : 'trailer',
  });
  process.stdout.write(String(await count(store, Number(times))));
}
