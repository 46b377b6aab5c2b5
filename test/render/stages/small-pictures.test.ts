import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { greyOf, partOf, rgbaOnWhite } from '../../../src/render/stages/small-pictures.ts';

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

describe('a part of a small picture', () => {
  // The bytes of a pixel tell its place: ten times the row, and the column.
  const placeOf = (at: number) => 10 * Math.floor(at / 6) + (at % 6);
  const data = Buffer.from(Array.from({ length: 6 * 4 * 3 }, (_, byte) => placeOf(Math.floor(byte / 3))));
  const whole = { data, width: 6, height: 4, channels: 3 as const };
  const reds = (bytes: Uint8Array) => [...bytes].filter((_, at) => at % 3 === 0);
  const of = (part: Parameters<typeof partOf>[1]) => partOf(whole, part, { width: 60, height: 40 });

  it('is what the part of the large picture shows', () => {
    const { width, height, data: bytes } = of({ left: 20, top: 10, width: 30, height: 20 });
    assert.deepEqual([width, height, reds(bytes)], [3, 2, [12, 13, 14, 22, 23, 24]]);
    assert.equal(of({ left: 0, top: 0, width: 60, height: 40 }), whole);
  });

  it('has a pixel at least, inside of the picture', () => {
    for (const [left, top, pixel] of [
      [0, 0, 0],
      [59, 39, 35],
      [33, 21, 23],
    ] as const) {
      const { width, height, data: bytes } = of({ left, top, width: 1, height: 1 });
      assert.deepEqual([width, height, reds(bytes)], [1, 1, [pixel]]);
    }
  });
});
