import { OWN_FOLDER, recordKey } from '../../src/renditions/keys.ts';
import type { ObjectReceiver } from '../../src/stores/object-receiver.ts';
import { announce } from '../../src/stores/shared/time-limit.ts';
import type { BodyLimits, ObjectStore, ObjectVersion, StoredObject } from '../../src/stores/store.ts';

type Held = 'get' | 'head' | 'list' | 'put' | 'delete' | 'deleteAll';

/** Objects in a map, with every call counted and each kind of call holdable, so that tests can order events. */
export function createMemoryStore(seed: Readonly<Record<string, Buffer>> = {}, now = Date.now) {
  const objects = new Map<string, StoredObject>();
  const calls: string[] = [];
  /** Awaited before the named kind of call; throw in it to fail the call. Conditional calls are held as the others. */
  const hold: { [kind in Held]?: (key: string) => Promise<void> } = {};
  /** Of the objects that tests put into the map themselves, too: each has a version from when it is first seen. */
  const versions = new WeakMap<StoredObject, ReturnType<typeof versionOf>>();
  let written = 0;
  for (const [key, body] of Object.entries(seed)) {
    objects.set(key, { body, contentType: undefined, cacheControl: undefined, metadata: {} });
  }

  function versionOf(object: StoredObject): ObjectVersion & { readonly etag: string } {
    const known = versions.get(object);
    if (known) return known;
    written += 1;
    const version = { etag: `"memory-${written}"`, bytes: object.body.length, lastModified: now() };
    versions.set(object, version);
    return version;
  }

  async function begin(kind: Held, call: string, key: string, signal: AbortSignal): Promise<void> {
    calls.push(`${call} ${key}`);
    signal.throwIfAborted();
    const holding = hold[kind]?.(key);
    await (holding && Promise.race([holding, untilAborted(signal)]));
    signal.throwIfAborted();
  }

  function find(key: string): StoredObject | undefined {
    const object = objects.get(key);
    return object && { ...object, version: versionOf(object) };
  }

  function read(key: string, limits: BodyLimits): StoredObject | undefined {
    const object = find(key);
    if (!object) return undefined;
    announce(object.body.length, limits);
    const memory = limits.allocate?.(object.body.length);
    object.body.copy(memory ?? Buffer.alloc(0));
    return { ...object, body: memory ?? object.body };
  }

  const store: ObjectStore = {
    async get(key, { signal, ...limits }) {
      await begin('get', 'get', key, signal);
      return read(key, limits);
    },
    async getIfChanged(key, etag, { signal, ...limits }) {
      await begin('get', 'getIfChanged', key, signal);
      return find(key)?.version?.etag === etag ? 'unchanged' : read(key, limits);
    },
    async head(key, { signal }) {
      await begin('head', 'head', key, signal);
      return find(key)?.version ?? 'missing';
    },
    async put(key, { version: _, ...object }, { signal }) {
      await begin('put', 'put', key, signal);
      objects.set(key, object);
    },
    async putIf(key, { version: _, ...object }, condition, { signal }) {
      await begin('put', 'putIf', key, signal);
      const etag = find(key)?.version?.etag;
      if (condition === 'absent' ? etag !== undefined : etag !== condition.etag) return 'conflict';
      objects.set(key, object);
      return { etag: versionOf(object).etag };
    },
    async delete(key, { signal }) {
      await begin('delete', 'delete', key, signal);
      objects.delete(key);
    },
    async *list(prefix, { signal }) {
      await begin('list', 'list', prefix, signal);
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix));
      for (let from = 0; from < keys.length; from += 1000) yield keys.slice(from, from + 1000);
    },
    async deleteAll(folder, { signal, keep = () => false }) {
      await begin('deleteAll', 'deleteAll', folder, signal);
      const keys = [...objects.keys()].filter((key) => key.startsWith(`${folder}/`) && !keep(key));
      for (const key of keys) objects.delete(key);
      return keys.length;
    },
    async check({ signal }) {
      signal.throwIfAborted();
      return { usable: true };
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
    /** Calls of this kind, a name of the store's methods. */
    count: (kind: string) => calls.filter((call) => call.startsWith(`${kind} `)).length,
  };
}

/** Uploads into a store of a test. For tests of uploads themselves there is `createFolderOriginals`. */
export function receiverInto(store: ObjectStore): ObjectReceiver {
  return {
    async receive(key, body, { contentType, signal }) {
      if (await store.get(key, { signal, maxBytes: Number.MAX_SAFE_INTEGER })) return false;
      const copies: Buffer[] = [];
      for await (const chunk of body) copies.push(Buffer.from(chunk));
      const object = { body: Buffer.concat(copies), contentType, cacheControl: undefined, metadata: {} };
      await store.put(key, object, { signal });
      return true;
    },
  };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  const aborted = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true });
  aborted.promise.catch(() => {});
  return aborted.promise;
}
