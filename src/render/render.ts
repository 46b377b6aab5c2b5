import type { StepTimer } from '../telemetry/step-timer.ts';
import { describe, type PictureDescription } from './describe.ts';
import { type Encoded, encode, encodeStraight, goesToSvtAv1, isWide } from './formats/encode.ts';
import { readHeader } from './formats/header.ts';
import { stripMetadata } from './formats/strip-metadata.ts';
import type { DecodeLimits, Examined, OriginalHeader } from './original.ts';
import { freeNow, type Pixels } from './pixels.ts';
import type { Recipe } from './recipe.ts';
import { loadSharp, RENDER_VERSION } from './sharp.ts';
import { type Decoder, decode, prepareDecoder } from './stages/decode.ts';
import { decodeDownscaled, downscaledOf, encodeProxy, fitsDownscaled, isOriginal } from './stages/downscaled.ts';
import { cropToFaces, type FaceLookup } from './stages/face-aware-crop.ts';
import { cutsAway, type FramePlan } from './stages/geometry.ts';

/** A finished picture. Width and height in pixels. */
export interface Rendered {
  readonly body: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** Framed without the faces, because looking for them failed: another render may come out better. */
  readonly provisional: boolean;
  /** The whole picture in place of the original, for its other renditions, where it was decoded on the way. */
  readonly downscaled: Examined | undefined;
}

export interface Renderer {
  /** Part of every rendition's key: changes whenever the same recipe would give other bytes. */
  readonly version: string;
  /** Loads the engine ahead of the first render. */
  warm(): Promise<void>;
  /**
   * Reads the header, within a few milliseconds and no memory to speak of, so it needs no slot. Throws
   * `original_unreadable` and `original_too_large`.
   */
  examine(original: Buffer): Promise<Examined>;
  /**
   * Makes one rendition. Throws `original_unreadable` and `original_too_large`; anything else is our own fault.
   * `faces` is asked only when the frame depends on them.
   * Cannot be stopped once begun, so callers keep its slot until it has settled.
   */
  render(original: Examined, recipe: Recipe, timer: StepTimer, faces: FaceLookup): Promise<Rendered>;
  /** Decodes an original once, to whole pictures of these headers, the largest last. Throws as `render` does. */
  downscaled(original: Examined, headers: readonly OriginalHeader[]): Promise<Examined[]>;
  /** A whole picture as JPEG, for renditions that are smaller. */
  pack(downscaled: Examined): Promise<Buffer>;
  /** Size, colours and a placeholder. Throws as `render` does. */
  describe(original: Examined): Promise<PictureDescription>;
}

export function createRenderer(limits: DecodeLimits): Renderer {
  return {
    version: RENDER_VERSION,
    async warm() {
      await loadSharp();
    },
    examine: async (body) => ({ body, header: await readHeader(await loadSharp(), body, limits) }),
    downscaled: async (original, headers) => decodeDownscaled(await loadSharp(), original, headers, limits),
    pack: async (downscaled) => encodeProxy(await loadSharp(), downscaled),
    describe: async (original) => describe(await loadSharp(), original, limits),
    async render(original, recipe, timer, faces) {
      const { header } = original;
      const sharp = await loadSharp();
      const prepared = await timer.time('decode', prepareDecoder(sharp, original, recipe, limits));
      const timedFaces: FaceLookup = (probe) => timer.time('face', faces(probe));
      const withPlan = await cropToFaces(sharp, prepared, header, recipe, timedFaces);
      const { decoder } = withPlan;
      const provisional = withPlan.facesMissed;
      const { width, height } = decoder.plan.canvas;
      const shared = asTheyAre(original, decoder, recipe);
      const own =
        !shared && needsPixels(decoder, header, recipe)
          ? await timer.time('decode', decode(decoder.open(), withPlan.header))
          : undefined;
      const pixels = shared ?? own;
      const encoded = await timer.time(
        'encode',
        pixels ? encode(sharp, pixels, header, recipe) : encodeStraight(decoder, withPlan.header, header, recipe),
      );
      const untouched = ownPixels(original, decoder.plan, encoded, recipe);
      const all = withPlan.downscaled ?? (showsAll(decoder, recipe) ? pixels : undefined);
      const downscaled = all && fitsDownscaled(header, all) ? downscaledOf(header, all) : undefined;
      // Tens of megabytes that V8 would find at its next full collection.
      for (const done of [own, withPlan.downscaled]) if (done && done !== downscaled?.body) freeNow(done.data);
      return { ...encoded, body: untouched ?? encoded.body, width, height, provisional, downscaled };
    },
  };
}

/**
 * The original's own compressed pixels, where they already are what is asked for and weigh less than ours: encoding them
 * again would only lose. Without metadata. AVIF keeps its metadata in too many places, so it is always encoded.
 */
function ownPixels(
  { body: original, header }: Examined,
  plan: FramePlan,
  encoded: Encoded,
  recipe: Recipe,
): Buffer | undefined {
  const sameSize = [plan.scaled, plan.window, plan.canvas].every(
    (size) => size.width === header.size.width && size.height === header.size.height,
  );
  if (
    !Buffer.isBuffer(original) ||
    !header.plain ||
    header.frames > 1 ||
    header.format !== encoded.format ||
    !sameSize ||
    recipe.copyright
  )
    return undefined;
  const stripped = stripMetadata(original, header.format);
  return stripped && stripped.length < encoded.body.length ? stripped : undefined;
}

/** Pixels that were decoded before, where they are just what is asked for: a copy of a large picture takes 10 ms. */
function asTheyAre({ body }: Examined, decoder: Decoder, recipe: Recipe): Pixels | undefined {
  const { width, height } = decoder.plan.canvas;
  if (Buffer.isBuffer(body) || body.width !== width || body.height !== height) return undefined;
  return showsAll(decoder, recipe) ? body : undefined;
}

/** Decoded by rows, so that a decoder that waits for its encoder holds hardly any memory. */
const BY_ROWS = new Set(['jpeg', 'pixels']);

/**
 * Whether the pixels of a rendition are of use to anybody but its encoder: to see whether they are transparent, to put the
 * frames of an animation together, for other renditions, for an encoder that is not libvips', or to be done with a decoder that holds the whole original before
 * the encoder begins. Else they go from decoder to encoder by rows, not 13 MB at once.
 */
function needsPixels(decoder: Decoder, header: OriginalHeader, recipe: Recipe): boolean {
  if (isWide(header, recipe)) return false;
  if (goesToSvtAv1(decoder.plan.canvas, recipe)) return true;
  if (header.hasAlpha || decoder.moves || header.turned || !BY_ROWS.has(header.coding)) return true;
  // Straight from its decoder, a PNG says at which resolution the original was meant to be printed.
  if (recipe.output === 'png') return true;
  return isOriginal(header) && fitsDownscaled(header, decoder.plan.canvas) && showsAll(decoder, recipe);
}

/** Whether all of the picture is in the frame, in its own shape, and nothing else. */
function showsAll({ plan, trimmed, moves }: Decoder, { fit }: Recipe): boolean {
  const framed = plan.canvas.width !== plan.window.width || plan.canvas.height !== plan.window.height;
  return fit !== 'fill' && !trimmed && !moves && !framed && !cutsAway(plan);
}
