import type { Sharp } from 'sharp';
import type { Encoding, Output } from '../../recipe.ts';
import type { SvtAv1Tuning } from '../svt-av1.ts';

/** Of sharp's encoders. */
export type Format = Exclude<Output, 'base' | 'original' | 'jxl'> | 'gif';

export interface Encoded {
  readonly body: Buffer;
  readonly format: Format | 'jxl';
  readonly contentType: string;
  /** To the pixels, of luma, where the encoder tells it. */
  readonly ssim?: number | undefined;
}

export interface Settings {
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
  readonly encoding: Encoding;
  /** Transparent parts are of our own drawing, black already: of a large picture, to smooth what they hide takes a third of the time of alpha. */
  readonly blank?: boolean;
}

export type Extent = 'small' | 'middling' | 'large';

export interface Encoder {
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

export function extentOf(pixels: number): Extent {
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

/** libwebp's quality and effort. */
export function webpSettings(quality: number, extent: Extent, effort: number | undefined) {
  const own = effort === undefined ? WEBP[extent] : { effort: Math.min(6, effort), less: 0 };
  return { quality: Math.max(1, quality - own.less), effort: own.effort };
}

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

/** Of mozjpeg. */
export function jpegSettings(extent: Extent, { progressive = extent !== 'small' }: Pick<Encoding, 'progressive'>) {
  return { progressive, ...(extent === 'small' ? {} : { quantisationTable: JPEG_QUANTISATION_TABLE }) };
}

export type AvifScale = 'libaom' | SvtAv1Tuning;

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

/** libimagequant's, 1 to 10: how carefully a palette is chosen. */
const PALETTE_EFFORT = 5;

/** One row a format: settings fast enough for a request that waits. Measured by `node bench/bytes.ts`, see bench/results. */
export const ENCODERS: Readonly<Record<Format, Encoder>> = {
  avif: {
    keepsAlpha: true,
    encode(image, { quality, extent, lossless, encoding, effort = extent === 'small' ? 1 : 0 }) {
      if (lossless) return image.avif({ lossless, effort });
      const chromaSubsampling = encoding.chroma ?? '4:2:0';
      return image.avif({ quality: Math.round(avifQuality(quality, 'libaom')), effort, chromaSubsampling });
    },
  },
  webp: {
    keepsAlpha: true,
    encode(image, { quality, extent, effort, lossless, pixels, delays, loop, blank = false }) {
      if (lossless) return image.webp({ ...losslessWebp(pixels, effort), ...timing(delays, loop) });
      const ours = { ...webpSettings(quality, extent, effort), exact: blank && extent === 'large' };
      return image.webp({ ...ours, ...timing(delays, loop) });
    },
  },
  jpeg: {
    keepsAlpha: false,
    encode(image, { quality, extent, lossless, encoding }) {
      // Without loss is 4:4:4 as near as it comes.
      const chromaSubsampling = encoding.chroma ?? (lossless ? '4:4:4' : '4:2:0');
      return image.jpeg({ quality, ...jpegSettings(extent, encoding), chromaSubsampling });
    },
  },
  png: {
    keepsAlpha: true,
    encode(image, { effort = 7, encoding: { progressive = false, palette } }) {
      // sharp's `effort` option would reduce the picture to a palette.
      if (palette === undefined) return image.png({ compressionLevel: effort, adaptiveFiltering: true, progressive });
      return image.png({ palette: true, colours: palette, effort: PALETTE_EFFORT, compressionLevel: 9, progressive });
    },
  },
  gif: {
    keepsAlpha: true,
    encode: (image, { effort = 3, lossless, delays, loop, encoding: { palette, progressive } }) =>
      image.gif({
        effort: Math.max(1, effort),
        ...(lossless ? { dither: 0 } : {}),
        ...(palette === undefined ? {} : { colours: palette }),
        ...(progressive === undefined ? {} : { progressive }),
        ...timing(delays, loop),
      }),
  },
};

function timing(delays: number[] | undefined, loop: number | undefined) {
  return delays ? { delay: delays, ...(loop === undefined ? {} : { loop }) } : {};
}

/** libjpeg's factor on the quantisers (jcparam.c, jpeg_quality_scaling), and back. */
export const scaleOf = (quality: number) => (quality < 50 ? 50 / quality : (200 - 2 * quality) / 100);
export const qualityOf = (scale: number) => Math.max(1, Math.floor(scale > 1 ? 50 / scale : 100 - 50 * scale));
