import type { DecodeLimits, Examined, OriginalHeader } from '../original.ts';
import type { Box, Pixels, Size } from '../pixels.ts';
import { type Recipe, seeksFaces } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { decode, openOriginal, openPixels } from './decode.ts';
import { PROBE_SIDE_PX } from './face-aware-crop.ts';
import { dependsOnFaces, planFrame, workingSize } from './geometry.ts';

/**
 * Whole pictures: an original decoded once, upright and in sRGB, for all renditions that are not much smaller than it.
 * They stand in for the original: the same header, so the same plan, but fewer pixels to decode.
 */

/** Longer side of a whole picture in pixels: enough for all but the largest presets (4 MB as pixels, 0.2 MB as JPEG). */
export const DOWNSCALED_SIDE_PX = 1200;
/**
 * A rendition is made of a whole picture of its own size or of one this much larger. Between, scaling twice softens. From
 * here on SSIM is about that of decoding the original, or better, because no scale is chosen while decoding (bench/downscaled.ts).
 */
const ROOM = { pixels: 1.25, jpeg: 1.5 } as const;
/**
 * At 600 px and below its renditions are as near to the ideal, by SSIM, as those made of the original or nearer, and at 800 px
 * within 0.003 of them, at well under half the bytes of 95 and 4:4:4 (bench/downscaled.ts). Huffman tables made to measure would
 * save 1 % of them, and cost more than all the rest of the encoding.
 */
export const PROXY_JPEG = { quality: 80, chromaSubsampling: '4:2:0', optimiseCoding: false } as const;

/** More pixels than these are not shared, because they would have to be held for whoever still waits (20 MB). */
const MOST_SHARED_PIXELS = 6_000_000;

/** The size at which `original` is kept whole. */
function downscaledSize({ width, height }: Size): Size {
  const scale = Math.min(1, DOWNSCALED_SIDE_PX / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** What a rendition needs of its original, in pixels of the whole picture. */
function neededSize({ size }: OriginalHeader, recipe: Recipe): Size {
  const entire: Box = { left: 0, top: 0, ...size };
  const plan = planFrame(size, recipe);
  return seeksFaces(recipe) && dependsOnFaces(plan, entire, recipe.faceZoom)
    ? workingSize(plan, entire, recipe.faceZoom, PROBE_SIDE_PX)
    : plan.scaled;
}

/** Whether pixels of this size are kept of an original: not of one that moves, and no more than are of use. */
export function fitsDownscaled({ frames }: OriginalHeader, { width, height }: Size): boolean {
  return frames === 1 && Math.max(width, height) <= DOWNSCALED_SIDE_PX;
}

/** Whether a recipe wants nothing that only an original has: its profile's colours, its border, its copyright. */
export function mayUseDownscaled({ gamut, copyright, trim }: Recipe): boolean {
  return gamut === 'srgb' && !copyright && trim === undefined;
}

/**
 * Whether a rendition may be made of the whole picture with this header: pixels of its own size or of a larger one; a JPEG
 * of a larger one, because at its own size its losses would show.
 */
export function suffices(header: OriginalHeader, recipe: Recipe): boolean {
  const { size, stored, coding } = header;
  if (header.frames > 1 || !mayUseDownscaled(recipe)) return false;
  const needed = neededSize(header, recipe);
  // There the original's own pixels may be what is sent.
  if (sameSize(needed, size)) return false;
  if (sameSize(needed, stored)) return coding === 'pixels';
  const room = coding === 'pixels' ? ROOM.pixels : ROOM.jpeg;
  return needed.width * room <= stored.width && needed.height * room <= stored.height;
}

export function isOriginal({ size, stored, coding }: OriginalHeader): boolean {
  return sameSize(size, stored) && coding !== 'pixels';
}

/**
 * The headers that an original will have once it is decoded for these recipes: of the size that is kept, and where one of
 * them needs more, of that size too.
 */
export function downscaledHeaders(header: OriginalHeader, recipes: Iterable<Recipe>): OriginalHeader[] {
  const whole = downscaledSize(header.size);
  const larger = Array.from(recipes)
    .filter(mayUseDownscaled)
    .map((recipe) => neededSize(header, recipe))
    .filter((needed) => needed.width > whole.width && needed.width * needed.height <= MOST_SHARED_PIXELS)
    .reduce((a, b) => (b.width > a.width ? b : a), whole);
  return (larger === whole ? [whole] : [whole, larger]).map((size) => standIn(header, size, 'pixels'));
}

/** What pictures of these headers take together, in bytes. */
export function downscaledBytes(headers: readonly OriginalHeader[]): number {
  return headers.reduce((sum, { stored, hasAlpha }) => sum + stored.width * stored.height * (hasAlpha ? 4 : 3), 0);
}

function sameSize(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height;
}

/** Decodes an original once, to pictures of these headers, the largest last. Throws as renders do. */
export async function decodeDownscaled(
  sharp: SharpModule,
  original: Examined,
  headers: readonly OriginalHeader[],
  limits: DecodeLimits,
): Promise<Examined[]> {
  const pictures: Examined[] = [];
  let source = () => openOriginal(sharp, original, limits);
  let { header } = original;
  for (const { stored } of headers.toReversed()) {
    const picture = downscaledOf(header, await decode(source().resize({ ...stored, fit: 'fill' }), header));
    pictures.unshift(picture);
    ({ header } = picture);
    source = () => openOriginal(sharp, picture, limits);
  }
  return pictures;
}

/** A whole picture as JPEG, for renditions that are smaller. Transparent parts turn black. */
export async function encodeProxy(sharp: SharpModule, { body }: Examined): Promise<Buffer> {
  if (Buffer.isBuffer(body)) return body;
  return openPixels(sharp, body).removeAlpha().jpeg(PROXY_JPEG).toBuffer();
}

/** Pixels of the whole picture in place of the original. */
export function downscaledOf(header: OriginalHeader, pixels: Pixels): Examined {
  return { body: pixels, header: standIn(header, pixels, 'pixels') };
}

/** What an original's header says of what stands in for it: upright, in sRGB, of fewer pixels. */
export function standIn(header: OriginalHeader, { width, height }: Size, coding: 'pixels' | 'jpeg'): OriginalHeader {
  const stored = { width, height };
  return { ...header, stored, coding, turned: false, plain: false, hasProfile: false, deep: false, exif: undefined };
}
