import type { ObjectReceiver } from '../../src/stores/object-receiver.ts';
import type { ObjectStore, StoredObject } from '../../src/stores/store.ts';

/** Objects in a map, with every call counted and each kind of call holdable, so that tests can order events. */
export function createMemoryStore(seed: Readonly<Record<string, Buffer>> = {}) {
  const objects = new Map<string, StoredObject>();
  const calls: string[] = [];
  /** Awaited before the named kind of call; throw in it to fail the call. */
  const hold: { get?: (key: string) => Promise<void>; put?: (key: string) => Promise<void> } = {};
  for (const [key, body] of Object.entries(seed)) {
    objects.set(key, { body, contentType: undefined, cacheControl: undefined, metadata: {} });
  }

  const store: ObjectStore = {
    async get(key, { signal }) {
      calls.push(`get ${key}`);
      await Promise.race([hold.get?.(key), untilAborted(signal)].slice(0, hold.get ? 2 : 1));
      return objects.get(key);
    },
    async put(key, object) {
      calls.push(`put ${key}`);
      await hold.put?.(key);
      objects.set(key, object);
    },
    async delete(key) {
      calls.push(`delete ${key}`);
      objects.delete(key);
    },
    async deleteAll(folder) {
      calls.push(`deleteAll ${folder}`);
      const keys = [...objects.keys()].filter((key) => key.startsWith(`${folder}/`));
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
      await store.put(
        key,
        { body: Buffer.concat(copies), contentType, cacheControl: undefined, metadata: {} },
        { signal },
      );
      return true;
    },
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true });
  aborted.promise.catch(() => {});
  return aborted.promise;
}
