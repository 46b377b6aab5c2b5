import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Size } from '../../src/decoders/shrink.ts';
import { createTileShrinker, sizeOf } from '../../src/decoders/shrink-tiles.ts';
import { dearProxySize } from '../../src/render/stages/dear-proxy.ts';

const CHANNELS = 3;

/** How much of each pixel from `start` to `end` lies between these two. */
function covered(start: number, end: number, most: number): [pixel: number, share: number][] {
  const pixels = Array.from({ length: Math.ceil(end) - Math.floor(start) }, (_, n) => Math.floor(start) + n);
  return pixels
    .map((pixel): [number, number] => [pixel, Math.min(pixel + 1, end) - Math.max(pixel, start)])
    .filter(([pixel, share]) => share > 1e-9 && pixel < most);
}

/** The mean of what each pixel of the result covers, one after another. */
function expected(picture: Uint8Array, from: Size, to: Size): Float64Array {
  const [stepX, stepY] = [from.width / to.width, from.height / to.height];
  return Float64Array.from({ length: to.width * to.height * CHANNELS }, (_, at) => {
    const [channel, x, y] = [at % CHANNELS, Math.floor(at / CHANNELS) % to.width, Math.floor(at / CHANNELS / to.width)];
    let sum = 0;
    for (const [row, tall] of covered(y * stepY, (y + 1) * stepY, from.height))
      for (const [column, wide] of covered(x * stepX, (x + 1) * stepX, from.width))
        sum += tall * wide * (picture[(row * from.width + column) * CHANNELS + channel] as number);
    return sum / (stepX * stepY);
  });
}

/** A tile with room behind its rows, and with noise where it reaches past the picture. */
function tileOf(picture: Uint8Array, from: Size, { width, height }: Size, left: number, top: number) {
  const stride = width * CHANNELS + 5;
  const pixels = Uint8Array.from({ length: stride * height }, (_, at) => {
    const [x, y] = [left + Math.floor((at % stride) / CHANNELS), top + Math.floor(at / stride)];
    const inside = x < from.width && y < from.height && at % stride < width * CHANNELS;
    return inside ? (picture[(y * from.width + x) * CHANNELS + ((at % stride) % CHANNELS)] as number) : 77;
  });
  return { pixels, stride, width, height, left, top };
}

describe('tiles that are shrunk by any factor', () => {
  const side = (most: number) => fc.integer({ min: 1, max: most });

  it('give the mean of what each pixel covers, however the picture is cut into tiles', () => {
    fc.assert(
      fc.property(
        ...[side(70), side(70), side(80), side(40), side(40), fc.integer()],
        (width, height, longer, tileWidth, tileHeight, seed) => {
          const from = { width, height };
          const to = sizeOf(longer, from);
          const picture = Uint8Array.from(
            { length: width * height * CHANNELS },
            (_, at) => Math.imul(at + seed, 2_654_435_761) >>> 24,
          );
          const rows = new Uint8Array(to.width * to.height * CHANNELS);
          const shrinker = createTileShrinker(rows, from, to);
          for (let top = 0; top < height; top += tileHeight)
            for (let left = 0; left < width; left += tileWidth)
              shrinker.add(tileOf(picture, from, { width: tileWidth, height: tileHeight }, left, top));
          const wanted = expected(picture, from, to);
          rows.forEach((level, at) => {
            assert.ok(Math.abs(level - (wanted[at] as number)) < 0.501, `${level} for ${wanted[at]} at ${at}`);
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('leave proxy images nothing to scale', () => {
    for (const size of [
      { width: 4032, height: 3024 },
      { width: 3024, height: 4032 },
      { width: 8064, height: 6048 },
      { width: 4240, height: 2832 },
      { width: 2401, height: 3 },
      { width: 20_000, height: 1 },
      { width: 640, height: 480 },
    ])
      assert.deepEqual(sizeOf(2400, size), dearProxySize(size));
  });
});
