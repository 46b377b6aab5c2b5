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

/**
 * Transparent pixels equal each other, whatever colour they have. Every drawn rendition waits for this: a pixel's left neighbour stays
 * in variables, which takes half the time of reading it again.
 */
export function stepsOf({ data, width, height, channels }: Pixels): Steps {
  if (width < 2 || height < 2) return { flat: 0, slight: 1 };
  const row = width * channels;
  const every = Math.ceil((width * height) / ENOUGH_PIXELS);
  let [rows, flat, steps, slight] = [0, 0, 0, 0];
  for (let y = 1; y < height; y += every) {
    rows += 1;
    const start = y * row;
    let red = data[start]!;
    let green = data[start + 1]!;
    let blue = data[start + 2]!;
    let alpha = channels === 4 ? data[start + 3]! : OPAQUE;
    for (let at = start + channels, end = start + row; at < end; at += channels) {
      const ownRed = data[at]!;
      const ownGreen = data[at + 1]!;
      const ownBlue = data[at + 2]!;
      const ownAlpha = channels === 4 ? data[at + 3]! : OPAQUE;
      const isColour = red === ownRed && green === ownGreen && blue === ownBlue && alpha === ownAlpha;
      if (isColour || (alpha === 0 && ownAlpha === 0)) {
        const up = at - row;
        const upAlpha = channels === 4 ? data[up + 3]! : OPAQUE;
        const isUpper =
          ownRed === data[up] && ownGreen === data[up + 1] && ownBlue === data[up + 2] && ownAlpha === upAlpha;
        if (isUpper || (ownAlpha === 0 && upAlpha === 0)) flat += 1;
      } else {
        steps += 1;
        if (
          isSlight(ownRed - red) &&
          isSlight(ownGreen - green) &&
          isSlight(ownBlue - blue) &&
          isSlight(ownAlpha - alpha)
        )
          slight += 1;
      }
      red = ownRed;
      green = ownGreen;
      blue = ownBlue;
      alpha = ownAlpha;
    }
  }
  return { flat: flat / (rows * (width - 1)), slight: steps === 0 ? 1 : slight / steps };
}

const OPAQUE = 255;
const isSlight = (step: number) => step <= SLIGHT && step >= -SLIGHT;

/** Levels by which a pixel's colour may leave the mean of its block before 4:2:0 shows. */
const VISIBLE_CHROMA = 24;
/** Levels by which a pixel leaves the mean of its block where an edge goes through it. */
const EDGE = 6;

/** What blocks of 2 × 2 pixels are made of, as shares of 0 to 1. */
export interface Chroma {
  /**
   * Blocks in which 4:2:0 (one colour a block) changes a pixel's colour visibly, of all: red text on white has 0.15, a page with a
   * red price 0.004.
   */
  readonly lost: number;
  /** Blocks with an edge in their colour, per block with one in its brightness: a page of black text has 0.2, red text 1. */
  readonly coloured: number;
}

/** Pages of black text with some colour. */
export function isMostlyGrey({ coloured }: Chroma): boolean {
  return coloured < 0.3;
}

export function chromaOf({ data, width, height, channels }: Pixels): Chroma {
  const row = width * channels;
  const every = 2 * Math.ceil((width * height) / ENOUGH_PIXELS);
  let [blocks, lost, coloured, edges] = [0, 0, 0, 0];
  for (let y = 0; y + 1 < height; y += every) {
    for (let x = 0; x + 1 < width; x += 2) {
      const at = y * row + x * channels;
      blocks += 1;
      // Most of a drawing, which is why it is seen to first.
      if (isOneColour(data, at, row, channels)) continue;
      // Colour under transparent pixels is not seen.
      if (channels === 4 && (data[at + 3] === 0 || data[at + row + channels + 3] === 0)) continue;
      const [right, below, last] = [at + channels, at + row, at + row + channels];
      const [ra, ga, ba] = [data[at]!, data[at + 1]!, data[at + 2]!];
      const [rb, gb, bb] = [data[right]!, data[right + 1]!, data[right + 2]!];
      const [rc, gc, bc] = [data[below]!, data[below + 1]!, data[below + 2]!];
      const [rd, gd, bd] = [data[last]!, data[last + 1]!, data[last + 2]!];
      const blue = leaving(blueness(ra, ga, ba), blueness(rb, gb, bb), blueness(rc, gc, bc), blueness(rd, gd, bd));
      const red = leaving(redness(ra, ga, ba), redness(rb, gb, bb), redness(rc, gc, bc), redness(rd, gd, bd));
      const chroma = Math.max(blue, red);
      if (chroma > VISIBLE_CHROMA) lost += 1;
      if (chroma > EDGE) coloured += 1;
      const bright = leaving(luma(ra, ga, ba), luma(rb, gb, bb), luma(rc, gc, bc), luma(rd, gd, bd));
      if (bright > EDGE) edges += 1;
    }
  }
  return { lost: blocks === 0 ? 0 : lost / blocks, coloured: coloured / Math.max(1, edges) };
}

function isOneColour(data: Buffer, at: number, row: number, channels: number): boolean {
  for (let byte = at; byte < at + 3; byte += 1) {
    const level = data[byte];
    if (data[byte + channels] !== level || data[byte + row] !== level || data[byte + row + channels] !== level)
      return false;
  }
  return true;
}

/** The largest distance of four pixels from their mean. */
function leaving(a: number, b: number, c: number, d: number): number {
  const mean = (a + b + c + d) / 4;
  return Math.max(Math.abs(a - mean), Math.abs(b - mean), Math.abs(c - mean), Math.abs(d - mean));
}

/** Y, Cb and Cr of ITU-R BT.601, the latter around 0. */
const luma = (red: number, green: number, blue: number) => 0.299 * red + 0.587 * green + 0.114 * blue;
const blueness = (red: number, green: number, blue: number) => -0.169 * red - 0.331 * green + 0.5 * blue;
const redness = (red: number, green: number, blue: number) => 0.5 * red - 0.419 * green - 0.081 * blue;
