import type { Recipe } from '../../recipe.ts';
import { type Encoded, qualityOf, scaleOf } from './encoders.ts';
import { type Curve, nextQuality } from './likeness.ts';

/** What a search needs to know of the rendition that it is about. */
export interface Searched {
  /** The same pixels under another recipe. */
  once(recipe: Recipe): Promise<Encoded>;
  readonly format: Encoded['format'];
  readonly curve: Curve;
  /** Parts of the pixels by which a JPEG is computed, one after the other: one of so many stripes. None where none can be. */
  readonly computed: readonly number[];
  /** The SSIM that such a part of a JPEG of this quality would have. */
  asJpeg(quality: number, oneOf: number): number;
  /** Parts of the pixels by which the quality is found, one after the other: one of so many stripes. */
  readonly samples: readonly number[];
  /** The SSIM that this recipe gives, by such a part. */
  sampled(recipe: Recipe, oneOf: number): Promise<number>;
  /** The SSIM of a file to all of its pixels; undefined where the samples tell well enough, or where there is none. */
  likeness(encoded: Encoded): Promise<number | undefined>;
}

/** Encodes for a limit of bytes, that of the recipe's own quality included. */
const MOST_TRIES = 4;
/** Encodes for an SSIM, those of samples included. */
const MOST_MEASURED = 3;
/** An eighth of the pixels and a half, both decoded again, and all of them (bench/quality-auto.ts). Small pictures take more. */
const MEASURED_COST = 2.5;
/** As near to its target an SSIM is near enough: whole steps of the quality are no finer. */
const NEAR_SSIM = 0.002;
/** A file that leaves less than this share of its room is not made once more. */
const NEAR_BYTES = 0.03;
/** Bytes are aimed below the limit by this, because the quality goes in whole steps; the third try must fit, so that it is no guess. */
const CAUTION = { first: 0.97, third: 0.88 };
/** Bytes go with the quantisers' scale to about this power, before two tries have told better (five photos, qualities 5 to 80). */
const BYTES_BY_SCALE: Readonly<Record<string, number>> = { jpeg: -0.66, webp: -0.55, avif: -0.95 };
/** Colours of the tries of formats without a quality: see `palette` of a preset. */
const FEWER_COLOURS = [256, 16, 4];

interface Try {
  readonly quality: number;
  readonly encoded: Encoded;
}

/** Whether several encodes are made of a rendition. What loses nothing has but one. */
export function searches({ encoding, lossless }: Recipe): boolean {
  return !lossless && (encoding?.ssim !== undefined || encoding?.maxBytes !== undefined);
}

/** The encodes that a rendition may take, in those of its whole size; decoding what was tried counts with them. */
export function mostEncodes(recipe: Recipe): number {
  if (!searches(recipe)) return 1;
  const { ssim, maxBytes } = recipe.encoding ?? {};
  return (ssim === undefined ? 1 : MEASURED_COST) + (maxBytes === undefined ? 0 : MOST_TRIES - 1);
}

/**
 * The file of a recipe that names an SSIM or a limit of bytes. Of one that fits in no way comes the smallest that was made. Pixels are
 * there already: tries encode, and nothing else.
 */
export async function search(recipe: Recipe, searched: Searched): Promise<Encoded> {
  const { ssim, maxBytes = Number.POSITIVE_INFINITY } = recipe.encoding ?? {};
  const hasQuality = searched.format !== 'png' && searched.format !== 'gif';
  const first =
    ssim === undefined || !hasQuality
      ? { quality: recipe.quality, encoded: await searched.once(recipe) }
      : await toSsim(recipe, ssim, searched);
  if (first.encoded.body.length <= maxBytes) return first.encoded;
  return hasQuality
    ? fitting(recipe, maxBytes, first, searched)
    : fewerColours(recipe, maxBytes, first.encoded, searched);
}

/**
 * A JPEG that is computed and not encoded leads all encoders; samples say which quality it is; where they are too few, the whole says
 * whether that was right, and is then made once more at most.
 */
