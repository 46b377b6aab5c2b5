import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Recipe } from '../../src/render/recipe.ts';
import { pixelsOf, render } from '../helpers/pictures.ts';

/** Transparent on the left, half of a blue on the right. */
const cutout = await sharp({ create: { width: 80, height: 60, channels: 4, background: '#0000' } })
  .composite([{ input: { create: { width: 40, height: 60, channels: 4, background: '#0000ff80' } }, gravity: 'east' }])
  .png()
  .toBuffer();
const RED = { background: '#ff0000' } as const;
const OUTPUTS = ['png', 'webp', 'avif', 'jpeg', 'base'] as const;

const near = (found: readonly number[], wanted: readonly number[]) =>
  wanted.every((level, at) => Math.abs((found[at] ?? 0) - level) <= 4);

async function sides(recipe: Partial<Recipe>, original = cutout): Promise<number[][]> {
  const { body } = await render(original, { quality: 100, ...recipe });
  const { at, width, height } = await pixelsOf(body);
  return [at(Math.round(width / 5), Math.round(height / 2)), at(Math.round((4 * width) / 5), Math.round(height / 2))];
}

describe('a background', () => {
  it('lies under transparent parts in every format and fit, at the own size too', async () => {
    for (const output of OUTPUTS)
      for (const size of [
        { width: 80 },
        { width: 40 },
        { width: 30, height: 30, fit: 'cover' },
        { width: 40, rotate: 180 },
      ] as const) {
        const found = await sides({ ...RED, output, ...size });
        const [left, right] = 'rotate' in size ? found.toReversed() : found;
        const told = `${output} ${JSON.stringify(size)}: ${JSON.stringify(found)}`;
        assert.ok(near(left ?? [], [255, 0, 0]) && (left?.[3] ?? 255) === 255, told);
        assert.ok(near(right ?? [], [127, 0, 128]), told);
      }
  });

  it('is where the recipe says none: nothing, and in JPEG white', async () => {
    assert.equal((await sides({ output: 'webp', width: 40 }))[0]?.[3], 0);
    assert.ok(near((await sides({ output: 'jpeg', width: 40 }))[0] ?? [], [255, 255, 255]));
  });

  it('leaves the corners of a shape transparent where they can be', async () => {
    const effects = { unit: 1, shape: { radius: 'circle' } } as const;
    const { at } = await pixelsOf((await render(cutout, { ...RED, output: 'png', width: 60, effects })).body);
    assert.deepEqual([at(0, 0)[3], at(20, 22)], [0, [255, 0, 0, 255]]);
  });

  it('is not handed on to other renditions', async () => {
    const { downscaled } = await render(cutout, { ...RED, output: 'webp', width: 40 });
    assert.ok(!downscaled || (downscaled.kind === 'pixels' && downscaled.pixels.channels === 4));
  });
});
