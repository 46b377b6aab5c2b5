import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { Pixels } from '../../pixels.ts';
import { chunksBeforePixels, pngChunk } from '../colour/png-chunks.ts';

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

/** Of few colours, one stands for what is clear and for shadows beside it, and several for what is solid. */
const CLEAR_BELOW = 64;
const SOLID_FROM = 240;

/**
 * The same PNG of few colours where what is clear in these pixels is clear, and what is solid solid: colours are chosen as means of what
 * they stand for, so that a cutout would have a veil of up to a tenth around it. Alpha is the last of the channels.
 */
export function withWholeAlphas(png: Buffer, data: Uint8Array, channels: number): Buffer {
  const chunk = chunksBeforePixels(png).find(({ type }) => type === 'tRNS');
  if (!chunk) return png;
  let [least, most] = [255, 0];
  for (let at = channels - 1; at < data.length; at += channels) {
    least = Math.min(least, data[at]!);
    most = Math.max(most, data[at]!);
  }
  const clearest = Math.min(...chunk.data);
  const alphas = chunk.data.map((alpha) =>
    least === 0 && alpha === clearest && alpha < CLEAR_BELOW ? 0 : most === 255 && alpha >= SOLID_FROM ? 255 : alpha,
  );
  return Buffer.concat([png.subarray(0, chunk.at), pngChunk('tRNS', Buffer.from(alphas)), png.subarray(chunk.end)]);
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
