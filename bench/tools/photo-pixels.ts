import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PictureHeader } from '../../src/render/picture-source.ts';
import type { Pixels } from '../../src/render/pixels.ts';
import type { Encoding, Output, Recipe } from '../../src/render/recipe.ts';
import type { SharpModule } from '../../src/render/sharp.ts';
import { photosIn } from './options.ts';

/** Encoders of photos. Kept copyrights go to libaom. */
export const PHOTO_ENCODERS = {
  jpeg: { output: 'jpeg', copyright: false },
  webp: { output: 'webp', copyright: false },
  'svt-av1': { output: 'avif', copyright: false },
  libaom: { output: 'avif', copyright: true },
} as const satisfies Record<string, { output: Output; copyright: boolean }>;
export type PhotoEncoder = keyof typeof PHOTO_ENCODERS;

/** Of folders, with a comma between them. `half`: every second one of each folder, from the first or from the second on. */
export function photosOf(folders: string, half: 'first' | 'second' | 'all'): string[] {
  return folders.split(',').flatMap((folder) =>
    photosIn(folder)
      .filter((_, at) => half === 'all' || at % 2 === (half === 'first' ? 0 : 1))
      .map((name) => join(folder, name)),
  );
}

/** A photo that is scaled by less keeps the traces of its own encoder, which no quality comes near to. */
const LEAST_SCALE = 1.1;
/** From here on photos are few that are large enough, so their quarters are pictures too. */
const QUARTERED_PX = 1000;

/** Opaque, upright pixels of what a photo has for renditions inside a square of this side: none where it is too small. */
export async function picturesOf(sharp: SharpModule, file: string, side: number): Promise<Pixels[]> {
  const upright = await sharp(readFileSync(file)).autoOrient().raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = upright.info;
  const parts = [{ left: 0, top: 0, width, height }];
  const half = { width: Math.floor(width / 2), height: Math.floor(height / 2) };
  if (side >= QUARTERED_PX)
    for (const top of [0, half.height]) for (const left of [0, half.width]) parts.push({ ...half, left, top });
  const pictures: Pixels[] = [];
  for (const part of parts) {
    if (Math.max(part.width, part.height) < LEAST_SCALE * side) continue;
    const { data, info } = await sharp(upright.data, { raw: { width, height, channels } })
      .extract(part)
      .resize(side, side, { fit: 'inside' })
      .flatten({ background: '#fff' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    pictures.push({ data, width: info.width, height: info.height, channels: 3, frames: 1 });
  }
  return pictures;
}

export function recipeOf(
  { width, height }: Pixels,
  encoder: PhotoEncoder,
  quality: number,
  encoding?: Encoding,
): Recipe {
  return {
    ...{ width, height, fit: 'cover', effort: undefined, gravity: 'center', faceZoom: 1, background: undefined },
    ...{ animated: false, gamut: 'srgb', trim: undefined, margin: 0, quality, ...PHOTO_ENCODERS[encoder] },
    ...(encoding ? { encoding } : {}),
  };
}

export function headerOf(pixels: Pixels): PictureHeader {
  return {
    ...{ format: 'jpeg', coding: 'jpeg', size: pixels, stored: pixels, frames: 1, turned: false, deep: false },
    ...{ hasAlpha: false, hasProfile: false, delays: undefined, loop: undefined, exif: undefined },
  };
}
