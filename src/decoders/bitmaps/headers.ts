import type { FileHeader } from '../decoder.ts';
import { readBmpHead, readIconHead } from './bmp-head.ts';
import { largestPicture } from './ico-entries.ts';

/** Runs may leave places out, which are transparent then. */
export function bmpHeader(file: Buffer): FileHeader {
  const { width, height, masks, packing, icc } = readBmpHead(file);
  return { width, height, hasAlpha: masks.alpha !== 0 || packing !== 'none', hasProfile: icc !== undefined };
}

/** Of the largest picture, where that is a BMP. */
export function icoHeader(file: Buffer): FileHeader {
  const { width, height } = readIconHead(file, largestPicture(file).at);
  return { width, height, hasAlpha: true, hasProfile: false };
}
