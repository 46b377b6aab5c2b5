import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Recipe } from '../../src/render/recipe.ts';
import { letterF, pixelsOf, render, storedAs } from '../helpers/pictures.ts';

const [WIDTH, HEIGHT] = [240, 160];
const upright = letterF(WIDTH, HEIGHT);

const RECIPES: Partial<Recipe>[] = [
  { width: 120, height: 120, fit: 'inside' },
  { width: 100, height: 100, fit: 'cover' },
  { width: 100, height: 100, fit: 'cover', gravity: 'attention' },
  { width: 60, height: 120, fit: 'cover' },
  { width: 120, height: 120, fit: 'contain' },
  { width: 90, height: 120, fit: 'fill' },
  { width: 90, height: 90, fit: 'outside' },
  { width: 240, height: 160, fit: 'inside' },
  { width: 120, height: 120, fit: 'contain', trim: 20, margin: 0.1 },
];

function meanDifference(a: Buffer, b: Buffer): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += Math.abs(a[at]! - b[at]!);
  return sum / a.length;
}

describe('orientation', () => {
  for (const format of ['jpeg', 'png', 'webp'] as const) {
    for (let orientation = 1; orientation <= 8; orientation += 1) {
      it(`${orientation} of a ${format} comes out upright in every fit, with no tag left`, async () => {
        const stored = await storedAs(orientation, upright, WIDTH, HEIGHT, format);
        assert.equal((await sharp(stored).metadata()).orientation, orientation);
        const reference = await storedAs(1, upright, WIDTH, HEIGHT, 'png');
        for (const recipe of RECIPES) {
          const [expected, found] = await Promise.all([render(reference, recipe), render(stored, recipe)]);
          assert.deepEqual([found.width, found.height], [expected.width, expected.height]);
          const [a, b] = [await pixelsOf(expected.body), await pixelsOf(found.body)];
          assert.deepEqual([b.width, b.height], [found.width, found.height]);
          // A wrong turn differs by 20 and more; coding noise and rounding by less than 3.
          const difference = meanDifference(a.data, b.data);
          assert.ok(difference < 4, `${JSON.stringify(recipe)} differs by ${difference}`);
          const { orientation: left, exif } = await sharp(found.body).metadata();
          assert.deepEqual([left, exif], [undefined, undefined]);
        }
      });
    }
  }

  it('would be noticed if it were wrong', async () => {
    const turned = await sharp(await storedAs(1, upright, WIDTH, HEIGHT, 'png'))
      .rotate(180)
      .png()
      .toBuffer();
    for (const recipe of RECIPES.slice(0, 2)) {
      const [right, wrong] = await Promise.all([
        render(await storedAs(1, upright, WIDTH, HEIGHT, 'png'), recipe),
        render(turned, recipe),
      ]);
      assert.ok(meanDifference((await pixelsOf(right.body)).data, (await pixelsOf(wrong.body)).data) > 15);
    }
  });
});
