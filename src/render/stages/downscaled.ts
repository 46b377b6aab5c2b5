import type { ByEngine } from '../engine/by-engine.ts';
import {
  bytesOf,
  type DecodeLimits,
  type DownscaledSource,
  free,
  type OriginalSource,
  type PictureHeader,
  type PictureSource,
  type PixelSource,
  type PlaneSource,
  type PlannedDecode,
  type ProxySource,
} from '../picture-source.ts';
import { type Pixels, type Size, sameSize, sizeWithin } from '../pixels.ts';
import { type Recipe, seeksFaces } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { openPixels, scaledPixels } from './decode.ts';
import { dependsOnFaces, workingSize } from './geometry.ts';
import { lookDepthFor, lookedAtSize, PROBE_SIDE_PX } from './look-depth.ts';
import { planView, wholeSize } from './view/plan.ts';

/**
 * Downscaled decodes: an original decoded once, upright and in sRGB, for all renditions that are smaller by enough. Their
 * plans are those of the original, with fewer pixels to decode.
 */

/** Longer side in pixels: enough for all but the largest presets (4 MB as pixels, 0.2 MB as a proxy image). */
export const DOWNSCALED_SIDE_PX = 1200;
/**
 * A rendition is made from pixels of just its size or from a source that is larger by this factor. In between, scaling twice
 * softens. From here on SSIM is about that of decoding the original, or better, because no scale is chosen while decoding
 * (bench/downscaled.ts).
 */
const ROOM = { pixels: 1.25, proxy: 1.5 } as const;
/**
 * At 600 px and below, renditions made from it are as near to the ideal, by SSIM, as those made from the original or nearer, and
 * at 800 px within 0.003, at well under half the bytes of 95 and 4:4:4 (bench/downscaled.ts). Optimised Huffman tables would
 * save 1 % of the bytes and cost more than all the rest of the encoding.
 */
export const PROXY_JPEG = { quality: 80, chromaSubsampling: '4:2:0', optimiseCoding: false } as const;

/** A larger decode is not shared, because it would be held until the last of its sessions closes (20 MB). */
const MAX_SHARED_PIXELS = 6_000_000;

/** The size of the downscaled decode that is kept, and of the proxy image: never larger than the original. */
export const downscaledSize = (original: Size): Size => sizeWithin(DOWNSCALED_SIDE_PX, original);

/** The size to which all of the original is scaled for this rendition, in pixels; its own size where a part of it is enlarged. */
function neededSize({ size }: PictureHeader, recipe: Recipe): Size {
  const view = planView(size, recipe, 1);
  const { plan, shown, plain } = view;
  const seeks = seeksFaces(recipe) && dependsOnFaces(plan, shown, recipe.faceZoom);
  if (plain && !recipe.enlarge) return seeks ? lookedAtSize(plan, size, shown, recipe.faceZoom) : plan.scaled;
  if (!seeks) return wholeSize(view, size);
  const nearest = wholeSize(view, size, workingSize(plan, shown, recipe.faceZoom, 1));
  const probe = sizeWithin(PROBE_SIDE_PX[lookDepthFor(plan, size, shown, recipe.faceZoom)], size);
  return probe.width > nearest.width ? probe : nearest;
}

/** Whether pixels of this size are kept: not of an animation, and no more than other renditions can use. */
export function fitsDownscaled({ frames, decoder }: PictureHeader, { width, height }: Size): boolean {
  // What a decoder reads has a proxy image, from which all is made.
  return frames === 1 && !decoder && Math.max(width, height) <= DOWNSCALED_SIDE_PX;
}

/** Whether a recipe needs nothing that only an original has: its profile's colours, its border, its copyright, its file, its other pages. */
export function mayUseDownscaled({ gamut, copyright, trim, output, page }: Recipe): boolean {
  return !page && gamut === 'srgb' && !copyright && trim === undefined && output !== 'original';
}

/**
 * Whether a rendition made from this source is as near to the original as one made from the original itself. Pixels that were
 * decoded from a proxy image serve only what the proxy image itself may serve.
 */
export function suffices(source: PlannedDecode | Omit<ProxySource, 'body'>, recipe: Recipe): boolean {
  const { size, stored, frames, decoder } = source.header;
  if (recipe.output === 'original' || recipe.page) return false;
  if (decoder) return dearSuffices(source.header, recipe);
  if (frames > 1 || !mayUseDownscaled(recipe)) return false;
  const needed = neededSize(source.header, recipe);
  // At its own size the original's compressed pixels may be sent as they are.
  if (sameSize(needed, size)) return false;
  if (source.kind === 'proxy') return hasRoom(stored, needed, ROOM.proxy);
  if (source.decodedFrom === 'proxy' && !hasRoom(downscaledSize(size), needed, ROOM.proxy)) return false;
  // Their colours are halved.
  if (source.kind === 'planes' && !halvesColours(recipe)) return hasRoom(stored, needed, 2);
  return sameSize(needed, stored) || hasRoom(stored, needed, ROOM.pixels);
}

/** Whether a photo's rendition has one colour for four pixels. */
function halvesColours({ output, lossless, encoding }: Recipe): boolean {
  return !lossless && encoding?.chroma !== '4:4:4' && output !== 'png' && output !== 'jxl';
}

