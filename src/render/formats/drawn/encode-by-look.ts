import type { PictureHeader } from '../../picture-source.ts';
import type { Pixels } from '../../pixels.ts';
import { DEFAULT_BACKGROUND, type Output, type Recipe } from '../../recipe.ts';
import type { SharpModule } from '../../sharp.ts';
import { openPixels } from '../../stages/decode.ts';
import { type Encoded, encode, finished, hasTransparency } from '../encode.ts';
import type { Coding } from '../encoding/coder.ts';
import type { Format } from '../encoding/encoders.ts';
import {
  type Drawing,
  FEW_SLIGHT,
  fullChromaAvif,
  fullChromaJpeg,
  MOSTLY_COLOURED_LINES,
  nearLosslessWebp,
  type Seen,
} from './full-chroma.ts';
import { chromaOf, isCrisp, isMostlyGrey, looksDrawn, type Steps, stepsOf } from './look.ts';
import { palettePng } from './palette-png.ts';

/** What the original has for a rendition. */
export interface OwnSize {
  /** Bytes of its file; undefined where the source is not the original. */
  readonly fileBytes: number | undefined;
  /** No pixel was scaled: lines and letters are as sharp as they were drawn. */
  readonly unscaled: boolean;
  /** The rendition shows all of it and nothing else. */
  readonly whole: boolean;
  /** The original's own compressed pixels, where they are of this format and can be sent as the rendition. Worked out once. */
  reuse(format: Format): Encoded | undefined;
}

/** From this share on red letters turn brown by 4:2:0; see `Chroma`. */
const VISIBLE_LOSS = 0.003;
/** The same of scaled pixels, whose edges are softened already. */
const VISIBLE_LOSS_SCALED = 0.01;

/**
 * Encodes pixels by what they look like: photos as `encode` does, drawn pictures sharper and smaller. Unscaled they lose nothing
 * (WebP, PNG), and weigh no more than their original; scaled they weigh at most what `encode` makes of them. `coder`: for photos.
 */
export async function encodeByLook(
  sharp: SharpModule,
  pixels: Pixels,
  header: PictureHeader,
  recipe: Recipe,
  own: OwnSize,
  coder?: Coding,
): Promise<Encoded> {
  const asPhoto = () => encode(sharp, pixels, header, recipe, coder);
  if (recipe.lossless !== undefined || pixels.wide || saysHow(recipe)) return asPhoto();
  const drawing = { sharp, pixels, header, recipe };
  if (pixels.frames > 1) return encodeAnimation(drawing, own);
  const steps = stepsOf(pixels);
  const drawn = looksDrawn(steps);
  if (!drawn) return isRinging(steps, pixels) ? encodeLossy(drawing, steps, own) : asPhoto();
  const mayBeExact = own.unscaled && isCrisp(steps) && pixels.width * pixels.height <= MAX_EXACT_PIXELS;
  const sharper = mayBeExact ? withoutLoss(recipe) : undefined;
  const exact = sharper && (await encodeExactly(drawing, sharper, own));
  const most = own.whole ? own.fileBytes : undefined;
  const fits = exact !== undefined && exact.body.length <= (recipe.encoding?.maxBytes ?? Number.POSITIVE_INFINITY);
  if (fits && exact.body.length <= (most ?? Number.POSITIVE_INFINITY)) return exact;
  const lossy = await encodeLossy(drawing, steps, own);
  return exact && exact.body.length < lossy.body.length ? exact : lossy;
}

/** Whether the recipe says itself what else would go by the look. */
function saysHow({ encoding }: Recipe): boolean {
  return encoding?.chroma !== undefined || encoding?.palette !== undefined || encoding?.progressive !== undefined;
}

/**
 * Frames of few colours can grow by being scaled and coded with loss, above the file they come from; without loss (GIF: without
 * dithering) many do not.
 */
async function encodeAnimation({ sharp, pixels, header, recipe }: Drawing, { fileBytes }: OwnSize): Promise<Encoded> {
  const ordinary = await encode(sharp, pixels, header, recipe);
  if (fileBytes === undefined || ordinary.body.length <= fileBytes) return ordinary;
  const exact = await encode(sharp, pixels, header, { ...recipe, lossless: true });
  return exact.body.length < ordinary.body.length ? exact : ordinary;
}

/** Lossless WebP takes 70 ms of CPU a million pixels of a drawing, and 320 of what was made to look like one. */
const MAX_EXACT_PIXELS = 8_000_000;
/** Of coloured letters that came as a JPEG: its ringing around them looks like a photo's noise, on ground that is none. */
const RINGING_FLAT = 0.35;

function isRinging({ flat }: Steps, pixels: Pixels): boolean {
  return flat >= RINGING_FLAT && chromaOf(pixels).lost >= MOSTLY_COLOURED_LINES;
}

/** In what a drawn picture is sent without loss: AVIF's is larger than WebP's, and JPEG has none. */
function withoutLoss({ output, sharper }: Recipe): Output | undefined {
  if (output === 'avif') return sharper;
  return output === 'jpeg' ? undefined : output;
}

async function encodeExactly(
  { sharp, pixels, header, recipe }: Drawing,
  output: Output,
  own: OwnSize,
): Promise<Encoded> {
  const isSharps = output !== 'base' && output !== 'original' && output !== 'jxl';
  const format = isSharps ? output : 'png';
  const reusable = own.reuse(format);
  const palette = format === 'png' ? await asPalette(pixels, recipe) : undefined;
  if (!palette && reusable && isWellCompressed(reusable, pixels)) return reusable;
  const exact = palette ?? (await encode(sharp, pixels, header, { ...recipe, output, lossless: true }));
  return reusable && reusable.body.length < exact.body.length ? reusable : exact;
}

