import { srgbToDisplayP3 } from '../../formats/colour/display-p3.ts';
import type { Pixels } from '../../pixels.ts';

/** Red, green and blue, levels of 0 to 255. */
export type Levels = readonly [number, number, number];

/** Those of an `#rrggbb`. */
export function levelsIn(colour: string): Levels {
  const number = Number.parseInt(colour.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** An `#rrggbb` of sRGB in the numbers of these pixels, not rounded. */
export function paintFor(pixels: Pick<Pixels, 'wide'>, colour: string): Levels {
  return inNumbersOf(pixels, levelsIn(colour));
}

/** A colour of sRGB in the numbers of these pixels, which may be of Display P3. */
export function inNumbersOf({ wide }: Pick<Pixels, 'wide'>, colour: Levels): Levels {
  return wide ? srgbToDisplayP3(colour) : colour;
}
