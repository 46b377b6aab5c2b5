import type { Pixels } from '../../pixels.ts';
import { luminanceOf } from './ramp.ts';

/** Pixels that are looked at, of all frames together: more tell no more. */
const ENOUGH_PIXELS = 200_000;
/** Shares of pixels that may be darker than the black point, and lighter than the white point: dust, lamps, reflections. */
const [DARKEST, LIGHTEST] = [0.005, 0.005];
/** Of 0 to 1. A photo whose points lie beyond these has all the range that it needs. */
const [GOOD_BLACK, GOOD_WHITE] = [0.06, 0.94];
/** The most that is done about range: so much is taken from the dark end, and so many times lighter is the light one. */
const [MOST_BLACK, MOST_GAIN] = [0.06, 1.6];
/** No stretch takes the mean further: a face without a highlight beside it is light enough. */
const BRIGHT_MEAN = 0.4;
/** With a mean below, a photo is dark, and its shadows are lifted towards that mean; `MOST_FILL` bounds the noise that comes up with them. */
const GOOD_MEAN = 0.32;
const MOST_FILL = 1.4;
/** Darker than this is a black ground: it says nothing of how the rest was exposed. */
const BLACK_GROUND = 16;
/** Points that are closer are of a picture of one colour, or of fog. */
const LEAST_RANGE = 0.1;

/** Smaller changes are not seen, and a photo that needs no other keeps all of its levels. */
const SLIGHT = 0.03;

/** How levels of 0 to 1 change: `(level - black) * gain`, then `level * (1 + fill * (1 - level)²)`. */
export interface LevelChange {
  readonly black: number;
  readonly gain: number;
  readonly fill: number;
}

/**
 * What brings a dark or dull picture to ordinary levels; undefined for one that has them. The same for all channels and frames, so
 * that no colour shifts and no frame flickers.
 */
export function levelsOf(pixels: Pixels): LevelChange | undefined {
  const { lightness, brightest, seen } = histogramsOf(pixels);
  if (seen === 0) return undefined;
  const dark = levelAbove(lightness, DARKEST * seen) / 255;
  // Of the brightest channel, so that no colour is cut off.
  const light = levelAbove(brightest, (1 - LIGHTEST) * seen) / 255;
  if (light - dark < LEAST_RANGE) return undefined;
  const black = Math.min(MOST_BLACK, Math.max(0, dark - GOOD_BLACK));
  const before = meanOf(lightness);
  const most = Math.max(before, BRIGHT_MEAN) / Math.max(before - black, LEAST_RANGE);
  const gain = Math.min(MOST_GAIN, most, Math.max(light, GOOD_WHITE) / (light - black));
  const mean = Math.max(0, before - black) * gain;
  const fill = mean === 0 ? 0 : Math.min(MOST_FILL, Math.max(0, (GOOD_MEAN / mean - 1) / (1 - mean) ** 2));
  return black < SLIGHT && gain < 1 + SLIGHT && fill < SLIGHT ? undefined : { black, gain, fill };
}

function histogramsOf(pixels: Pixels) {
  const { data, width, height, channels, frames } = pixels;
  const [red, green, blue] = luminanceOf(pixels);
  const lightness = new Uint32Array(256);
  const brightest = new Uint32Array(256);
  let seen = 0;
  // Odd, so that it meets all columns of a picture of even width.
  const every = Math.ceil((width * height * frames) / ENOUGH_PIXELS) | 1;
  for (let at = 0; at < data.length; at += every * channels) {
    if (channels === 4 && data[at + 3]! < 128) continue;
    const [r, g, b] = [data[at]!, data[at + 1]!, data[at + 2]!];
    lightness[Math.round(r * red + g * green + b * blue)]! += 1;
    brightest[Math.max(r, g, b)]! += 1;
    seen += 1;
  }
  return { lightness, brightest, seen };
}

/** The first level up to which there are more than this many pixels. */
function levelAbove(histogram: Uint32Array, pixels: number): number {
  let below = 0;
  return Math.max(
    0,
    histogram.findIndex((count) => {
      below += count;
      return below > pixels;
    }),
  );
}

/** 0 to 1, without a black ground; 0 where there is nothing else. */
function meanOf(lightness: Uint32Array): number {
  let [sum, pixels] = [0, 0];
  for (let level = BLACK_GROUND; level < 256; level += 1) {
    sum += level * lightness[level]!;
    pixels += lightness[level]!;
  }
  return pixels === 0 ? 0 : sum / pixels / 255;
}
