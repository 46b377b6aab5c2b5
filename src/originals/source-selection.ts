import type { JobCost, QueuePermit } from '../flow/work-queue.ts';
import { estimateRender } from '../render/cost-estimate.ts';
import { looksDrawn, stepsOf } from '../render/formats/drawn/look.ts';
import {
  type DownscaledSource,
  free,
  type PictureSource,
  type PlannedDecode,
  type ProxySource,
  shared,
} from '../render/picture-source.ts';
import type { Recipe } from '../render/recipe.ts';
import type { Renderer } from '../render/render.ts';
import { plannedProxy } from '../render/stages/dear-proxy.ts';
import {
  downscaledBytes,
  fitsDownscaled,
  mayUseDownscaled,
  planDownscaled,
  suffices,
} from '../render/stages/downscaled.ts';
import type { Epoch } from '../renditions/epochs.ts';
import type { ResultStore } from '../renditions/result-store.ts';
import type { StepTimer } from '../telemetry/step-timer.ts';
import type { DearProxies } from './dear-proxies.ts';
import type { DecodeSession, ExaminedOriginal } from './decode-cache.ts';
import { expensiveToDecode, fromStoredProxy, isDear, proxyKey, toStoredProxy, worthProxy } from './proxy.ts';
import type { OriginalReader } from './reader.ts';
import { isCovered } from './records/edit.ts';
import type { OriginalView } from './records/record-memory.ts';

/** From what a rendition is made, the cheapest first: pixels in memory, the proxy image in the result store, the original. */
export interface SourceSelection {
  /** Throws `original_not_found`, `original_too_large`, `original_unreadable`, `busy` and the store's own errors. */
  find(job: RenderJob): Promise<FoundSource>;
  /** CPU in milliseconds and bytes of the rendition, and of what it decodes for others. */
  cost(job: RenderJob, found: PictureSource): JobCost;
  /**
   * Decodes an original once for all its renditions of now and of a short while ago, or where decoding is expensive. Else
   * returns what was found, so that a lone rendition decodes no more than it needs. Needs a slot. Throws as renders do.
   */
  decodedOnce(job: RenderJob, found: FoundSource): Promise<PictureSource>;
}

/** A source, and to which state of its original it belongs. */
export interface FoundSource {
  readonly source: PictureSource;
  /** Undefined when that cannot be told: then nothing made of it may be kept. */
  readonly epoch: Promise<Epoch | undefined>;
  /** When this process read the original for it, in unix milliseconds; 0 for pixels and proxy images. */
  readonly readAt: number;
}

/** One rendition to be made, and what its flight holds for it. */
export interface RenderJob {
  readonly id: string;
  /** The original's record, as it was seen before anything of it was read. */
  readonly view: OriginalView;
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
  readonly dearProxies: DearProxies;
  readonly renderer: Renderer;
  readonly maxOriginalBytes: number;
  /** For failures that fail no rendition. */
  warn(what: string, key: string, reason: unknown): void;
}

