import type { Sharp } from 'sharp';
import type { OriginalHeader } from '../original.ts';

/** What decides how a picture is converted to sRGB. */
export type Conversion = Pick<OriginalHeader, 'deep' | 'hasProfile'>;

export function toSrgb(image: Sharp, { deep, hasProfile }: Conversion): Sharp {
  image.toColourspace('srgb');
  // sharp works on deep pictures in Display P3 and would hand out its numbers as if they were sRGB's.
  return deep && hasProfile ? image.withIccProfile('srgb', { attach: false }) : image;
}
