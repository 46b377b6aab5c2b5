import type { FastifyReply } from 'fastify';
import { DarkroomError, errors } from '../errors.ts';
import { createSingleFlight, type Flight } from '../flow/single-flight.ts';
import type { WorkQueue } from '../flow/work-queue.ts';
import { estimateRender, expectedMs } from '../render/cost-estimate.ts';
import type { OverlayAssets } from '../render/effects/overlay/assets.ts';
import { free } from '../render/picture-source.ts';
import type { Recipe } from '../render/recipe.ts';
import type { Renderer } from '../render/render.ts';
import { fallbackKey } from '../renditions/keys.ts';
import type { RenditionCache } from '../renditions/memory-cache.ts';
import { type Rendition, toRendition } from '../renditions/rendition.ts';
import { createStepTimer, type StepTimer, serverTiming } from '../telemetry/step-timer.ts';
import { ClientGone, untilClientLeaves } from './client-gone.ts';
import { fallbackCacheControl, matchesEtag } from './http-cache.ts';
import type { Target } from './resolve.ts';

export interface FallbackDeps {
  readonly cache: RenditionCache;
  readonly queue: WorkQueue;
  readonly renderer: Renderer;
  /** Undefined where no preset can name a picture. */
  readonly assets?: Pick<OverlayAssets, 'image'> | undefined;
  readonly renderTimeoutMs: number;
}

/** Why an original cannot be shown, to any client and at any time. */
const OF_THE_ORIGINAL = new Set(['original_not_found', 'original_unreadable', 'original_too_large']);
/** Of pictures that belong to no original. */
const NO_EPOCH = 'none';
const RETRY_AFTER_S = 5;

/**
 * Answers with the picture that a preset names for originals that cannot be shown: missing, taken down or broken. It is kept in memory
 * only, and carries no tag of the original. Throws the reason itself for all others, and where that picture cannot be made now.
 */
export function createFallbackAnswer({ cache, queue, renderer, assets, renderTimeoutMs }: FallbackDeps) {
  const flights = createSingleFlight<Rendition>();

  return async function answer(reason: unknown, reply: FastifyReply, target: Target): Promise<FastifyReply> {
    const { variant, url, headers } = target;
    const { fallback } = variant;
    const known = reason instanceof DarkroomError && OF_THE_ORIGINAL.has(reason.code) && !reason.ofThisServer;
    const file = known && fallback ? assets?.image(fallback.image) : undefined;
    if (!known || !fallback || !file) throw reason;
    const timer = createStepTimer();
    const rendition = await find(fallback.image, file, variant.recipe, timer, untilClientLeaves(reply)).catch(
      (error) => {
        throw error instanceof ClientGone ? error : reason;
      },
    );
    const { requestContext: context, headers: asked } = reply.request;
    context.outcome = reason.code;
    reply.headers({
      ...(headers.vary === undefined ? {} : { vary: headers.vary }),
      ...{ 'accept-ranges': 'none', 'x-error': reason.code },
      // Errors carry none: a 404 is never confirmed by a 304.
      ...(fallback.status === 200 ? { etag: rendition.etag } : {}),
      'cache-control': fallbackCacheControl(reason.cacheControl, url.expiresAt, Date.now() / 1000, variant),
    });
    // Only where the plain answer would be a 200 (RFC 9110, 13.2.1).
    if (fallback.status === 200 && matchesEtag(asked['if-none-match'], rendition.etag)) return reply.code(304).send();
    return reply
      .code(fallback.status)
      .header('content-type', rendition.contentType)
      .header('cache-status', 'darkroom; fwd=miss; detail=fallback')
      .header('server-timing', serverTiming(timer.durations, reply.elapsedTime))
      .send(rendition.body);
  };

  async function find(image: string, file: Buffer, recipe: Recipe, timer: StepTimer, client: AbortSignal) {
    const { version: _, edit: __, ...own } = recipe;
    const key = fallbackKey(image, own, renderer.version);
    const kept = cache.get(key, NO_EPOCH);
    if (kept) return kept;
    const { value } = await flights.join(key, client, (flight) => render(flight, file, own, timer));
    cache.set(key, value, key);
    return value;
  }

  async function render(flight: Flight, file: Buffer, recipe: Recipe, timer: StepTimer): Promise<Rendition> {
    using permit = await queue.enter(expectedMs(recipe), flight.signal); // 503
    permit.hold(file.length);
    const source = await renderer.examine(file);
    await permit.slot(estimateRender(source, recipe)); // 503
    flight.commit(renderTimeoutMs, () => errors.renderTimeout(RETRY_AFTER_S));
    const made = await renderer.render(source, recipe, timer, async () => [], flight.signal);
    if (made.downscaled) free(made.downscaled);
    return toRendition(made, NO_EPOCH, 0);
  }
}
