import type { FastifyReply, FastifyRequest } from 'fastify';
import { DarkroomError, errors } from '../errors.ts';
import type { Flight, Landing, SingleFlight } from '../flow/single-flight.ts';
import type { WorkQueue } from '../flow/work-queue.ts';
import type { DecodeCache } from '../originals/decode-cache.ts';
import type { OriginalMetadata } from '../originals/metadata.ts';
import type { SourceSelection } from '../originals/source-selection.ts';
import { accepts } from '../presets/accept.ts';
import type { Variant } from '../presets/presets.ts';
import { expectedMs } from '../render/cost-estimate.ts';
import { seeksFaces } from '../render/recipe.ts';
import type { Renderer } from '../render/render.ts';
import { fallbackOf } from '../renditions/fallback.ts';
import type { RenditionCache } from '../renditions/memory-cache.ts';
import type { PurgeEpochs } from '../renditions/purge-epochs.ts';
import { familyOf, type Rendition, toStoredObject } from '../renditions/rendition.ts';
import type { ResultStore } from '../renditions/result-store.ts';
import { createStepTimer, type StepTimer, serverTiming } from '../telemetry/step-timer.ts';
import {
  cacheControl,
  cacheStatus,
  matchesEtag,
  NOT_TO_BE_KEPT,
  provisionalCacheControl,
  redirectCacheControl,
  type Source,
} from './http-cache.ts';
import type { ResolveUrl, Target } from './resolve.ts';

export interface ImageRouteDeps {
  readonly resolveUrl: ResolveUrl;
  readonly cache: RenditionCache;
  readonly decodes: DecodeCache;
  readonly flights: SingleFlight<Developed>;
  readonly queue: WorkQueue;
  readonly sources: SourceSelection;
  /** Undefined with `DARKROOM_RESULTS=none`. */
  readonly resultStore: ResultStore | undefined;
  readonly renderer: Renderer;
  readonly metadata: OriginalMetadata;
  readonly epochs: PurgeEpochs;
  readonly renderTimeoutMs: number;
  /** Whether another size of the same picture may stand in when there is no place for a render. */
  readonly nearest: boolean;
}

/** A rendition, where it came from, and what its flight did for it; what lay in memory had none. */
export interface Developed {
  readonly rendition: Rendition;
  readonly source: Source;
  readonly timer: StepTimer | undefined;
}

const RETRY_AFTER_SLOW_RENDER_S = 5;
/** How often a picture is begun anew because it is being purged. */
const MAX_ROUNDS = 3;

