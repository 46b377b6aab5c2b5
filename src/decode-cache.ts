import { LRUCache } from 'lru-cache';
import { DarkroomError } from './errors.ts';
import type { Examined } from './render/header.ts';

/**
 * Originals are decoded once, not once for each preset: whole pictures that were decoded a short while ago, and work under
 * way on an original, shared by all who make renditions of it. Bounded by bytes, least recently used out first.
 */
export interface DecodeCache {
  /** Somebody makes a rendition of this original. Hold it with `using`. */
  visit(id: string): DecodeVisit;
  /** Of a purged original nothing is kept, and nothing that is under way will be. */
  forget(id: string): void;
  /** Does without this many bytes of its limit until told otherwise; evicts at once. Bytes evicted. */
  lend(bytes: number): number;
  readonly bytes: number;
  readonly entries: number;
  /** How often a visit found its pixels here, and how often it did not. */
  readonly hits: number;
  readonly misses: number;
}

export interface DecodeVisit extends Disposable {
  /** Whether anybody else asks for this original now, or did so lately: then decoding it once for all pays. */
  readonly shared: boolean;
  /** A whole picture that will do, if there is one; one that is being decoded is waited for. */
  whole(suffices: Suffices): Promise<Examined | undefined>;
  /** Reads once for all who visit at the same time. What one of them gave up, the next one reads for itself. */
  read<T>(what: 'working copy' | 'original', read: () => Promise<T>): Promise<T>;
  /** Decodes once for all who visit at the same time, and keeps it. `of`: what it will be a picture of. */
  decode(of: Examined['header'], decode: () => Promise<Examined>): Promise<Examined>;
  /** Keeps a whole picture that was decoded on the way, unless a larger one is there. */
  keep(whole: Examined | undefined): void;
}

/** Whether a picture with this header will do. */
export type Suffices = (header: Examined['header']) => boolean;

/** Long enough for a visitor to go from a listing to its pictures, in milliseconds. */
const LATELY_MS = 10 * 60_000;
const MAX_REMEMBERED = 50_000;

/** All who are at work on one original at the same time. */
interface Party {
  visitors: number;
  readonly reads: Map<string, Promise<unknown>>;
  decoding: { readonly header: Examined['header']; readonly done: Promise<Examined> } | undefined;
}

export function createDecodeCache(maxBytes: number): DecodeCache {
  const parties = new Map<string, Party>();
  const lately = new LRUCache<string, true>({ max: MAX_REMEMBERED, ttl: LATELY_MS });
  const lru = new LRUCache<string, Examined>({
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: ({ body }) => ('data' in body ? body.data.length : body.length),
    ttl: LATELY_MS,
  });
  let lent = 0;
  let hits = 0;
  let misses = 0;

  function evict(): number {
    const before = lru.calculatedSize;
    while (lru.size > 0 && lru.calculatedSize > maxBytes - lent) lru.pop();
    return before - lru.calculatedSize;
  }

  function visit(id: string): DecodeVisit {
    const party = parties.get(id) ?? { visitors: 0, reads: new Map(), decoding: undefined };
    parties.set(id, party);
    party.visitors += 1;
    const before = lately.has(id);
    lately.set(id, true);
    const mine: string[] = [];

    function keep(whole: Examined | undefined): void {
      // Purged since: another party is at work on what came after.
      if (!whole || parties.get(id) !== party) return;
      const kept = lru.peek(id);
      if (kept && kept.header.stored.width >= whole.header.stored.width) return;
      lru.set(id, whole);
      evict();
    }

    return {
      get shared() {
        return before || party.visitors > 1;
      },
      async whole(suffices) {
        const kept = lru.get(id);
        const coming = party.decoding && suffices(party.decoding.header) ? party.decoding.done : undefined;
        // Whose decoding it is hears of its failure; here it only means to try oneself.
        const found = kept && suffices(kept.header) ? kept : await coming?.catch(() => undefined);
        if (found) hits += 1;
        else misses += 1;
        return found;
      },
      async read<T>(what: string, read: () => Promise<T>) {
        const running = party.reads.get(what) as Promise<T> | undefined;
        if (running) {
          try {
            return await running;
          } catch (error) {
            if (error instanceof DarkroomError) throw error;
          }
        }
        const own = read();
        own.catch(() => {});
        party.reads.set(what, own);
        mine.push(what);
        return own;
      },
      async decode(header, decode) {
        const kept = lru.peek(id);
        if (kept && kept.header.stored.width >= header.stored.width) return kept;
        if (party.decoding) return party.decoding.done;
        const done = decode();
        done.catch(() => {});
        party.decoding = { header, done };
        try {
          const whole = await done;
          keep(whole);
          return whole;
        } finally {
          party.decoding = undefined;
        }
      },
      keep,
      [Symbol.dispose]() {
        // What was read is held no longer than it is counted: by the one who read it.
        for (const what of mine) party.reads.delete(what);
        party.visitors -= 1;
        if (party.visitors === 0 && parties.get(id) === party) parties.delete(id);
      },
    };
  }

  return {
    visit,
    forget(id) {
      parties.delete(id);
      lately.delete(id);
      lru.delete(id);
    },
    lend(bytes) {
      lent = Math.max(0, bytes);
      return evict();
    },
    get bytes() {
      return lru.calculatedSize;
    },
    get entries() {
      return lru.size;
    },
    get hits() {
      return hits;
    },
    get misses() {
      return misses;
    },
  };
}
