import type { Decoders } from '../decoders/decoders.ts';
import type { StepTimer } from '../telemetry/step-timer.ts';
import { DESCRIBED_SIDE_PX, describe, type PictureDescription } from './describe.ts';
import { applyEffects } from './effects/apply.ts';
import { placementOf } from './effects/placement.ts';
import { mended } from './formats/colour/mend.ts';
import { encodeByLook } from './formats/drawn/encode-by-look.ts';
import { encodeStraight, goesToSvtAv1, isWide } from './formats/encode.ts';
import { examine } from './formats/examine.ts';
import { refuse } from './formats/header.ts';
import { hasLastRows } from './formats/jpeg/rows.ts';
import type {
  DecodeLimits,
  OriginalSource,
  PictureHeader,
  PictureSource,
  PixelSource,
  PlannedDecode,
  ProxySource,
} from './picture-source.ts';
import { freeNow, type Pixels, sameSize } from './pixels.ts';
import type { Recipe } from './recipe.ts';
import { decoderWarnings, loadSharp, RENDER_VERSION, SHARP_MEDIA_TYPES, type SharpModule } from './sharp.ts';
import { DEAR_SIDE_PX, type DearOriginal, encodeDearProxy, openDearProxy } from './stages/dear-proxy.ts';
import { type Decoder, decode, prepareDecoder } from './stages/decode.ts';
import { decodeDownscaled, encodeProxy, fitsDownscaled, pixelSource } from './stages/downscaled.ts';
import { createElsewhere, isDecodedElsewhere, watchProbes } from './stages/elsewhere.ts';
import { cropToFaces, type FaceLookup } from './stages/face-aware-crop.ts';
import { cutsAway } from './stages/geometry.ts';
import { ownSize } from './stages/own-size.ts';

/** A finished picture. Width and height in pixels, of one frame. */
export interface Rendered {
  readonly body: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** Framed without the faces, because looking for them failed: another render may come out better. */
  readonly provisional: boolean;
  /** The downscaled decode that other renditions can use, where this one made one on its way. */
  readonly downscaled: PixelSource | undefined;
}

export interface Renderer {
  /** Part of every rendition's key: changes whenever the same recipe would give other bytes. */
  readonly version: string;
  /** Of originals that are read. */
  readonly mediaTypes: readonly string[];
  /** Loads the engine ahead of the first render. */
  warm(): Promise<void>;
  /**
   * Reads the header, within a few milliseconds and with hardly any memory, so it needs no slot. Throws
   * `original_unreadable` and `original_too_large`.
   */
  examine(original: Buffer): Promise<OriginalSource>;
  /**
   * Makes one rendition. Throws `original_unreadable` and `original_too_large`; any other error is a fault of the server.
   * `faces` is called only when the frame depends on them.
   * Cannot be stopped once begun, so callers keep its slot until it has settled; `signal` ends what is decoded outside sharp.
   */
  render(
    source: PictureSource,
    recipe: Recipe,
    timer: StepTimer,
    faces: FaceLookup,
    signal?: AbortSignal,
  ): Promise<Rendered>;
  /** Decodes an original once, to all planned sizes, the smallest first. Throws as `render` does. */
  decodeDownscaled(original: OriginalSource, planned: readonly PlannedDecode[]): Promise<PixelSource[]>;
  /** The proxy image of an original, a JPEG, from its downscaled decode. */
  encodeProxy(downscaled: PixelSource): Promise<Buffer>;
  /** The proxy image of an original that is dear to decode: see stages/dear-proxy.ts. Throws as `render` does. */
  makeProxy(original: OriginalSource, signal: AbortSignal): Promise<ProxySource>;
  /** The same from its stored bytes. Throws `original_unreadable` when they are none. */
  openProxy(body: Buffer, original: DearOriginal): Promise<ProxySource>;
  /** Size, colours, a placeholder and a report, of an original or by its proxy image. `bytes`: of the original's file. Throws as `render` does. */
  describe(source: OriginalSource | ProxySource, bytes: number, signal?: AbortSignal): Promise<PictureDescription>;
}