/** The journey of one request, from URL to reply. */
export function createImageRoute(deps: ImageRouteDeps) {
  const { resolveUrl, cache, decodes, flights, queue, resultStore, sources, renderer, metadata, epochs } = deps;

  return async function serveImage(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { requestContext: context } = request;
    const target = resolveUrl(request.raw.url ?? '', request.headers.accept, context); // 400, 403, 410, 404
    if (target.moved !== undefined) {
      context.outcome = 'redirected';
      return reply.code(301).headers(redirectHeaders(target, target.moved)).send();
    }
    if (matchesEtag(request.headers['if-none-match'], target.etag)) {
      context.outcome = 'not_modified';
      return reply.code(304).headers(cachingHeaders(target)).send();
    }
    const inMemory = cache.get(target.key);
    if (inMemory) return answer(reply, target, { rendition: inMemory, source: 'memory', timer: undefined }, false);

    context.timer = createStepTimer(context.trace);
    const wanted = findOrDevelop(target, context.timer, reply);
    const { value, collapsed } = await wanted.catch((reason) => insteadOf(reason, request, target));
    return answer(reply, target, value, collapsed);
  };

  function answer(reply: FastifyReply, target: Target, developed: Developed, collapsed: boolean): FastifyReply {
    const { rendition, source, timer } = developed;
    const { requestContext: context } = reply.request;
    context.outcome = collapsed ? 'collapsed' : source;
    if (timer) context.timer = timer;
    const lasts = source !== 'nearest' && !rendition.provisional;
    reply.headers(lasts ? cachingHeaders(target) : provisionalHeaders(target));
    if (source === 'nearest') reply.header('cache-control', NOT_TO_BE_KEPT);
    return reply
      .header('content-type', rendition.contentType)
      .header('cache-status', cacheStatus(source, collapsed))
      .header('server-timing', serverTiming(timer?.durations ?? {}, reply.elapsedTime))
      .send(rendition.body);
  }

  async function findOrDevelop(target: Target, timer: StepTimer, reply: FastifyReply): Promise<Landing<Developed>> {
    const { key, variant, url } = target;
    const client = untilClientLeaves(reply);
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const epoch = epochs.of(url.id);
      const landing = await flights.join(`${epoch} ${key}`, client, (flight) =>
        develop(flight, url.id, variant, key, timer),
      );
      // Purged meanwhile: what came out may be made of what is gone.
      if (epochs.of(url.id) === epoch) return landing;
    }
    throw errors.busy(1);
  }

  /** When all places are taken, another size of the same picture beats none. Nobody is to keep it. */
  function insteadOf(
    reason: unknown,
    { headers, requestContext }: FastifyRequest,
    { url, variant, negotiated }: Target,
  ) {
    const busy = reason instanceof DarkroomError && reason.code === 'busy';
    const taken = negotiated ? (mediaType: string) => accepts(headers.accept, mediaType) : undefined;
    const inMemory = busy && deps.nearest ? cache.family(familyOf(url.id, variant)) : [];
    const rendition = fallbackOf(inMemory, variant.recipe, taken);
    if (!rendition) throw reason;
    const timer = requestContext.timer ?? createStepTimer();
    return { value: { rendition, source: 'nearest', timer } satisfies Developed, collapsed: false };
  }

  /** One flight: looks among the results, else renders. Everybody who asked for `key` waits for this. */
  async function develop(
    flight: Flight,
    id: string,
    variant: Variant,
    key: string,
    timer: StepTimer,
  ): Promise<Developed> {
    const epoch = epochs.of(id);
    const stored = await resultStore?.rendition(key, timer, flight.signal);
    const rendition = stored ?? (await render(flight, id, epoch, variant, timer));
    if (!rendition.provisional && epochs.of(id) === epoch) {
      cache.set(key, rendition, familyOf(id, variant));
      if (!stored) resultStore?.save(id, epoch, key, toStoredObject(rendition));
    }
    return { rendition, source: stored ? 'store' : 'render', timer };
  }

  async function render(
    flight: Flight,
    id: string,
    epoch: number,
    { recipe }: Variant,
    timer: StepTimer,
  ): Promise<Rendition> {
    // Before the queue: whoever decodes first decodes for all who wait.
    using session = decodes.openSession(id, recipe);
    using permit = await queue.enter(expectedMs(recipe), flight.signal); // 503
    // Loads while the original is being read; a failure shows when it is needed.
    renderer.warm().catch(() => {});
    try {
      const job = { id, epoch, recipe, permit, session, timer, signal: flight.signal };
      const known = seeksFaces(recipe) ? metadata.load(id, flight.signal) : undefined;
      const source = await sources.find(job); // 404, 413, 422, 502, 503, 504
      await known;
      await permit.slot(sources.cost(job, source)); // 503
      flight.commit(deps.renderTimeoutMs, () => errors.renderTimeout(RETRY_AFTER_SLOW_RENDER_S));
      const picture = await sources.decodedOnce(job, source); // 422
      const { downscaled, ...rendition } = await renderer.render(picture, recipe, timer, (probe) =>
        metadata.faces(id, epoch, probe),
      );
      session.keep(downscaled);
      return rendition;
    } finally {
      timer.add('queue', permit.waitedMs);
    }
  }
}

function redirectHeaders({ url, named }: Target, location: string): Readonly<Record<string, string>> {
  return { 'cache-control': redirectCacheControl(url.expiresAt, Date.now() / 1000), location, ...named };
}

function cachingHeaders({ url, etag, named, lasting }: Target): Readonly<Record<string, string>> {
  return lasting ?? { 'cache-control': cacheControl(url.expiresAt, Date.now() / 1000), etag, ...named };
}

/** Without an ETag, so that nobody keeps what is provisional by asking whether it is still the same. */
function provisionalHeaders({ url, named }: Target): Readonly<Record<string, string>> {
  return { 'cache-control': provisionalCacheControl(url.expiresAt, Date.now() / 1000), ...named };
}

/** Aborts when the client is gone before its answer was written (Fastify tells reliably only by the raw reply). */
function untilClientLeaves(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const onClose = () => {
    if (!reply.raw.writableFinished) gone.abort(new ClientGone());
  };
  if (reply.raw.destroyed) onClose();
  reply.raw.once('close', onClose);
  return gone.signal;
}

/** Nobody is left to answer. */
export class ClientGone extends Error {
  constructor() {
    super('the client left before its answer');
  }
}
