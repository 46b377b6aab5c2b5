import type { JobCost, QueuePermit } from '../flow/work-queue.ts';
import { estimateRender } from '../render/cost-estimate.ts';
import type { Examined, OriginalHeader } from '../render/original.ts';
import type { Recipe } from '../render/recipe.ts';
import type { Renderer } from '../render/render.ts';
import {
  downscaledBytes,
  downscaledHeaders,
  fitsDownscaled,
  isOriginal,
  mayUseDownscaled,
  suffices,
} from '../render/stages/downscaled.ts';
import type { ResultStore } from '../renditions/result-store.ts';
import type { StepTimer } from '../telemetry/step-timer.ts';
import type { DecodeSession } from './decode-cache.ts';
import { expensiveToDecode, fromStoredProxy, proxyKey, toStoredProxy, worthProxy } from './proxy.ts';
import type { OriginalReader } from './reader.ts';

/**
 * What a rendition is made of, the cheapest first: pixels of its original that are in memory, its proxy image in the
 * result store, the original itself.
 */
export interface SourceSelection {
  /** Throws `original_not_found`, `original_too_large`, `original_unreadable`, `busy` and the store's own errors. */
  find(job: RenderJob): Promise<Examined>;
  /** What the rendition will cost, and what it decodes for others. */
  cost(job: RenderJob, found: Examined): JobCost;
  /**
   * Decodes the original once for all who want it now or did so lately, or where decoding is dear; else what was found,
   * so that a rendition that stays alone decodes no more than it needs. Call it with a slot. Throws as renders do.
   */
  decodedOnce(job: RenderJob, found: Examined): Promise<Examined>;
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
  /** Something failed that the client need not know of. */
  warn(what: string, key: string, reason: unknown): void;
}

export function createSourceSelection(deps: SourceSelectionDeps): SourceSelection {
  const { originals, resultStore, renderer, maxOriginalBytes, warn } = deps;
  const keyOfProxy = (id: string) => proxyKey(id, renderer.version);

  /** A store that just failed to answer for the rendition is not asked again. */
  async function findProxy({ id, recipe, session, timer, signal }: RenderJob): Promise<Examined | undefined> {
    if (!resultStore || timer.outcomes.store === 'failed' || !mayUseDownscaled(recipe)) return undefined;
    const copy = await session.read('proxy', () => resultStore.find(keyOfProxy(id), timer, signal, fromStoredProxy));
    return copy && suffices(copy.header, recipe) ? copy : undefined;
  }

  async function findOriginal({ id, permit, session, timer, signal }: RenderJob): Promise<Examined> {
    const limits = { signal, maxBytes: maxOriginalBytes, onLength: (bytes: number) => permit.hold(bytes) }; // 503
    const read = async () => {
      const held = await timer.time('origin', originals.read(id, limits)); // 404, 413, 502, 504
      try {
        return { held, examined: await timer.time('decode', renderer.examine(held.body)) }; // 413, 422
      } catch (error) {
        held[Symbol.dispose]();
        throw error;
      }
    };
    const { held, examined } = await session.read('original', read, (last) => last.held[Symbol.dispose]());
    // Somebody else may have read it; it is counted for each who holds it.
    permit.hold(held.body.length);
    return examined;
  }

  /**
   * A proxy image for later, beside the rendition that its original was decoded for. It takes 5 ms and no slot: waiting for
   * one, whole pictures of 4 MB each would pile up.
   */
  async function packBehind({ id, epoch }: RenderJob, downscaled: Examined): Promise<void> {
    try {
      const body = await renderer.pack(downscaled);
      resultStore?.save(id, epoch, keyOfProxy(id), toStoredProxy(body, downscaled.header));
    } catch (reason) {
      warn('a proxy image could not be made', id, reason);
    }
  }

  /** The whole pictures that are worth decoding for all at once; none where this rendition had better be made alone. */
  function worthSharing({ session, recipe }: RenderJob, { header }: Examined): OriginalHeader[] {
    const pays = isOriginal(header) && header.frames === 1 && (session.shared || expensiveToDecode(header));
    const headers = pays ? downscaledHeaders(header, session.recipes) : [];
    return headers.some((downscaled) => suffices(downscaled, recipe)) ? headers : [];
  }

  return {
    async find(job) {
      const { session, recipe, permit } = job;
      const downscaled = await session.downscaled((header) => suffices(header, recipe));
      if (!downscaled) return (await findProxy(job)) ?? (await findOriginal(job));
      // Counted by the cache; what is too large for it is held by those who use it.
      if (!fitsDownscaled(downscaled.header, downscaled.header.stored))
        permit.hold(downscaledBytes([downscaled.header]));
      return downscaled;
    },
    cost(job, found) {
      const { ms, bytes } = estimateRender(found, job.recipe);
      return { ms, bytes: bytes + downscaledBytes(worthSharing(job, found)) };
    },
    async decodedOnce(job, found) {
      const { recipe, session, timer } = job;
      const headers = worthSharing(job, found);
      if (headers.length === 0) return found;
      const decode = async () => {
        const pictures = await renderer.downscaled(found, headers); // 422
        const [downscaled] = pictures;
        if (resultStore && downscaled && worthProxy(found.header)) void packBehind(job, downscaled);
        return pictures;
      };
      const pictures = await timer.time('decode', session.decode(headers, decode));
      return pictures.find(({ header }) => suffices(header, recipe)) ?? found;
    },
  };
}
