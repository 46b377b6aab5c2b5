import type { Sharp } from 'sharp';
import type { PictureHeader } from '../../picture-source.ts';
import type { Pixels } from '../../pixels.ts';
import type { Recipe } from '../../recipe.ts';
import type { SharpModule } from '../../sharp.ts';
import { tiffAround } from '../rows-tiff.ts';
import { linearToSrgb, srgbToLinear } from './transfer.ts';

/** Whether the rendition is in Display P3: by its recipe, and only of an original whose profile may hold such colours. */
export function isWide({ hasProfile, narrow }: PictureHeader, { gamut }: Pick<Recipe, 'gamut'>): boolean {
  return gamut === 'p3' && hasProfile && !narrow;
}

/** The recipe's background in the numbers of the rendition. */
export function backgroundIn(header: PictureHeader, recipe: Pick<Recipe, 'gamut' | 'background'>): string | undefined {
  const { background } = recipe;
  return background === undefined ? undefined : hexIn({ wide: isWide(header, recipe) }, background);
}

/** An `#rrggbb` of sRGB in the numbers of these pixels, for operations of sharp that take a colour. */
export function hexIn({ wide }: Pick<Pixels, 'wide'>, colour: string): string {
  return wide ? `#${Buffer.from(srgbToDisplayP3(levelsIn(colour)).map(Math.round)).toString('hex')}` : colour;
}

/** Has the pipeline convert to Display P3 without a step through sRGB, and write its profile. */
export function toDisplayP3(image: Sharp): Sharp {
  return image.pipelineColourspace('rgb16').withIccProfile('p3');
}

let profile: Promise<Buffer> | undefined;

/** The profile that sharp writes with Display P3. */
export function profileOf(sharp: SharpModule): Promise<Buffer> {
  const pixel = { create: { width: 1, height: 1, channels: 3, background: '#000' } } as const;
  profile ??= toDisplayP3(sharp(pixel))
    .png()
    .toBuffer()
    .then((png) => sharp(png).metadata())
    .then(({ icc }) => {
      if (!icc) throw new Error('sharp wrote Display P3 without a profile');
      return icc;
    });
  return profile;
}

/** Room for the header of a TIFF file in front of its rows, in bytes. */
const HEADER_BYTES = 1024;

/** Opens pixels, all frames of them. Of those in Display P3 what is written keeps the numbers and carries the profile. */
export async function openTagged(sharp: SharpModule, pixels: Pixels): Promise<Sharp> {
  const { data, width, height, channels, frames, wide } = pixels;
  if (!wide) return sharp(data, { raw: { width, height: height * frames, channels, pageHeight: height } });
  const icc = await profileOf(sharp);
  const at = HEADER_BYTES + icc.length;
  const memory = new ArrayBuffer(at + data.length);
  new Uint8Array(memory, at).set(data);
  return sharp(tiffAround({ memory, at, width, height, channels, icc, orientation: 1 })).keepIccProfile();
}

/** From linear sRGB to linear Display P3: CSS Color 4, section 18, through XYZ. */
const TO_P3 = [
  [0.8224619687, 0.1775380313, 0],
  [0.0331941989, 0.9668058011, 0],
  [0.0170826307, 0.0723974407, 0.9105199286],
] as const;

/** Red, green and blue of an `#rrggbb`, levels of 0 to 255. */
export function levelsIn(colour: string): [number, number, number] {
  const number = Number.parseInt(colour.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** A colour of sRGB in the numbers of Display P3; levels of 0 to 255, not rounded. */
export function srgbToDisplayP3(colour: readonly [number, number, number]): [number, number, number] {
  const [r, g, b] = colour.map((level) => srgbToLinear(level / 255)) as [number, number, number];
  const [red, green, blue] = TO_P3.map(([x, y, z]) => 255 * linearToSrgb(x * r + y * g + z * b));
  return [red ?? 0, green ?? 0, blue ?? 0];
}
