import type { StepTimer } from '../telemetry/step-timer.ts';
import { allFaces } from './effects/all-faces.ts';
import { applyEffects, type EffectContext } from './effects/apply.ts';
import { eachFrame } from './effects/frames.ts';
import type { OverlayTools } from './effects/overlay/overlay.ts';
import { placementOf } from './effects/placement.ts';
import { coversOf } from './effects/redact.ts';
import type { ByEngine } from './engine/by-engine.ts';
import type { Hold } from './engine/held.ts';
import { bytesToHold } from './engine/held-estimate.ts';
import type { AlphaStreams } from './formats/alpha-stream.ts';
import { backgroundIn, isWide } from './formats/colour/display-p3.ts';
import { encodeByLook } from './formats/drawn/encode-by-look.ts';
import { encodeStraight, ofEngine } from './formats/encode.ts';
import { encodeJxl, type WriteJxl } from './formats/encoding/jxl.ts';
import { searches } from './formats/encoding/search.ts';
import { goesToSvtAv1 } from './formats/svt-av1.ts';
import { inMotion } from './pages/motion.ts';
import type { DecodeLimits, DownscaledSource, PictureHeader, PictureSource } from './picture-source.ts';
import { freeNow, type Pixels, sameSize } from './pixels.ts';
import type { Recipe } from './recipe.ts';
import type { SharpModule } from './sharp.ts';
import { type Decoder, prepareDecoder } from './stages/decode.ts';
import { fitsDownscaled, pixelSource } from './stages/downscaled.ts';
import { cropToFaces, type FaceLookup } from './stages/face-aware-crop.ts';
import { cutsAway } from './stages/geometry.ts';
import { ownSize } from './stages/own-size.ts';
import { requestOf } from './stages/view/plan.ts';
import { isUpright } from './stages/view/view.ts';

/** A finished picture. Width and height in pixels, of one frame. */
export interface Rendered {
  readonly body: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** Framed without the faces, because looking for them failed: another render may come out better. */
  readonly provisional: boolean;
  /** The downscaled decode that other renditions can use, where this one made one on its way. To be freed. */
  readonly downscaled: DownscaledSource | undefined;
}

export interface RenderContext {
  readonly limits: DecodeLimits;
  readonly timer: StepTimer;
  readonly faces: FaceLookup;
  readonly tools: OverlayTools;
  readonly alphas: AlphaStreams;
  readonly engine: ByEngine;
  /** Undefined where there are no decoders. */
  readonly writeJxl: WriteJxl | undefined;
}

