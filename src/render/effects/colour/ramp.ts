import { levelsIn } from '../../formats/colour/display-p3.ts';
import type { Pixels } from '../../pixels.ts';
import type { Toned } from '../effects.ts';
import { inNumbersOf, type Levels } from './paint.ts';

/** Colours by lightness, and how much of them there is in the picture. */
export interface Ramp {
  /** Weights of red, green and blue in the lightness. */
  readonly weights: Levels;
  /** Red, green and blue of each quarter of a level of lightness. */
  readonly colours: Float32Array;
  readonly share: number;
}

/** Entries of a ramp for each level: with one, steps would show where a ramp is steep. */
export const RAMP_STEPS = 4;
const RAMP_ENTRIES = 255 * RAMP_STEPS + 1;

/** CSS's of `grayscale` (Filter Effects, 8.2), those of Display P3, and those that its rows of `sepia` have in common. */
const LUMINANCE: Levels = [0.2126, 0.7152, 0.0722];
const LUMINANCE_P3: Levels = [0.229, 0.6917, 0.0793];
const SEPIA_WEIGHTS: Levels = [0.29067, 0.56968, 0.13965];
/** Red, green and blue of CSS's `sepia` for a lightness of 1. */
const SEPIA: Levels = [1.351, 1.203, 0.937];

export function luminanceOf({ wide }: Pick<Pixels, 'wide'>): Levels {
  return wide ? LUMINANCE_P3 : LUMINANCE;
}

/** Undefined for greys, which need no ramp. */
export function rampOf(toned: Toned, pixels: Pick<Pixels, 'wide'>): Ramp | undefined {
  if ('grayscale' in toned) return undefined;
  const colours = new Float32Array(3 * RAMP_ENTRIES);
  // Made in sRGB for Display P3 too, so that it looks the same there.
  const colourOf = shadesOf(toned);
  for (let at = 0; at < RAMP_ENTRIES; at += 1) colours.set(inNumbersOf(pixels, colourOf(at / RAMP_STEPS)), 3 * at);
  return 'sepia' in toned
    ? { weights: SEPIA_WEIGHTS, colours, share: toned.sepia }
    : { weights: luminanceOf(pixels), colours, share: 1 };
}

type Shaded = Exclude<Toned, { readonly grayscale: true }>;

/** The colour in sRGB of each lightness, 0 to 255. */
function shadesOf(toned: Shaded): (lightness: number) => Levels {
  if ('sepia' in toned) {
    const [red, green, blue] = SEPIA;
    return (lightness) => [Math.min(255, red * lightness), Math.min(255, green * lightness), blue * lightness];
  }
  if ('duotone' in toned) {
    const [dark, light] = [levelsIn(toned.duotone.shadows), levelsIn(toned.duotone.highlights)];
    return (lightness) => between(dark, light, lightness / 255);
  }
  const colour = levelsIn(toned.tint);
  const own = lightnessOf(colour);
  return (lightness) =>
    lightness < own
      ? between(BLACK, colour, lightness / own)
      : between(colour, WHITE, own === 255 ? 1 : (lightness - own) / (255 - own));
}

const BLACK: Levels = [0, 0, 0];
const WHITE: Levels = [255, 255, 255];

function between([r, g, b]: Levels, [red, green, blue]: Levels, share: number): Levels {
  return [r + (red - r) * share, g + (green - g) * share, b + (blue - b) * share];
}

function lightnessOf([r, g, b]: Levels): number {
  const [red, green, blue] = LUMINANCE;
  return r * red + g * green + b * blue;
}
