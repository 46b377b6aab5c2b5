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

/** The mean over all windows, 1 for equal pictures. Both of one size. */
export function ssim(a: Luma, b: Luma): number {
  const { width, height, stripe } = a;
  const across = Math.floor(width / BLOCK);
  let [sum, windows] = [0, 0];
  for (let top = 0; top < height; top += stripe) {
    const down = Math.floor(Math.min(stripe, height - top) / BLOCK);
    let above = blockSums(a, b, top, across);
    for (let block = 1; block < down; block += 1) {
      const below = blockSums(a, b, top + block * BLOCK, across);
      for (let x = 0; x + 1 < across; x += 1) sum += windowSsim(above, below, x * SUMS);
      windows += across - 1;
      above = below;
    }
  }
  return sum / windows;
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
function windowSsim(above: Float64Array, below: Float64Array, at: number): number {
  const mean = (sum: number) =>
    (above[at + sum]! + above[at + SUMS + sum]! + below[at + sum]! + below[at + SUMS + sum]!) / WINDOW_PIXELS;
  const a = mean(0);
  const b = mean(1);
  const varA = mean(2) - a * a;
  const varB = mean(3) - b * b;
  const both = mean(4) - a * b;
  return ((2 * a * b + C1) * (2 * both + C2)) / ((a * a + b * b + C1) * (varA + varB + C2));
}
