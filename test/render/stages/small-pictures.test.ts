import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { greyOf, rgbaOnWhite } from '../../../src/render/stages/small-pictures.ts';

const photo = new URL('../../../samples/astronaut.jpg', import.meta.url).pathname;

async function pixelsOf(image: ReturnType<typeof sharp>) {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  assert.ok(info.channels === 3 || info.channels === 4);
  return { data, width: info.width, height: info.height, channels: info.channels };
}

describe('the detector input', () => {
  it('is opaque, with transparent pixels on white', () => {
    const data = Buffer.from([10, 20, 30, 255, 10, 20, 30, 0, 100, 0, 200, 51]);
    const rgba = rgbaOnWhite({ data, width: 3, height: 1, channels: 4 });
    assert.deepEqual([...rgba], [10, 20, 30, 255, 255, 255, 255, 255, 224, 204, 244, 255]);
  });

  it('has the colours of a picture without transparency, in memory of its own', () => {
    const data = Buffer.from([1, 2, 3, 4, 5, 6]);
    const rgba = rgbaOnWhite({ data, width: 1, height: 2, channels: 3 });
    assert.deepEqual([...rgba], [1, 2, 3, 255, 4, 5, 6, 255]);
    assert.notEqual(rgba.buffer, data.buffer);
  });
});

describe('the grey picture', () => {
  for (const [width, height] of [
    [1200, 801],
    [321, 240],
    [64, 48],
    [7, 300],
    [1, 1],
  ] as const) {
    it(`of ${width} × ${height} is as libvips makes it, within some levels`, async () => {
      const image = sharp(photo).resize({ width, height, fit: 'fill' });
      const grey = greyOf(await pixelsOf(image.clone()));
      const scaled = sharp(await image.png().toBuffer()).resize({
        width: grey.width,
        height: grey.height,
        fit: 'fill',
      });
      const expected = await scaled.removeAlpha().toColourspace('b-w').raw().toBuffer();
      assert.equal(Math.max(grey.width, grey.height), Math.min(64, Math.max(width, height)));
      const off = grey.data.reduce((sum, value, at) => sum + Math.abs(value - (expected[at] ?? 0)), 0);
      assert.ok(off / grey.data.length < 5, `${off / grey.data.length}`);
    });

    it(`of ${width} × ${height} mirrored is mirrored`, async () => {
      const image = sharp(photo).resize({ width, height, fit: 'fill' });
      const plain = greyOf(await pixelsOf(image.clone()));
      const mirrored = greyOf(await pixelsOf(sharp(await image.png().toBuffer()).flop()));
      for (let y = 0; y < plain.height; y += 1) {
        const row = (data: Uint8Array) => [...data.subarray(y * plain.width, (y + 1) * plain.width)];
        assert.deepEqual(row(mirrored.data), row(plain.data).reverse());
      }
    });
  }

  it('shows transparent pixels white', () => {
    assert.deepEqual([...greyOf({ data: Buffer.from([0, 0, 0, 0]), width: 1, height: 1, channels: 4 }).data], [255]);
  });
});
