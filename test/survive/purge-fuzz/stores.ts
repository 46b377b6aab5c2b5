import type { ObjectStore, StoredObject } from '../../../src/stores/store.ts';
import type { createMemoryStore } from '../../helpers/memory-store.ts';
import type { Link } from './network.ts';

export type MemoryStore = ReturnType<typeof createMemoryStore>;

/** A store waits for whatever comes; its callers do not. A signal for each call, because listeners stay with it. */
const patient = () => ({ signal: new AbortController().signal });
/** Of a page of a listing. */
const PAGE = 3;

/** A shared store as one machine reaches it. A listing comes by pages, and what is deleted together goes one by one. */
export function remoteStore({ store }: MemoryStore, link: Link): ObjectStore {
  const keysBelow = async (prefix: string) => {
    for await (const keys of store.list(prefix, patient())) return keys;
    return [];
  };
  const remote: ObjectStore = {
    get: (key, { signal, maxBytes }) => link.call(() => store.get(key, { ...patient(), maxBytes }), signal),
    getIfChanged: (key, etag, { signal, maxBytes }) =>
      link.call(() => store.getIfChanged(key, etag, { ...patient(), maxBytes }), signal),
    head: (key, { signal }) => link.call(() => store.head(key, patient()), signal),
    put: (key, object, { signal }) => link.call(() => store.put(key, object, patient()), signal),
    putIf: (key, object, condition, { signal }) =>
      link.call(() => store.putIf(key, object, condition, patient()), signal),
    delete: (key, { signal }) => link.call(() => store.delete(key, patient()), signal),
    async deleteAll(folder, { signal, keep = () => false }) {
      const keys = await link.call(() => keysBelow(`${folder}/`), signal);
      const going = keys.filter((key) => !keep(key));
      for (const key of going) await remote.delete(key, { signal });
      return going.length;
    },
    async *list(prefix, { signal }) {
      const keys = await link.call(() => keysBelow(prefix), signal);
      for (let at = 0; at < keys.length; at += PAGE) {
        if (at > 0) await link.call(() => {}, signal);
        yield keys.slice(at, at + PAGE);
      }
    },
    check: async () => ({ usable: true }),
    close: async () => {},
  };
  return remote;
}

export interface OriginalsHooks {
  /** By this buffer it is told later where bytes came from: each read has one of its own. */
  readonly onRead: (key: string, body: Buffer) => void;
  /** An original that was there was deleted, for the request of this number. */
  readonly onDelete: (key: string, request: string | undefined) => void;
  /** For which request this code runs. */
  readonly requestOf: () => string | undefined;
}

/** The originals as one machine reaches them. */
export function remoteOriginals(memory: MemoryStore, link: Link, hooks: OriginalsHooks): ObjectStore {
  const { store } = memory;
  return {
    ...remoteStore(memory, link),
    delete(key, { signal }) {
      const request = hooks.requestOf();
      return link.call(async () => {
        if (memory.objects.has(key)) hooks.onDelete(key, request);
        await store.delete(key, patient());
      }, signal);
    },
    get: (key, { signal, maxBytes, onLength, allocate = Buffer.allocUnsafeSlow }) =>
      link.call(async (): Promise<StoredObject | undefined> => {
        const found = await store.get(key, { ...patient(), maxBytes });
        if (!found) return undefined;
        onLength?.(found.body.length);
        const body = allocate(found.body.length);
        found.body.copy(body);
        hooks.onRead(key, body);
        return { ...found, body };
      }, signal),
  };
}