export function createSourceSelection(deps: SourceSelectionDeps): SourceSelection {
  const { originals, resultStore, dearProxies, renderer, maxOriginalBytes, warn } = deps;
  const keyOfProxy = ({ id, recipe }: RenderJob) => proxyKey(id, renderer.version, recipe.version);

  async function findProxy(job: RenderJob): Promise<ProxySource | undefined> {
    const { view, recipe, session, timer, signal } = job;
    const kept = session.keptProxy.get();
    if (kept && suffices(kept, recipe)) return kept;
    // While the record cannot be asked, it cannot be told whether a stored proxy image still counts.
    if (!resultStore || !view.current || timer.outcomes.store === 'failed' || !mayUseDownscaled(recipe))
      return undefined;
    const proxy = await session.readProxy(async () => {
      const stored = await resultStore.find(keyOfProxy(job), timer, signal, fromStoredProxy);
      if (stored?.epoch !== view.epoch) return undefined;
      if ('source' in stored) return stored.source;
      const dear = await renderer.openProxy(stored.body, stored.original);
      session.keptProxy.set(dear);
      return dear;
    });
    return proxy && suffices(proxy, recipe) ? proxy : undefined;
  }

  async function findOriginal({ id, view, recipe, permit, session, timer, signal }: RenderJob): Promise<FoundSource> {
    const limits = { signal, maxBytes: maxOriginalBytes, onLength: (bytes: number) => permit.hold(bytes) }; // 503
    const read = async (): Promise<ExaminedOriginal> => {
      const held = await timer.time('origin', originals.read(id, view.epoch, limits)); // 404, 413, 502, 504
      try {
        const source = await timer.time('decode', renderer.examine(held.body)); // 413, 422
        const { epoch, readAt } = held;
        return { source, epoch, readAt, [Symbol.dispose]: () => held[Symbol.dispose]() };
      } catch (error) {
        held[Symbol.dispose]();
        throw error;
      }
    };
    const original = await session.readOriginal(read);
    // Another session may have read it; its bytes count for each session that holds it.
    permit.hold(original.source.body.length);
    if (!recipe.page) return original;
    const { source, epoch, readAt } = original;
    return { source: await renderer.pageOf(source, recipe.page), epoch, readAt }; // 404
  }

  /**
   * Makes the proxy image behind the answer. That takes 5 ms and no slot: while waiting for one, downscaled decodes of 4 MB
   * each would pile up.
   */
  async function saveProxyBehind(job: RenderJob, decoded: DownscaledSource): Promise<void> {
    const { id, view } = job;
    // Its sessions may close meanwhile.
    const downscaled = shared(decoded);
    try {
      const body = await renderer.encodeProxy(downscaled);
      const object = toStoredProxy(body, downscaled.header, view.epoch);
      resultStore?.saveObject(id, keyOfProxy(job), view.epoch, object);
    } catch (reason) {
      warn('a proxy image could not be made', id, reason);
    } finally {
      if (downscaled.kind === 'planes') free(downscaled);
    }
  }

  /** The downscaled decodes that are worth making for all sessions at once; none where this rendition is better made alone. */
  function worthSharing({ session, recipe }: RenderJob, found: PictureSource): PlannedDecode[] {
    if (found.kind !== 'original' || found.header.frames > 1 || found.header.decoder) return [];
    const dear = expensiveToDecode(found.header);
    if (!session.shared && !dear) return [];
    const recipes = Array.from(session.recipes);
    // Of several at once, one decode serves all.
    const alone = !dear && recipes.length === 1 && renderer.rendersAlone(found, recipe);
    const kind = renderer.keepsPlanes(found) ? 'planes' : 'pixels';
    const planned = planDownscaled(found, alone ? [] : recipes, kind);
    return planned.some((decode) => suffices(decode, recipe)) ? planned : [];
  }

  /** The proxy image of an original that is dear to decode, where this rendition is made from that. */
  async function dearProxy({ id, view, recipe, session, timer, signal }: RenderJob, { source, epoch }: FoundSource) {
    if (source.kind !== 'original' || !isDear(source) || !suffices(plannedProxy(source), recipe)) return undefined;
    const known = await epoch;
    return dearProxies.of({
      ...{
        id,
        original: source,
        current: view.current,
        kept: session.keptProxy,
        timer,
        signal,
        version: recipe.version,
        covered: isCovered(view),
      },
      // Other sessions take it for that of the epoch that they know.
      epoch: known === view.epoch ? known : undefined,
      // Else `find` has asked for it.
      notStored: mayUseDownscaled(recipe),
    });
  }

  return {
    async find(job) {
      const { session, recipe, permit } = job;
      const known = (source: PictureSource) => ({ source, epoch: Promise.resolve(job.view.epoch), readAt: 0 });
      const downscaled = await session.findDecode((decode) => suffices(decode, recipe));
      if (!downscaled) {
        const proxy = await findProxy(job);
        return proxy ? known(proxy) : findOriginal(job);
      }
      // The cache counts what it keeps; a larger decode counts for the sessions that hold it.
      if (!fitsDownscaled(downscaled.header, downscaled.header.stored)) permit.hold(downscaledBytes([downscaled]));
      return known(downscaled);
    },
    cost(job, found) {
      const { ms, bytes } = estimateRender(found, job.recipe);
      // sharp reads pixels.
      const converted = found.kind === 'planes' && !renderer.rendersAlone(found, job.recipe);
      const pixels = converted
        ? downscaledBytes([{ kind: 'pixels', decodedFrom: 'original', header: found.header }])
        : 0;
      return { ms, bytes: bytes + pixels + downscaledBytes(worthSharing(job, found)) };
    },
    async decodedOnce(job, original) {
      const { source: found, epoch } = original;
      const dear = await dearProxy(job, original);
      if (dear) return dear;
      const { recipe, session, timer } = job;
      const planned = worthSharing(job, found);
      if (found.kind !== 'original' || planned.length === 0) return found;
      // Other sessions take these pixels for those of the epoch that they know.
      if ((await epoch) !== job.view.epoch) return found;
      const decode = async () => {
        const pictures = await renderer.decodeDownscaled(found, planned); // 422
        const [downscaled] = pictures;
        // A JPEG of a drawing is blurred, and what is made of it is larger.
        const isDrawn = downscaled?.kind === 'pixels' && looksDrawn(stepsOf(downscaled.pixels));
        const worth = downscaled && worthProxy(found.header) && !isDrawn;
        if (resultStore && job.view.current && worth && !isCovered(job.view)) void saveProxyBehind(job, downscaled);
        return pictures;
      };
      const pictures = await timer.time('decode', session.decode(planned, decode));
      return pictures.find((picture) => suffices(picture, recipe)) ?? found;
    },
  };
}
