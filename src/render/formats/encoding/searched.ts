import type { Pixels } from '../../pixels.ts';
import type { Recipe } from '../../recipe.ts';
import type { SharpModule } from '../../sharp.ts';
import type { Encoded, Format } from './encoders.ts';
import type { Curve } from './likeness.ts';
import type { Searched } from './search.ts';
import { isTooSmall, type Luma, lumaOf, ssim, type Variances, variancesOf } from './ssim.ts';

/** A rendition whose quality is searched. */
interface Subject {
  readonly recipe: Recipe;
  readonly format: Format;
  readonly curve: Curve;
  /** Under transparent parts, `#rrggbb`. */
  readonly background: string;
  once(recipe: Recipe, part?: Pixels): Promise<Encoded>;
}

/** A part is measured as stripes of so many rows: blocks of all formats begin with them. */
const STRIPE_ROWS = 16;
/**
 * By the pixels of a rendition: an eighth of a picture at 600 px comes near its SSIM, a half tells it within 0.002 (ten photos, all
 * encoders). Of smaller ones one half does not, so the whole is measured as well.
 */
const SAMPLES = [
  { pixels: 200_000, rows: 256, oneOf: [8, 2], measuresWhole: false },
  { pixels: 10_000, rows: 128, oneOf: [2], measuresWhole: true },
  { pixels: 0, rows: 0, oneOf: [], measuresWhole: true },
] as const;

export function searchedPixels(
  sharp: SharpModule,
  pixels: Pixels,
  { format, curve, background, once }: Subject,
): Searched {
  const { width, height } = pixels;
  const striped = pixels.frames === 1 ? width * height : 0;
  const { oneOf, measuresWhole } = SAMPLES.find((each) => striped >= each.pixels && height >= each.rows)!;
  const lumaOfFile = async ({ body }: Encoded, stripe?: number) =>
    lumaOf(await decoded(sharp, body, pixels.frames > 1), background, stripe);
  let whole: Variances | undefined;
  return {
    ...{ once, format, curve, samples: isTooSmall(pixels) ? [] : oneOf },
    async likeness(encoded) {
      if (!measuresWhole || isTooSmall(pixels)) return undefined;
      return ssim(lumaOf(pixels, background), await lumaOfFile(encoded));
    },
    async sampled(tried, every) {
      const part = stripesOf(pixels, every);
      // Passes change no pixel and cost half of the time.
      const plain = { ...tried, encoding: { ...tried.encoding, progressive: false } };
      const encoded = await once(format === 'jpeg' ? plain : tried, part);
      whole ??= variancesOf(lumaOf(pixels, background));
      return ssim(lumaOf(part, background, STRIPE_ROWS), await lumaOfFile(encoded, STRIPE_ROWS), whole);
    },
  };
}

/** `file`: pixels with a profile, which the rendition keeps. Values are compared as they stand. */
export function searchedFile(sharp: SharpModule, file: Buffer, { format, curve, background, once }: Subject): Searched {
  let own: Luma | undefined;
  return {
    ...{ once, format, curve },
    async likeness({ body }) {
      own ??= lumaOf(await decoded(sharp, file, false), background);
      return isTooSmall(own) ? undefined : ssim(own, lumaOf(await decoded(sharp, body, false), background));
    },
    samples: [],
    sampled: () => Promise.reject(new Error('a file has no samples')),
  };
}

/** The pixels that a file of our own holds, as they stand in it. */
async function decoded(sharp: SharpModule, file: Buffer, animated: boolean) {
  const { data, info } = await sharp(file, { ignoreIcc: true, animated, limitInputPixels: false })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, channels: info.channels === 4 ? (4 as const) : (3 as const) };
}

/** One of `every` stripes, from the middle of the first so many on. */
function stripesOf(pixels: Pixels, every: number): Pixels {
  const { data, width, height, channels } = pixels;
  const bytes = STRIPE_ROWS * width * channels;
  const stripes: Buffer[] = [];
  for (let at = (every / 2) * bytes; at + bytes <= height * width * channels; at += every * bytes)
    stripes.push(data.subarray(at, at + bytes));
  return { ...pixels, data: Buffer.concat(stripes), height: stripes.length * STRIPE_ROWS };
}
