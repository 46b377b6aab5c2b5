import type { FileHeader } from '../decoder.ts';
import { readBmpHead, readIconHead } from './bmp-head.ts';
import { largestPicture } from './ico-entries.ts';

export function bmpHeader(file: Buffer): FileHeader {
  const { width, height, masks, icc } = readBmpHead(file);
  return { width, height, hasAlpha: masks.alpha !== 0, hasProfile: icc !== undefined };
}

/** Of the largest picture, where that is a BMP. */
export function icoHeader(file: Buffer): FileHeader {
  const { width, height } = readIconHead(file, largestPicture(file).at);
  return { width, height, hasAlpha: true, hasProfile: false };
}
