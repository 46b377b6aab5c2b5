import type { Box, Size } from '../pixels.ts';

/** A small picture in shades of grey, a byte a pixel. */
export interface GreyPicture extends Size {
  readonly data: Uint8Array;
}

/** Longer side of the grey picture in pixels: detail that is smaller than a sixtieth of a photo does not draw the eye. */
export const GREY_SIDE_PX = 64;
/**
 * Where subjects are, in parts of the room that a window has, and how much detail a window must win to leave that place: for the
 * square of the distance, in parts of all detail. Heads are up, things in the middle. Measured on 42 heads of animals, on people whose
 * faces were hidden from it (bench/faces.ts) and on 45 things for sale; figures twice or half as large change little.
 */
const SUBJECT = { across: { at: 0.5, pull: 1 }, down: { at: 0.25, pull: 2 } };
/** What detail at the left and right edge of a window counts, of what it counts in the middle. */
const AT_THE_SIDE = 0.5;

/**
 * Where a window goes in a picture without a known face: where there is much detail, near where subjects are. In pixels of the scaled
 * picture; the same input always gives the same window.
 */
export function windowOnDetail(picture: GreyPicture, scaled: Size, window: Size): Box {
  const across = places(scaled.width, window.width, picture.width, SUBJECT.across);
  const down = places(scaled.height, window.height, picture.height, SUBJECT.down);
  const detail = detailOf(picture);
  const all = detail.reduce((sum, value) => sum + value, 0) || 1;
  let best = { left: 0, top: 0, worth: Number.NEGATIVE_INFINITY };
  for (const column of across)
    for (const row of down) {
      const shown = detailIn(detail, picture.width, column, row) / all;
      const worth = shown - column.cost - row.cost;
      if (worth > best.worth + 1e-9) best = { left: column.at, top: row.at, worth };
    }
  return { left: best.left, top: best.top, width: window.width, height: window.height };
}

/** A place of the window along one side. */
interface Place {
  /** In pixels of the scaled picture. */
  readonly at: number;
  /** Pixels of the grey picture. */
  readonly first: number;
  readonly count: number;
  readonly cost: number;
}

/** All places along one side, those nearest to where subjects are first. */
function places(length: number, part: number, pixels: number, subject: { at: number; pull: number }): Place[] {
  const count = Math.max(1, Math.min(pixels, Math.round((part / length) * pixels)));
  const room = length - part;
  const steps = room > 0 ? Math.max(1, pixels - count) : 0;
  return Array.from({ length: steps + 1 }, (_, step) => {
    const moved = steps > 0 ? step / steps : subject.at;
    const cost = subject.pull * (room / length) * (moved - subject.at) ** 2;
    return { at: Math.round(moved * room), first: Math.min(step, pixels - count), count, cost };
  }).toSorted((a, b) => a.cost - b.cost);
}

/** How much each pixel differs from its neighbours; nothing at the picture's edge. */
function detailOf({ data, width, height }: GreyPicture): Float64Array {
  const detail = new Float64Array(width * height);
  for (let y = 1; y < height - 1; y += 1)
    for (let x = 1; x < width - 1; x += 1) {
      const at = y * width + x;
      const across = (data[at + 1] ?? 0) - (data[at - 1] ?? 0);
      const down = (data[at + width] ?? 0) - (data[at - width] ?? 0);
      detail[at] = Math.hypot(across, down);
    }
  return detail;
}

function detailIn(detail: Float64Array, width: number, column: Place, row: Place): number {
  let sum = 0;
  for (let x = 0; x < column.count; x += 1) {
    const aside = (2 * (x + 0.5)) / column.count - 1;
    const weight = 1 - (1 - AT_THE_SIDE) * aside * aside;
    for (let y = row.first; y < row.first + row.count; y += 1)
      sum += weight * (detail[y * width + column.first + x] ?? 0);
  }
  return sum;
}
