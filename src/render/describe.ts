import { rgbaToThumbHash } from 'thumbhash';
import type { SharpModule } from './engine.ts';
import { type OriginalLimits, readHeader, refuse } from './header.ts';

/** What a page wants to know before the picture comes. */
export interface PictureFacts {
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
export async function describe(sharp: SharpModule, original: Buffer, limits: OriginalLimits): Promise<PictureFacts> {
  const header = await readHeader(sharp, original, limits);
  const { data, info } = await sharp(original, {
    autoOrient: true,
    failOn: 'error',
    limitInputPixels: limits.maxPixels,
  })
    .resize({ width: THUMB_SIDE_PX, height: THUMB_SIDE_PX, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  const { width, height } = info;
  const { dominant } = await sharp(data, { raw: { width, height, channels: 4 } })
    .flatten({ background: '#ffffff' })
    .stats();
  const hex = [dominant.r, dominant.g, dominant.b].map((value) => value.toString(16).padStart(2, '0'));
  return {
    ...header.size,
    format: header.format,
    frames: header.frames,
    dominantColor: `#${hex.join('')}`,
    thumbhash: Buffer.from(rgbaToThumbHash(width, height, data)).toString('base64'),
  };
}
