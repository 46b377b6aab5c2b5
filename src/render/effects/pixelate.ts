import type { Box, Pixels } from '../pixels.ts';
import { inParts } from './frames.ts';

/** A rest of less than this share of a square belongs to the one before: it comes of rounded sizes. */
const LEAST_REST = 0.1;

/**
 * Makes squares of one colour in a part of each frame: their mean, weighted by alpha. They begin at the part's upper left corner;
 * where `side`, in pixels, is no whole number, their edges are rounded, so that there are as many at each size.
 */
export async function pixelate(pixels: Pixels, part: Box, side: number): Promise<Pixels> {
  if (side <= 1) return pixels;
  const { width, height, channels, frames } = pixels;
  const data = Buffer.allocUnsafeSlow(pixels.data.length);
  pixels.data.copy(data);
  const rowBytes = width * channels;
  const columns = edgesOf(part.left, part.width, side).map((x) => x * channels);
  const rows = edgesOf(part.top, part.height, side);
  const down = rows.length - 1;
  const squares = (from: number, to: number) => {
    for (let row = from; row < to; row += 1) {
      const first = Math.floor(row / down) * height;
      const top = (first + rows[row % down]!) * rowBytes;
      const bottom = (first + rows[(row % down) + 1]!) * rowBytes;
      for (let column = 0; column + 1 < columns.length; column += 1)
        average(data, channels, { top, bottom, rowBytes, left: columns[column]!, right: columns[column + 1]! });
    }
  };
  await inParts(frames * down, squares, part.width * side);
  return { ...pixels, data };
}

function edgesOf(start: number, length: number, side: number): number[] {
  const count = Math.max(1, Math.ceil(length / side - LEAST_REST));
  return Array.from({ length: count + 1 }, (_, at) => start + (at === count ? length : Math.round(at * side)));
}

/** In bytes: `top` and `bottom` of rows, `left` and `right` within one. */
interface Square {
  readonly top: number;
  readonly bottom: number;
  readonly rowBytes: number;
  readonly left: number;
  readonly right: number;
}

function average(data: Buffer, channels: 3 | 4, { top, bottom, rowBytes, left, right }: Square): void {
  let [red, green, blue, alpha, count] = [0, 0, 0, 0, 0];
  for (let row = top; row < bottom; row += rowBytes) {
    for (let at = row + left; at < row + right; at += channels) {
      const weight = channels === 4 ? data[at + 3]! : 1;
      red += data[at]! * weight;
      green += data[at + 1]! * weight;
      blue += data[at + 2]! * weight;
      alpha += weight;
      count += 1;
    }
  }
  const mean = (sum: number) => (alpha === 0 ? 0 : Math.round(sum / alpha));
  const [r, g, b, a] = [mean(red), mean(green), mean(blue), Math.round(alpha / count)];
  for (let row = top; row < bottom; row += rowBytes) {
    for (let at = row + left; at < row + right; at += channels) {
      data[at] = r;
      data[at + 1] = g;
      data[at + 2] = b;
      if (channels === 4) data[at + 3] = a;
    }
  }
}
