import { LRUCache } from 'lru-cache';
import { makeShrinkable, type Shrinkable } from '../flow/shrinkable-cache.ts';
import {
  bytesOf,
  type DownscaledSource,
  free,
  type OriginalSource,
  type PlaneSource,
  type PlannedDecode,
  type ProxySource,
  shared,
} from '../render/picture-source.ts';
import type { Recipe } from '../render/recipe.ts';
import type { Epoch } from '../renditions/epochs.ts';
import type { HeldOriginal } from './reader.ts';
import { createSharedRead, type SharedRead } from './shared-read.ts';

/**
 * Originals are decoded once, not once for each preset: the cache holds downscaled decodes of the last minutes, and lets all
 * sessions of an original share the work under way. Bounded by bytes; the least recently used are evicted first. Planes are freed when they
 * are evicted and the last session that uses them has closed.
 */
export interface DecodeCache extends Shrinkable {
  /** For one rendition of this original in this epoch. Hold it with `using`. */
  openSession(id: string, epoch: Epoch, recipe: Recipe): DecodeSession;
  /** The proxy image of an original that is dear to decode, for other renditions of this epoch. */
  keptProxy(id: string, epoch: Epoch): KeptProxy;
  /** Drops what is kept of an original, and keeps nothing of what is under way. */
  forget(id: string): void;
  readonly bytes: number;
  readonly entries: number;
  /** How often a session found its pixels here, and how often it did not. */
  readonly hits: number;
  readonly misses: number;
}

/** A place for one proxy image, as long as the cache has room for it. */
export interface KeptProxy {
  get(): ProxySource | undefined;
  set(proxy: ProxySource): void;
}

/** The part of one rendition in the work on its original. */
export interface DecodeSession extends Disposable {
  /** Whether this original has other sessions now, or had one lately: then decoding it once for all pays. */
  readonly shared: boolean;
  /** The recipes of all open sessions of this original. */
  readonly recipes: Iterable<Recipe>;
  /** A downscaled decode that suffices, valid until the session closes; one that is under way is waited for. */
  findDecode(suffices: (decode: PlannedDecode) => boolean): Promise<DownscaledSource | undefined>;
  readonly keptProxy: KeptProxy;
  /** Reads the proxy image once for all open sessions; undefined where there is none. */
  readProxy(read: () => Promise<ProxySource | undefined>): Promise<ProxySource | undefined>;
  /** Reads the original once for all open sessions; its memory is disposed of when the last of them closes. */
  readOriginal(read: () => Promise<ExaminedOriginal>): Promise<ExaminedOriginal>;
  /**
   * Decodes the original once for all open sessions. `planned`: what `decode` will return, the smallest first, which is
   * kept; a larger one lasts until the last session closes. What it returns is valid until this session closes.
   */
  decode(
    planned: readonly PlannedDecode[],
    decode: () => Promise<DownscaledSource[]>,
  ): Promise<readonly DownscaledSource[]>;
  /** Keeps a downscaled decode that a render made on its way, unless a larger one is there or it does not `count`: it is freed then. */
  keep(downscaled: DownscaledSource, counts: boolean): void;
}

/** An original whose header has been read. Disposing of it gives its memory back. */
export interface ExaminedOriginal extends Pick<HeldOriginal, 'epoch' | 'readAt'>, Disposable {
  readonly source: OriginalSource;
}

/** Long enough to get from a listing to its pictures, in milliseconds. */
const LATELY_MS = 10 * 60_000;
/** At some 200 bytes each. */
const MAX_REMEMBERED = 10_000;

/** What all open sessions of one original share. */
interface SharedWork {
  /** A copy for each session, so that two sessions of the same recipe count as two. */
  readonly recipes: Set<Recipe>;
  readonly proxy: SharedRead<ProxySource | undefined>;
  readonly original: SharedRead<ExaminedOriginal>;
  decoding: { readonly planned: readonly PlannedDecode[]; readonly done: Promise<DownscaledSource[]> } | undefined;
  /** Too large for the cache. */
  larger: DownscaledSource | undefined;
  /** Planes of decodes that are over, which sessions that waited for them are about to share. */
  readonly planes: Set<PlaneSource>;
}

function createSharedWork(): SharedWork {
  return {
    recipes: new Set(),
    proxy: createSharedRead(),
    original: createSharedRead((last) => last[Symbol.dispose]()),
    decoding: undefined,
    larger: undefined,
    planes: new Set(),
  };
}

/** Neither ids nor epochs contain a line break. Another version of the shop is another reading of the original. */
const keyOf = (id: string, epoch: Epoch, version?: string) =>
  version === undefined ? `${id}\n${epoch}` : `${id}\n${epoch}\n${version}`;

