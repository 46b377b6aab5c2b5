import { foldersOf, OWN_FOLDER } from '../../renditions/keys.ts';
import type { ObjectStore } from '../../stores/store.ts';

/**
 * Purges of whole folders of ids, as one object that all machines share: an id without a record of its own is covered too.
 * `prefixes` maps a folder (`seller/42/`) to the count of prefix purges when it was purged last.
 */
interface PrefixIndex {
  readonly count: number;
  readonly prefixes: ReadonlyMap<string, number>;
}

export interface PrefixEpochs {
  /** Highest epoch of the folders that the id lies in; 0 where none was ever purged. */
  of(id: string): number;
  /** When the index was last seen in the store, in unix milliseconds; 0 for never. */
  readonly seenAt: number;
  /** The index is to be read again before it is trusted. */
  distrust(): void;
  /** Reads the index again, by a conditional read. Rejects with the store's error. */
  refresh(signal: AbortSignal): Promise<void>;
  /** Raises the epoch of a folder durably. Rejects with the store's error, and when there are too many folders. */
  raise(prefix: string, signal: AbortSignal): Promise<void>;
}

const KEY = `${OWN_FOLDER}/prefixes.json`;
/** At some 60 bytes each. */
const MAX_PREFIXES = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;
const ATTEMPTS = 10;
const EMPTY: PrefixIndex = { count: 0, prefixes: new Map() };

export function createPrefixEpochs(results: ObjectStore, now = Date.now): PrefixEpochs {
  let index = EMPTY;
  let etag: string | undefined;
  let seenAt = 0;
  let doubts = 0;

  async function refresh(signal: AbortSignal): Promise<void> {
    const [begun, known] = [now(), doubts];
    const limits = { signal, maxBytes: MAX_BYTES };
    const found = etag === undefined ? await results.get(KEY, limits) : await results.getIfChanged(KEY, etag, limits);
    if (found !== 'unchanged') {
      // Once seen, an index is never missed: its epochs must not fall.
      if (found) index = merged(index, parse(found.body));
      etag = found?.version?.etag;
    }
    // A doubt that came up meanwhile stands: it may be of a purge that this reading was too early for.
    if (known === doubts) seenAt = begun;
  }

  return {
    of(id) {
      if (index.prefixes.size === 0) return 0;
      return foldersOf(id).reduce((highest, folder) => Math.max(highest, index.prefixes.get(folder) ?? 0), 0);
    },
    get seenAt() {
      return seenAt;
    },
    distrust() {
      doubts += 1;
      seenAt = 0;
    },
    refresh,
    async raise(prefix, signal) {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        await refresh(signal);
        const count = index.count + 1;
        const prefixes = new Map(index.prefixes).set(prefix, count);
        if (prefixes.size > MAX_PREFIXES) throw new Error(`more than ${MAX_PREFIXES} folders were purged`);
        const body = Buffer.from(JSON.stringify({ version: 1, count, prefixes: Object.fromEntries(prefixes) }));
        const object = { body, contentType: 'application/json', cacheControl: 'no-cache', metadata: {} };
        const outcome = await results.putIf(KEY, object, etag === undefined ? 'absent' : { etag }, { signal });
        if (outcome === 'conflict') continue;
        index = merged(index, { count, prefixes });
        ({ etag } = outcome);
        return;
      }
      throw new Error(`the index of purged folders was written by others ${ATTEMPTS} times in a row`);
    },
  };
}

function merged(known: PrefixIndex, read: PrefixIndex): PrefixIndex {
  const prefixes = new Map(known.prefixes);
  for (const [prefix, epoch] of read.prefixes) prefixes.set(prefix, Math.max(epoch, prefixes.get(prefix) ?? 0));
  return { count: Math.max(known.count, read.count), prefixes };
}

/** A damaged index would bring purged pictures back, so it stops whoever asks rather than count as empty. */
function parse(body: Buffer): PrefixIndex {
  const { version, count, prefixes } = JSON.parse(body.toString('utf8'));
  if (version !== 1 || !Number.isSafeInteger(count)) throw new Error(`${KEY} cannot be read`);
  const entries = Object.entries(prefixes).filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1]));
  return { count, prefixes: new Map(entries) };
}
