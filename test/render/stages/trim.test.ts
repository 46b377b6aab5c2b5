import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { patch, pixelsOf, render } from '../../helpers/pictures.ts';

/** A red thing of 300×200 at a place on a white ground of 1000×800, with JPEG's noise. */
async function product(left: number, top: number, ground = '#ffffff', format: 'jpeg' | 'png' = 'jpeg') {
  const thing = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#c02020' } })
    .png()
    .toBuffer();
  return sharp({ create: { width: 1000, height: 800, channels: 4, background: ground } })
    .composite([{ input: thing, left, top }])
    .toFormat(format, { quality: 85 })
    .toBuffer();
}
const isRed = ([r = 0, g = 0, b = 0]: number[]) => r > 150 && g < 90 && b < 90;

describe('trim', () => {
  it('cuts a uniform border off, up to a probe pixel and JPEG’s own blur', async () => {
    const { width, height } = await render(await product(100, 500), { width: 1000, trim: 10 });
    assert.ok(width >= 300 && width <= 316 && height >= 200 && height <= 216, `${width}×${height}`);
  });

  it('sets mixed sellers’ photos evenly in a grid', async () => {
    for (const [left, top] of [
      [0 + 20, 20],
      [650, 550],
      [350, 300],
    ] as const) {
      const { body, width, height } = await render(await product(left, top), {
        width: 200,
        height: 200,
        fit: 'contain',
        trim: 10,
        margin: 0.1,
        output: 'png',
      });
      assert.deepEqual([width, height], [200, 200]);
      const picture = await pixelsOf(body);
      assert.deepEqual(patch(picture, 100, 10), [255, 255, 255]);
      assert.deepEqual(patch(picture, 10, 100), [255, 255, 255]);
      assert.ok(isRed(patch(picture, 30, 100)) && isRed(patch(picture, 170, 100)), `${left},${top}`);
      assert.ok(isRed(patch(picture, 100, 52)) && isRed(patch(picture, 100, 148)));
    }
  });

  it('sees through a transparent ground, and keeps the margin in the wanted colour', async () => {
    const cutout = readFileSync(new URL('../../../samples/cutout.png', import.meta.url));
    const { body } = await render(cutout, {
      width: 200,
      height: 200,
      fit: 'contain',
      trim: 10,
      margin: 0.2,
      background: '#00ff00',
      output: 'webp',
    });
    const picture = await pixelsOf(body);
    const [r = 0, g = 0, b = 0] = patch(picture, 100, 20);
    assert.ok(g > 240 && r < 20 && b < 20);
  });

  it('never cuts a real photo', async () => {
    for (const name of ['astronaut.jpg', 'coffee.jpg', 'chelsea.png', 'rocket.webp']) {
      const photo = readFileSync(new URL(`../../../samples/${name}`, import.meta.url));
      const { width, height } = await sharp(photo).metadata();
      const found = await render(photo, { width: 2000, trim: 10 });
      assert.deepEqual([found.width, found.height], [width, height], name);
    }
  });

  it('leaves a border alone that is not uniform, and a picture that is nothing but border', async () => {
    const sky = await sharp({ create: { width: 400, height: 400, channels: 3, background: '#88bbff' } })
      .composite([
        {
          input: await sharp({ create: { width: 400, height: 150, channels: 3, background: '#226622' } })
            .png()
            .toBuffer(),
          left: 0,
          top: 250,
        },
      ])
      .png()
      .toBuffer();
    assert.deepEqual([(await render(sky, { width: 400, trim: 10 })).height], [400]);
    const blank = await sharp({ create: { width: 300, height: 100, channels: 3, background: '#ffffff' } })
      .png()
      .toBuffer();
    assert.deepEqual([(await render(blank, { width: 300, trim: 10 })).height], [100]);
  });

  it('keeps to its tolerance', async () => {
    const greyish = await product(300, 300, '#f0f0f0', 'png');
    assert.ok((await render(greyish, { width: 1000, trim: 0 })).width < 320);
    const stained = await sharp(greyish)
      .composite([
        {
          input: await sharp({ create: { width: 40, height: 40, channels: 3, background: '#dcdcdc' } })
            .png()
            .toBuffer(),
          left: 0,
          top: 0,
        },
      ])
      .png()
      .toBuffer();
    assert.equal((await render(stained, { width: 1000, trim: 10 })).width, 1000);
    assert.ok((await render(stained, { width: 1000, trim: 40 })).width < 320);
  });
});
