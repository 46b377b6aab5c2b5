import type { Curve } from './icc-profile.ts';

/** IEC 61966-2-1. */
export const srgbToLinear: Curve = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
export const linearToSrgb: Curve = (value) => (value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055);

/** Code points of HDR: light beyond the white of paper. */
export const PQ = 16;
export const HLG = 18;

/**
 * The curves of cameras (BT.601, BT.709, xvYCC, BT.2020): code points that say how light was recorded, not how it is
 * shown. Browsers show AVIF and HEIC of them as sRGB, and PNG as televisions do, with a gamma of 2.4 (ITU-R BT.1886).
 */
const CAMERAS = new Set([1, 6, 11, 14, 15]);
export type CameraCurve = 'sRGB' | 'BT.1886';

/** The curves of ITU-T H.273, table 3, that browsers know, from numbers to light; 2 is unspecified, 13 is sRGB's. */
const BY_CODE: Readonly<Record<number, Curve>> = {
  2: srgbToLinear,
  4: (value) => value ** 2.2,
  5: (value) => value ** 2.8,
  7: (value) => (value < 0.0913 ? value / 4 : ((value + 0.1115) / 1.1115) ** (1 / 0.45)),
  8: (value) => value,
  13: srgbToLinear,
  17: (value) => (value ** 2.6 * 52.37) / 48,
};

/** From numbers to light, of a code point that is neither PQ nor HLG. Undefined where it is unknown. */
export function transferOf(code: number, cameras: CameraCurve = 'sRGB'): Curve | undefined {
  if (!CAMERAS.has(code)) return BY_CODE[code];
  return cameras === 'sRGB' ? srgbToLinear : television;
}

const television: Curve = (value) => value ** 2.4;

export const isHdr = (transfer: number) => transfer === PQ || transfer === HLG;

/** From PQ's numbers to nits (SMPTE ST 2084, ITU-R BT.2100-2, table 4). */
export function pqToNits(value: number): number {
  const power = value ** (32 / 2523);
  const [c1, c2, c3] = [107 / 128, 2413 / 128, 2392 / 128];
  return 10_000 * (Math.max(power - c1, 0) / (c2 - c3 * power)) ** (16_384 / 2610);
}

/** From HLG's numbers to the light of the scene, 0 to 1 (ITU-R BT.2100-2, table 5). */
export function hlgToScene(value: number): number {
  const [a, b, c] = [0.17883277, 0.28466892, 0.55991073];
  return value <= 0.5 ? (value * value) / 3 : (Math.exp((value - c) / a) + b) / 12;
}