async function toSsim(recipe: Recipe, target: number, searched: Searched): Promise<Try> {
  const { curve, computed, asJpeg, samples, once, sampled, likeness } = searched;
  let quality = nextQuality(computed.length > 0 ? 'jpeg' : curve, target);
  for (const [at, oneOf] of computed.entries()) {
    const found = { quality, ssim: asJpeg(quality, oneOf), curve: 'jpeg' as const };
    quality = nextQuality(at + 1 < computed.length ? 'jpeg' : curve, target, found);
  }
  for (const oneOf of samples) {
    const reached = await sampled({ ...recipe, quality }, oneOf);
    quality = nextQuality(curve, target, { quality, ssim: reached, curve });
  }
  const tries: Measured[] = [];
  for (let left = MOST_MEASURED - Math.max(1, samples.length); ; left -= 1) {
    const last = { quality, encoded: await once({ ...recipe, quality }) };
    // The last is as near as it comes: a step or two from one that was measured.
    const reached = left > 0 || last.encoded.ssim ? await likeness(last.encoded) : undefined;
    if (reached === undefined) return last;
    tries.push({ ...last, off: reached - target });
    tries.sort((a, b) => Math.abs(a.off) - Math.abs(b.off));
    const [nearest] = tries as [Measured];
    quality = amid(tries) ?? nextQuality(curve, target, { quality, ssim: reached, curve });
    const known = tries.some((tried) => tried.quality === quality);
    if (left <= 0 || Math.abs(nearest.off) <= NEAR_SSIM || known) return nearest;
  }
}

/** The same for a recipe without an SSIM, of a format that has a quality. */
export async function fitBytes(recipe: Recipe, tries: Tries): Promise<Encoded> {
  const { maxBytes = Number.POSITIVE_INFINITY } = recipe.encoding ?? {};
  const first = { quality: recipe.quality, encoded: await tries.once(recipe) };
  return first.encoded.body.length <= maxBytes ? first.encoded : fitting(recipe, maxBytes, first, tries);
}

type Tries = Pick<Searched, 'once' | 'format'>;

interface Measured extends Try {
  /** From the target. */
  readonly off: number;
}

/** The quality amid two tries of which one came too high: no curve of others tells better. Nearest first. */
function amid([a, ...others]: readonly Measured[]): number | undefined {
  const b = a && others.find(({ off }) => off > 0 !== a.off > 0);
  return b && Math.round(a.quality + ((b.quality - a.quality) * a.off) / (a.off - b.off));
}

async function fitting(recipe: Recipe, most: number, first: Try, { once, format }: Tries): Promise<Encoded> {
  let [over, fits, smallest]: [Try, Try | undefined, Encoded] = [first, undefined, first.encoded];
  let power = BYTES_BY_SCALE[format] ?? -0.6;
  for (let tries = 2; tries <= MOST_TRIES; tries += 1) {
    const aim = most * (tries === 3 ? CAUTION.third : CAUTION.first);
    const quality: number = tries === MOST_TRIES && !fits ? 1 : between(over, fits, aim, power);
    if (quality >= over.quality || quality <= (fits?.quality ?? 0)) break;
    const tried: Try = { quality, encoded: await once({ ...recipe, quality }) };
    if (tried.encoded.body.length < smallest.body.length) smallest = tried.encoded;
    power = Math.min(-0.2, bytesByScale(over, tried));
    if (tried.encoded.body.length > most) over = tried;
    else fits = tried;
    if (fits && fits.encoded.body.length >= most * (1 - NEAR_BYTES)) break;
  }
  return fits?.encoded ?? smallest;
}

/** The quality whose file should have so many bytes; `power`: see BYTES_BY_SCALE. */
function between(over: Try, fits: Try | undefined, bytes: number, power: number): number {
  const coarser = (over.encoded.body.length / bytes) ** (-1 / (fits ? bytesByScale(over, fits) : power));
  const quality = qualityOf(scaleOf(over.quality) * coarser);
  return Math.min(over.quality - 1, Math.max((fits?.quality ?? 0) + 1, quality));
}

function bytesByScale(a: Try, b: Try): number {
  const bytes = Math.log(a.encoded.body.length / b.encoded.body.length);
  return bytes / Math.log(scaleOf(a.quality) / scaleOf(b.quality));
}

async function fewerColours(recipe: Recipe, most: number, first: Encoded, { once }: Searched): Promise<Encoded> {
  let smallest = first;
  for (const palette of FEWER_COLOURS) {
    if (palette >= (recipe.encoding?.palette ?? Number.POSITIVE_INFINITY)) continue;
    const encoded = await once({ ...recipe, encoding: { ...recipe.encoding, palette } });
    if (encoded.body.length < smallest.body.length) smallest = encoded;
    if (encoded.body.length <= most) return encoded;
  }
  return smallest;
}
