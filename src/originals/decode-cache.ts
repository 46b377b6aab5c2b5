import { LRUCache } from 'lru-cache';
import { DarkroomError } from '../errors.ts';
import { makeShrinkable, type Shrinkable } from '../flow/shrinkable-cache.ts';
import type { Examined } from '../render/original.ts';
import { freeNow } from '../render/pixels.ts';
import type { Recipe } from '../render/recipe.ts';

/**
 * Originals are decoded once, not once for each preset: whole pictures that were decoded a short while ago, and work under
 * way on an original, shared by all who make renditions of it. Bounded by bytes, least recently used out first.
 */
export interface DecodeCache extends Shrinkable {
  /** Somebody makes a rendition of this original. Hold it with `using`. */
  openSession(id: string, recipe: Recipe): DecodeSession;
  /** Of a purged original nothing is kept, and nothing that is under way will be. */
  forget(id: string): void;
  readonly bytes: number;
  readonly entries: number;
  /** How often a visit found its pixels here, and how often it did not. */
  readonly hits: number;
  readonly misses: number;
}

export interface DecodeSession extends Disposable {
  /** Whether anybody else asks for this original now, or did so lately: then decoding it once for all pays. */
  readonly shared: boolean;
  /** What those who ask for it now make of it. */
  readonly recipes: Iterable<Recipe>;
  /** A whole picture that will do, if there is one; one that is being decoded is waited for. */
  downscaled(suffices: Suffices): Promise<Examined | undefined>;
  /**
   * Reads once for all who visit at the same time. What one of them gave up, the next one reads for itself. `release`: called
   * once the last of those who were given it has left.
   */
  read<T>(what: 'proxy' | 'original', read: () => Promise<T>, release?: (value: T) => void): Promise<T>;
  /**
   * Decodes once for all who visit at the same time. `headers`: what will come out, the smallest first, which is kept; a
   * larger one lasts as long as somebody is here.
   */
  decode(headers: readonly Examined['header'][], decode: () => Promise<Examined[]>): Promise<readonly Examined[]>;
  /** Keeps a whole picture that was decoded on the way, unless a larger one is there. */
  keep(downscaled: Examined | undefined): void;
}

/** Whether a picture with this header will do. */
export type Suffices = (header: Examined['header']) => boolean;

/** Long enough for a visitor to go from a listing to its pictures, in milliseconds. */
const LATELY_MS = 10 * 60_000;
/** At some 200 bytes each. */
const MAX_REMEMBERED = 10_000;

/** What is being read or was, and how many hold it. */
interface Reading<T> {
  readonly done: Promise<T>;
  holders: number;
  leave(): void;
}

/** All who are at work on one original at the same time. */
interface SharedWork {
  /** Of each visitor a copy of its recipe, so that two that want the same count as two. */
  readonly recipes: Set<Recipe>;
  readonly reads: Map<string, Reading<unknown>>;
  decoding: { readonly headers: readonly Examined['header'][]; readonly done: Promise<Examined[]> } | undefined;
  /** Too large to be kept. */
  larger: Examined | undefined;
}

export function createDecodeCache(maxBytes: number): DecodeCache {
  const sessions = new Map<string, SharedWork>();
  const lately = new LRUCache<string, true>({ max: MAX_REMEMBERED, ttl: LATELY_MS });
  const lru = new LRUCache<string, Examined>({
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: ({ body }) => ('data' in body ? body.data.length : body.length),
    ttl: LATELY_MS,
  });
  let hits = 0;
  let misses = 0;

  const { trim, shrinkBy } = makeShrinkable(lru, maxBytes);

  function openSession(id: string, recipe: Recipe): DecodeSession {
    const work = sessions.get(id) ?? { recipes: new Set(), reads: new Map(), decoding: undefined, larger: undefined };
    sessions.set(id, work);
    const own = { ...recipe };
    work.recipes.add(own);
    const before = lately.has(id);
    lately.set(id, true);
    const mine: string[] = [];
    const holding: Reading<unknown>[] = [];

    function hold<T>(reading: Reading<T>): Promise<T> {
      reading.holders += 1;
      holding.push(reading);
      return reading.done;
    }

    function keep(downscaled: Examined | undefined): void {
      // Purged since: another work is at work on what came after.
      if (!downscaled || sessions.get(id) !== work) return;
      // It is freed when the last one leaves.
      if (downscaled.body === work.larger?.body) return;
      const kept = lru.peek(id);
      if (kept && kept.header.stored.width >= downscaled.header.stored.width) return;
      lru.set(id, downscaled);
      trim();
    }

    return {
      get shared() {
        return before || work.recipes.size > 1;
      },
      recipes: work.recipes,
      async downscaled(suffices) {
        const enough = (pictures: readonly (Examined | undefined)[] = []) =>
          pictures.find((picture) => picture && suffices(picture.header));
        const coming = work.decoding?.headers.some(suffices) ? work.decoding.done : undefined;
        // Whose decoding it is hears of its failure; here it only means to try oneself.
        const found = enough([lru.get(id), work.larger]) ?? enough(await coming?.catch(() => undefined));
        if (found) hits += 1;
        else misses += 1;
        return found;
      },
      async read<T>(what: string, read: () => Promise<T>, release?: (value: T) => void) {
        const running = work.reads.get(what) as Reading<T> | undefined;
        if (running) {
          try {
            return await hold(running);
          } catch (error) {
            if (error instanceof DarkroomError) throw error;
          }
        }
        const done = read();
        done.catch(() => {});
        const reading = { done, holders: 0, leave: () => void done.then(release, () => {}) };
        work.reads.set(what, reading);
        mine.push(what);
        return hold(reading);
      },
      async decode(headers, decode) {
        const there = [lru.peek(id), work.larger].filter((picture) => picture !== undefined);
        const width = headers.at(-1)?.stored.width ?? 0;
        if (there.some(({ header }) => header.stored.width >= width)) return there;
        if (work.decoding) return work.decoding.done;
        const done = decode();
        done.catch(() => {});
        work.decoding = { headers, done };
        try {
          const pictures = await done;
          const [downscaled, larger] = pictures;
          keep(downscaled);
          work.larger = larger;
          return pictures;
        } finally {
          work.decoding = undefined;
        }
      },
      keep,
      [Symbol.dispose]() {
        // What was read is held no longer than it is counted: by the one who read it.
        for (const what of mine) work.reads.delete(what);
        for (const reading of holding) {
          reading.holders -= 1;
          if (reading.holders === 0) reading.leave();
        }
        work.recipes.delete(own);
        if (work.recipes.size > 0) return;
        if (sessions.get(id) === work) sessions.delete(id);
        // 13 MB that V8 would find at its next full collection.
        if (work.larger && 'data' in work.larger.body) freeNow(work.larger.body.data);
      },
    };
  }

  return {
    openSession,
    forget(id) {
      sessions.delete(id);
      lately.delete(id);
      lru.delete(id);
    },
    shrinkBy,
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
