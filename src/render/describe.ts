import { rgbaToThumbHash } from 'thumbhash';
import type { DecodeLimits, OriginalSource, ProxySource } from './picture-source.ts';
import type { SharpModule } from './sharp.ts';
import { decode, openPixels, openSource } from './stages/decode.ts';

/** What a page needs before the picture arrives. */
export interface PictureDescription {
  /** Upright, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly format: string;
  readonly frames: number;
  /** `#rrggbb`. */
  readonly dominantColor: string;
  /** A blurred placeholder of some 25 bytes, base64: https://evanw.github.io/thumbhash/ */
  readonly thumbhash: string;
}

/** ThumbHash takes pictures of at most 100 × 100 pixels. */
const THUMB_SIDE_PX = 100;
/** Longer side that a source needs to be described, in pixels. */
export const DESCRIBED_SIDE_PX = 4 * THUMB_SIDE_PX;

/** Decodes the picture once, small. Throws `original_unreadable` and `original_too_large`. */
export async function describe(
  sharp: SharpModule,
  source: OriginalSource | ProxySource,
  limits: DecodeLimits,
): Promise<PictureDescription> {
  const inside = { width: THUMB_SIDE_PX, height: THUMB_SIDE_PX, fit: 'inside', withoutEnlargement: true } as const;
  const { header } = source;
  const pixels = await decode(openSource(sharp, source, limits).resize(inside), header);
  const { width, height } = pixels;
  const small = () => openPixels(sharp, pixels);
  // `stats()` ignores the other operations of its pipeline, so the picture is put on white in one of its own.
  const [rgba, onWhite] = await Promise.all([
    small().ensureAlpha().raw().toBuffer(),
    small().flatten({ background: '#ffffff' }).raw().toBuffer(),
  ]);
  const { dominant } = await sharp(onWhite, { raw: { width, height, channels: 3 } }).stats();
  const hex = [dominant.r, dominant.g, dominant.b].map((value) => value.toString(16).padStart(2, '0'));
  return {
    ...header.size,
    format: header.format,
    frames: header.frames,
    dominantColor: `#${hex.join('')}`,
    thumbhash: Buffer.from(rgbaToThumbHash(width, height, rgba)).toString('base64'),
  };
}
