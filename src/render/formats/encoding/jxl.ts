import type { JxlPixels } from '../../../decoders/decoder.ts';
import { estimateEncode } from '../../encode-estimate.ts';
import type { Pixels } from '../../pixels.ts';
import type { Recipe } from '../../recipe.ts';
import type { SharpModule } from '../../sharp.ts';
import { openPixels } from '../../stages/decode.ts';
import { profileOf } from '../colour/display-p3.ts';
import { hasTransparency } from '../encode.ts';
import type { Encoded } from './encoders.ts';
import { fitBytes } from './search.ts';

/** Of the decoders' threads: `cpuMs` is the CPU that one encode may take, in milliseconds. See `Decoders` for how it rejects. */
export type WriteJxl = (pixels: JxlPixels, cpuMs: number) => Promise<Buffer>;

/** Efforts 1 to 4 take as much CPU as each other, 5 to 7 six to ten times that, for as many bytes at equal quality. */
const DEFAULT_EFFORT = 3;
/** As for decoding: so much, and this many times what it is expected to take. */
const CPU = { leastMs: 4000, times: 5 };
const MEGAPIXEL = 1_000_000;

/** The quality of a JPEG, and the JPEG XL quality of equal SSIM at effort 3: three camera photos at 600 px (docs/operations/jxl.md). */
const EQUALS = [
  [1, 1],
  [30, 54],
  [50, 70],
  [60, 76],
  [70, 81],
  [80, 84.6],
  [85, 87.9],
  [90, 92.3],
  [95, 95.7],
  [100, 99],
] as const;

/** From JPEG's scale to ImageMagick's, whose 100 would be without loss. */
export function jxlQuality(quality: number): number {
  const above = Math.max(
    1,
    EQUALS.findIndex(([jpeg]) => jpeg >= quality),
  );
  const [[below, low], [over, high]] = [EQUALS[above - 1]!, EQUALS[above]!];
  return Math.round(low + ((quality - below) / (over - below)) * (high - low));
}

/**
 * Upright pixels, the first frame of several, as JPEG XL. Of several tries for `maxBytes` each is an encode of its own. Display P3 keeps
 * its numbers and has its profile.
 */
export async function encodeJxl(
  sharp: SharpModule,
  pixels: Pixels,
  recipe: Recipe,
  write: WriteJxl | undefined,
): Promise<Encoded> {
  if (!write) throw new Error('JPEG XL needs the decoders');
  const { width, height, wide } = pixels;
  const opaque = pixels.channels === 4 && !hasTransparency(pixels);
  const rows = opaque ? await openPixels(sharp, pixels).removeAlpha().raw().toBuffer() : pixels.data;
  const channels = opaque ? 3 : pixels.channels;
  const icc = wide ? await profileOf(sharp) : undefined;
  const { msPerMegapixel } = estimateEncode(recipe, recipe.effort);
  const cpuMs = CPU.leastMs + (CPU.times * msPerMegapixel * width * height) / MEGAPIXEL;
  const effort = Math.max(1, recipe.effort ?? DEFAULT_EFFORT);
  const once = async ({ quality, lossless = false }: Recipe): Promise<Encoded> => {
    const settings = { quality: jxlQuality(quality), effort, lossless };
    const body = await write({ rows, width, height, channels, icc, settings }, cpuMs);
    return { body, format: 'jxl', contentType: 'image/jxl' };
  };
  return fitBytes(recipe, { once, format: 'jxl' });
}
