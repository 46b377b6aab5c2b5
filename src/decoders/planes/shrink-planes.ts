import type { Size } from '../shrink.ts';
import { type Along, addLine, along, NOTHING, shareOf } from '../shrink-tiles.ts';
import { type Levels, levelsOf, type PlaneCoding } from './levels.ts';

/** A plane of a tile: 8 bits a sample, or 16. */
export interface Samples {
  readonly pixels: Uint8Array | Uint16Array;
  /** Samples from one row to the next. */
  readonly stride: number;
}

export interface PlaneTile extends Size {
  /** Brightness and the differences towards blue and red. Tiles begin and end with whole samples, but for the last ones. */
  readonly planes: readonly [Samples, Samples, Samples];
  readonly left: number;
  readonly top: number;
}

/** A plane, and the columns of it that a tile has. */
interface Plane {
  readonly down: Along;
  readonly covers: Size;
  /** Where each pixel of the result begins, in columns: whole ones, and the part of the next one. One more than there are pixels. */
  readonly edges: { readonly at: Int32Array; readonly part: Float64Array };
  /** Of each column, the sum of the rows that one of the result has had so far, and a nought behind the last. */
  readonly sums: Float64Array;
  /** Of the columns of the tile before each one. */
  readonly totals: Float64Array;
  left: number;
  right: number;
}

function planeOf(from: Size, to: Size, covers: Size): Plane {
  const [width, height] = [from.width / covers.width, from.height / covers.height];
  const columns = Math.ceil(width) + 1;
  const [sums, totals] = [new Float64Array(columns), new Float64Array(columns)];
  const edges = { at: new Int32Array(to.width + 1), part: new Float64Array(to.width + 1) };
  for (let x = 0; x <= to.width; x += 1) {
    const edge = x * (width / to.width);
    const at = Math.floor(edge + NOTHING);
    edges.at[x] = at;
    edges.part[x] = edge - at > NOTHING ? edge - at : 0;
  }
  return { down: along(height, to.height), covers, edges, sums, totals, left: 0, right: 0 };
}

const EACH: Size = { width: 1, height: 1 };
const CHANNELS = 3;

/**
 * Shrinks planes by any factor, tile by tile, into rows of red, green and blue, as `createTileShrinker` does. Colours are made of the
 * means of the planes, so that only pixels of the result are converted, and nothing is rounded before.
 */
export function createPlaneShrinker(
  rows: Uint8Array,
  from: Size,
  to: Size,
  coding: PlaneCoding,
): { add(tile: PlaneTile): void } {
  const planes = [planeOf(from, to, EACH), planeOf(from, to, coding.covers), planeOf(from, to, coding.covers)] as const;
  const [luma] = planes;
  const levels = levelsOf(coding, from, to);
  let [before, behind] = [new Float64Array(to.height * CHANNELS), new Float64Array(to.height * CHANNELS)];
  // As in `createTileShrinker`.
  let [top, row, column] = [0, 0, 0];
  let next = 0;
  return {
    add(tile) {
      for (const plane of planes) {
        plane.left = tile.left / plane.covers.width;
        plane.right = Math.ceil(Math.min(tile.left + tile.width, from.width) / plane.covers.width);
      }
      const bottom = Math.min(tile.top + tile.height, from.height);
      if (tile.top !== top) [top, row] = [tile.top, next];
      if (tile.left === 0) column = 0;
      let y = row;
      for (; y < to.height && luma.down.first[y]! < bottom; y += 1) {
        for (const [n, plane] of planes.entries()) addRows(plane, tile.planes[n]!, y, tile.top, bottom);
        if (luma.down.end[y]! > bottom) break;
        const line = rows.subarray(y * to.width * CHANNELS, (y + 1) * to.width * CHANNELS);
        writeColours(line, planes, levels, column, before, behind, y * CHANNELS);
      }
      next = y;
      while (column < to.width && endsWithin(luma, column)) column += 1;
      [before, behind] = [behind, before];
    },
  };
}

/** Whether a column of the result ends with the tile, or before. */
function endsWithin({ edges: { at, part }, right }: Plane, x: number): boolean {
  return at[x + 1]! < right || (at[x + 1] === right && part[x + 1] === 0);
}

