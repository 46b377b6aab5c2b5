import type { Pixels } from '../../pixels.ts';

/** The structural similarity of Wang et al. (2004), of luma, over windows of 8 × 8 pixels every 4, with the constants of the paper. */
const BLOCK = 4;
const WINDOW_PIXELS = (2 * BLOCK) ** 2;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/** Grey values of a picture. `stripe`: rows that belong together; no window reaches from one stripe into the next. */
export interface Luma {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly stripe: number;
}

/** Too small for one window. */
export function isTooSmall({ width, height }: Pick<Pixels, 'width' | 'height'>): boolean {
  return Math.min(width, height) < 2 * BLOCK;
}

/** By ITU-R BT.601, of transparent parts on a background of grey or colour. */
export function lumaOf(
  { data, width, channels }: Pick<Pixels, 'data' | 'width' | 'channels'>,
  background: string,
  stripe?: number,
): Luma {
  const luma = new Uint8Array(Math.floor(data.length / channels));
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(background.slice(at, at + 2), 16));
  const behind = grey(red!, green!, blue!);
  for (let from = 0, to = 0; to < luma.length; from += channels, to += 1) {
    const own = grey(data[from]!, data[from + 1]!, data[from + 2]!);
    const alpha = channels === 4 ? data[from + 3]! : 255;
    luma[to] = alpha === 255 ? own + 0.5 : (own * alpha + behind * (255 - alpha)) / 255 + 0.5;
  }
  const height = luma.length / width;
  return { data: luma, width, height, stripe: stripe ?? height };
}

const grey = (red: number, green: number, blue: number) => 0.299 * red + 0.587 * green + 0.114 * blue;

/** How many windows of a picture are how rough: by the logarithm of their variance. */
export type Variances = readonly number[];
const KINDS = 24;

/** Of all windows of a picture. */
export function variancesOf(luma: Luma): Variances {
  const windows = new Array<number>(KINDS).fill(0);
  eachWindow(luma, luma, (variance) => {
    windows[kindOf(variance)]! += 1;
  });
  return windows;
}

function kindOf(variance: number): number {
  return Math.min(KINDS - 1, Math.floor(2 * Math.log2(variance + 1)));
}

/**
 * The mean over all windows, 1 for equal pictures. Both of one size. `whole`: of the picture of which these are a part; smooth and rough
 * windows lose different amounts, so they count as often as it has them.
 */
export function ssim(a: Luma, b: Luma, whole?: Variances): number {
  const windows = new Array<number>(KINDS).fill(0);
  const sums = new Array<number>(KINDS).fill(0);
  eachWindow(a, b, (variance, found) => {
    const kind = kindOf(variance);
    windows[kind]! += 1;
    sums[kind]! += found;
  });
  const counts = whole ?? windows;
  let [sum, all] = [0, 0];
  for (let kind = 0; kind < KINDS; kind += 1) {
    if (windows[kind] === 0) continue;
    sum += (sums[kind]! / windows[kind]!) * counts[kind]!;
    all += counts[kind]!;
  }
  return sum / all;
}

/** Told the variance in `a` and the similarity. */
function eachWindow(a: Luma, b: Luma, see: (variance: number, found: number) => void): void {
  const { width, height, stripe } = a;
  const across = Math.floor(width / BLOCK);
  for (let top = 0; top < height; top += stripe) {
    const down = Math.floor(Math.min(stripe, height - top) / BLOCK);
    let above = blockSums(a, b, top, across);
    for (let block = 1; block < down; block += 1) {
      const below = blockSums(a, b, top + block * BLOCK, across);
      for (let x = 0; x + 1 < across; x += 1) seeWindow(above, below, x * SUMS, see);
      above = below;
    }
  }
}

/** Of each block: a, b, a², b² and ab. */
const SUMS = 5;

function blockSums(a: Luma, b: Luma, top: number, across: number): Float64Array {
  const sums = new Float64Array(across * SUMS);
  const { data: first, width } = a;
  const { data: second } = b;
  for (let x = 0; x < across; x += 1) {
    let [sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0];
    for (let y = 0, row = top * width + x * BLOCK; y < BLOCK; y += 1, row += width)
      for (let at = row; at < row + BLOCK; at += 1) {
        const p = first[at]!;
        const q = second[at]!;
        sumA += p;
        sumB += q;
        sumAA += p * p;
        sumBB += q * q;
        sumAB += p * q;
      }
    const to = x * SUMS;
    sums[to] = sumA;
    sums[to + 1] = sumB;
    sums[to + 2] = sumAA;
    sums[to + 3] = sumBB;
    sums[to + 4] = sumAB;
  }
  return sums;
}

/** Of the four blocks from `at` on. */
function seeWindow(
  above: Float64Array,
  below: Float64Array,
  at: number,
  see: (v: number, found: number) => void,
): void {
  const mean = (sum: number) =>
    (above[at + sum]! + above[at + SUMS + sum]! + below[at + sum]! + below[at + SUMS + sum]!) / WINDOW_PIXELS;
  const a = mean(0);
  const b = mean(1);
  const varA = Math.max(0, mean(2) - a * a);
  const varB = mean(3) - b * b;
  const both = mean(4) - a * b;
  see(varA, ((2 * a * b + C1) * (2 * both + C2)) / ((a * a + b * b + C1) * (varA + varB + C2)));
}
