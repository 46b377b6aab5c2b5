import type { Pixels } from '../../pixels.ts';

/**
 * Drawn pictures (screens, text, charts, logos, pixel art) are told from photographed ones by their pixels: neighbours in a drawing
 * are equal or far apart, those in a photo differ slightly, by its noise. `bench/drawn.ts` has the figures and how often it errs.
 */

/** Rows are left out of larger pictures: this many pixels tell, in about a millisecond. */
const ENOUGH_PIXELS = 100_000;
/** Steps between neighbours of at most this, in levels of 255, are a photo's noise and shading. */
const SLIGHT = 8;
/** 499 photos at 600 px: one is above (a dithered one, 0.06), the next at -0.10. 74 drawings there: five are below. */
const DRAWN_FROM = 0.03;
/** Above this, gradients and soft shadows are a large part of a drawing: lossless coding takes several times the bytes. */
const MOST_SLIGHT = 0.5;

/** What neighbouring pixels are to each other, as shares of 0 to 1. Of the first frame. */
export interface Steps {
  /** Pixels equal to their left and upper neighbours, of all. */
  readonly flat: number;
  /** Slight steps, of all steps between pixels and their left neighbours. 1 where there is none: one colour is no drawing. */
  readonly slight: number;
}

export function looksDrawn({ flat, slight }: Steps): boolean {
  return flat - slight >= DRAWN_FROM;
}

/** Whether a drawing is of few, clear steps, so that lossless coding pays where it was not scaled. */
export function isCrisp({ slight }: Steps): boolean {
  return slight <= MOST_SLIGHT;
}

/** Transparent pixels equal each other, whatever colour they have. */
export function stepsOf({ data, width, height, channels }: Pixels): Steps {
  if (width < 2 || height < 2) return { flat: 0, slight: 1 };
  const row = width * channels;
  const every = Math.ceil((width * height) / ENOUGH_PIXELS);
  let [seen, flat, steps, slight] = [0, 0, 0, 0];
  for (let y = 1; y < height; y += every) {
    for (let at = y * row + channels, end = (y + 1) * row; at < end; at += channels) {
      seen += 1;
      const left = difference(data, at, at - channels, channels);
      if (left > 0) {
        steps += 1;
        if (left <= SLIGHT) slight += 1;
      } else if (difference(data, at, at - row, channels) === 0) flat += 1;
    }
  }
  return { flat: flat / seen, slight: steps === 0 ? 1 : slight / steps };
}

/** The largest difference of two pixels in a channel. */
function difference(data: Buffer, one: number, other: number, channels: number): number {
  if (channels === 4 && data[one + 3] === 0 && data[other + 3] === 0) return 0;
  let most = 0;
  for (let channel = 0; channel < channels; channel += 1) {
    const between = Math.abs(data[one + channel]! - data[other + channel]!);
    if (between > most) most = between;
  }
  return most;
}

/** Levels by which a pixel's colour may leave the mean of its block before 4:2:0 shows. */
const VISIBLE_CHROMA = 24;

/**
 * The share of blocks of 2 × 2 pixels, 0 to 1, in which 4:2:0 (one colour a block) changes a pixel's colour visibly: red text on
 * white has 0.15, a page with a red price 0.004.
 */
export function chromaLoss({ data, width, height, channels }: Pixels): number {
  const row = width * channels;
  const every = 2 * Math.ceil((width * height) / ENOUGH_PIXELS);
  let [blocks, lost] = [0, 0];
  for (let y = 0; y + 1 < height; y += every) {
    for (let x = 0; x + 1 < width; x += 2) {
      const at = y * row + x * channels;
      blocks += 1;
      // Colour under transparent pixels is not seen.
      if (channels === 4 && (data[at + 3] === 0 || data[at + row + channels + 3] === 0)) continue;
      if (losesColour(data, [at, at + channels, at + row, at + row + channels])) lost += 1;
    }
  }
  return blocks === 0 ? 0 : lost / blocks;
}

function losesColour(data: Buffer, block: readonly number[]): boolean {
  let [blue, red] = [0, 0];
  for (const at of block) {
    blue += blueness(data, at);
    red += redness(data, at);
  }
  return block.some(
    (at) =>
      Math.abs(blueness(data, at) - blue / 4) > VISIBLE_CHROMA ||
      Math.abs(redness(data, at) - red / 4) > VISIBLE_CHROMA,
  );
}

/** Cb and Cr of ITU-R BT.601, around 0. */
const blueness = (data: Buffer, at: number) => -0.169 * data[at]! - 0.331 * data[at + 1]! + 0.5 * data[at + 2]!;
const redness = (data: Buffer, at: number) => 0.5 * data[at]! - 0.419 * data[at + 1]! - 0.081 * data[at + 2]!;
