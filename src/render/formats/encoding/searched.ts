import type { Pixels } from '../../pixels.ts';
import type { Recipe } from '../../recipe.ts';
import type { SharpModule } from '../../sharp.ts';
import type { Coder } from './coder.ts';
import { type Encoded, extentOf, type Format } from './encoders.ts';
import { blocksOf, lumaQuantisers, quantised } from './jpeg-luma.ts';
import { type Curve, expectedLosses, lossOf, nextQuality, stepsOf, TYPICAL } from './likeness.ts';
import { LED_BY } from './likeness-table.ts';
import type { Lead, Searched } from './search.ts';
import { isTooSmall, type Luma, sampleOf, ssim } from './ssim.ts';

/** A rendition whose quality is searched. */
interface Subject {
  readonly recipe: Recipe;
  readonly format: Format;
  readonly curve: Curve;
  /** Under transparent parts, `#rrggbb`. */
  readonly background: string;
  once(recipe: Recipe): Promise<Encoded>;
  /** Of a file, where it is told for less than its pixels. */
  readonly luma?: Coder['luma'] | undefined;
  readonly jpegSsim?: Coder['jpegSsim'] | undefined;
}

/**
 * Pixels of a sample that leads to the first quality, and of that which says a JPEG's: more of a large picture, of which the encode
 * takes longer (bench/results, "quality-auto").
 */
const LEADING = { pixels: 16_000, oneOf: 20 };
/** To the first quality of a large AVIF, which is dear enough to encode that a surer one pays. Of WebP it is no surer. */
const LEADING_AVIF = { pixels: 40_000, oneOf: 20 };
const SURE = { pixels: 120_000, oneOf: 3 };
/** By which a file is compared. */
const COMPARED = { pixels: 130_000, oneOf: 6 };
const oneOf = (sample: typeof LEADING, all: number) => Math.min(sample.oneOf, Math.round(all / sample.pixels));

/** Of which a first quality is told. */
export function leadingSample(pixels: Given, background: string, curve: Curve): Luma {
  const all = pixels.width * pixels.height;
  const isAvif = curve === 'libaom' || curve === 'svt-av1';
  const leading = isAvif && extentOf(all) === 'large' ? LEADING_AVIF : LEADING;
  return sampleOf(pixels, background, oneOf(leading, all));
}

/** Pixels to which files are compared. */
type Given = Pick<Pixels, 'data' | 'width' | 'height'> & { readonly channels: 1 | 3 | 4 };

export function searchedPixels(sharp: SharpModule, pixels: Pixels, subject: Subject): Searched {
  const { height, frames } = pixels;
  const given = { ...pixels, height: height * frames };
  return searchedIn(sharp, async () => given, frames > 1, subject);
}

/** `file`: pixels with a profile, which the rendition keeps. Values are compared as they stand. */
export function searchedFile(sharp: SharpModule, file: Buffer, subject: Subject): Searched {
  return searchedIn(sharp, () => decoded(sharp, file, false), false, subject);
}

function searchedIn(sharp: SharpModule, read: () => Promise<Given>, moves: boolean, subject: Subject): Searched {
  const { format, curve, background, once, luma, jpegSsim = computed } = subject;
  const given = onceOnly(read);
  const comparedIn = (pixels: Given) => sampleOf(pixels, background, oneOf(COMPARED, pixels.width * pixels.height));
  const compared = onceOnly(async () => comparedIn(await given()));
  return {
    ...{ once, format },
    async lead(target) {
      const pixels = await given();
      if (isTooSmall(pixels)) return { losses: TYPICAL, quality: nextQuality(TYPICAL, target), sure: true };
      const all = pixels.width * pixels.height;
      const sampled = (sample: typeof LEADING) => sampleOf(pixels, background, oneOf(sample, all));
      if (format === 'jpeg') return leadOfJpeg(sampled, all, target, !moves, jpegSsim);
      const loses = lossesAsJpeg(leadingSample(pixels, background, curve), all, jpegSsim);
      const led = LED_BY.map(loses);
      const losses = curve === 'jpeg' ? TYPICAL : expectedLosses(curve, all, led);
      const steps = stepsOf(curve);
      return { losses, steps, quality: nextQuality(losses, target, undefined, steps), sure: false };
    },
    async likeness({ ssim: told, body }) {
      if (told !== undefined) return told;
      const pixels = await given();
      const grey = luma && (await luma(body, pixels));
      return ssim(
        await compared(),
        comparedIn(grey ? { ...pixels, data: grey, channels: 1 } : await decoded(sharp, body, moves)),
      );
    },
  };
}

/** A JPEG is computed and not encoded: its luma follows from its quantisers alone. */
function leadOfJpeg(
  sampled: (sample: typeof LEADING) => Luma,
  all: number,
  target: number,
  sure: boolean,
  jpegSsim: Coder['jpegSsim'],
): Lead {
  const measured = (loses: (quality: number) => number, quality: number) => {
    const ssim = 1 - Math.exp(loses(quality));
    return { quality, ssim, off: Math.abs(ssim - target) };
  };
  const first = measured(lossesAsJpeg(sampled(LEADING), all, jpegSsim), nextQuality(TYPICAL, target));
  const part = sampled(SURE);
  const loses = lossesAsJpeg(part, all, jpegSsim);
  const jumps = isMuchBlack(part);
  const tries: ReturnType<typeof measured>[] = [];
  for (let quality = nextQuality(TYPICAL, target, first); ; ) {
    tries.push(measured(loses, quality));
    const [nearest] = tries.toSorted((a, b) => a.off - b.off);
    const next = nextQuality(TYPICAL, target, tries.at(-1));
    const known = tries.some((tried) => tried.quality === next) || nearest!.off <= NEAR_COMPUTED;
    if (known || tries.length === MOST_COMPUTED) return { losses: TYPICAL, quality: nearest!.quality, sure };
    // So few steps go by the curve of all photos.
    if (!jumps && Math.abs(next - quality) <= FEW_STEPS) return { losses: TYPICAL, quality: next, sure };
    quality = next;
  }
}

const MOST_COMPUTED = 4;
const NEAR_COMPUTED = 0.0012;
const FEW_STEPS = 3;
/** From this share on of black pixels, whose level is right at one quality and wrong at the next, the SSIM goes by jumps. */
const MUCH_BLACK = 0.01;

function isMuchBlack({ data }: Luma): boolean {
  let black = 0;
  for (const level of data) if (level < 2) black += 1;
  return black > MUCH_BLACK * data.length;
}

/** What a JPEG of a picture of so many pixels would lose of this part of it, by its quality. */
function lossesAsJpeg(part: Luma, all: number, jpegSsim: Coder['jpegSsim']): (quality: number) => number {
  const ssimBy = jpegSsim(part);
  return (quality) => lossOf(ssimBy(lumaQuantisers(quality, all)));
}

const computed: Coder['jpegSsim'] = (part) => {
  const blocks = blocksOf(part);
  return (quantisers) => ssim(part, quantised(blocks, quantisers));
};

/** What `work` gives, from its first call on. */
function onceOnly<T>(work: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () => {
    found ??= work();
    return found;
  };
}

/** The pixels that a file of our own holds, as they stand in it. */
async function decoded(sharp: SharpModule, file: Buffer, animated: boolean): Promise<Given> {
  const { data, info } = await sharp(file, { ignoreIcc: true, animated, limitInputPixels: false })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return { data, width, height, channels: channels === 4 ? 4 : 3 };
}
