import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PlaneCoding } from '../../../src/decoders/planes/levels.ts';
import { createPlaneShrinker, type PlaneTile } from '../../../src/decoders/planes/shrink-planes.ts';
import type { Size } from '../../../src/decoders/shrink.ts';
import { sizeOf } from '../../../src/decoders/shrink-tiles.ts';

interface Plane extends Size {
  readonly samples: Uint16Array;
}

/** How much of each sample lies between these two. */
function covered(start: number, end: number): [sample: number, share: number][] {
  return Array.from({ length: Math.ceil(end) - Math.floor(start) }, (_, n) => Math.floor(start) + n)
    .map((sample): [number, number] => [sample, Math.min(sample + 1, end) - Math.max(sample, start)])
    .filter(([, share]) => share > 1e-9);
}

/** The mean of what a pixel of the result covers of a plane whose extent, in samples, may end within the last one. */
function meanAt({ samples, width, height }: Plane, extent: Size, to: Size, x: number, y: number): number {
  const [stepX, stepY] = [extent.width / to.width, extent.height / to.height];
  let sum = 0;
  for (const [row, tall] of covered(y * stepY, (y + 1) * stepY))
    for (const [column, wide] of covered(x * stepX, (x + 1) * stepX))
      sum += tall * wide * samples[Math.min(row, height - 1) * width + Math.min(column, width - 1)]!;
  return sum / (stepX * stepY);
}

/** ITU-T H.273, 8.3: from samples to R'G'B' of 0 to 255. */
function colourOf([luma = 0, blueness = 0, redness = 0]: number[], { bits, shares, isFull }: PlaneCoding): number[] {
  const more = 2 ** (bits - 8);
  const [kr, kb] = shares;
  const bright = isFull ? luma / (2 ** bits - 1) : (luma / more - 16) / 219;
  const [pb = 0, pr = 0] = [blueness, redness].map((level) =>
    isFull ? (level - 2 ** (bits - 1)) / (2 ** bits - 1) : (level / more - 128) / 224,
  );
  const [red, blue] = [bright + 2 * (1 - kr) * pr, bright + 2 * (1 - kb) * pb];
  const green = (bright - kr * red - kb * blue) / (1 - kr - kb);
  return [red, green, blue].map((share) => Math.min(255, Math.max(0, 255 * share)));
}

/** What a decoder hands out of a tile: rows with room behind them, and noise where it reaches past the picture. */
function tileOf(planes: readonly Plane[], coding: PlaneCoding, tile: Size, left: number, top: number): PlaneTile {
  const cut = ({ samples, ...plane }: Plane, n: number) => {
    const by = n === 0 ? { width: 1, height: 1 } : coding.covers;
    const size = { width: Math.ceil(tile.width / by.width), height: Math.ceil(tile.height / by.height) };
    const stride = size.width + 3;
    const values = Array.from({ length: stride * size.height }, (_, at) => {
      const [x, y] = [left / by.width + (at % stride), top / by.height + Math.floor(at / stride)];
      return x < plane.width && y < plane.height ? samples[y * plane.width + x]! : 77;
    });
    return { pixels: coding.bits === 8 ? Uint8Array.from(values) : Uint16Array.from(values), stride };
  };
  const [luma, blueness, redness] = planes as [Plane, Plane, Plane];
  return { planes: [cut(luma, 0), cut(blueness, 1), cut(redness, 2)], ...tile, left, top };
}

describe('planes that are shrunk by any factor', () => {
  const side = (most: number) => fc.integer({ min: 1, max: most });
  const codings = fc.record({
    covers: fc.constantFrom({ width: 2, height: 2 }, { width: 2, height: 1 }, { width: 1, height: 1 }),
    bits: fc.constantFrom(8, 10, 12),
    shares: fc.constantFrom<[number, number]>([0.2126, 0.0722], [0.299, 0.114], [0.2627, 0.0593]),
    isFull: fc.boolean(),
  });

  it('give the colours of the mean of what each pixel covers, however the picture is cut into tiles', () => {
    fc.assert(
      fc.property(
        ...[codings, side(60), side(60), side(70), side(20), side(20), fc.integer()],
        (coding, width, height, longer, tileColumns, tileRows, seed) => {
          const from = { width, height };
          const to = sizeOf(longer, from);
          const planes = [{ width: 1, height: 1 }, coding.covers, coding.covers].map((by, n): Plane => {
            const size = { width: Math.ceil(width / by.width), height: Math.ceil(height / by.height) };
            const levels = Array.from({ length: size.width * size.height }, (_, at) => {
              const level = Math.imul(at + seed + n, 2_654_435_761) >>> (32 - coding.bits);
              // Colours within reach, so that what is compared is not all clamped.
              return n === 0 ? level : 2 ** (coding.bits - 1) + (level >> 3);
            });
            return { samples: Uint16Array.from(levels), ...size };
          });
          const tile = { width: tileColumns * coding.covers.width, height: tileRows * coding.covers.height };
          const rows = new Uint8Array(to.width * to.height * 3);
          const shrinker = createPlaneShrinker(rows, from, to, coding);
          for (let top = 0; top < height; top += tile.height)
            for (let left = 0; left < width; left += tile.width) shrinker.add(tileOf(planes, coding, tile, left, top));
          for (let y = 0; y < to.height; y += 1)
            for (let x = 0; x < to.width; x += 1) {
              const means = planes.map((plane, n) => {
                const by = n === 0 ? { width: 1, height: 1 } : coding.covers;
                return meanAt(plane, { width: width / by.width, height: height / by.height }, to, x, y);
              });
              const wanted = colourOf(means, coding);
              const found = rows.subarray((y * to.width + x) * 3, (y * to.width + x) * 3 + 3);
              found.forEach((level, n) => {
                assert.ok(Math.abs(level - wanted[n]!) < 0.501, `${found} for ${wanted} at ${x}, ${y}`);
              });
            }
        },
      ),
      { numRuns: 150 },
    );
  });
});
