import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Pixels, Size } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import { avifFile } from './avif-file.ts';

/** The version that `build/svt-av1.ts` builds; part of every rendition's key. */
export const SVT_AV1 = '4.1.0';

/** Beside this file, or beside the bundle. Optional: see docs/originals.md. */
const ADDON = new URL('./svt-av1/svt-av1.node', import.meta.url);
export const hasSvtAv1 = existsSync(ADDON);

/** Implemented by svt-av1/addon.c. */
interface Addon {
  readonly version: string;
  /** Undefined in one that was built before it could. */
  readonly measures?: boolean;
  /** Whether one channel stands for planes. Undefined in one that was built before it could. */
  readonly planes?: boolean;
  /**
   * Pixels without padding, sRGB, 8 bits; a fourth channel is ignored. One channel: planes, see `Planes`. Resolves to the OBUs of one key frame, with the SSIM of its decoded
   * luma as a property if `ssim=1` is set, which only an addon that `measures` knows, and only of even sides.
   */
  encode(
    pixels: Buffer,
    width: number,
    height: number,
    channels: 1 | 3 | 4,
    settings: string,
  ): Promise<Buffer & { readonly ssim?: number }>;
}

let loaded: Addon | undefined;

/** Throws when the addon is of another version or was built for another machine. */
function load(): Addon {
  const addon: Addon = createRequire(import.meta.url)(fileURLToPath(ADDON));
  if (addon.version !== `v${SVT_AV1}`)
    throw new Error(`SVT-AV1 ${addon.version} is installed, but keys promise ${SVT_AV1}`);
  return addon;
}

/** SVT-AV1 takes sides of at least 4 pixels, but pictures below this gain nothing from it. */
const MIN_SIDE_PX = 16;
/** SVT-AV1 takes no longer side. */
const MAX_SIDE_PX = 8192;

export function fitsSvtAv1({ width, height }: Pick<Pixels, 'width' | 'height'>): boolean {
  return Math.min(width, height) >= MIN_SIDE_PX && Math.max(width, height) <= MAX_SIDE_PX;
}

/**
 * Whether SVT-AV1 encodes this rendition if it proves opaque, or so but for a shape: 8 % fewer bytes than libaom at equal SSIM, in less
 * time than WebP takes. libaom encodes other transparent parts, wide gamuts, kept copyrights, full chroma and what may lose nothing.
 */
export function goesToSvtAv1(canvas: Size, { output, gamut, copyright, lossless, encoding }: Recipe): boolean {
  const fits = fitsSvtAv1(canvas) && encoding?.chroma !== '4:4:4';
  return hasSvtAv1 && output === 'avif' && gamut !== 'p3' && !copyright && !lossless && fits;
}

/** Whether the addon that was built takes `Planes`. */
export function takesPlanes(): boolean {
  loaded ??= load();
  return loaded.planes === true;
}

/** Brightness of each pixel, then the two colours of each four, without padding: full-range BT.601, 8 bits. */
export interface Planes extends Size {
  readonly planes: Buffer;
}

/** One still picture on one thread, coded as sRGB in full-range BT.601. */
const STILL = {
  ...{ avif: 1, lp: 1, rc: 0 },
  ...{ 'color-primaries': 1, 'transfer-characteristics': 13, 'matrix-coefficients': 6, 'color-range': 'full' },
};

/**
 * What the encoder spends bits on (`node bench/bytes.ts`). At equal SSIM both take the same bytes from 600 px on, where the
 * second keeps grass, skin and stone better; up to 300 px the first takes 1 % less.
 */
const TUNINGS = {
  // Flat parts and faint edges get more bits, fine detail fewer, as in JPEG.
  ssim: {
    ...{ tune: 2, 'enable-variance-boost': 1, 'variance-boost-strength': 3, 'variance-octile': 4 },
    ...{ 'enable-qm': 1, 'qm-min': 8 },
  },
  'ms-ssim': { tune: 4 },
} as const;

export type SvtAv1Tuning = keyof typeof TUNINGS;

/** On SVT-AV1's scale of 13 (fastest) to 0: the preset of effort 0, fast enough for a request that waits. */
const FASTEST_PRESET = 8;
/** SVT-AV1's `crf` goes to 63 in quarters. */
const QUALITY_STEPS = 4 * 63;

/**
 * An AVIF file of opaque sRGB pixels, or of planes where the addon `takesPlanes`.
 * @param quality 1 to 100 on avifenc's scale: spread evenly over the quantisers.
 * @param effort 0 to 8: each about doubles the time.
 */
export async function encodeBySvtAv1(
  pixels: Pixels | Planes,
  tuning: SvtAv1Tuning,
  quality: number,
  effort: number,
): Promise<Buffer> {
  return (await measuredBySvtAv1(pixels, tuning, quality, effort, false)).body;
}

/**
 * The same file; `measures`: with the SSIM of its luma as decoders will show it. Undefined where it is not known. `alpha`: OBUs of it, see
 * `AlphaStreams`.
 */
export async function measuredBySvtAv1(
  pixels: Pixels | Planes,
  tuning: SvtAv1Tuning,
  quality: number,
  effort: number,
  measures: boolean,
  alpha?: Buffer,
): Promise<{ body: Buffer; ssim: number | undefined }> {
  loaded ??= load();
  const { width, height } = pixels;
  const [data, channels] =
    'planes' in pixels ? ([pixels.planes, 1] as const) : ([pixels.data, pixels.channels] as const);
  const crf = Math.max(1, Math.round(((100 - quality) / 100) * QUALITY_STEPS) / 4);
  const preset = Math.max(0, FASTEST_PRESET - effort);
  const settings = settingsOf({ ...STILL, ...TUNINGS[tuning], preset, crf });
  if (measures && loaded.measures && width % 2 === 0 && height % 2 === 0) settings.push('ssim=1');
  const stream = await loaded.encode(data, width, height, channels, settings.join(':'));
  return { body: avifFile({ width, height, stream, alpha }), ssim: stream.ssim };
}

const settingsOf = (settings: Readonly<Record<string, number | string>>) =>
  Object.entries(settings).map(([name, value]) => `${name}=${value}`);
