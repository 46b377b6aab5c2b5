/** How the SSIM of photos goes with the quality of each encoder. */

import { avifQuality } from './encoders.ts';
import { type Encoding, EXPECTED, QUALITIES, TYPICAL_JPEG } from './likeness-table.ts';

export type Curve = 'jpeg' | Encoding;

export function curveOf(format: string, bySvtAv1: boolean): Curve {
  if (format === 'avif') return bySvtAv1 ? 'svt-av1' : 'libaom';
  return format === 'webp' ? 'webp' : 'jpeg';
}

/** Up to here encoders take other settings: see `extentOf`. */
const MIDDLING_PIXELS = 90_000;
/** Below, blocks show that no mean tells of; above, bytes grow and nothing is seen. */
const [LEAST_QUALITY, MOST_QUALITY] = [QUALITIES[0], QUALITIES[QUALITIES.length - 1]!] as const;
/** Of 1 - SSIM: that of a picture of one colour is none. */
const LEAST_LOSS = 1e-4;
/** Of a better quality the loss is less by this at least, whatever a sum of terms says. */
const LEAST_FALL = 0.02;

export const lossOf = (ssim: number) => Math.log(Math.max(LEAST_LOSS, 1 - ssim));

/** ln(1 - SSIM) of one picture at each of `QUALITIES`. */
export type Losses = readonly number[];

/** Of the middling photo. */
export const TYPICAL: Losses = TYPICAL_JPEG;

/** What an encoder is expected to lose, by what JPEGs of three qualities lose of the same picture, of so many pixels: see `LED_BY`. */
export function expectedLosses(encoding: Encoding, pixels: number, led: readonly number[]): Losses {
  const rows = EXPECTED[encoding][pixels <= MIDDLING_PIXELS ? 'middling' : 'large'];
  const losses: number[] = [];
  for (const [constant, ...weights] of rows) {
    const sum = weights.reduce((all, weight, at) => all + weight * led[at]!, constant!);
    losses.push(Math.min(sum, (losses.at(-1) ?? Number.POSITIVE_INFINITY) - LEAST_FALL));
  }
  return losses;
}

interface Measured {
  readonly quality: number;
  readonly ssim: number;
}

/** Where on the scale an encoder really is at a quality: several in a row may give the same file. */
export type Steps = (quality: number) => number;
const EACH: Steps = (quality) => quality;

/** Of an AVIF quality: libaom makes the same file of those that share one (seen with every one from 30 to 96). */
const quantiserOf = (avif: number) => Math.floor(avif * (avif < 54 ? 0.6 : 0.75));
/** The middle of those qualities that share a quantiser of libaom. */
const SHARED: readonly number[] = (() => {
  const quantisers = Array.from({ length: 101 }, (_, at) =>
    quantiserOf(Math.round(avifQuality(Math.max(1, at), 'libaom'))),
  );
  return quantisers.map((own) => (quantisers.indexOf(own) + quantisers.lastIndexOf(own)) / 2);
})();

export const stepsOf = (curve: Curve): Steps => (curve === 'libaom' ? (quality) => SHARED[quality]! : EACH);

/** The whole quality that should give the target. `measured`: what another one gave, which moves the picture's curve up or down. */
export function nextQuality(losses: Losses, target: number, measured?: Measured, steps = EACH): number {
  const own = measured ? lossOf(measured.ssim) - along(QUALITIES, losses, steps(measured.quality)) : 0;
  const wished = along(losses, QUALITIES, Math.log(1 - target) - own);
  const quality = Math.round(Math.min(MOST_QUALITY, Math.max(LEAST_QUALITY, wished)));
  const around = [quality, quality - 1, quality + 1, quality - 2, quality + 2];
  const off = (each: number) => Math.abs(steps(each) - wished);
  const possible = around.filter((each) => each >= LEAST_QUALITY && each <= MOST_QUALITY);
  return steps === EACH ? quality : possible.toSorted((a, b) => off(a) - off(b))[0]!;
}

/** Straight lines between points, and the outermost ones beyond. `xs` rise or fall. */
function along(xs: readonly number[], ys: readonly number[], x: number): number {
  const falls = xs[0]! > xs[1]!;
  const found = xs.findIndex((each, at) => at > 0 && (falls ? each <= x : each >= x));
  const at = found < 1 ? xs.length - 1 : found;
  const share = (x - xs[at - 1]!) / (xs[at]! - xs[at - 1]!);
  return ys[at - 1]! + share * (ys[at]! - ys[at - 1]!);
}
