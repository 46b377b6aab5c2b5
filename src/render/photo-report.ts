import { looksDrawn, stepsOf } from './formats/drawn/look.ts';
import { perceptualHash } from './perceptual-hash.ts';
import type { Pixels } from './pixels.ts';

/** Raised when the numbers come to mean something else: a report of another version is made anew. */
export const REPORT_VERSION = 1;

/** What a small picture tells about a photo. Advice for sellers and moderators: nothing is refused for it. */
export interface PhotoReport {
  readonly version: number;
  /** 0 (blurred) to 1: how steep the steepest edges are for their height. */
  readonly sharpness: number;
  /** Mean luma, 0 (black) to 1. */
  readonly exposure: number;
  /** Luma from the darkest twentieth of the pixels to the brightest, 0 to 1. */
  readonly contrast: number;
  /** Share of the frame, 0 to 1, in even rows and columns along its sides. */
  readonly border: number;
  readonly drawn: boolean;
  /** Some pixel is. */
  readonly transparent: boolean;
  /** 64 bits in hex, see `perceptualHash`. */
  readonly hash: string;
  /** Of the original's file. */
  readonly bytes: number;
}

/** Longer side of the picture that reports are made of: what a JPEG of 12 megapixels is decoded to in its cheapest way, and less. */
export const REPORT_SIDE_PX = 400;

/** `probe`: all of the picture, at most REPORT_SIDE_PX a side; `bytes`: of its file. */
export function reportOn(probe: Pixels, bytes: number): PhotoReport {
  const luma = lumaOnWhite(probe);
  const { width, height } = probe;
  const { mean, low, high } = levelsOf(luma);
  return {
    version: REPORT_VERSION,
    sharpness: rounded(sharpnessOf(luma, width, height)),
    exposure: rounded(mean / 255),
    contrast: rounded((high - low) / 255),
    border: rounded(borderShare(luma, width, height)),
    drawn: looksDrawn(stepsOf(probe)),
    transparent: isTransparent(probe),
    hash: perceptualHash(luma, width, height),
    bytes,
  };
}

const rounded = (value: number) => Math.round(value * 1000) / 1000;

/** ITU-R BT.601, on white. */
function lumaOnWhite({ data, width, height, channels }: Pixels): Uint8Array {
  const luma = new Uint8Array(width * height);
  for (let at = 0, pixel = 0; pixel < luma.length; at += channels, pixel += 1) {
    const level = 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
    const alpha = channels === 4 ? data[at + 3]! / 255 : 1;
    // What a byte cannot hold is cut off.
    luma[pixel] = level * alpha + 255 * (1 - alpha) + 0.5;
  }
  return luma;
}

function isTransparent({ data, channels }: Pixels): boolean {
  if (channels !== 4) return false;
  for (let at = 3; at < data.length; at += 4) if (data[at]! < 255) return true;
  return false;
}

/** Share of the pixels that are left out at either end, so that a lamp or a hole decides nothing. */
const TAIL = 0.05;

function levelsOf(luma: Uint8Array): { mean: number; low: number; high: number } {
  const counts = new Uint32Array(256);
  let sum = 0;
  for (let at = 0; at < luma.length; at += 1) {
    counts[luma[at]!]! += 1;
    sum += luma[at]!;
  }
  const levelAt = (share: number) => {
    let below = 0;
    return counts.findIndex((count) => {
      below += count;
      return below > share * luma.length;
    });
  };
  return { mean: sum / luma.length, low: levelAt(TAIL), high: levelAt(1 - TAIL) };
}

const BLOCK_PX = 16;
/** Levels of 255 that a block's pixels must span for its edges to count: less may be noise. */
const MIN_SPAN = 24;
/** Of the blocks with edges, the sharper tenth decides: a photo may blur its background. */
const SHARPEST = 0.1;

/** In each block the steepest step between neighbours, as a share of all levels that the block spans. */
function sharpnessOf(luma: Uint8Array, width: number, height: number): number {
  const found: number[] = [];
  for (let top = 0; top + BLOCK_PX < height; top += BLOCK_PX)
    for (let left = 0; left + BLOCK_PX < width; left += BLOCK_PX) {
      const share = steepestShare(luma, width, top * width + left);
      if (share > 0) found.push(share);
    }
  if (found.length === 0) return 0;
  found.sort((a, b) => b - a);
  return found[Math.floor(found.length * SHARPEST)]!;
}

/** Of the block at `start`; 0 where it spans too few levels to tell. */
function steepestShare(luma: Uint8Array, width: number, start: number): number {
  let least = 255;
  let most = 0;
  let steepest = 0;
  for (let row = start, end = start + BLOCK_PX * width; row < end; row += width)
    for (let at = row; at < row + BLOCK_PX; at += 1) {
      const level = luma[at]!;
      if (level < least) least = level;
      if (level > most) most = level;
      const across = Math.abs(level - luma[at + 1]!);
      const down = Math.abs(level - luma[at + width]!);
      if (across > steepest) steepest = across;
      if (down > steepest) steepest = down;
    }
  return most - least < MIN_SPAN ? 0 : Math.min(1, steepest / (most - least));
}

/** Levels by which a border's pixels may differ: JPEG's noise on a plain ground stays below. */
const BORDER_TOLERANCE = 10;

/** Rows from above and below and columns from both sides that are of one level each, and of the same as the outermost. */
function borderShare(luma: Uint8Array, width: number, height: number): number {
  const row = (y: number) => ({ from: y * width, step: 1, count: width });
  const column = (x: number) => ({ from: x, step: width, count: height });
  const even = (line: { from: number; step: number; count: number }, level: number) => {
    for (let n = 0, at = line.from; n < line.count; n += 1, at += line.step)
      if (Math.abs(luma[at]! - level) > BORDER_TOLERANCE) return false;
    return true;
  };
  const run = (count: number, line: (n: number) => { from: number; step: number; count: number }) => {
    const level = luma[line(0).from]!;
    let lines = 0;
    while (lines < count && even(line(lines), level)) lines += 1;
    return lines;
  };
  const top = run(height, row);
  if (top === height) return 1;
  const bottom = run(height, (n) => row(height - 1 - n));
  const left = run(width, column);
  const right = run(width, (n) => column(width - 1 - n));
  return 1 - ((height - top - bottom) * (width - left - right)) / (width * height);
}
