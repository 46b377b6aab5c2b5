import { createHash } from 'node:crypto';
import { OWN_FOLDER, recordKey } from '../../src/renditions/keys.ts';
import type { ObjectStore, ObjectVersion, StoredObject } from '../../src/stores/store.ts';

/** Objects in a map, with every call counted and each kind of call holdable, so that tests can order events. */
export function createMemoryStore(seed: Readonly<Record<string, Buffer>> = {}) {
  const objects = new Map<string, StoredObject>();
  const calls: string[] = [];
  /** Awaited before the named kind of call; throw in it to fail the call. */
  const hold: { get?: (key: string) => Promise<void>; put?: (key: string) => Promise<void> } = {};
  for (const [key, body] of Object.entries(seed)) {
    objects.set(key, { body, contentType: undefined, cacheControl: undefined, metadata: {} });
  }

  const set = (key: string, object: StoredObject) => {
    objects.set(key, object);
    return object;
  };

  const store: ObjectStore = {
    async get(key, { signal }) {
      calls.push(`get ${key}`);
      await Promise.race([hold.get?.(key), untilAborted(signal)].slice(0, hold.get ? 2 : 1));
      const found = objects.get(key);
      return found && { ...found, version: versionOf(found) };
    },
    async put(key, object) {
      calls.push(`put ${key}`);
      await hold.put?.(key);
      set(key, object);
    },
    async getIfChanged(key, etag, options) {
      calls.push(`getIfChanged ${key}`);
      await Promise.race([hold.get?.(key), untilAborted(options.signal)].slice(0, hold.get ? 2 : 1));
      const found = objects.get(key);
      return found && versionOf(found).etag === etag ? 'unchanged' : found && { ...found, version: versionOf(found) };
    },
    async putIf(key, object, condition) {
      calls.push(`putIf ${key}`);
      await hold.put?.(key);
      const there = objects.get(key);
      const met = condition === 'absent' ? !there : there !== undefined && versionOf(there).etag === condition.etag;
      if (!met) return 'conflict';
      return { etag: versionOf(set(key, object)).etag ?? '' };
    },
    async head(key) {
      calls.push(`head ${key}`);
      const found = objects.get(key);
      return found ? versionOf(found) : 'missing';
    },
    check: async () => ({ usable: true }),
    async *list(prefix) {
      calls.push(`list ${prefix}`);
      yield [...objects.keys()].filter((key) => key.startsWith(prefix));
    },
    async delete(key) {
      calls.push(`delete ${key}`);
      objects.delete(key);
    },
    async deleteAll(folder, { keep = () => false }) {
      calls.push(`deleteAll ${folder}`);
      const keys = [...objects.keys()].filter((key) => key.startsWith(`${folder}/`) && !keep(key));
      for (const key of keys) objects.delete(key);
      return keys.length;
    },
    async close() {},
  };
  return {
    store,
    objects,
    calls,
    hold,
    /** Keys of renditions and proxy images: all but records and the server's own objects. */
    made: () => [...objects.keys()].filter((key) => !key.endsWith('/original.json') && !key.startsWith(OWN_FOLDER)),
    // biome-ignore lint/suspicious/noExplicitAny: what a record says is checked field by field
    record: (id: string): any => JSON.parse(objects.get(recordKey(id))?.body.toString() ?? 'null'),
    count: (kind: string) => calls.filter((call) => call.startsWith(`${kind} `)).length,
  };
}

/** By content, as S3 does it. */
function versionOf({ body, contentType, metadata }: StoredObject): ObjectVersion {
  const text = JSON.stringify([contentType, metadata]);
  const digest = createHash('md5').update(body).update(text).digest('hex');
  return { etag: `"${digest}"`, bytes: body.length, lastModified: undefined };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true });
  aborted.promise.catch(() => {});
  return aborted.promise;
}
