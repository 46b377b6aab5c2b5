import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { render } from '../../helpers/pictures.ts';

const coffee = readFileSync(new URL('../../../samples/coffee.jpg', import.meta.url));
const bytes = async (recipe: object) => (await render(coffee, recipe)).body.length;

describe('encoder settings', () => {
  it('take more effort over small pictures, where it costs next to nothing', async () => {
    for (const [output, more, less] of [
      ['webp', 4, 2],
      ['avif', 1, 0],
    ] as const) {
      assert.equal(await bytes({ width: 150, output }), await bytes({ width: 150, output, effort: more }));
      assert.equal(await bytes({ width: 400, output }), await bytes({ width: 400, output, effort: less }));
      assert.notEqual(
        await bytes({ width: 400, output, effort: more }),
        await bytes({ width: 400, output, effort: less }),
      );
    }
  });

  it('make progressive JPEGs only where that saves bytes', async () => {
    const progressive = async (width: number) =>
      (await sharp((await render(coffee, { width, output: 'jpeg' })).body).metadata()).isProgressive;
    assert.deepEqual([await progressive(150), await progressive(400)], [false, true]);
  });

  it('mean the same quality in every format: fewer bytes than JPEG, and none at the cost of all detail', async () => {
    for (const quality of [60, 75, 80, 90]) {
      const jpeg = await bytes({ width: 500, output: 'jpeg', quality });
      for (const output of ['webp', 'avif']) {
        const ratio = (await bytes({ width: 500, output, quality })) / jpeg;
        assert.ok(ratio > 0.5 && ratio < 1, `${output} at ${quality}: ${ratio}`);
      }
    }
  });

  it('rise with quality over the whole scale', async () => {
    for (const output of ['jpeg', 'webp', 'avif']) {
      let last = 0;
      for (const quality of [1, 20, 40, 60, 70, 75, 80, 85, 90, 95, 100]) {
        const size = await bytes({ width: 200, output, quality });
        assert.ok(size > last, `${output} at ${quality}: ${size} after ${last}`);
        last = size;
      }
    }
  });

  it('keep PNG without loss', async () => {
    const [a, b] = await Promise.all([
      render(coffee, { width: 100, output: 'png', quality: 1 }),
      render(coffee, { width: 100, output: 'png', quality: 100 }),
    ]);
    assert.ok(a.body.equals(b.body));
    assert.equal((await sharp(a.body).metadata()).isPalette, false);
  });
});
