import type { Sharp } from 'sharp';
import type { PictureHeader } from '../picture-source.ts';
import type { Pixels, Size } from '../pixels.ts';
import type { Output, Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { type Conversion, toSrgb } from '../stages/colour.ts';
import type { Decoder } from '../stages/decode.ts';
import { backgroundIn, isWide, openTagged, toDisplayP3 } from './colour/display-p3.ts';
import { keepCopyright } from './copyright.ts';
import { refuse } from './header.ts';
import { encodeBySvtAv1, fitsSvtAv1, hasSvtAv1, type SvtAv1Tuning } from './svt-av1.ts';

export interface Encoded {
  readonly body: Buffer;
  readonly format: Format;
  readonly contentType: string;
}

export type Format = Exclude<Output, 'base'> | 'gif';

interface Settings {
  /** On JPEG's scale. */
  readonly quality: number;
  /** The preset's; undefined takes the format's default. */
  readonly effort: number | undefined;
  readonly lossless: boolean;
  readonly extent: Extent;
  /** Of all frames. */
  readonly pixels: number;
  readonly delays: number[] | undefined;
  readonly loop: number | undefined;
}

type Extent = 'small' | 'middling' | 'large';

interface Encoder {
  readonly keepsAlpha: boolean;
  encode(image: Sharp, settings: Settings): Sharp;
}

/**
 * Up to here, 200 × 200, decoding is nine tenths of a render, so more effort costs next to nothing: WebP is 6 % smaller and
 * AVIF 7 %. A progressive JPEG of this size is larger than a baseline one.
 */
const SMALL_PIXELS = 40_000;
/** Up to here, 300 × 300, WebP's effort 4 still pays: 3 ms more than effort 2 takes, and 7 % fewer bytes at equal SSIM. */
const MIDDLING_PIXELS = 90_000;

function extentOf(pixels: number): Extent {
  if (pixels <= SMALL_PIXELS) return 'small';
  return pixels <= MIDDLING_PIXELS ? 'middling' : 'large';
}

interface WebpSettings {
  readonly effort: number;
  /** Subtracted from the quality: effort 4 looks like effort 2 at one quality more, which is spent on fewer bytes. */
  readonly less: number;
}
const WEBP: Readonly<Record<Extent, WebpSettings>> = {
  small: { effort: 4, less: 0 },
  middling: { effort: 4, less: 1 },
  large: { effort: 2, less: 0 },
};

/** Up to here, 600 × 600, lossless WebP's best search for matches costs as little as a lossy encode. */
const SEARCHED_PIXELS = 360_000;

/**
 * The quality of lossless WebP is how hard it looks for matches. From 25 on it looks in the whole picture, which takes twice the time
 * of 20 for a fifth fewer bytes; 80 takes another quarter for a tenth (60 drawn pictures, effort 1, which differs from 2 by 1 %).
 */
function losslessWebp(pixels: number, effort = 1) {
  return { lossless: true, effort: Math.min(6, effort), quality: pixels <= SEARCHED_PIXELS ? 80 : 30 };
}

/**
 * ImageMagick's table, mozjpeg's default: 5 % fewer bytes for the same CPU and the same butteraugli distance, because it
 * quantises most where eyes see least.
 */
const JPEG_QUANTISATION_TABLE = 3;

type AvifScale = 'libaom' | SvtAv1Tuning;

/**
 * The quality of a JPEG with the standard's table, and the AVIF qualities of equal SSIM: measured on camera photos at 600 px,
 * those of SVT-AV1 tuned for SSIM at 300 px (bench/results, "bytes").
 */
const AVIF_EQUALS: readonly ({ readonly jpeg: number } & Readonly<Record<AvifScale, number>>)[] = [
  { jpeg: 1, libaom: 1, ssim: 1, 'ms-ssim': 1 },
  { jpeg: 60, libaom: 54, ssim: 49, 'ms-ssim': 43.7 },
  { jpeg: 70, libaom: 58, ssim: 52.6, 'ms-ssim': 48.8 },
  { jpeg: 75, libaom: 61, ssim: 55.1, 'ms-ssim': 51.6 },
  { jpeg: 80, libaom: 66, ssim: 58.7, 'ms-ssim': 57.3 },
  { jpeg: 85, libaom: 69, ssim: 65.1, 'ms-ssim': 61 },
  { jpeg: 90, libaom: 78, ssim: 76.9, 'ms-ssim': 72.5 },
  { jpeg: 95, libaom: 87, ssim: 91.3, 'ms-ssim': 84.6 },
  { jpeg: 100, libaom: 100, ssim: 100, 'ms-ssim': 100 },
];

/** From JPEG's scale to the encoder's. WebP needs no such step: its scale is within 3 of JPEG's over the same range. */
export function avifQuality(quality: number, scale: AvifScale): number {
  const above = Math.max(
    1,
    AVIF_EQUALS.findIndex(({ jpeg }) => jpeg >= quality),
  );
  const [lower, upper] = [AVIF_EQUALS[above - 1]!, AVIF_EQUALS[above]!];
  return lower[scale] + ((quality - lower.jpeg) / (upper.jpeg - lower.jpeg)) * (upper[scale] - lower[scale]);
}

interface SvtAv1Settings {
  readonly tuning: SvtAv1Tuning;
  readonly effort: number;
}
const SVT_AV1: Readonly<Record<Extent, SvtAv1Settings>> = {
  small: { tuning: 'ssim', effort: 1 },
  middling: { tuning: 'ssim', effort: 0 },
  large: { tuning: 'ms-ssim', effort: 0 },
};

/** Under transparent parts, where the format has none. */
export const DEFAULT_BACKGROUND = '#ffffff';

/** One row a format: settings fast enough for a request that waits. Measured by `node bench/bytes.ts`, see bench/results. */
const ENCODERS: Readonly<Record<Format, Encoder>> = {
  avif: {
    keepsAlpha: true,
    encode: (image, { quality, extent, lossless, effort = extent === 'small' ? 1 : 0 }) =>
      lossless
        ? image.avif({ lossless, effort })
        : image.avif({ quality: Math.round(avifQuality(quality, 'libaom')), effort, chromaSubsampling: '4:2:0' }),
  },
  webp: {
    keepsAlpha: true,
    encode(image, { quality, extent, effort, lossless, pixels, delays, loop }) {
      if (lossless) return image.webp({ ...losslessWebp(pixels, effort), ...timing(delays, loop) });
      const own = effort === undefined ? WEBP[extent] : { effort: Math.min(6, effort), less: 0 };
      return image.webp({ quality: Math.max(1, quality - own.less), effort: own.effort, ...timing(delays, loop) });
    },
  },
  jpeg: {
    keepsAlpha: false,
    encode: (image, { quality, extent, lossless }) =>
      image.jpeg({
        quality,
        ...(extent === 'small' ? {} : { progressive: true, quantisationTable: JPEG_QUANTISATION_TABLE }),
        // As near as it comes.
        ...(lossless ? { chromaSubsampling: '4:4:4' } : {}),
      }),
  },
  png: {
    keepsAlpha: true,
    // sharp's `effort` option would reduce the picture to a palette.
    encode: (image, { effort = 7 }) => image.png({ compressionLevel: effort, adaptiveFiltering: true }),
  },
  gif: {
    keepsAlpha: true,
    encode: (image, { effort = 3, lossless, delays, loop }) =>
      image.gif({ effort: Math.max(1, effort), ...(lossless ? { dither: 0 } : {}), ...timing(delays, loop) }),
  },
};

/** Encodes upright sRGB pixels without a profile: browsers take untagged pictures as sRGB, and a profile costs 480 bytes. */
export async function encode(
  sharp: SharpModule,
  pixels: Pixels,
  header: PictureHeader,
  recipe: Recipe,
): Promise<Encoded> {
  const { width, height, channels, frames } = pixels;
  const transparent = hasTransparency(pixels);
  if (!transparent && goesToSvtAv1(pixels, recipe)) return opaqueAvif(pixels, recipe);
  const image = await openTagged(sharp, pixels);
  if (channels === 4 && !transparent) image.removeAlpha();
  const format = chooseFormat(recipe, transparent, frames);
  return finish(image, { format, transparent, pixels: width * height * frames }, header, recipe);
}

/**
 * Whether SVT-AV1 encodes this rendition if it proves opaque: 8 % fewer bytes than libaom at equal SSIM, in less time than WebP
 * takes. libaom encodes transparent parts, wide gamuts, kept copyrights and what may lose nothing.
 */
export function goesToSvtAv1(canvas: Size, { output, gamut, copyright, lossless }: Recipe): boolean {
  return hasSvtAv1 && output === 'avif' && gamut !== 'p3' && !copyright && !lossless && fitsSvtAv1(canvas);
}

async function opaqueAvif(pixels: Pixels, { quality, effort }: Recipe): Promise<Encoded> {
  const own = SVT_AV1[extentOf(pixels.width * pixels.height)];
  const body = await encodeBySvtAv1(pixels, own.tuning, avifQuality(quality, own.tuning), effort ?? own.effort);
  return { body, format: 'avif', contentType: 'image/avif' };
}

/**
 * Encodes opaque pictures straight from the decoder: in sRGB, or in Display P3 without a step through sRGB. `opened`: how
 * what the decoder opens is to be converted.
 */
export async function encodeStraight(
  { open, plan: { canvas } }: Decoder,
  opened: Conversion,
  header: PictureHeader,
  recipe: Recipe,
): Promise<Encoded> {
  const wide = isWide(header, recipe);
  const image = wide ? toDisplayP3(open()) : toSrgb(open(), opened);
  // The pixels of a wide picture are never seen here, so its alpha channel counts as transparency.
  const transparent = wide && header.hasAlpha;
  const format = chooseFormat(recipe, transparent, 1);
  return finish(image, { format, transparent, pixels: canvas.width * canvas.height }, header, recipe).catch(refuse);
}

async function finish(
  image: Sharp,
  { format, transparent, pixels }: { format: Format; transparent: boolean; pixels: number },
  header: PictureHeader,
  recipe: Recipe,
): Promise<Encoded> {
  const { keepsAlpha, encode: apply } = ENCODERS[format];
  if (transparent && !keepsAlpha) image.flatten({ background: backgroundIn(header, recipe) ?? DEFAULT_BACKGROUND });
  if (recipe.copyright) keepCopyright(image, header.exif);
  const { quality, effort, lossless = false } = recipe;
  const settings = {
    ...{ quality, effort, lossless },
    ...{ extent: extentOf(pixels), pixels },
    delays: header.delays?.slice(),
    loop: header.loop,
  };
  const body = await apply(image, settings).toBuffer();
  return { body, format, contentType: `image/${format}` };
}

function chooseFormat({ output, lossless }: Recipe, transparent: boolean, frames: number): Format {
  if (output !== 'base') return output;
  if (frames > 1) return 'gif';
  return transparent || lossless ? 'png' : 'jpeg';
}

function timing(delays: number[] | undefined, loop: number | undefined) {
  return delays ? { delay: delays, ...(loop === undefined ? {} : { loop }) } : {};
}

/** Many opaque pictures carry an alpha channel all the same; as PNG they would have ten times the bytes of a JPEG. */
export function hasTransparency({ data, channels }: Pixels): boolean {
  if (channels !== 4) return false;
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return true;
  return false;
}
