import { levelsIn, srgbToDisplayP3 } from '../../formats/colour/display-p3.ts';
import type { Pixels } from '../../pixels.ts';

/** Red, green and blue, levels of 0 to 255. */
export type Levels = readonly [number, number, number];

/** An `#rrggbb` of sRGB in the numbers of these pixels, not rounded. */
export function paintFor(pixels: Pick<Pixels, 'wide'>, colour: string): Levels {
  return inNumbersOf(pixels, levelsIn(colour));
}

/** A colour of sRGB in the numbers of these pixels, which may be of Display P3. */
export function inNumbersOf({ wide }: Pick<Pixels, 'wide'>, colour: Levels): Levels {
  return wide ? srgbToDisplayP3(colour) : colour;
}
