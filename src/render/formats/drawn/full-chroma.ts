import type { Sharp } from 'sharp';
import type { PictureHeader } from '../../picture-source.ts';
import type { Pixels } from '../../pixels.ts';
import type { Recipe } from '../../recipe.ts';
import type { SharpModule } from '../../sharp.ts';
import { openPixels } from '../../stages/decode.ts';
import { keepCopyright } from '../copyright.ts';
import { type Encoded, finished, hasTransparency } from '../encode.ts';
import { avifQuality, qualityOf, scaleOf } from '../encoding/encoders.ts';
import { type Chroma, isMostlyGrey, type Steps } from './look.ts';

/**
 * Codings that keep the colour of every pixel of a drawing with saturated edges, at the bytes of the ordinary one: each
 * is undefined where it would take more.
 */

/** Pixels of a drawing, and the recipe of its rendition. JPEG takes opaque pixels only. */
export interface Drawing {
  readonly sharp: SharpModule;
  readonly pixels: Pixels;
  readonly header: PictureHeader;
  readonly recipe: Recipe;
}

/** What pixels look like. */
export interface Seen {
  readonly steps: Steps;
  readonly chroma: Chroma;
}

/** Up to here a drawing's lines are hardly softened: 4:4:4 AVIF is light, and so is near-lossless WebP. */
export const FEW_SLIGHT = 0.2;
/** From here on most of a picture is coloured letters and lines, so that its lossy WebP is large. */
export const MOSTLY_COLOURED_LINES = 0.05;

/**
 * How much coarser 128 drawn pictures reach the ordinary bytes, or nearly: pages of black text with some colour, coloured drawings,
 * and those that are nearly empty, whose bytes hardly go with the quantisers.
 */
const FIRST_COARSER = { mostlyGrey: 1.8, coloured: 2.6, nearlyEmpty: 3.2 };
/** Of `Steps.flat`. */
const NEARLY_EMPTY = 0.965;

function firstCoarser({ steps, chroma }: Seen): number {
  if (isMostlyGrey(chroma)) return FIRST_COARSER.mostlyGrey;
  return steps.flat >= NEARLY_EMPTY ? FIRST_COARSER.nearlyEmpty : FIRST_COARSER.coloured;
}

/** From one try to the next, JPEG's bytes go with its quantisers' scale to about this power. */
const BYTES_BY_SCALE = -0.45;
const JPEG_TRIES = 3;
/** Coarser than this many times the recipe's own quantisers, black text suffers more than red text gains. */
const COARSEST = 6;
/** Tries after the first are aimed below the limit by this. */
const CAUTION = 0.97;

export async function fullChromaJpeg(drawing: Drawing, seen: Seen, most: number): Promise<Encoded | undefined> {
  const finest = scaleOf(drawing.recipe.quality);
  let last: { scale: number; bytes: number } | undefined;
  let scale = finest * firstCoarser(seen);
  for (let tries = 0; tries < JPEG_TRIES && scale <= finest * COARSEST; tries += 1) {
    const options = { quality: qualityOf(scale), chromaSubsampling: '4:4:4', progressive: true, quantisationTable: 3 };
    const body = await opened(drawing).jpeg(options).toBuffer();
    if (body.length <= most) return finished(body, 'jpeg', drawing.recipe);
    const power = last ? Math.log(body.length / last.bytes) / Math.log(scale / last.scale) : BYTES_BY_SCALE;
    last = { scale, bytes: body.length };
    scale *= ((most * CAUTION) / body.length) ** (1 / Math.min(-0.3, power));
  }
  return undefined;
}

/** libaom's palettes and block copies, made for screens, begin at effort 1: a fifth fewer bytes in 4:4:4 than SVT-AV1 in 4:2:0. */
const AVIF_EFFORT = 1;
/**
 * Tuned for SSIM it takes a sixth less time than as sharp tunes it, and fewer bytes for the same PSNR, at a quality that is by at most this
 * much less and not below this share (drawings at qualities 10 to 100); of letters with noise around them it takes more.
 */
const FOR_SSIM = { less: 8, share: 0.85 };
/** Below it, a second try gains next to nothing. */
const SMALL_PIXELS = 40_000;

/** 180 ms of CPU each. */
const MAX_AVIF_PIXELS = 2_000_000;

export async function fullChromaAvif(drawing: Drawing, seen: Seen, most: number): Promise<Encoded | undefined> {
  const { pixels, recipe } = drawing;
  if (pixels.width * pixels.height > MAX_AVIF_PIXELS) return undefined;
  const own = avifQuality(recipe.quality, 'libaom');
  const forSsim = { tune: 'ssim', quality: Math.max(own - FOR_SSIM.less, own * FOR_SSIM.share) } as const;
  const usual = { tune: 'iq', quality: own * CAUTION } as const;
  const isSoft = seen.chroma.lost >= MOSTLY_COLOURED_LINES && seen.steps.slight > FEW_SLIGHT;
  const isSmall = pixels.width * pixels.height <= SMALL_PIXELS;
  for (const { tune, quality } of isSoft ? [usual] : isSmall ? [forSsim] : [forSsim, usual]) {
    const effort = Math.max(AVIF_EFFORT, recipe.effort ?? 0);
    const options = { quality: Math.max(1, Math.round(quality)), effort, tune, chromaSubsampling: '4:4:4' };
    const body = await opened(drawing).avif(options).toBuffer();
    if (body.length <= most) return { body, format: 'avif', contentType: 'image/avif' };
  }
  return undefined;
}

/** WebP's lossy coding knows 4:2:0 only; near lossless, pixels change by some levels where neighbours differ. */
const NEAR_LOSSLESS = { nearLossless: true, quality: 40, effort: 1 } as const;
/** 60 ms of CPU a million. */
const MAX_WEBP_PIXELS = 2_000_000;

export async function nearLosslessWebp(drawing: Drawing, most: number): Promise<Encoded | undefined> {
  const { pixels } = drawing;
  if (pixels.width * pixels.height > MAX_WEBP_PIXELS) return undefined;
  const body = await opened(drawing).webp(NEAR_LOSSLESS).toBuffer();
  return body.length <= most ? { body, format: 'webp', contentType: 'image/webp' } : undefined;
}

function opened({ sharp, pixels, header, recipe }: Drawing): Sharp {
  const image = openPixels(sharp, pixels);
  if (pixels.channels === 4 && !hasTransparency(pixels)) image.removeAlpha();
  return recipe.copyright ? keepCopyright(image, header.exif) : image;
}
