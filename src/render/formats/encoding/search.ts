import type { Recipe } from '../../recipe.ts';
import { type Encoded, qualityOf, scaleOf } from './encoders.ts';
import { type Losses, lossOf, nextQuality, type Steps } from './likeness.ts';

/** What a search needs to know of the rendition that it is about. */
export interface Searched {
  /** The same pixels under another recipe. */
  once(recipe: Recipe): Promise<Encoded>;
  readonly format: Encoded['format'];
  /** Where to begin for an SSIM. */
  lead(target: number): Promise<Lead>;
  /** The SSIM of a file to the pixels. */
  likeness(encoded: Encoded): Promise<number>;
}

export interface Lead {
  readonly losses: Losses;
  /** Every quality of its own where left out. */
  readonly steps?: Steps;
  readonly quality: number;
  /** That the quality is right, or that nothing better can be known: the file is not measured. */
  readonly sure: boolean;
}

/** Encodes for a limit of bytes, that of the recipe's own quality included. */
const MOST_TRIES = 4;
/** Two encodes for an SSIM, of which the first is decoded and compared; of small pictures the rest counts for more (bench/quality-auto.ts). */
const MEASURED_COST = { small: 4.5, large: 3 };
const SMALL_PIXELS = 90_000;
/** Files are measured as long as they are farther from the target than this, and there are tries left. */
const NEAR_SSIM = 0.0029;
/** Of a second one: amid two measured tries the quality is known better than a sample tells. */
const NEARER_SSIM = 0.002;
const MOST_MEASURED = 2;
/**
 * A second file is measured, and made once more where it is not near, if the first was this far off or the encoder tells at no cost:
 * a picture's curve is steeper or flatter than expected.
 */
const FAR_LOSS = 0.28;
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
  const { width, height } = recipe;
  const small = (width ?? height ?? 0) * (height ?? width ?? 0) <= SMALL_PIXELS;
  return (
    (ssim === undefined ? 1 : MEASURED_COST[small ? 'small' : 'large']) + (maxBytes === undefined ? 0 : MOST_TRIES - 1)
  );
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

/** One encode where the first is near, two where not, at times a third. */
async function toSsim(recipe: Recipe, target: number, { lead, once, likeness }: Searched): Promise<Try> {
  const { losses, steps, quality: led, sure } = await lead(target);
  const tries: Measured[] = [];
  for (let quality = led; ; ) {
    const encoded = await once({ ...recipe, quality });
    const told = encoded.ssim !== undefined || tries.length === 0 || isFar(tries[0]!.reached, target);
    if (sure || tries.length === MOST_MEASURED || !told) return { quality, encoded };
    const reached = await likeness(encoded);
    tries.push({ quality, encoded, reached, off: reached - target });
    tries.sort((a, b) => Math.abs(a.off) - Math.abs(b.off));
    const [nearest] = tries as [Measured];
    const next = amid(tries) ?? nextQuality(losses, target, { quality, ssim: reached }, steps);
    if (
      Math.abs(nearest.off) <= (tries.length === 1 ? NEAR_SSIM : NEARER_SSIM) ||
      tries.some((each) => each.quality === next)
    )
      return nearest;
    quality = next;
  }
}

const isFar = (reached: number, target: number) => Math.abs(lossOf(reached) - lossOf(target)) > FAR_LOSS;

/** The same for a recipe without an SSIM, of a format that has a quality. */
export async function fitBytes(recipe: Recipe, tries: Tries): Promise<Encoded> {
  const { maxBytes = Number.POSITIVE_INFINITY } = recipe.encoding ?? {};
  const first = { quality: recipe.quality, encoded: await tries.once(recipe) };
  return first.encoded.body.length <= maxBytes ? first.encoded : fitting(recipe, maxBytes, first, tries);
}

type Tries = Pick<Searched, 'once' | 'format'>;

interface Measured extends Try {
  readonly reached: number;
  /** From the target. */
  readonly off: number;
}

/** The quality amid two tries of which one came too high: no curve of others tells better. */
function amid([a, b]: readonly Measured[]): number | undefined {
  if (!a || !b || a.off > 0 === b.off > 0) return undefined;
  return Math.round(a.quality + ((b.quality - a.quality) * a.off) / (a.off - b.off));
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