/** What the row `y` of the result covers of a tile, whose edges are in pixels. */
function addRows({ down, covers, sums, left, right }: Plane, samples: Samples, y: number, ...edges: [number, number]) {
  const [top, bottom] = [edges[0] / covers.height, Math.ceil(edges[1] / covers.height)];
  const { pixels, stride } = samples;
  const [first, end] = [down.first[y]!, down.end[y]!];
  // Most often: half the time of a line after the other.
  if (first >= top && end <= bottom && (end - first === 2 || end - first === 3)) {
    const line = (first - top) * stride;
    const shares = [shareOf(down, y, first), shareOf(down, y, first + 1), shareOf(down, y, first + 2)] as const;
    if (end - first === 2) setTwo(sums, left, right, pixels, line, stride, shares);
    else setThree(sums, left, right, pixels, line, stride, shares);
    return;
  }
  for (let at = Math.max(first, top); at < Math.min(end, bottom); at += 1)
    addLine(sums, left, right, pixels, (at - top) * stride, shareOf(down, y, at), at > first);
}

type Shares = readonly [number, number, number];

function setTwo(
  ...[sums, start, end, pixels, line, stride, [first, second]]: [
    ...[sums: Float64Array, start: number, end: number, pixels: Samples['pixels'], line: number, stride: number],
    shares: Shares,
  ]
): void {
  let at = line;
  for (let n = start; n < end; n += 1, at += 1) sums[n] = first * pixels[at]! + second * pixels[at + stride]!;
}

function setThree(
  ...[sums, start, end, pixels, line, stride, [first, second, third]]: [
    ...[sums: Float64Array, start: number, end: number, pixels: Samples['pixels'], line: number, stride: number],
    shares: Shares,
  ]
): void {
  let at = line;
  const last = 2 * stride;
  for (let n = start; n < end; n += 1, at += 1)
    sums[n] = first * pixels[at]! + second * pixels[at + stride]! + third * pixels[at + last]!;
}

function total({ sums, totals, left, right }: Plane): void {
  let sum = 0;
  for (let n = left; n < right; n += 1) {
    totals[n] = sum;
    sum += sums[n]!;
  }
  totals[right] = sum;
}

/**
 * Finishes a row of the result as far as its columns end within the tile: each is what was summed up to its end, less what was up to
 * its beginning. `side` is where this row has its place in both sides. Plain statements, as in shrink-tiles.ts.
 */
function writeColours(
  line: Uint8Array,
  planes: readonly [Plane, Plane, Plane],
  levels: Levels,
  ...[column, before, behind, side]: [number, Float64Array, Float64Array, number]
): void {
  for (const plane of planes) total(plane);
  const [bright, blueness, redness] = planes;
  const { at, part } = bright.edges;
  const own = blueness.edges;
  const { sums, totals, left, right } = bright;
  const [blueSums, blueTotals] = [blueness.sums, blueness.totals];
  const [redSums, redTotals] = [redness.sums, redness.totals];
  const width = at.length - 1;
  if (column === width) return;
  let x = column;
  let lumaBegin = 0;
  let cbBegin = 0;
  let crBegin = 0;
  if (at[x]! < left) {
    lumaBegin = -before[side]!;
    cbBegin = -before[side + 1]!;
    crBegin = -before[side + 2]!;
  } else if (at[x]! < right) {
    const [place, placed] = [at[x]!, own.at[x]!];
    lumaBegin = totals[place]! + part[x]! * sums[place]!;
    cbBegin = blueTotals[placed]! + own.part[x]! * blueSums[placed]!;
    crBegin = redTotals[placed]! + own.part[x]! * redSums[placed]!;
  }
  for (let to = x * CHANNELS; x < width; x += 1, to += CHANNELS) {
    const place = at[x + 1]!;
    const share = part[x + 1]!;
    if (place > right || (place === right && share > 0)) break;
    const lumaEnd = totals[place]! + share * sums[place]!;
    const placed = own.at[x + 1]!;
    const shared = own.part[x + 1]!;
    const cbEnd = blueTotals[placed]! + shared * blueSums[placed]!;
    const crEnd = redTotals[placed]! + shared * redSums[placed]!;
    const luma = (lumaEnd - lumaBegin) * levels.luma;
    const cb = cbEnd - cbBegin;
    const cr = crEnd - crBegin;
    line[to] = clamped(luma + cr * levels.redByRed + levels.red);
    line[to + 1] = clamped(luma + cb * levels.greenByBlue + cr * levels.greenByRed + levels.green);
    line[to + 2] = clamped(luma + cb * levels.blueByBlue + levels.blue);
    lumaBegin = lumaEnd;
    cbBegin = cbEnd;
    crBegin = crEnd;
  }
  if (x === width || at[x]! >= right) return;
  behind[side] = totals[right]! - lumaBegin;
  behind[side + 1] = blueTotals[blueness.right]! - cbBegin;
  behind[side + 2] = redTotals[redness.right]! - crBegin;
}

const clamped = (level: number) => (level > 255 ? 255 : level < 0 ? 0 : level);
