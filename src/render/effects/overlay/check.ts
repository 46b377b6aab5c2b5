import type { Size } from '../../pixels.ts';
import { loadSharp } from '../../sharp.ts';

/** Of an image for overlays: each render may decode one. */
export const MAX_OVERLAY_PIXELS = 2048 * 2048;

/** The size of an image that is whole and not too large. Throws an Error that says what is wrong. */
export async function checkOverlayImage(file: Buffer): Promise<Size> {
  const sharp = await loadSharp();
  // sharp refuses an empty file as soon as it gets it.
  const opened = async () => {
    const image = sharp(file, { failOn: 'error', limitInputPixels: false });
    return { image, ...(await image.metadata()) };
  };
  const { image, width, height } = await opened().catch((cause) => {
    throw new Error('is no image that can be read: PNG, WebP, JPEG or GIF', { cause });
  });
  if (width * height > MAX_OVERLAY_PIXELS)
    throw new Error(`has ${width} × ${height} pixels: at most ${MAX_OVERLAY_PIXELS} are allowed, as 2048 × 2048`);
  // All of it is decoded: one that is broken would fail each of its renditions.
  await image
    .resize(1, 1, { fit: 'fill' })
    .raw()
    .toBuffer()
    .catch((cause) => {
      throw new Error('is broken', { cause });
    });
  return { width, height };
}
