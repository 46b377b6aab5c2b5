import type { FastifyReply, FastifyRequest } from 'fastify';
import { DarkroomError, errors } from '../errors.ts';
import type { Flight, Landing, SingleFlight } from '../flow/single-flight.ts';
import type { WorkQueue } from '../flow/work-queue.ts';
import type { DecodeCache } from '../originals/decode-cache.ts';
import { RETRY_AFTER_LOOKS_S } from '../originals/face-looks.ts';
import type { OriginalMetadata } from '../originals/metadata.ts';
import type { OriginalCheck } from '../originals/records/original-check.ts';
import type { OriginalView } from '../originals/records/record-memory.ts';
import type { OriginalRecords } from '../originals/records/records.ts';
import type { SourceSelection } from '../originals/source-selection.ts';
import { accepts } from '../presets/accept.ts';
import type { Variant } from '../presets/presets.ts';
import { expectedMs } from '../render/cost-estimate.ts';
import { coversFaces, looksForFaces } from '../render/recipe.ts';
import type { Renderer } from '../render/render.ts';
import type { FaceLookup } from '../render/stages/face-aware-crop.ts';
import { fallbackOf } from '../renditions/fallback.ts';
import { familyOf } from '../renditions/keys.ts';
import type { RenditionCache } from '../renditions/memory-cache.ts';
import { type Provisional, type Rendition, toRendition } from '../renditions/rendition.ts';
import type { ResultStore } from '../renditions/result-store.ts';
import { createStepTimer, NO_STEPS, type StepTimer, serverTiming } from '../telemetry/step-timer.ts';
import { untilClientLeaves } from './client-gone.ts';
import { createFallbackAnswer, type FallbackDeps } from './fallback-picture.ts';
import { cacheStatus, matchesEtag, type Source } from './http-cache.ts';
import { bodyHeaders, lastingHeaders, passingHeaders, redirectHeaders } from './image-headers.ts';
import type { ResolveUrl, Target } from './resolve.ts';

export interface ImageRouteDeps extends FallbackDeps {
  readonly resolveUrl: ResolveUrl;
  readonly cache: RenditionCache;
  readonly decodes: DecodeCache;
  readonly flights: SingleFlight<Found>;
  readonly queue: WorkQueue;
  readonly sources: SourceSelection;
  /** Undefined with `DARKROOM_RESULTS=none`. */
  readonly resultStore: ResultStore | undefined;
  readonly renderer: Renderer;
  readonly metadata: OriginalMetadata;
  readonly records: OriginalRecords;
  /** Undefined without `DARKROOM_ORIGINALS_CHECK`. */
  readonly check?: OriginalCheck | undefined;
  readonly renderTimeoutMs: number;
  /** Whether another size of the same picture may stand in when there is no place for a render. */
  readonly nearest: boolean;
}

/** A rendition, where it came from, and what its flight did for it, if it had one. */
export interface Found {
  readonly rendition: Rendition;
  readonly source: Source;
  readonly timer: StepTimer | undefined;
  /** Whether caches may keep it: the original's record was seen within the purge window, and no face is missing. */
  readonly lasting: boolean;
  /** What was known of the original when the work began. */
  readonly view: OriginalView;
}

const RETRY_AFTER_SLOW_RENDER_S = 5;
/** Equal to no epoch. */
const NO_EPOCH = '';
/** How long a provisional rendition is kept whose look does not end: as long as HTTP caches keep it. */
const MAX_PROVISIONAL_MS = 60_000;
/** How often a picture is begun anew because a new epoch of its original began meanwhile. */
const MAX_ROUNDS = 3;

