import { avifColours } from './avif/avif-colours.ts';
import { isPng } from './png-chunks.ts';
import { pngColours } from './png-colours.ts';
import type { Told } from './told.ts';

/** A PNG or AVIF whose colours are told by anything but a profile, with the profile that says the same. Others as they are. */
export function toldColours(file: Buffer): Told {
  if (isPng(file)) return pngColours(file) ?? { body: file };
  if (file.toString('latin1', 4, 12) === 'ftypavif') return avifColours(file) ?? { body: file };
  return { body: file };
}