/** From here on encoding a PNG anew takes 30 ms and more. */
const LARGE_PIXELS = 500_000;

/** A byte for two pixels or less: no drawing is stored so without compression. */
function isWellCompressed({ body }: Encoded, { width, height }: Pixels): boolean {
  return width * height >= LARGE_PIXELS && 2 * body.length <= width * height;
}

/** Undefined where a PNG needs more than a palette. */
async function asPalette(pixels: Pixels, recipe: Recipe): Promise<Encoded | undefined> {
  const body = recipe.copyright ? undefined : await palettePng(pixels);
  return body && finished(body, 'png', recipe);
}

async function encodeLossy(drawing: Drawing, steps: Steps, own: OwnSize): Promise<Encoded> {
  const { sharp, pixels, header, recipe } = drawing;
  const { output } = recipe;
  const transparent = hasTransparency(pixels);
  if (output === 'jpeg' && transparent) {
    return encodeLossy({ ...drawing, pixels: await onBackground(drawing) }, steps, own);
  }
  const asPng = output === 'png' || (output === 'base' && transparent);
  const { ssim, maxBytes = Number.POSITIVE_INFINITY } = recipe.encoding ?? {};
  const palette = asPng ? await asPalette(pixels, recipe) : undefined;
  if (palette && palette.body.length <= maxBytes) return palette;
  if (asPng) return encode(sharp, pixels, header, recipe);
  const chroma = chromaOf(pixels);
  // Full chroma keeps to bytes and not to an SSIM.
  const shown = chroma.lost >= (own.unscaled ? VISIBLE_LOSS : VISIBLE_LOSS_SCALED);
  const seen = { steps, chroma };
  const worth = output !== 'avif' || own.unscaled || isWorthItsTime(seen, pixels);
  const visible = ssim === undefined && shown && worth;
  const mayBeSure = output === 'avif' && visible && maxBytes === Number.POSITIVE_INFINITY;
  const surely = mayBeSure && isSurelyLighter(seen, drawing);
  const unasked = surely ? await fullChromaAvif(drawing, seen, Number.POSITIVE_INFINITY) : undefined;
  if (unasked) return unasked;
  const ordinary = await encode(sharp, pixels, header, recipe);
  const most = ordinary.body.length;
  if (!visible) return ordinary;
  if (ordinary.format === 'jpeg') return (await fullChromaJpeg(drawing, seen, most)) ?? ordinary;
  if (ordinary.format === 'avif') return (await fullChromaAvif(drawing, seen, most)) ?? ordinary;
  const mayGain = chroma.lost >= MOSTLY_COLOURED_LINES && steps.slight <= FEW_SLIGHT;
  return (mayGain ? await nearLosslessWebp(drawing, most) : undefined) ?? ordinary;
}

/** Of `flat` less half of `slight`. */
const CHEAPLY_CLEAR = 0.65;

/**
 * Whether scaled pixels get AVIF in 4:4:4, which takes libaom three times the CPU of SVT-AV1 in 4:2:0: where most lines are coloured, and
 * where much is saved in little time.
 */
function isWorthItsTime({ steps: { flat, slight }, chroma }: Seen, { width, height }: Pixels): boolean {
  if (width * height <= DEAR_PIXELS) return true;
  return chroma.lost >= MOSTLY_COLOURED_LINES || (!isMostlyGrey(chroma) && flat - slight / 2 >= CHEAPLY_CLEAR);
}

/** Below it, the ordinary AVIF is made with more effort. */
const DEAR_PIXELS = 40_000;
/** Below it 4:4:4 gains less, because the quantisers leave little of any colour. */
const SURE_QUALITY = 70;
/** Of `flat`: below, a picture is all letters or a game's tiles, whatever else it is. */
const MUCH_FLAT = 0.5;
/** Of `flat` less half of `slight`: from here on, and of drawings with few coloured lines that are not small from further below. */
const SURELY_CLEAR = 0.67;
const CLEAR = { from: 0.54, mostLost: 0.02, pixels: 90_000 };

/**
 * Whether the ordinary AVIF need not be made to know that 4:4:4 is lighter: in 539 encodings of 60 drawn pictures, at 300 to 1,600 px and
 * qualities 70 to 95, for which this says so, it always was.
 */
function isSurelyLighter({ steps: { flat, slight }, chroma }: Seen, { pixels, recipe }: Drawing): boolean {
  const count = pixels.width * pixels.height;
  if (recipe.effort !== undefined || recipe.quality < SURE_QUALITY || count <= DEAR_PIXELS) return false;
  if (flat < MUCH_FLAT) return false;
  if (slight <= FEW_SLIGHT || isMostlyGrey(chroma)) return true;
  const clear = flat - slight / 2;
  return clear >= SURELY_CLEAR || (clear >= CLEAR.from && chroma.lost <= CLEAR.mostLost && count >= CLEAR.pixels);
}

async function onBackground({ sharp, pixels, recipe }: Drawing): Promise<Pixels> {
  const { width, height } = pixels;
  const image = openPixels(sharp, pixels).flatten({ background: recipe.background ?? DEFAULT_BACKGROUND });
  return { data: await image.raw().toBuffer(), width, height, channels: 3, frames: 1 };
}