const NEVER = new AbortController().signal;

/** `decoders`: for what sharp does not read; without them it is refused. */
export function createRenderer(limits: DecodeLimits, decoders?: Decoders): Renderer {
  const decoded = createElsewhere(decoders, limits);
  return {
    version: RENDER_VERSION,
    async warm() {
      await loadSharp();
    },
    mediaTypes: [...SHARP_MEDIA_TYPES, ...(decoders?.mediaTypes ?? [])],
    examine: async (body) => examine(await loadSharp(), body, limits, decoders),
    decodeDownscaled: async (original, planned) => {
      const sharp = await loadSharp();
      const source = await mended(sharp, original, limits);
      return wholly(source, decodeDownscaled(sharp, source, planned, limits));
    },
    encodeProxy: async (downscaled) => encodeProxy(await loadSharp(), downscaled),
    makeProxy: async (original, signal) => {
      const sharp = await loadSharp();
      return decoded(original, DEAR_SIDE_PX, signal, (rows) => encodeDearProxy(sharp, rows, limits));
    },
    openProxy: async (body, original) => openDearProxy(await loadSharp(), body, original, limits),
    describe: async (source, bytes, signal = NEVER) => {
      const sharp = await loadSharp();
      const by = (read: OriginalSource | ProxySource) => describe(sharp, read, limits, bytes);
      if (isDecodedElsewhere(source)) return decoded(source, DESCRIBED_SIDE_PX, signal, by);
      const whole = await mended(sharp, source, limits);
      return wholly(whole, by(whole));
    },
    async render(source, recipe, timer, faces, signal = NEVER) {
      const sharp = await loadSharp();
      if (!isDecodedElsewhere(source)) {
        const mend = source.kind === 'original' && source.header.mend;
        const whole = mend ? await timer.time('decode', mended(sharp, source, limits)) : source;
        return wholly(whole, renderOnce(sharp, whole, recipe, { limits, timer, faces }));
      }
      const watched = watchProbes(faces);
      const work = async (whole: OriginalSource) => {
        const rendered = await renderOnce(sharp, whole, recipe, { limits, timer, faces: watched.faces });
        await watched.settled();
        return rendered;
      };
      return decoded(source, Number.POSITIVE_INFINITY, signal, work, timer);
    },
  };
}

interface RenderContext {
  readonly limits: DecodeLimits;
  readonly timer: StepTimer;
  readonly faces: FaceLookup;
}

async function renderOnce(
  sharp: SharpModule,
  source: PictureSource,
  recipe: Recipe,
  { limits, timer, faces }: RenderContext,
): Promise<Rendered> {
  const { header } = source;
  const timedFaces: FaceLookup = (probe, depth) => timer.time('face', faces(probe, depth));
  const prepared = await timer.time('decode', prepareDecoder(sharp, source, recipe, limits));
  const crop = await cropToFaces(sharp, prepared, header, recipe, timedFaces);
  const { decoder } = crop;
  const ready = readyPixels(source, decoder, recipe);
  const needed = recipe.effects !== undefined || needsPixels(source, decoder, recipe);
  const own =
    !ready && (needed || seesPixels(header, decoder, recipe))
      ? (crop.cutOut?.() ?? (await timer.time('decode', decode(decoder.open(), crop.header))))
      : undefined;
  const pixels = ready ?? own;
  const fromOriginal = ownSize(source, decoder, recipe);
  const finished = pixels && (await timer.time('encode', withEffects(sharp, pixels, header, recipe, decoder)));
  const encoded = await timer.time(
    'encode',
    finished
      ? encodeByLook(sharp, finished, header, recipe, fromOriginal)
      : encodeStraight(decoder, crop.header, header, recipe),
  );
  const reused = fromOriginal.reuse(encoded.format);
  const lighter = reused && reused.body.length <= encoded.body.length ? reused : encoded;
  const all = crop.downscaled ?? ((ready || needed) && showsAll(decoder, recipe) ? pixels : undefined);
  const downscaled = all && fitsDownscaled(header, all) ? pixelSource(source, all) : undefined;
  // Tens of megabytes that V8 would find at its next full collection.
  for (const done of [own, crop.downscaled]) if (done && done !== downscaled?.pixels) freeNow(done.data);
  if (finished && finished !== pixels) freeNow(finished.data);
  const { width, height } = finished ?? decoder.plan.canvas;
  const { body, contentType } = lighter;
  return { body, contentType, width, height, provisional: crop.facesMissed, downscaled };
}

