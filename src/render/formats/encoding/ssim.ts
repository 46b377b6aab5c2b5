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

/** By ITU-R BT.601, of transparent parts on a background of grey or colour. One channel is grey already. */
export function lumaOf(
  { data, width, channels }: Pick<Pixels, 'data' | 'width'> & { readonly channels: 1 | 3 | 4 },
  background: string,
  stripe?: number,
): Luma {
  if (channels === 1) return { data, width, height: data.length / width, stripe: stripe ?? data.length / width };
  const luma = new Uint8Array(Math.floor(data.length / channels));
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(background.slice(at, at + 2), 16));
  const behind = grey(red!, green!, blue!);
  if (channels === 3)
    for (let from = 0, to = 0; to < luma.length; from += 3, to += 1)
      luma[to] = grey(data[from]!, data[from + 1]!, data[from + 2]!) >> SHIFT;
  else
    for (let from = 0, to = 0; to < luma.length; from += 4, to += 1) {
      const own = grey(data[from]!, data[from + 1]!, data[from + 2]!);
      const alpha = data[from + 3]!;
      luma[to] = (alpha === 255 ? own : (own * alpha + behind * (255 - alpha)) / 255) >> SHIFT;
    }
  const height = luma.length / width;
  return { data: luma, width, height, stripe: stripe ?? height };
}

/** In fractions of a level, with the half that rounds. */
const SHIFT = 16;
const grey = (red: number, green: number, blue: number) => 19595 * red + 38470 * green + 7471 * blue + 32768;

/** Sides of the tiles of a sample: whole blocks of JPEG. */
const TILE = { width: 32, height: 16 };
/** From one row of tiles to the next, so that those of a sample stand over the whole picture. */
const TILE_SHIFT = 5;

/** The luma of one of `every` tiles of a picture, below each other; all of it in one piece where that leaves too few. */
export function sampleOf(
  pixels: Pick<Pixels, 'data' | 'width'> & { readonly channels: 1 | 3 | 4 },
  background: string,
  every: number,
): Luma {
  const { data, width, channels } = pixels;
  const [across, down] = [Math.floor(width / TILE.width), Math.floor(data.length / channels / width / TILE.height)];
  if (every <= 1 || across * down < every) return lumaOf(pixels, background);
  const bytes = TILE.width * channels;
  const tiles: Uint8Array[] = [];
  for (let row = 0; row < down; row += 1)
    for (let column = 0; column < across; column += 1) {
      if ((column + row * TILE_SHIFT) % every !== every >> 1) continue;
      const from = (row * TILE.height * width + column * TILE.width) * channels;
      for (let y = 0; y < TILE.height; y += 1) {
        const at = from + y * width * channels;
        tiles.push(data.subarray(at, at + bytes));
      }
    }
  return lumaOf({ data: Buffer.concat(tiles), width: TILE.width, channels }, background, TILE.height);
}

/** The mean over all windows, 1 for equal pictures. Both of one size. */
export function ssim(a: Luma, b: Luma): number {
  const { width, height, stripe } = a;
  const across = Math.floor(width / BLOCK);
  let [above, below] = [new Int32Array(across * SUMS), new Int32Array(across * SUMS)];
  let [sum, windows] = [0, 0];
  for (let top = 0; top < height; top += stripe) {
    const down = Math.floor(Math.min(stripe, height - top) / BLOCK);
    for (let block = 0; block < down; block += 1) {
      [above, below] = [below, above];
      sumBlocks(a, b, top + block * BLOCK, below);
      if (block === 0) continue;
      for (let at = 0; at + SUMS < below.length; at += SUMS) sum += ofWindow(above, below, at);
      windows += across - 1;
    }
  }
  return sum / windows;
}

/** Of each block: a, b, a² + b² and ab. */
const SUMS = 4;

function sumBlocks(a: Luma, b: Luma, top: number, sums: Int32Array): void {
  const { data: first, width } = a;
  const { data: second } = b;
  for (let to = 0, left = top * width; to < sums.length; to += SUMS, left += BLOCK) {
    let [sumA, sumB, squares, both] = [0, 0, 0, 0];
    for (let y = 0, row = left; y < BLOCK; y += 1, row += width)
      for (let at = row; at < row + BLOCK; at += 1) {
        const p = first[at]!;
        const q = second[at]!;
        sumA += p;
        sumB += q;
        squares += p * p + q * q;
        both += p * q;
      }
    sums[to] = sumA;
    sums[to + 1] = sumB;
    sums[to + 2] = squares;
    sums[to + 3] = both;
  }
}

/** Of the four blocks from `at` on. */
function ofWindow(above: Int32Array, below: Int32Array, at: number): number {
  const a = (above[at]! + above[at + 4]! + below[at]! + below[at + 4]!) / WINDOW_PIXELS;
  const b = (above[at + 1]! + above[at + 5]! + below[at + 1]! + below[at + 5]!) / WINDOW_PIXELS;
  const squares = (above[at + 2]! + above[at + 6]! + below[at + 2]! + below[at + 6]!) / WINDOW_PIXELS;
  const both = (above[at + 3]! + above[at + 7]! + below[at + 3]! + below[at + 7]!) / WINDOW_PIXELS;
  const means = a * a + b * b;
  const product = a * b;
  return ((2 * product + C1) * (2 * (both - product) + C2)) / ((means + C1) * (squares - means + C2));
}