/** A proxy image of an original that is dear to decode serves all but borders, own pixels and sizes above its own. */
function dearSuffices(header: PictureHeader, recipe: Recipe): boolean {
  const needed = neededSize(header, recipe);
  return recipe.trim === undefined && !sameSize(needed, header.size) && hasRoom(header.stored, needed, 1);
}

function hasRoom(stored: Size, needed: Size, factor: number): boolean {
  return needed.width * factor <= stored.width && needed.height * factor <= stored.height;
}

/**
 * The downscaled decodes of an original that serve these recipes, the smallest first: the one that is kept, and where a recipe
 * needs more pixels, one of that size too.
 */
export function planDownscaled(
  { header }: OriginalSource,
  recipes: Iterable<Recipe>,
  kind: DownscaledSource['kind'] = 'pixels',
): PlannedDecode[] {
  const kept = downscaledSize(header.size);
  const largest = Array.from(recipes)
    .filter(mayUseDownscaled)
    .map((recipe) => neededSize(header, recipe))
    // At its own size nothing is made of shared pixels.
    .filter((needed) => needed.width > kept.width && !sameSize(needed, header.size))
    .filter(({ width, height }) => width * height <= MAX_SHARED_PIXELS)
    .reduce((a, b) => (b.width > a.width ? b : a), kept);
  return (largest === kept ? [kept] : [kept, largest]).map((size) => ({
    // The engine scales down only.
    kind: sameSize(size, header.size) ? 'pixels' : kind,
    decodedFrom: 'original',
    header: describeDownscaled(header, size, 'pixels'),
  }));
}

/** The memory that these decodes take together, in bytes. Those that are planned as planes may become pixels. */
export function downscaledBytes(decodes: readonly (PlannedDecode | DownscaledSource)[]): number {
  const pixels = ({ stored, hasAlpha }: PictureHeader) => stored.width * stored.height * (hasAlpha ? 4 : 3);
  return decodes.reduce((sum, decode) => sum + ('planes' in decode ? bytesOf(decode) : pixels(decode.header)), 0);
}

/** Decodes an original once, to all planned sizes, the smallest first. Throws as renders do. */
export async function decodeDownscaled(
  sharp: SharpModule,
  original: OriginalSource,
  planned: readonly PlannedDecode[],
  limits: DecodeLimits,
  engine: ByEngine,
): Promise<DownscaledSource[]> {
  const kept = await decodePlanes(original, planned, engine);
  if (kept.length > 0) return kept;
  const pictures: PixelSource[] = [];
  let source: OriginalSource | PixelSource = original;
  for (const { header } of planned.toReversed()) {
    const { stored } = header;
    const pixels = (await engine.whole(source, stored)) ?? (await scaledPixels(sharp, source, stored, limits));
    const picture = pixelSource(source, pixels);
    pictures.unshift(picture);
    source = picture;
  }
  return pictures;
}

/** The same as planes; none where they are not planned, or look drawn at the size that is kept. */
async function decodePlanes(
  original: OriginalSource,
  planned: readonly PlannedDecode[],
  engine: ByEngine,
): Promise<PlaneSource[]> {
  if (planned.some(({ kind }) => kind !== 'planes')) return [];
  const [smallest] = planned;
  const pictures: PlaneSource[] = [];
  const freeAll = () => pictures.splice(0).forEach(free);
  try {
    for (const decode of planned.toReversed()) {
      const source: OriginalSource | PlaneSource = pictures[0] ?? original;
      const planes = await engine.keep(source, decode.header.stored, decode === smallest);
      if (!planes) {
        freeAll();
        break;
      }
      pictures.unshift(planes);
    }
    return pictures;
  } catch (error) {
    freeAll();
    throw error;
  }
}

/** The proxy image: a JPEG, see `PROXY_JPEG`. Transparent parts turn black. */
export async function encodeProxy(sharp: SharpModule, source: DownscaledSource, engine: ByEngine): Promise<Buffer> {
  if (source.kind === 'pixels') return openPixels(sharp, source.pixels).removeAlpha().jpeg(PROXY_JPEG).toBuffer();
  const body = await engine.jpeg(source, PROXY_JPEG.quality);
  if (!body) throw new Error('the engine makes no proxy image of its planes');
  return body;
}

/** `pixels`: all of the picture, decoded from this source at any size. */
export function pixelSource(source: PictureSource, pixels: Pixels): PixelSource {
  const decodedFrom = source.kind === 'original' || source.kind === 'proxy' ? source.kind : source.decodedFrom;
  return { kind: 'pixels', pixels, decodedFrom, header: describeDownscaled(source.header, pixels, 'pixels') };
}

type OriginalProperties = Pick<PictureHeader, 'format' | 'size' | 'frames' | 'delays' | 'loop' | 'hasAlpha'>;

/** The header of a downscaled source: upright, in sRGB, 8 bits a channel. */
export function describeDownscaled(
  { format, size, frames, delays, loop, hasAlpha }: OriginalProperties,
  { width, height }: Size,
  coding: 'pixels' | 'jpeg',
): PictureHeader {
  const original = { format, size, frames, delays, loop, hasAlpha };
  const stored = { width, height };
  return { ...original, stored, coding, turned: false, hasProfile: false, deep: false, exif: undefined };
}
