import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { Pixels } from '../../pixels.ts';
import { pngChunk } from '../colour/png-chunks.ts';

/**
 * PNG with a palette, exact: libvips' own would choose colours anew, some a level off, and dither. W3C PNG, third edition:
 * https://www.w3.org/TR/png-3/
 */

const MAX_COLOURS = 256;
/** Finding colours takes the main thread some 6 ms a million pixels. */
const MAX_PIXELS = 4_000_000;
/** zlib's 9 takes three times as long on text, for 1 to 3 % fewer bytes. */
const LEVEL = 8;
const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const INDEXED_COLOUR = 3;
const deflated = promisify(deflate);

/** Undefined for pictures of more than `most` colours, 256 where left out. Transparent pixels are of one colour. */
export async function palettePng(pixels: Pixels, most = MAX_COLOURS): Promise<Buffer | undefined> {
  const { width, height } = pixels;
  const found = width * height > MAX_PIXELS ? undefined : indexed(pixels, most);
  if (!found) return undefined;
  const { colours, indexes } = found;
  const depth = colours.length <= 2 ? 1 : colours.length <= 4 ? 2 : colours.length <= 16 ? 4 : 8;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, INDEXED_COLOUR], 8);
  const alphas = colours.map((colour) => colour >>> 24);
  const opaqueFrom = alphas.findLastIndex((alpha) => alpha < 255) + 1;
  const rows = packed(indexes, width, height, depth);
  return Buffer.concat([
    SIGNATURE,
    pngChunk('IHDR', header),
    pngChunk(
      'PLTE',
      Buffer.from(colours.flatMap((colour) => [colour & 255, (colour >>> 8) & 255, (colour >>> 16) & 255])),
    ),
    ...(opaqueFrom > 0 ? [pngChunk('tRNS', Buffer.from(alphas.slice(0, opaqueFrom)))] : []),
    pngChunk('IDAT', await deflated(rows, { level: LEVEL })),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

interface Indexed {
  /** Red in the lowest byte, alpha in the highest. */
  readonly colours: number[];
  /** A byte a pixel. */
  readonly indexes: Uint8Array;
}

function indexed({ data, width, height, channels }: Pixels, most: number): Indexed | undefined {
  const indexes = new Uint8Array(width * height);
  const known = new Map<number, number>();
  let [last, lastIndex] = [-1, 0];
  for (let at = 0, pixel = 0; pixel < indexes.length; at += channels, pixel += 1) {
    const alpha = channels === 4 ? data[at + 3]! : 255;
    const colour = alpha === 0 ? 0 : ((alpha << 24) | (data[at + 2]! << 16) | (data[at + 1]! << 8) | data[at]!) >>> 0;
    if (colour !== last) {
      lastIndex = known.get(colour) ?? known.size;
      if (lastIndex === known.size) {
        if (known.size === most) return undefined;
        known.set(colour, lastIndex);
      }
      last = colour;
    }
    indexes[pixel] = lastIndex;
  }
  return { colours: [...known.keys()], indexes };
}

/** Rows without a filter, each behind its filter byte (7.2, 9.2): filters predict levels, not indexes. */
function packed(indexes: Uint8Array, width: number, height: number, depth: number): Buffer {
  const perByte = 8 / depth;
  const rowBytes = 1 + Math.ceil(width / perByte);
  const rows = Buffer.alloc(rowBytes * height);
  for (let y = 0; y < height; y += 1) {
    const start = y * rowBytes + 1;
    if (depth === 8) rows.set(indexes.subarray(y * width, (y + 1) * width), start);
    else
      for (let x = 0; x < width; x += 1)
        rows[start + Math.floor(x / perByte)]! |= indexes[y * width + x]! << (8 - depth - (x % perByte) * depth);
  }
  return rows;
}