/** One rendition, step by step. `given` is read by sharp: see stages/elsewhere.ts for what is not. */
export async function renderOnce(
  sharp: SharpModule,
  given: PictureSource,
  asked: Recipe,
  { limits, timer, faces, tools, alphas, engine, writeJxl }: RenderContext,
): Promise<Rendered> {
  // What the shop covered is an effect of every recipe.
  const recipe = asked.edit?.redact && !asked.effects ? { ...asked, effects: { unit: 1 } } : asked;
  const source = inMotion(given, recipe);
  const { header } = source;
  const paged = recipe.page !== undefined || recipe.motion !== undefined;
  const timedFaces: FaceLookup = (probe, depth) => timer.time('face', faces(probe, depth));
  const prepared = await timer.time('decode', prepareDecoder(sharp, source, recipe, limits, engine));
  // First: their look goes deeper than that for a crop.
  const covered = await allFaces(prepared, header, recipe, timedFaces);
  const hold: Hold = async (wanted) => {
    const mostBytes = bytesToHold(source, recipe);
    return timer.time('decode', engine.hold(source, prepared, recipe, { ...wanted, mostBytes }));
  };
  const crop = await cropToFaces(sharp, prepared, header, recipe, timedFaces, hold);
  using _planes = crop.held;
  const { decoder } = crop;
  const ready = readyPixels(source, decoder, recipe);
  // A picture that was decoded for the look is cut out of that.
  const fresh = !ready && !crop.downscaled;
  const keeps =
    source.kind === 'original' && !paged && showsAll(decoder, recipe) && fitsDownscaled(header, decoder.plan.canvas);
  const made = fresh
    ? await timer.time('decode', engine.rendition(source, decoder, recipe, keeps, crop.held))
    : undefined;
  if (made) {
    const downscaled = made.kept;
    const { canvas } = decoder.plan;
    const { body, contentType } =
      'planes' in made.made || made.alpha
        ? await timer.time('encode', ofEngine(sharp, made, canvas, recipe, alphas))
        : made.made;
    return { body, contentType, ...canvas, provisional: crop.facesMissed, downscaled };
  }
  const needed = recipe.effects !== undefined || needsPixels(source, decoder, recipe);
  const holdsPixels = !ready && (needed || seesPixels(header, decoder, recipe));
  const halved =
    fresh && holdsPixels ? await timer.time('decode', engine.pixels(source, decoder, recipe, crop.held)) : undefined;
  // From here on all is sharp's.
  crop.held?.[Symbol.dispose]();
  const decoded = () => decoder.pixels({ ...crop.header, wide: isWide(header, recipe) });
  const own = holdsPixels ? (halved ?? crop.cutOut?.() ?? (await timer.time('decode', decoded()))) : undefined;
  const pixels = ready ?? own;
  const fromOriginal = ownSize(source, decoder, recipe);
  const grounded = pixels && (await onBackground(sharp, pixels, header, recipe));
  const mixing = halved ? { ...tools, mixes: true } : tools;
  const context = { sharp, header, recipe, tools: mixing, covers: coversOf(recipe, covered) };
  const finished = grounded && (await timer.time('encode', withEffects(grounded, decoder, context)));
  const encoded = await timer.time(
    'encode',
    finished
      ? recipe.output === 'jxl'
        ? encodeJxl(sharp, finished, recipe, writeJxl)
        : encodeByLook(sharp, finished, header, recipe, fromOriginal, { ...engine.coder(halved !== undefined), alphas })
      : encodeStraight(sharp, decoder, crop.header, header, recipe),
  );
  const reused = encoded.format === 'jxl' ? undefined : fromOriginal.reuse(encoded.format);
  const lighter = reused && reused.body.length <= encoded.body.length ? reused : encoded;
  const all = crop.downscaled ?? ((ready || needed) && !pixels?.wide && showsAll(decoder, recipe) ? pixels : undefined);
  const downscaled = all && !paged && fitsDownscaled(header, all) ? pixelSource(source, all) : undefined;
  // Tens of megabytes that V8 would find at its next full collection.
  for (const done of [own, crop.downscaled]) if (done && done !== downscaled?.pixels) freeNow(done.data);
  for (const made of new Set([grounded?.data, finished?.data])) if (made && made !== pixels?.data) freeNow(made);
  const { width, height } = finished ?? decoder.plan.canvas;
  const { body, contentType } = lighter;
  return { body, contentType, width, height, provisional: crop.facesMissed, downscaled };
}

/** A background lies under transparent parts in every format; corners that are rounded later stay transparent where they can. */
async function onBackground(
  sharp: SharpModule,
  pixels: Pixels,
  header: PictureHeader,
  recipe: Recipe,
): Promise<Pixels> {
  const background = backgroundIn(header, recipe);
  if (background === undefined || pixels.channels === 3) return pixels;
  return eachFrame(sharp, pixels, (image) => image.flatten({ background }));
}

/** The same pixels where the recipe has no effects. */
async function withEffects(
  pixels: Pixels,
  decoder: Decoder,
  context: Omit<EffectContext, 'placement'>,
): Promise<Pixels> {
  const { recipe, header } = context;
  const { effects } = recipe;
  if (!effects) return pixels;
  const placement = placementOf(decoder, header.size, requestOf(recipe), effects.unit);
  return applyEffects(pixels, effects, { ...context, placement });
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
 * frames of an animation, to keep them for other renditions, for several encodes, for an encoder outside libvips, or to free a
 * decoder that holds the whole original. Else they go from decoder to encoder by rows, not 13 MB at once.
 */
function needsPixels(source: PictureSource, decoder: Decoder, recipe: Recipe): boolean {
  const { header } = source;
  if (recipe.output === 'jxl') return true;
  if (isWide(header, recipe)) return false;
  if (goesToSvtAv1(decoder.plan.canvas, recipe) || searches(recipe)) return true;
  if (!isUpright(decoder.turn)) return true;
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
function showsAll({ plan, trimmed, moves, plain }: Decoder, { fit, enlarge }: Recipe): boolean {
  if (!plain || enlarge) return false;
  const framed = plan.canvas.width !== plan.window.width || plan.canvas.height !== plan.window.height;
  return fit !== 'fill' && !trimmed && !moves && !framed && !cutsAway(plan);
}
