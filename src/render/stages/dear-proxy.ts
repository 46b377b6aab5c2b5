import type { Sharp } from 'sharp';
import { keepCopyright } from '../formats/copyright.ts';
import { readHeader, refuse } from '../formats/header.ts';
import type { DecodeLimits, OriginalSource, PictureHeader, ProxySource } from '../picture-source.ts';
import { type Size, sizeWithin } from '../pixels.ts';
import type { SharpModule } from '../sharp.ts';
import { openSource } from './decode.ts';

/**
 * The proxy image of an original that is dear to decode, outside sharp: decoded once in its life. All its renditions are made
 * from it, the first too, so that bytes do not depend on their order; `suffices` says which are not. It keeps profile and copyright.
 */

/** Longer side in pixels: that of the largest built-in preset. */
export const DEAR_SIDE_PX = 2400;
/**
 * SSIM of renditions from it is within 0.0012 of those from the whole decode, and 0.004 at half its size, where libjpeg scales while
 * it decodes; at 85 0.0021 with a quarter fewer bytes (bench/heic.ts).
 */
export const DEAR_JPEG = { quality: 90, chromaSubsampling: '4:2:0', optimiseCoding: false } as const;
/** Of originals with alpha, which JPEG lacks. */
export const DEAR_WEBP = { quality: 90, alphaQuality: 100, effort: 0 } as const;

/** What decides the bytes of such a proxy image. */
export const DEAR_PROXY = { DEAR_SIDE_PX, DEAR_JPEG, DEAR_WEBP, shrunkBy: 'area' } as const;

/** Never larger than the original. */
export const dearProxySize = (original: Size): Size => sizeWithin(DEAR_SIDE_PX, original);

/** The proxy image that this original will have. */
export function plannedProxy({ header }: OriginalSource): Omit<ProxySource, 'body'> {
  return { kind: 'proxy', header: { ...header, stored: dearProxySize(header.size) } };
}

/** `decoded`: of at least the proxy image's size, by sharp's own loaders. */
export async function encodeDearProxy(
  sharp: SharpModule,
  decoded: OriginalSource,
  limits: DecodeLimits,
): Promise<ProxySource> {
  const { header } = decoded;
  const size = dearProxySize(header.size);
  // The profile is kept as it is, and the values with it: no colour is lost that a wide rendition may show.
  const image = openSource(sharp, decoded, limits)
    .resize({ ...size, fit: 'fill' })
    .keepIccProfile();
  const body = await encoded(keepCopyright(image, header.exif), header).toBuffer().catch(refuse);
  return openDearProxy(sharp, body, header, limits);
}

function encoded(image: Sharp, { hasAlpha }: PictureHeader): Sharp {
  return hasAlpha ? image.webp(DEAR_WEBP) : image.jpeg(DEAR_JPEG);
}

/** What a proxy image says of its original that stands not in its own file. */
export type DearOriginal = Pick<PictureHeader, 'format' | 'size' | 'decoder'>;

/** Throws `original_unreadable` when it is none. */
export async function openDearProxy(
  sharp: SharpModule,
  body: Buffer,
  { format, size, decoder }: DearOriginal,
  limits: DecodeLimits,
): Promise<ProxySource> {
  const { plain, ...own } = await readHeader(sharp, body, limits);
  return { kind: 'proxy', body, header: { ...own, format, size, decoder } };
}