/** The journey of one request, from URL to reply. */
export function createImageRoute(deps: ImageRouteDeps) {
  const { resolveUrl, cache, decodes, flights, queue, resultStore, sources, renderer, metadata, records, check } = deps;
  const insteadOfOriginal = createFallbackAnswer(deps);

  return async function serveImage(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { requestContext: context } = request;
    const target = resolveUrl(request.raw.url ?? '', request.headers.accept, context); // 400, 403, 410, 404
    if (target.moved !== undefined) {
      context.outcome = 'redirected';
      return reply.code(301).headers(redirectHeaders(target, target.moved)).send();
    }
    const view = check?.due(target.url.id) ? undefined : records.trusted(target.url.id);
    const inMemory = cache.get(target.key, view?.epoch);
    if (view && inMemory && !inMemory.provisional) return answer(reply, target, fromMemory(inMemory, view), false);

    context.timer = createStepTimer(context.trace);
    const found = findOrRender(target, context.timer, reply).catch((reason) => insteadOf(reason, request, target));
    return found.then(
      ({ value, collapsed }) => answer(reply, target, value, collapsed),
      (reason) => insteadOfOriginal(reason, reply, target),
    );
  };

  function answer(reply: FastifyReply, target: Target, found: Found, collapsed: boolean): FastifyReply {
    const { rendition, source, timer, lasting } = found;
    const { requestContext: context, headers } = reply.request;
    context.outcome = collapsed ? 'collapsed' : source;
    if (timer) context.timer = timer;
    reply.headers(target.headers);
    reply.headers(lasting ? lastingHeaders(target, rendition) : passingHeaders(target, source));
    // Only where the plain answer would be this 200 (RFC 9110, 13.2.1).
    if (lasting && matchesEtag(headers['if-none-match'], rendition.etag)) {
      context.outcome = 'not_modified';
      return reply.code(304).send();
    }
    return reply
      .headers(bodyHeaders(target, rendition))
      .header('cache-status', cacheStatus(source, collapsed))
      .header('server-timing', serverTiming(timer?.durations ?? NO_STEPS, reply.elapsedTime))
      .send(rendition.body);
  }

  async function findOrRender(target: Target, timer: StepTimer, reply: FastifyReply): Promise<Landing<Found>> {
    const { key, url } = target;
    const client = untilClientLeaves(reply);
    if (check?.due(url.id)) await check.ask(url.id);
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const inMemory = await confirmedFromMemory(url.id, key);
      if (inMemory) return { value: inMemory, collapsed: false };
      const begun = records.of(url.id);
      const landing = await flights.join(`${begun} ${key}`, client, (flight) =>
        findOrRenderOnce(flight, target, timer),
      );
      const value = await stillCounts(url.id, landing.value);
      if (value) return { value, collapsed: landing.collapsed };
    }
    throw errors.busy(1);
  }

  /** What a flight found, unless a new epoch began meanwhile: it took its time, and the machine may have been suspended. */
  async function stillCounts(id: string, found: Found): Promise<Found | undefined> {
    const { rendition, lasting } = found;
    const recent = lasting ? records.trusted(id) !== undefined : records.isRecent(found.view);
    const view = recent ? found.view : await records.see(id);
    if (records.of(id) !== rendition.epoch) return undefined;
    if (recent) return found;
    return records.mayServe(view, rendition.readAt) ? { ...found, lasting: lasting && view.current, view } : undefined;
  }

  /** What memory holds, after the record was asked whether it still counts. */
  async function confirmedFromMemory(id: string, key: string): Promise<Found | undefined> {
    if (!cache.has(key)) return undefined;
    const view = await records.see(id);
    const rendition = cache.get(key, view.epoch);
    if (!rendition || rendition.provisional || !records.mayServe(view, rendition.readAt)) return undefined;
    return fromMemory(rendition, view);
  }

  /** When no slot is free, another size of the same picture beats none. No cache is to keep it. */
  function insteadOf(
    reason: unknown,
    { headers, requestContext }: FastifyRequest,
    { url, variant, negotiated }: Target,
  ) {
    const busy = reason instanceof DarkroomError && reason.code === 'busy';
    const taken = negotiated ? (mediaType: string) => accepts(headers.accept, mediaType) : undefined;
    const view = busy && deps.nearest ? records.trusted(url.id) : undefined;
    const inMemory = view ? cache.family(familyOf(url.id, variant), view.epoch) : [];
    const rendition = fallbackOf(inMemory, variant.recipe, taken);
    if (!view || !rendition) throw reason;
    const timer = requestContext.timer ?? createStepTimer();
    return { value: { rendition, source: 'nearest', timer, lasting: false, view } satisfies Found, collapsed: false };
  }

  /** One flight, which every request for `key` waits for: looks into the result store, else renders. */
  async function findOrRenderOnce(flight: Flight, target: Target, timer: StepTimer): Promise<Found> {
    const { url, variant, key, leastEpoch } = target;
    const { id } = url;
    // Side by side, so that the record costs no time.
    const asked = records.see(id, leastEpoch);
    const [view, stored] = await Promise.all([asked, resultStore?.rendition(key, timer, flight.signal)]);
    if (stored && view.current && stored.epoch === view.epoch) {
      cache.set(key, stored, familyOf(id, variant));
      return { rendition: stored, source: 'store', timer, lasting: true, view };
    }
    const kept = cache.has(key) ? cache.get(key, view.epoch) : undefined;
    const seen =
      !looksForFaces(variant.recipe) || (await metadata.faces.untilSeen(id, view.epoch, flight.signal, !!kept));
    if (!seen) {
      if (kept && records.mayServe(view, kept.readAt)) return fromMemory(kept, view);
      throw errors.busy(RETRY_AFTER_LOOKS_S);
    }
    const rendition = await render(flight, id, view, variant, timer);
    const looking = rendition.provisional === 'late' ? metadata.faces.ending(id, rendition.epoch) : undefined;
    const keeps = !rendition.provisional && records.of(id) === rendition.epoch;
    if (keeps) cache.set(key, rendition, familyOf(id, variant));
    if (keeps && view.current) resultStore?.save(id, key, rendition);
    if (looking) cache.set(key, rendition, familyOf(id, variant), MAX_PROVISIONAL_MS);
    looking?.then(() => cache.drop(key, rendition));
    return { rendition, source: 'render', timer, lasting: view.current && !rendition.provisional, view };
  }

  async function render(
    flight: Flight,
    id: string,
    view: OriginalView,
    variant: Variant,
    timer: StepTimer,
  ): Promise<Rendition> {
    const { edit } = view;
    const recipe = edit ? { ...variant.recipe, edit } : variant.recipe;
    // Before the queue: the first to decode decodes for all that wait.
    using session = decodes.openSession(id, sessionEpoch(view), recipe);
    using permit = await queue.enter(expectedMs(recipe), flight.signal); // 503
    // Both load while the original is being read; a failure shows when they are needed.
    renderer.warm().catch(() => {});
    if (looksForFaces(recipe)) metadata.faces.expect(id, view.epoch);
    try {
      const job = { id, view, recipe, permit, session, timer, signal: flight.signal };
      const found = await sources.find(job); // 404, 413, 422, 502, 503, 504
      await permit.slot(sources.cost(job, found.source)); // 503
      flight.commit(deps.renderTimeoutMs, () => errors.renderTimeout(RETRY_AFTER_SLOW_RENDER_S));
      const source = await sources.decodedOnce(job, found); // 422
      const seen: { provisional?: Provisional } = {};
      const look: FaceLookup = async (probe, depth) => {
        // Known faces belong to the epoch of the bytes they were found in.
        const epoch = (await found.epoch) ?? NO_EPOCH;
        if (coversFaces(recipe)) return metadata.faces.seeAll(id, epoch, depth, probe); // 503
        const { faces, outcome } = await metadata.faces.see(id, epoch, depth, probe);
        if (outcome !== 'ok') seen.provisional = outcome;
        return faces;
      };
      const { downscaled, ...fresh } = await renderer.render(source, recipe, timer, look, flight.signal);
      if (seen.provisional) timer.note('face', seen.provisional);
      const told = await found.epoch;
      // Of bytes that replaced others, the edit of those is not theirs: what it made belongs to the epoch that is over.
      const epoch = edit && told !== undefined ? view.epoch : told;
      if (downscaled) session.keep(downscaled, told === view.epoch);
      // Bytes whose epoch cannot be told are sent once and kept nowhere.
      const provisional = epoch === undefined ? 'replaced' : seen.provisional;
      return toRendition(fresh, epoch ?? view.epoch, found.readAt, provisional);
    } finally {
      timer.add('queue', permit.waitedMs);
    }
  }

  /** Pixels that memory may not serve any more are not shared: the original is read again. */
  function sessionEpoch(view: OriginalView): string {
    return records.mayServe(view, 0) ? view.epoch : `${view.epoch} read at ${Date.now()}`;
  }
}

function fromMemory(rendition: Rendition, view: OriginalView): Found {
  const { provisional } = rendition;
  if (!provisional) return { rendition, source: 'memory', timer: undefined, lasting: view.current, view };
  const timer = createStepTimer();
  timer.note('face', provisional);
  return { rendition, source: 'memory', timer, lasting: false, view };
}