export function createDecodeCache(maxBytes: number): DecodeCache {
  const sessions = new Map<string, SharedWork>();
  const lately = new LRUCache<string, true>({ max: MAX_REMEMBERED, ttl: LATELY_MS });
  const lru = new LRUCache<string, DownscaledSource | ProxySource>({
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: (source) => (source.kind === 'proxy' ? source.body.length : bytesOf(source)),
    ttl: LATELY_MS,
    // Sessions have a share of their own. Pixels are left to V8, because renders may read them.
    dispose: (source) => source.kind === 'planes' && free(source),
  });
  const decodeOf = (found: DownscaledSource | ProxySource | undefined) => (found?.kind === 'proxy' ? undefined : found);
  let hits = 0;
  let misses = 0;

  const { trim, shrinkBy } = makeShrinkable(lru, maxBytes);

  function keptProxy(id: string, epoch: Epoch, version?: string): KeptProxy {
    const key = `${keyOf(id, epoch, version)}\n`;
    return {
      get() {
        const found = lru.get(key);
        return found?.kind === 'proxy' ? found : undefined;
      },
      set(proxy) {
        lru.set(key, proxy);
        trim();
      },
    };
  }

  function openSession(id: string, epoch: Epoch, recipe: Recipe): DecodeSession {
    const key = keyOf(id, epoch, recipe.version);
    const work = sessions.get(key) ?? createSharedWork();
    sessions.set(key, work);
    const ownRecipe = { ...recipe };
    work.recipes.add(ownRecipe);
    const before = lately.has(id);
    lately.set(id, true);
    const proxy = work.proxy.openSession();
    const original = work.original.openSession();
    const shares: PlaneSource[] = [];

    /** Valid until this session closes. */
    function own<S extends DownscaledSource>(source: S): S {
      const share = shared(source);
      if (share.kind === 'planes') shares.push(share);
      return share;
    }

    /** Takes it over: planes that are not kept are freed. */
    function keep(downscaled: DownscaledSource): void {
      const kept = decodeOf(lru.peek(key));
      const isLarger = !kept || kept.header.stored.width < downscaled.header.stored.width;
      // After a purge, new sessions share other work; this one may still be about the purged original.
      if (sessions.get(key) === work && isLarger) lru.set(key, downscaled);
      if (downscaled.kind === 'planes' && lru.peek(key) !== downscaled) free(downscaled);
      trim();
    }

    return {
      get shared() {
        return before || work.recipes.size > 1;
      },
      recipes: work.recipes,
      keptProxy: keptProxy(id, epoch, recipe.version),
      async findDecode(suffices) {
        const enough = (pictures: readonly (DownscaledSource | undefined)[] = []) =>
          pictures.find((picture) => picture && suffices(picture));
        const coming = work.decoding?.planned.some(suffices) ? work.decoding.done : undefined;
        // The session that decodes reports a failure; this one then makes its rendition from another source.
        const found = enough([decodeOf(lru.get(key)), work.larger]) ?? enough(await coming?.catch(() => undefined));
        if (found) hits += 1;
        else misses += 1;
        return found && own(found);
      },
      readProxy: proxy.read,
      readOriginal: original.read,
      async decode(planned, decode) {
        const known = [decodeOf(lru.peek(key)), work.larger]
          .filter((picture) => picture !== undefined)
          .filter(({ decodedFrom }) => decodedFrom === 'original');
        const width = planned.at(-1)?.header.stored.width ?? 0;
        if (known.some(({ header }) => header.stored.width >= width)) return known.map(own);
        if (work.decoding) return (await work.decoding.done).map(own);
        const done = decode();
        done.catch(() => {});
        work.decoding = { planned, done };
        try {
          const pictures = await done;
          const [downscaled, larger] = pictures;
          for (const picture of pictures) if (picture.kind === 'planes') work.planes.add(picture);
          if (downscaled) keep(shared(downscaled));
          work.larger = larger;
          return pictures.map(own);
        } finally {
          work.decoding = undefined;
        }
      },
      keep(downscaled, counts) {
        // Its memory is freed when the last session closes.
        const isShared =
          work.larger?.kind === 'pixels' && downscaled.kind === 'pixels' && downscaled.pixels === work.larger.pixels;
        if (isShared) return;
        if (counts) keep(downscaled);
        else if (downscaled.kind === 'planes') free(downscaled);
      },
      [Symbol.dispose]() {
        proxy[Symbol.dispose]();
        original[Symbol.dispose]();
        for (const share of shares) free(share);
        work.recipes.delete(ownRecipe);
        if (work.recipes.size > 0) return;
        if (sessions.get(key) === work) sessions.delete(key);
        for (const planes of work.planes) free(planes);
        // 13 MB that V8 would find at its next full collection.
        if (work.larger?.kind === 'pixels') free(work.larger);
      },
    };
  }

  return {
    openSession,
    keptProxy,
    forget(id) {
      const prefix = keyOf(id, '');
      for (const map of [sessions, lru]) for (const key of [...map.keys()]) if (key.startsWith(prefix)) map.delete(key);
      lately.delete(id);
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
