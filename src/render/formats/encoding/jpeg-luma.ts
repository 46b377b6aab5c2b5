import { extentOf, scaleOf } from './encoders.ts';
import type { Luma } from './ssim.ts';

/** Tables 0 (ITU-T T.81, K.1) and 3 (ImageMagick's, by N. Robidoux) of mozjpeg's jcparam.c, row by row: see the JPEG encoder. */
const STANDARD = [
  [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29],
  [51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121],
  [120, 101, 72, 92, 95, 98, 112, 100, 103, 99],
].flat();
const IMAGEMAGICK = [
  [16, 16, 16, 18, 25, 37, 56, 85, 16, 17, 20, 27, 34, 40, 53, 75, 16, 20, 24, 31, 43, 62, 91, 135, 18, 27, 31, 40],
  [53, 74, 106, 156, 25, 34, 43, 53, 69, 94, 131, 189, 37, 40, 62, 74, 94, 124, 169, 238, 56, 53, 91, 106, 131, 169],
  [226, 311, 85, 75, 135, 156, 189, 238, 311, 418],
].flat();

/** Of luma, of a rendition of so many pixels. */
export function lumaQuantisers(quality: number, pixels: number): number[] {
  const percent = quality < 50 ? Math.floor(5000 / quality) : Math.round(100 * scaleOf(quality));
  const table = extentOf(pixels) === 'small' ? STANDARD : IMAGEMAGICK;
  return table.map((value) => Math.min(255, Math.max(1, Math.floor((value * percent + 50) / 100))));
}

/** Cosine transforms of a picture's blocks of 8 × 8, scaled as Arai, Agui and Nakajima (1988) leave them. */
export interface Blocks {
  readonly luma: Luma;
  readonly across: number;
  readonly coefficients: Float32Array;
}

const SIDE = 8;
const BLOCK = SIDE * SIDE;
/** More than levels there are, and the half that rounds. */
const LEVELS = 32768;
const ROUNDED = LEVELS + 0.5;
/** Any bit of a column in the first row but the first. */
const OF_FIRST_ROW = 0x700;
/** Halves are rounded up, as decoders do: black is 0 and not 1, or the reverse, over whole flat parts. */
const GREY = 128.001;
const AAN = Array.from({ length: SIDE }, (_, k) => (k === 0 ? 1 : Math.SQRT2 * Math.cos((k * Math.PI) / 16)));

export function blocksOf(luma: Luma): Blocks {
  const { data, width, height } = luma;
  const across = Math.ceil(width / SIDE);
  const down = Math.ceil(height / SIDE);
  const coefficients = new Float32Array(across * down * BLOCK);
  for (let block = 0, to = 0; to < coefficients.length; block += 1, to += BLOCK) {
    const left = (block % across) * SIDE;
    const top = Math.floor(block / across) * SIDE;
    for (let at = 0; at < BLOCK; at += 1) {
      // Encoders repeat the last row and column.
      const x = Math.min(width - 1, left + (at & 7));
      const y = Math.min(height - 1, top + (at >> 3));
      coefficients[to + at] = data[y * width + x]! - 128;
    }
    for (let row = 0; row < BLOCK; row += SIDE) forward(coefficients, to + row, 1);
    for (let column = 0; column < SIDE; column += 1) forward(coefficients, to + column, SIDE);
  }
  return { luma, across, coefficients };
}

