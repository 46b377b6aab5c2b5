import type { Sharp } from 'sharp';
import type { PictureHeader } from '../picture-source.ts';

/** The properties that decide how a picture is converted to sRGB. */
export interface Conversion extends Pick<PictureHeader, 'deep' | 'hasProfile'> {
  /** To Display P3 instead, whose profile what is written then carries. */
  readonly wide?: boolean;
}

/** Has the pipeline convert to sRGB, without a profile in what it writes. */
export function toSrgb(image: Sharp, { deep, hasProfile }: Conversion): Sharp {
  image.toColourspace('srgb');
  // sharp processes deep pictures in Display P3 and would otherwise write those values as sRGB.
  return deep && hasProfile ? image.withIccProfile('srgb', { attach: false }) : image;
}
