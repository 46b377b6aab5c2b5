import type { Sharp } from 'sharp';
import type { Pixels } from './decode.ts';
import type { SharpModule } from './engine.ts';
import type { Output, Recipe } from './recipe.ts';

export interface Encoded {
  readonly body: Buffer;
  readonly contentType: string;
}

type Format = Exclude<Output, 'base'>;

interface Encoder {
  readonly contentType: string;
  readonly keepsAlpha: boolean;
  encode(image: Sharp, quality: number, effort: number | undefined): Sharp;
}

/** One row a format: the settings that can be paid for while somebody waits. Figures: bench/results. */
const ENCODERS: Readonly<Record<Format, Encoder>> = {
  avif: {
    contentType: 'image/avif',
    keepsAlpha: true,
    encode: (image, quality, effort = 0) => image.avif({ quality: Math.max(1, quality - 15), effort }),
  },
  webp: {
    contentType: 'image/webp',
    keepsAlpha: true,
    encode: (image, quality, effort = 2) => image.webp({ quality, effort: Math.min(6, effort) }),
  },
  jpeg: {
    contentType: 'image/jpeg',
    keepsAlpha: false,
    encode: (image, quality) => image.jpeg({ quality, progressive: true }),
  },
  png: {
    contentType: 'image/png',
    keepsAlpha: true,
    encode: (image, _quality, effort = 7) => image.png({ effort }),
  },
};

/** Encodes upright sRGB pixels, untagged and without any metadata. */
export async function encode(sharp: SharpModule, pixels: Pixels, recipe: Recipe): Promise<Encoded> {
  const transparent = hasTransparency(pixels);
  const { contentType, keepsAlpha, encode: apply } = ENCODERS[chosenFormat(recipe.output, transparent)];
  const { width, height, channels } = pixels;
  const image = sharp(pixels.data, { raw: { width, height, channels } });
  if (channels === 4) {
    if (!transparent) image.removeAlpha();
    else if (!keepsAlpha) image.flatten({ background: recipe.background ?? '#ffffff' });
  }
  const body = await apply(image, recipe.quality, recipe.effort).toBuffer();
  return { body, contentType };
}

function chosenFormat(output: Output, transparent: boolean): Format {
  if (output !== 'base') return output;
  return transparent ? 'png' : 'jpeg';
}

/** Many opaque pictures carry an alpha channel that says nothing; as PNG they would weigh ten times a JPEG. */
function hasTransparency({ data, channels }: Pixels): boolean {
  if (channels !== 4) return false;
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return true;
  return false;
}
