import type { Pixels } from '../../pixels.ts';
import type { Layer } from './layers.ts';

/** Lays a layer over opaque pixels of one frame, into which it writes: straight alpha, rounded to the nearest level. */
export function mix(
  { data, width, height }: Pixels,
  layer: Layer,
  at: { readonly left: number; readonly top: number },
): void {
  const [left, right] = [Math.max(0, at.left), Math.min(width, at.left + layer.width)];
  const [top, bottom] = [Math.max(0, at.top), Math.min(height, at.top + layer.height)];
  const over = layer.data;
  for (let y = top; y < bottom; y += 1) {
    let to = (y * width + left) * 3;
    let from = ((y - at.top) * layer.width + left - at.left) * 4;
    for (const end = to + 3 * Math.max(0, right - left); to < end; to += 3, from += 4) {
      const alpha = over[from + 3]!;
      if (alpha === 0) continue;
      const rest = 255 - alpha;
      data[to] = mean(over[from]! * alpha + data[to]! * rest);
      data[to + 1] = mean(over[from + 1]! * alpha + data[to + 1]! * rest);
      data[to + 2] = mean(over[from + 2]! * alpha + data[to + 2]! * rest);
    }
  }
}

/** A 255th, rounded: exact for all sums of two products of bytes. */
const mean = (sum: number) => ((sum + 128) * 257) >> 16;
