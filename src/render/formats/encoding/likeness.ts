/** How the SSIM of photos goes with the quality of each encoder. */

export type Curve = 'jpeg' | 'webp' | 'libaom' | 'svt-av1';

export function curveOf(format: string, bySvtAv1: boolean): Curve {
  if (format === 'avif') return bySvtAv1 ? 'svt-av1' : 'libaom';
  return format === 'webp' ? 'webp' : 'jpeg';
}

const QUALITIES = [30, 40, 50, 60, 65, 70, 75, 80, 85, 90, 93, 96] as const;
/** ln(1 - SSIM) at these qualities: means of ten camera photos at 150 to 1200 px (bench/results, "quality-auto"). */
const LOSS: Readonly<Record<Curve, readonly number[]>> = {
  jpeg: [-2.247, -2.457, -2.624, -2.793, -2.898, -3.022, -3.162, -3.363, -3.615, -3.996, -4.353, -4.974],
  webp: [-2.414, -2.621, -2.808, -2.982, -3.071, -3.16, -3.257, -3.562, -3.94, -4.442, -4.821, -5.276],
  libaom: [-1.758, -2.094, -2.525, -2.89, -3.028, -3.092, -3.217, -3.438, -3.697, -4.091, -4.392, -5.096],
  'svt-av1': [-1.869, -2.189, -2.53, -2.932, -3.048, -3.163, -3.271, -3.458, -3.709, -4.12, -4.557, -5.125],
};
/** Below, blocks show that no mean tells of; above, bytes grow and nothing is seen. */
const [LEAST_QUALITY, MOST_QUALITY] = [QUALITIES[0], QUALITIES[QUALITIES.length - 1]!] as const;
/** Of 1 - SSIM: that of a picture of one colour is none. */
const LEAST_LOSS = 1e-4;

interface Measured {
  readonly quality: number;
  readonly ssim: number;
  /** Of the encoder that gave it. */
  readonly curve: Curve;
}

/**
 * The whole quality that should give the target, by what another one gave: a picture's curve is taken for that of all, moved up or
 * down. Without a measurement, that of the middling photo.
 */
export function nextQuality(curve: Curve, target: number, measured?: Measured): number {
  const losses = LOSS[curve];
  const own = measured
    ? Math.log(Math.max(LEAST_LOSS, 1 - measured.ssim)) - along(QUALITIES, LOSS[measured.curve], measured.quality)
    : 0;
  const quality = along(losses, QUALITIES, Math.log(1 - target) - own);
  return Math.round(Math.min(MOST_QUALITY, Math.max(LEAST_QUALITY, quality)));
}

/** Straight lines between points, and the outermost ones beyond. `xs` rise or fall. */
function along(xs: readonly number[], ys: readonly number[], x: number): number {
  const falls = xs[0]! > xs[1]!;
  const found = xs.findIndex((each, at) => at > 0 && (falls ? each <= x : each >= x));
  const at = found < 1 ? xs.length - 1 : found;
  const share = (x - xs[at - 1]!) / (xs[at]! - xs[at - 1]!);
  return ys[at - 1]! + share * (ys[at]! - ys[at - 1]!);
}
