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

/** RGBA of sRGB in the numbers of these pixels. Runs of one colour, of which texts and logos are made, are worked out once. */
export function inkFor({ wide }: Pick<Pixels, 'wide'>, rgba: Buffer): Buffer {
  if (!wide) return rgba;
  const made = Buffer.from(rgba);
  let [last, red, green, blue] = [-1, 0, 0, 0];
  for (let at = 0; at < rgba.length; at += 4) {
    const colour = rgba.readUIntBE(at, 3);
    if (colour !== last)
      [red, green, blue] = srgbToDisplayP3([colour >> 16, (colour >> 8) & 255, colour & 255]).map(Math.round) as [
        number,
        number,
        number,
      ];
    last = colour;
    made[at] = red;
    made[at + 1] = green;
    made[at + 2] = blue;
  }
  return made;
}