/** The luma that a JPEG with these quantisers holds, within a step of rounding: nothing is encoded for it. */
export function quantised({ luma, across, coefficients }: Blocks, quantisers: readonly number[]): Luma {
  const { width, height } = luma;
  const data = new Uint8ClampedArray(width * height);
  const scales = quantisers.map((_, at) => AAN[at >> 3]! * AAN[at & 7]!);
  const steps = Float32Array.from(quantisers, (value, at) => value * scales[at]! * SIDE);
  const back = Float32Array.from(quantisers, (value, at) => (value * scales[at]!) / SIDE);
  const inverseSteps = steps.map((step) => 1 / step);
  const block = new Float32Array(BLOCK);
  for (let from = 0, at = 0; from < coefficients.length; from += BLOCK, at += 1) {
    // Bits of the columns that hold more than their mean.
    let busy = 0;
    for (let i = 0; i < BLOCK; i += 1) {
      // Truncation rounds what is above zero.
      const level = ((coefficients[from + i]! * inverseSteps[i]! + ROUNDED) | 0) - LEVELS;
      block[i] = level * back[i]!;
      if (level !== 0) busy |= i < SIDE ? OF_FIRST_ROW & (i << 8) : 1 << (i & 7);
    }
    if (busy === 0) block.fill(block[0]!);
    else {
      for (let column = 0; column < SIDE; column += 1) {
        if ((busy >> column) & 1) inverse(block, column, SIDE);
        else for (let i = column + SIDE; i < BLOCK; i += SIDE) block[i] = block[column]!;
      }
      for (let row = 0; row < BLOCK; row += SIDE) inverse(block, row, 1);
    }
    const left = (at % across) * SIDE;
    const top = Math.floor(at / across) * SIDE;
    const columns = Math.min(SIDE, width - left);
    const rows = Math.min(SIDE, height - top);
    for (let y = 0; y < rows; y += 1) {
      const to = (top + y) * width + left;
      for (let x = 0; x < columns; x += 1) data[to + x] = block[y * SIDE + x]! + GREY;
    }
  }
  return { ...luma, data: new Uint8Array(data.buffer) };
}

/** In place, of eight values `step` apart (libjpeg's jfdctflt.c). */
function forward(v: Float32Array, at: number, step: number): void {
  const [i1, i2, i3, i4] = [at + step, at + 2 * step, at + 3 * step, at + 4 * step];
  const [i5, i6, i7] = [at + 5 * step, at + 6 * step, at + 7 * step];
  const s0 = v[at]! + v[i7]!;
  const d0 = v[at]! - v[i7]!;
  const s1 = v[i1]! + v[i6]!;
  const d1 = v[i1]! - v[i6]!;
  const s2 = v[i2]! + v[i5]!;
  const d2 = v[i2]! - v[i5]!;
  const s3 = v[i3]! + v[i4]!;
  const d3 = v[i3]! - v[i4]!;
  const even = s0 + s3;
  const odd = s1 + s2;
  v[at] = even + odd;
  v[i4] = even - odd;
  const turned = (s1 - s2 + s0 - s3) * Math.SQRT1_2;
  v[i2] = s0 - s3 + turned;
  v[i6] = s0 - s3 - turned;
  const a = d3 + d2;
  const b = d2 + d1;
  const c = d1 + d0;
  const z5 = (a - c) * 0.382683433;
  const z2 = 0.5411961 * a + z5;
  const z4 = 1.306562965 * c + z5;
  const z3 = b * Math.SQRT1_2;
  v[i5] = d0 - z3 + z2;
  v[i3] = d0 - z3 - z2;
  v[i1] = d0 + z3 + z4;
  v[i7] = d0 + z3 - z4;
}

/** The way back (jidctflt.c). */
function inverse(v: Float32Array, at: number, step: number): void {
  const [i1, i2, i3, i4] = [at + step, at + 2 * step, at + 3 * step, at + 4 * step];
  const [i5, i6, i7] = [at + 5 * step, at + 6 * step, at + 7 * step];
  const s0 = v[at]! + v[i4]!;
  const s1 = v[at]! - v[i4]!;
  const s3 = v[i2]! + v[i6]!;
  const s2 = (v[i2]! - v[i6]!) * Math.SQRT2 - s3;
  const e0 = s0 + s3;
  const e3 = s0 - s3;
  const e1 = s1 + s2;
  const e2 = s1 - s2;
  const z13 = v[i5]! + v[i3]!;
  const z10 = v[i5]! - v[i3]!;
  const z11 = v[i1]! + v[i7]!;
  const z12 = v[i1]! - v[i7]!;
  const o7 = z11 + z13;
  const z5 = (z10 + z12) * 1.847759065;
  const o6 = z5 - z10 * 2.61312593 - o7;
  const o5 = (z11 - z13) * Math.SQRT2 - o6;
  const o4 = z5 - z12 * 1.0823922 - o5;
  v[at] = e0 + o7;
  v[i7] = e0 - o7;
  v[i1] = e1 + o6;
  v[i6] = e1 - o6;
  v[i2] = e2 + o5;
  v[i5] = e2 - o5;
  v[i3] = e3 + o4;
  v[i4] = e3 - o4;
}
