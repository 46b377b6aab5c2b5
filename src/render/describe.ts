import { rgbaToThumbHash } from 'thumbhash';
import type { DecodeLimits, Examined } from './original.ts';
import type { SharpModule } from './sharp.ts';
import { decode, openOriginal, openPixels } from './stages/decode.ts';

/** What a page wants to know before the picture comes. */
export interface PictureDescription {
  /** Upright, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly format: string;
  readonly frames: number;
  /** `#rrggbb`. */
  readonly dominantColor: string;
  /** A blurred copy in some 25 bytes, base64: https://evanw.github.io/thumbhash/ */
  readonly thumbhash: string;
}

/** ThumbHash takes pictures of at most 100 × 100. */
const THUMB_SIDE_PX = 100;

/** Throws `original_unreadable` and `original_too_large`. */
export async function describe(
  sharp: SharpModule,
  original: Examined,
  limits: DecodeLimits,
): Promise<PictureDescription> {
  const inside = { width: THUMB_SIDE_PX, height: THUMB_SIDE_PX, fit: 'inside', withoutEnlargement: true } as const;
  const { header } = original;
  const pixels = await decode(openOriginal(sharp, original, limits).resize(inside), header);
  const { width, height } = pixels;
  const small = () => openPixels(sharp, pixels);
  // sharp counts what it is given, whatever else it is asked to do with it: so on white first, then counted.
  const [rgba, seen] = await Promise.all([
    small().ensureAlpha().raw().toBuffer(),
    small().flatten({ background: '#ffffff' }).raw().toBuffer(),
  ]);
  const { dominant } = await sharp(seen, { raw: { width, height, channels: 3 } }).stats();
  const hex = [dominant.r, dominant.g, dominant.b].map((value) => value.toString(16).padStart(2, '0'));
  return {
    ...header.size,
    format: header.format,
    frames: header.frames,
    dominantColor: `#${hex.join('')}`,
    thumbhash: Buffer.from(rgbaToThumbHash(width, height, rgba)).toString('base64'),
  };
}
