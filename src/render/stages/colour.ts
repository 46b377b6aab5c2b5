import type { Sharp } from 'sharp';
import type { PictureHeader, PictureSource } from '../picture-source.ts';
import type { Size } from '../pixels.ts';

/** The properties that decide how a picture is converted to sRGB. */
export interface Conversion extends Pick<PictureHeader, 'deep' | 'hasProfile'> {
  /** To Display P3 instead, whose profile what is written then carries. */
  readonly wide?: boolean;
  /** Behind all else: what is opened has its own numbers still, see `convertsLate`. */
  readonly late?: boolean;
}

/** Pixels of the source for one of what it is scaled to, from which on converting the few takes less. */
const WORTH_LATE = 2;

/**
 * Whether a picture that is scaled whole to this size is converted behind that, as the engine does: of a proxy image of 2400 px nearly half of what
 * sharp took for 1200 px was the conversion of all its pixels. By curves and a matrix only: what they do to neighbours is nearly the
 * same before and after, while linear light, tables of colours and inks are scaled differently.
 */
export function convertsLate(header: PictureSource['header'], { width, height }: Size): boolean {
  const simple = header.hasProfile && 'colours' in header && header.colours !== undefined;
  return simple && WORTH_LATE * width * height <= header.stored.width * header.stored.height;
}

/** Has the pipeline convert to sRGB, without a profile in what it writes. */
export function toSrgb(image: Sharp, { deep, hasProfile, late = false }: Conversion): Sharp {
  image.toColourspace('srgb');
  // sharp processes deep pictures in Display P3 and would otherwise write those values as sRGB. Late ones have their own profile still.
  return (deep || late) && hasProfile ? image.withIccProfile('srgb', { attach: false }) : image;
}
