import type { Size, Tile } from './shrink.ts';

/**
 * The size whose longer side is `side`, and the picture's own where that is smaller. As `sizeWithin` of render/pixels.ts rounds, so
 * that nothing is left to scale.
 */
export function sizeOf(side: number, { width, height }: Size): Size {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Along a side: which pixels each one of the result covers, and how much of the first and the last of them. */
export interface Along {
  readonly first: Int32Array;
  /** One behind the last. */
  readonly end: Int32Array;
  readonly ofFirst: Float64Array;
  readonly ofLast: Float64Array;
}

/** Shares of less are errors of rounding. */
export const NOTHING = 1e-6;

/** `from` may end within a pixel, and `to` be larger. */
export function along(from: number, to: number): Along {
  const [first, end] = [new Int32Array(to), new Int32Array(to)];
  const pixels = Math.ceil(from);
  const [ofFirst, ofLast] = [new Float64Array(to), new Float64Array(to)];
  const step = from / to;
  for (let n = 0; n < to; n += 1) {
    const [start, stop] = [n * step, (n + 1) * step];
    first[n] = Math.floor(start + NOTHING);
    end[n] = Math.min(pixels, Math.ceil(stop - NOTHING));
    ofFirst[n] = Math.min(stop, first[n]! + 1) - start;
    ofLast[n] = end[n]! - first[n]! === 1 ? ofFirst[n]! : stop - end[n]! + 1;
  }
  return { first, end, ofFirst, ofLast };
}

/** How much of a pixel that one of the result covers. */
export function shareOf({ first, end, ofFirst, ofLast }: Along, of: number, pixel: number): number {
  if (pixel === first[of]) return ofFirst[of]!;
  return pixel === end[of]! - 1 ? ofLast[of]! : 1;
}

const CHANNELS = 3;

/**
 * Shrinks red, green and blue by any factor, tile by tile: each pixel of the result is the mean of what it covers, in `rows`. Tiles
 * come row by row, each row from left to right; what a pixel has of several tiles waits for the last of them.
 */
export function createTileShrinker(rows: Uint8Array, from: Size, to: Size): { add(tile: Tile): void } {
  const [across, down] = [along(from.width, to.width), along(from.height, to.height)];
  const scale = ((to.width / from.width) * to.height) / from.height;
  /** Of each column of the picture, the sum of the rows that one of the result has had so far. */
  const sums = new Float64Array(from.width * CHANNELS);
  /** By rows of the result: what the tiles to the left had of a column that reaches into this one, and what this one leaves. */
  let [before, behind] = [new Float64Array(to.height * CHANNELS), new Float64Array(to.height * CHANNELS)];
  /** The upper edge of the tiles, and the first row and column of the result that are not finished by those before. */
  let [top, row, column] = [0, 0, 0];
  let next = 0;
  return {
    add({ pixels, stride, left, ...tile }) {
      const right = Math.min(left + tile.width, from.width);
      const bottom = Math.min(tile.top + tile.height, from.height);
      if (tile.top !== top) [top, row] = [tile.top, next];
      if (left === 0) column = 0;
      let y = row;
      for (; y < to.height && down.first[y]! < bottom; y += 1) {
        const end = Math.min(down.end[y]!, bottom);
        for (let at = Math.max(down.first[y]!, top); at < end; at += 1) {
          const line = (at - top) * stride;
          const share = shareOf(down, y, at);
          addLine(sums, left * CHANNELS, right * CHANNELS, pixels, line, share, at > down.first[y]!);
        }
        if (down.end[y]! > bottom) break;
        const line = rows.subarray(y * to.width * CHANNELS, (y + 1) * to.width * CHANNELS);
        writeMeans(line, sums, { left, right, scale, across, column }, before, behind, y * CHANNELS);
      }
      next = y;
      while (column < to.width && across.end[column]! <= right) column += 1;
      [before, behind] = [behind, before];
    },
  };
}

// Both loops run for every pixel: with plain statements they take a third of the time that destructuring takes in V8.

/** Puts a line of samples, each times `share`, into `sums` from `start` to before `end`; with `more` they are added to the sums there. */
export function addLine(
  ...[sums, start, end, samples, line, share, more]: [
    ...[sums: Float64Array, start: number, end: number, samples: Uint8Array | Uint16Array, line: number],
    ...[share: number, more: boolean],
  ]
): void {
  let at = line;
  if (more) for (let n = start; n < end; n += 1, at += 1) sums[n] = sums[n]! + share * samples[at]!;
  else for (let n = start; n < end; n += 1, at += 1) sums[n] = share * samples[at]!;
}

interface Part {
  /** Columns of the picture, of which there are sums. */
  readonly left: number;
  readonly right: number;
  readonly scale: number;
  readonly across: Along;
  /** The first of the result. */
  readonly column: number;
}

/** Finishes a row of the result as far as its columns end within the part; `side` is where this row has its place in both sides. */
function writeMeans(
  line: Uint8Array,
  sums: Float64Array,
  { left, right, scale, across: { first, end, ofFirst, ofLast }, column }: Part,
  ...[before, behind, side]: [Float64Array, Float64Array, number]
): void {
  for (let x = column; x < first.length && first[x]! < right; x += 1) {
    const begun = first[x]! < left;
    const unfinished = end[x]! > right;
    const last = (unfinished ? right - 1 : end[x]! - 1) * CHANNELS;
    let at = (begun ? left : first[x]!) * CHANNELS;
    let share = begun ? (left === end[x]! - 1 ? ofLast[x]! : 1) : ofFirst[x]!;
    let red = share * sums[at]!;
    let green = share * sums[at + 1]!;
    let blue = share * sums[at + 2]!;
    share = unfinished ? 1 : ofLast[x]!;
    for (at += CHANNELS; at < last; at += CHANNELS) {
      red += sums[at]!;
      green += sums[at + 1]!;
      blue += sums[at + 2]!;
    }
    if (at === last) {
      red += share * sums[at]!;
      green += share * sums[at + 1]!;
      blue += share * sums[at + 2]!;
    }
    if (begun) {
      red += before[side]!;
      green += before[side + 1]!;
      blue += before[side + 2]!;
    }
    if (unfinished) {
      behind[side] = red;
      behind[side + 1] = green;
      behind[side + 2] = blue;
    } else {
      line[x * CHANNELS] = red * scale + 0.5;
      line[x * CHANNELS + 1] = green * scale + 0.5;
      line[x * CHANNELS + 2] = blue * scale + 0.5;
    }
  }
}
