import { DecodeError } from '../decoder.ts';
import type { BmpHead } from './bmp-head.ts';

/** Rows from the top, of 3 channels or 4 with straight alpha. */
export interface RowReader {
  readonly channels: 3 | 4;
  /** Writes row `y` to `to`, which has room for just that. */
  read(y: number, to: Uint8Array): void;
}

type ReadPixels = (at: number, to: Uint8Array) => void;

/** Of pixels that are not run-length coded. Throws a `DecodeError` where the file ends before its last row. */
export function rowReader(file: Uint8Array, head: BmpHead): RowReader {
  const { width, height, bits, topDown, pixelsAt } = head;
  // Rows are filled up to 32 bits; the last one need not be.
  const stride = Math.ceil((width * bits) / 32) * 4;
  const needed = pixelsAt + stride * (height - 1) + Math.ceil((width * bits) / 8);
  if (pixelsAt === 0 || needed > file.length) throw new DecodeError('broken', 'the BMP ends before its last rows');
  const channels = hasAlpha(file, head, stride) ? 4 : 3;
  const pixels = pixelsOf(file, head, channels);
  return {
    channels,
    read: (y, to) => pixels(pixelsAt + stride * (topDown ? y : height - 1 - y), to),
  };
}

/**
 * A mask that the header has is obeyed. Where it only may be alpha, a file in which all of it is 0 was written without a thought of
 * alpha. Both as in browsers.
 */
function hasAlpha(file: Uint8Array, head: BmpHead, stride: number): boolean {
  const { bits, masks, alphaIsGuessed, width, height, pixelsAt } = head;
  if (masks.alpha === 0 || !alphaIsGuessed) return masks.alpha !== 0;
  const bytes = bits / 8;
  for (let y = 0; y < height; y += 1)
    for (let x = 0, at = pixelsAt + y * stride; x < width; x += 1, at += bytes)
      if ((numberAt(file, at, bytes) & masks.alpha) !== 0) return true;
  return false;
}

function numberAt(file: Uint8Array, at: number, bytes: number): number {
  const low = file[at]! | (file[at + 1]! << 8);
  return bytes === 2 ? low : (low | (file[at + 2]! << 16) | (file[at + 3]! << 24)) >>> 0;
}

function pixelsOf(file: Uint8Array, head: BmpHead, channels: 3 | 4): ReadPixels {
  const { bits, width } = head;
  if (bits === 24) return (at, to) => copyBgr(file, at, to, width);
  if (bits <= 8) return indexedPixels(file, head);
  return maskedPixels(file, head, channels);
}

function copyBgr(file: Uint8Array, at: number, to: Uint8Array, width: number): void {
  for (let x = 0, from = at, out = 0; x < width; x += 1, from += 3, out += 3) {
    to[out] = file[from + 2]!;
    to[out + 1] = file[from + 1]!;
    to[out + 2] = file[from]!;
  }
}

function indexedPixels(file: Uint8Array, head: BmpHead): ReadPixels {
  const { bits, width } = head;
  const palette = paletteOf(file, head);
  const most = 2 ** bits - 1;
  const perByte = 8 / bits;
  return (at, to) => {
    for (let x = 0, out = 0; x < width; x += 1, out += 3) {
      const byte = file[at + Math.floor(x / perByte)]!;
      const entry = 3 * ((byte >> (8 - bits * (1 + (x % perByte)))) & most);
      to[out] = palette[entry]!;
      to[out + 1] = palette[entry + 1]!;
      to[out + 2] = palette[entry + 2]!;
    }
  };
}

/** Red, green and blue of 256 entries; those that the file does not have are black. */
export function paletteOf(file: Uint8Array, { palette: { at, entries, bytes }, pixelsAt }: BmpHead): Uint8Array {
  const colours = new Uint8Array(3 * 256);
  // A palette that is said to reach into the pixels ends before them.
  const room = pixelsAt > at ? Math.min(pixelsAt, file.length) : file.length;
  for (let n = 0; n < entries && at + (n + 1) * bytes <= room; n += 1)
    for (let channel = 0; channel < 3; channel += 1) colours[3 * n + channel] = file[at + n * bytes + 2 - channel]!;
  return colours;
}

function maskedPixels(file: Uint8Array, { bits, masks, width }: BmpHead, channels: 3 | 4): ReadPixels {
  const bytes = bits / 8;
  const parts = [masks.red, masks.green, masks.blue, masks.alpha].slice(0, channels).map(scaleOf);
  return (at, to) => {
    for (let x = 0, from = at, out = 0; x < width; x += 1, from += bytes) {
      const value = numberAt(file, from, bytes);
      for (const { mask, shift, scale } of parts) {
        to[out] = ((value & mask) >>> shift) * scale + 0.5;
        out += 1;
      }
    }
  };
}

/** From what a mask picks out to 0 to 255. An empty mask is a channel of 0. */
function scaleOf(mask: number): { mask: number; shift: number; scale: number } {
  const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  return { mask, shift, scale: most === 0 ? 0 : 255 / most };
}
