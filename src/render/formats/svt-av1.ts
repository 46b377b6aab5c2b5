import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Pixels } from '../pixels.ts';
import { avifFile } from './avif-file.ts';

/** The library's version that `build/svt-av1.ts` brings; stands in every rendition's key. */
export const SVT_AV1 = '4.1.0';

/** Beside this file, or beside the bundle. Not every installation has it: see README, "AVIF". */
const ADDON = new URL('./svt-av1/svt-av1.node', import.meta.url);
export const hasSvtAv1 = existsSync(ADDON);

/** svt-av1/addon.c */
interface Addon {
  readonly version: string;
  /** Pixels without padding, sRGB, 8 bits; a fourth channel is left out. Resolves to the OBUs of one key frame. */
  encode(pixels: Buffer, width: number, height: number, channels: 3 | 4, settings: string): Promise<Buffer>;
}

let loaded: Addon | undefined;

/** On first use; throws where it was built for another machine. */
function load(): Addon {
  const addon: Addon = createRequire(import.meta.url)(fileURLToPath(ADDON));
  if (addon.version !== `v${SVT_AV1}`)
    throw new Error(`SVT-AV1 ${addon.version} is installed, but keys promise ${SVT_AV1}`);
  return addon;
}

/** SVT-AV1 takes at least 4 pixels a side, and no more than these; what is smaller gains nothing by it. */
const LEAST_SIDE_PX = 16;
const MOST_SIDE_PX = 8192;

export function fitsSvtAv1({ width, height }: Pick<Pixels, 'width' | 'height'>): boolean {
  return Math.min(width, height) >= LEAST_SIDE_PX && Math.max(width, height) <= MOST_SIDE_PX;
}

/** A still picture, on one thread at a time. */
const STILL = {
  ...{ avif: 1, lp: 1, rc: 0 },
  ...{ 'color-primaries': 1, 'transfer-characteristics': 13, 'matrix-coefficients': 6, 'color-range': 'full' },
};

/**
 * What bits are spent on: bench/results, by `node bench/bytes.ts`. At equal SSIM both weigh the same from 600 px on, where
 * the second keeps grass, skin and stone; up to 300 px the first weighs 1 % less.
 */
const TUNINGS = {
  // Flat parts and faint edges first, and fine detail more coarsely, as JPEG does.
  ssim: {
    ...{ tune: 2, 'enable-variance-boost': 1, 'variance-boost-strength': 3, 'variance-octile': 4 },
    ...{ 'enable-qm': 1, 'qm-min': 8 },
  },
  'ms-ssim': { tune: 4 },
} as const;

export type SvtAv1Tuning = keyof typeof TUNINGS;

/** By SVT-AV1's own scale of 13 to 0; the first is what can be paid for while somebody waits. */
const FASTEST_PRESET = 8;
const QUALITY_STEPS = 4 * 63;

/**
 * @param quality 1 to 100 as avifenc has it: evenly over the quantisers, of which there are 63 with quarters between.
 * @param effort 0 to 8: each about doubles the time.
 */
export async function encodeBySvtAv1(
  pixels: Pixels,
  tuning: SvtAv1Tuning,
  quality: number,
  effort: number,
): Promise<Buffer> {
  loaded ??= load();
  const { data, width, height, channels } = pixels;
  const crf = Math.max(1, Math.round(((100 - quality) / 100) * QUALITY_STEPS) / 4);
  const preset = Math.max(0, FASTEST_PRESET - effort);
  const settings = Object.entries({ ...STILL, ...TUNINGS[tuning], preset, crf }).map(
    ([name, value]) => `${name}=${value}`,
  );
  return avifFile({ width, height, stream: await loaded.encode(data, width, height, channels, settings.join(':')) });
}
