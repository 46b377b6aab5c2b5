import type { JobCost, QueuePermit } from '../flow/work-queue.ts';
import { estimateRender } from '../render/cost-estimate.ts';
import type {
  OriginalSource,
  PictureSource,
  PixelSource,
  PlannedDecode,
  ProxySource,
} from '../render/picture-source.ts';
import type { Recipe } from '../render/recipe.ts';
import type { Renderer } from '../render/render.ts';
import {
  downscaledBytes,
  fitsDownscaled,
  mayUseDownscaled,
  planDownscaled,
  suffices,
} from '../render/stages/downscaled.ts';
import type { ResultStore } from '../renditions/result-store.ts';
import type { StepTimer } from '../telemetry/step-timer.ts';
import type { DecodeSession, ExaminedOriginal } from './decode-cache.ts';
import { expensiveToDecode, fromStoredProxy, proxyKey, toStoredProxy, worthProxy } from './proxy.ts';
import type { OriginalReader } from './reader.ts';

/** From what a rendition is made, the cheapest first: pixels in memory, the proxy image in the result store, the original. */
export interface SourceSelection {
  /** Throws `original_not_found`, `original_too_large`, `original_unreadable`, `busy` and the store's own errors. */
  find(job: RenderJob): Promise<PictureSource>;
  /** CPU in milliseconds and bytes of the rendition, and of what it decodes for others. */
  cost(job: RenderJob, found: PictureSource): JobCost;
  /**
   * Decodes an original once for all its renditions of now and of a short while ago, or where decoding is expensive. Else
   * returns what was found, so that a lone rendition decodes no more than it needs. Needs a slot. Throws as renders do.
   */
  decodedOnce(job: RenderJob, found: PictureSource): Promise<PictureSource>;
}

/** One rendition to be made, and what its flight holds for it. */
export interface RenderJob {
  readonly id: string;
  /** Of the id, noted before anything of it was read: nothing made of a purged original is saved. */
  readonly epoch: number;
  readonly recipe: Recipe;
  readonly permit: QueuePermit;
  readonly session: DecodeSession;
  readonly timer: StepTimer;
  readonly signal: AbortSignal;
}

export interface SourceSelectionDeps {
  readonly originals: OriginalReader;
  /** Undefined with `DARKROOM_RESULTS=none`. */
  readonly resultStore: ResultStore | undefined;
  readonly renderer: Renderer;
  readonly maxOriginalBytes: number;
  /** For failures that fail no rendition. */
  warn(what: string, key: string, reason: unknown): void;
}

export function createSourceSelection(deps: SourceSelectionDeps): SourceSelection {
  const { originals, resultStore, renderer, maxOriginalBytes, warn } = deps;
  const keyOfProxy = (id: string) => proxyKey(id, renderer.version);

  async function findProxy({ id, recipe, session, timer, signal }: RenderJob): Promise<ProxySource | undefined> {
    // A store that just failed to answer for the rendition is not asked again.
    if (!resultStore || timer.outcomes.store === 'failed' || !mayUseDownscaled(recipe)) return undefined;
    const proxy = await session.readProxy(() => resultStore.find(keyOfProxy(id), timer, signal, fromStoredProxy));
    return proxy && suffices(proxy, recipe) ? proxy : undefined;
  }

  async function findOriginal({ id, permit, session, timer, signal }: RenderJob): Promise<OriginalSource> {
    const limits = { signal, maxBytes: maxOriginalBytes, onLength: (bytes: number) => permit.hold(bytes) }; // 503
    const read = async (): Promise<ExaminedOriginal> => {
      const held = await timer.time('origin', originals.read(id, limits)); // 404, 413, 502, 504
      try {
        const source = await timer.time('decode', renderer.examine(held.body)); // 413, 422
        return { source, [Symbol.dispose]: () => held[Symbol.dispose]() };
      } catch (error) {
        held[Symbol.dispose]();
        throw error;
      }
    };
    const { source } = await session.readOriginal(read);
    // Another session may have read it; its bytes count for each session that holds it.
    permit.hold(source.body.length);
    return source;
  }

  /**
   * Makes the proxy image behind the answer. That takes 5 ms and no slot: while waiting for one, downscaled decodes of 4 MB
   * each would pile up.
   */
  async function saveProxyBehind({ id, epoch }: RenderJob, downscaled: PixelSource): Promise<void> {
    try {
      const body = await renderer.encodeProxy(downscaled);
      resultStore?.save(id, epoch, keyOfProxy(id), toStoredProxy(body, downscaled.header));
    } catch (reason) {
      warn('a proxy image could not be made', id, reason);
    }
  }

  /** The downscaled decodes that are worth making for all sessions at once; none where this rendition is better made alone. */
  function worthSharing({ session, recipe }: RenderJob, found: PictureSource): PlannedDecode[] {
    if (found.kind !== 'original' || found.header.frames > 1) return [];
    const planned = session.shared || expensiveToDecode(found.header) ? planDownscaled(found, session.recipes) : [];
    return planned.some((decode) => suffices(decode, recipe)) ? planned : [];
  }

  return {
    async find(job) {
      const { session, recipe, permit } = job;
      const downscaled = await session.findPixels((decode) => suffices(decode, recipe));
      if (!downscaled) return (await findProxy(job)) ?? (await findOriginal(job));
      // The cache counts what it keeps; a larger decode counts for the sessions that hold it.
      if (!fitsDownscaled(downscaled.header, downscaled.header.stored)) permit.hold(downscaledBytes([downscaled]));
      return downscaled;
    },
    cost(job, found) {
      const { ms, bytes } = estimateRender(found, job.recipe);
      return { ms, bytes: bytes + downscaledBytes(worthSharing(job, found)) };
    },
    async decodedOnce(job, found) {
      const { recipe, session, timer } = job;
      const planned = worthSharing(job, found);
      if (found.kind !== 'original' || planned.length === 0) return found;
      const decode = async () => {
        const pictures = await renderer.decodeDownscaled(found, planned); // 422
        const [downscaled] = pictures;
        if (resultStore && downscaled && worthProxy(found.header)) void saveProxyBehind(job, downscaled);
        return pictures;
      };
      const pictures = await timer.time('decode', session.decode(planned, decode));
      return pictures.find((picture) => suffices(picture, recipe)) ?? found;
    },
  };
}
