import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { dominantColour } from '../../src/render/dominant-colour.ts';

describe('the dominant colour', () => {
  it('is the one that sharp finds, of several that are as common too', async () => {
    const level = fc.constantFrom(0, 7, 15, 16, 100, 111, 112, 240, 255);
    const colour = fc.tuple(level, level, level);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.array(colour, { minLength: 1, maxLength: 60 }),
        async (width, colours) => {
          const height = Math.ceil(colours.length / width);
          const data = Buffer.from(
            Array.from({ length: width * height }, (_, n) => colours[n % colours.length] ?? []).flat(),
          );
          const { dominant } = await sharp(data, { raw: { width, height, channels: 3 } }).stats();
          assert.deepEqual(dominantColour({ data, channels: 3 }), [dominant.r, dominant.g, dominant.b]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
