import type { Pixels } from '../../pixels.ts';
import type { Recipe } from '../../recipe.ts';
import type { SharpModule } from '../../sharp.ts';
import type { Encoded, Format } from './encoders.ts';
import { blocksOf, lumaQuantisers, quantised } from './jpeg-luma.ts';
import type { Curve } from './likeness.ts';
import type { Searched } from './search.ts';
import { isTooSmall, type Luma, lumaOf, ssim, variancesOf } from './ssim.ts';

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
/** A file loses less than its stripes, and than SVT-AV1 tells: by so much, in the ten photos of the bench. */
const FILE_LOSS = 0.97;
/**
 * By the pixels of a rendition, one of how many stripes stands for all of them: in a JPEG that is computed,
 * which leads to the first quality, and in a file (ten photos, all encoders: bench/results, "quality-auto"). Of what is smaller, the whole is measured.
 */
const SAMPLES = [
  { pixels: 200_000, rows: 256, computed: 8, ofCurve: { jpeg: [3], webp: [8, 3], libaom: [2] }, measuresWhole: false },
  { pixels: 10_000, rows: 128, computed: 2, ofCurve: { jpeg: [2], webp: [2], libaom: [2] }, measuresWhole: true },
  { pixels: 0, rows: 0, computed: 1, ofCurve: { jpeg: [], webp: [], libaom: [] }, measuresWhole: true },
] as const;

export function searchedPixels(
  sharp: SharpModule,
  pixels: Pixels,
  { format, curve, background, once: encodes }: Subject,
): Searched {
  const { width, height } = pixels;
  const all = width * height;
  const striped = pixels.frames === 1 ? all : 0;
  const { computed, ofCurve, measuresWhole } = SAMPLES.find((each) => striped >= each.pixels && height >= each.rows)!;
  const lumaOfFile = async ({ body }: Encoded, stripe?: number) =>
    lumaOf(await decoded(sharp, body, pixels.frames > 1), background, stripe);
  const whole = once(() => lumaOf(pixels, background));
  const variances = once(() => variancesOf(whole()));
  const small = isTooSmall(pixels);
  const computes = pixels.frames === 1 && !small;
  const samples = small || curve === 'svt-av1' ? [] : ofCurve[curve];
  const ofFile = (measured: number) => (format === 'jpeg' ? measured : 1 - (1 - measured) * FILE_LOSS);
  return {
    ...{ once: encodes, format, curve, samples },
    computed: computes ? [computed] : [],
    asJpeg(quality, every) {
      const part = every === 1 ? whole() : stripesOfLuma(whole(), every);
      return ssim(part, quantised(blocksOf(part), lumaQuantisers(quality, all)), variances());
    },
    async likeness(encoded) {
      if (small) return undefined;
      if (encoded.ssim !== undefined) return ofFile(encoded.ssim);
      if (samples.length > 0 && !measuresWhole) return undefined;
      return ssim(whole(), await lumaOfFile(encoded));
    },
    async sampled(tried, every) {
      // Passes change no pixel and cost half of the time.
      const plain = { ...tried, encoding: { ...tried.encoding, progressive: false } };
      const encoded = await encodes(format === 'jpeg' ? plain : tried, stripesOf(pixels, every));
      return ofFile(ssim(stripesOfLuma(whole(), every), await lumaOfFile(encoded, STRIPE_ROWS), variances()));
    },
  };
}

/** What `work` gives, from its first call on. */
function once<T extends object>(work: () => T): () => T {
  let found: T | undefined;
  return () => {
    found ??= work();
    return found;
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
    ...{ samples: [], computed: [], asJpeg: () => 1 },
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
  const { data, width, channels } = pixels;
  const stripes = rowsOf(data, STRIPE_ROWS * width * channels, every);
  return { ...pixels, data: Buffer.concat(stripes), height: stripes.length * STRIPE_ROWS };
}

function stripesOfLuma({ data, width }: Luma, every: number): Luma {
  const stripes = rowsOf(data, STRIPE_ROWS * width, every);
  const height = stripes.length * STRIPE_ROWS;
  return { data: Buffer.concat(stripes), width, height, stripe: STRIPE_ROWS };
}

function rowsOf(data: Uint8Array, bytes: number, every: number): Uint8Array[] {
  const stripes: Uint8Array[] = [];
  for (let at = Math.floor(every / 2) * bytes; at + bytes <= data.length; at += every * bytes)
    stripes.push(data.subarray(at, at + bytes));
  return stripes;
}
