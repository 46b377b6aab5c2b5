import { DecodeError } from '../decoder.ts';
import type { BmpHead } from './bmp-head.ts';
import { paletteOf, type RowReader } from './bmp-rows.ts';

/** Escapes behind a zero: https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-compression; larger ones count pixels. */
const END_OF_ROW = 0;
const END_OF_PICTURE = 1;
const JUMP = 2;

/**
 * Run-length coded pixels, unpacked whole: they may jump. Places that they leave out are black with 3 channels, transparent with 4:
 * Chromium 156 shows the former of a BMP, the latter of an icon. Throws a `DecodeError` where the file ends before them.
 */
export function unpackRuns(file: Uint8Array, head: BmpHead, channels: RowReader['channels']): RowReader {
  const { width, height, topDown } = head;
  const pixels = new Uint8Array(width * height * channels);
  const complete = writeRuns(file, head, pixels, channels);
  if (!complete) throw new DecodeError('broken', 'the BMP ends before its last rows');
  return {
    channels,
    read(y, to) {
      const from = (topDown ? y : height - 1 - y) * width * channels;
      to.set(pixels.subarray(from, from + to.length));
    },
  };
}

/** The lowest row first, unless the head says otherwise. False where the file ends within the runs. */
function writeRuns(file: Uint8Array, head: BmpHead, pixels: Uint8Array, channels: 3 | 4): boolean {
  const { width, height, packing, pixelsAt } = head;
  const palette = packing === 'rle24' ? undefined : paletteOf(file, head);
  let [x, y, at] = [0, 0, pixelsAt];
  function put(red = 0, green = 0, blue = 0): void {
    // What reaches beyond the right edge is left out.
    if (x < width && y < height) {
      const to = (y * width + x) * channels;
      pixels[to] = red;
      pixels[to + 1] = green;
      pixels[to + 2] = blue;
      if (channels === 4) pixels[to + 3] = 255;
    }
    x += 1;
  }
  const putEntry = (index: number) => put(palette?.[3 * index], palette?.[3 * index + 1], palette?.[3 * index + 2]);
  const putBgr = (from: number) => put(file[from + 2], file[from + 1], file[from]);
  /** `count` pixels from `from` on, each with its own value. */
  function literal(count: number, from: number): void {
    for (let n = 0; n < count; n += 1) {
      if (packing === 'rle24') putBgr(from + 3 * n);
      else if (packing === 'rle8') putEntry(file[from + n] ?? 0);
      else putEntry(((file[from + (n >> 1)] ?? 0) >> (n % 2 === 0 ? 4 : 0)) & 15);
    }
  }
  function run(count: number, from: number): void {
    const value = file[from] ?? 0;
    for (let n = 0; n < count; n += 1) {
      if (packing === 'rle24') putBgr(from);
      else putEntry(packing === 'rle8' ? value : (value >> (n % 2 === 0 ? 4 : 0)) & 15);
    }
  }
  const literalBytes = {
    rle4: (count: number) => count / 2,
    rle8: (count: number) => count,
    rle24: (count: number) => 3 * count,
  };
  const bytesOf = packing === 'none' ? literalBytes.rle8 : literalBytes[packing];
  while (at + 2 <= file.length) {
    const [count = 0, code = 0] = [file[at], file[at + 1]];
    if (count > 0) {
      run(count, at + 1);
      at += packing === 'rle24' ? 4 : 2;
    } else if (code === END_OF_PICTURE) return true;
    else if (code === END_OF_ROW) {
      [x, y] = [0, y + 1];
      at += 2;
    } else if (code === JUMP) {
      x += file[at + 2] ?? 0;
      y += file[at + 3] ?? 0;
      at += 4;
    } else {
      literal(code, at + 2);
      // Filled up to 16 bits.
      at += 2 + 2 * Math.ceil(bytesOf(code) / 2);
    }
    // Writers leave out the end behind the last row.
    if (y >= height) return true;
  }
  return y >= height - 1 && x >= width;
}