/** The same pixels where the recipe has no effects. */
async function withEffects(
  sharp: SharpModule,
  pixels: Pixels,
  header: PictureHeader,
  recipe: Recipe,
  { plan, region }: Decoder,
): Promise<Pixels> {
  const { effects } = recipe;
  if (!effects) return pixels;
  const placement = placementOf(plan, region, header.size, recipe, effects.unit);
  return applyEffects(pixels, effects, { sharp, header, recipe, placement });
}

/**
 * What was made of all rows of a JPEG, or `original_unreadable`: libvips warns of missing rows as it warns of trifles, and only
 * to the process, so after any warning the file is read once more.
 */
async function wholly<T>(source: PictureSource, making: Promise<T>): Promise<T> {
  const before = decoderWarnings();
  const made = await making;
  const suspect = source.kind === 'original' && source.header.format === 'jpeg' && decoderWarnings() !== before;
  if (suspect && !(await hasLastRows(source.body))) refuse(new Error('the JPEG ends before its last rows'));
  return made;
}

/** Pixels in memory that are the rendition already: copying those of a large picture takes 10 ms. */
function readyPixels(source: PictureSource, decoder: Decoder, recipe: Recipe): Pixels | undefined {
  if (source.kind !== 'pixels') return undefined;
  return sameSize(source.pixels, decoder.plan.canvas) && showsAll(decoder, recipe) ? source.pixels : undefined;
}

/** 7.5 MB. Of larger renditions that nothing else holds, drawings are coded as photos. */
const MAX_SEEN_PIXELS = 2_500_000;
/** Codings that are decoded row by row, so that a decoder that waits for its encoder holds hardly any memory. */
const BY_ROWS = new Set(['jpeg', 'pixels']);

/**
 * Whether all pixels of a rendition are decoded before the encoder begins: to see whether they are transparent, to join the
 * frames of an animation, to keep them for other renditions, for an encoder outside libvips, or to free a decoder that holds
 * the whole original. Else they go from decoder to encoder by rows, not 13 MB at once.
 */
function needsPixels(source: PictureSource, decoder: Decoder, recipe: Recipe): boolean {
  const { header } = source;
  if (isWide(header, recipe)) return false;
  if (goesToSvtAv1(decoder.plan.canvas, recipe)) return true;
  if (header.hasAlpha || decoder.moves || header.turned || !BY_ROWS.has(header.coding)) return true;
  // Straight from its decoder, a PNG would carry the print resolution of the original.
  if (recipe.output === 'png') return true;
  return source.kind === 'original' && fitsDownscaled(header, decoder.plan.canvas) && showsAll(decoder, recipe);
}

/** Whether pixels are decoded first only to see whether they are drawn: those of a crop, say. */
function seesPixels(header: PictureHeader, { plan: { canvas } }: Decoder, recipe: Recipe): boolean {
  const byLook = recipe.lossless === undefined && !isWide(header, recipe);
  return byLook && canvas.width * canvas.height <= MAX_SEEN_PIXELS;
}

/** Whether a rendition shows all of the picture, in its own shape, and nothing else. */
function showsAll({ plan, trimmed, moves }: Decoder, { fit }: Recipe): boolean {
  const framed = plan.canvas.width !== plan.window.width || plan.canvas.height !== plan.window.height;
  return fit !== 'fill' && !trimmed && !moves && !framed && !cutsAway(plan);
}
