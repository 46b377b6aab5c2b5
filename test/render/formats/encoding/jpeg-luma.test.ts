import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { blocksOf, lumaQuantisers, quantised } from '../../../../src/render/formats/encoding/jpeg-luma.ts';
import { lumaOf, ssim } from '../../../../src/render/formats/encoding/ssim.ts';
import { measuredBySvtAv1 } from '../../../../src/render/formats/svt-av1.ts';
import { svtAv1Skip } from '../../../helpers/svt-av1.ts';

const grey = (data: Buffer, width: number) => lumaOf({ data, width, channels: 3 }, '#ffffff');

/** Noise and a ramp, without colour. */
function picture(width: number, height: number): Buffer {
  const data = Buffer.alloc(width * height * 3);
  for (let at = 0; at < width * height; at += 1)
    data.fill(60 + ((at % width) % 90) + ((at * 7919) % 31), at * 3, at * 3 + 3);
  return data;
}

describe('the luma of a JPEG, computed', () => {
  for (const [width, height] of [
    [230, 190],
    [53, 41],
    [8, 8],
    [9, 17],
  ] as const)
    it(`is that of the file, ${width} × ${height}`, async () => {
      const data = picture(width, height);
      for (const quality of [12, 50, 83, 95]) {
        const options = { quality, quantisationTable: width * height > 40_000 ? 3 : 0 };
        const file = await sharp(data, { raw: { width, height, channels: 3 } })
          .jpeg(options)
          .toBuffer();
        const real = grey(await sharp(file).toColourspace('srgb').raw().toBuffer(), width).data;
        const found = quantised(blocksOf(grey(data, width)), lumaQuantisers(quality, width * height)).data;
        const off = found.map((value, at) => Math.abs(value - real[at]!));
        assert.equal(found.length, real.length);
        assert.ok(off.reduce((sum, one) => sum + one, 0) / off.length < 0.6, `quality ${quality}`);
      }
    });
});

describe('a flat part of a JPEG, computed', () => {
  it('has the level that decoders show, halves included', async () => {
    // Of an even step some levels lie half between two: black would be 0 here and 1 there.
    for (const quality of [40, 70])
      for (const level of [0, 1, 60, 127, 200, 255]) {
        const data = Buffer.alloc(256 * 256 * 3, level);
        const file = await sharp(data, { raw: { width: 256, height: 256, channels: 3 } })
          .jpeg({ quality, quantisationTable: 3 })
          .toBuffer();
        const real = grey(await sharp(file).toColourspace('srgb').raw().toBuffer(), 256).data[0];
        const found = quantised(blocksOf(grey(data, 256)), lumaQuantisers(quality, 256 * 256)).data[0];
        assert.equal(found, real, `quality ${quality}, level ${level}`);
      }
  });
});

describe('SVT-AV1', { skip: svtAv1Skip }, () => {
  it('makes the same file when it measures', async () => {
    const pixels = { data: picture(120, 80), width: 120, height: 80, channels: 3, frames: 1 } as const;
    const [plain, measured] = await Promise.all(
      [false, true].map((measures) => measuredBySvtAv1(pixels, 'ssim', 60, 0, measures)),
    );
    assert.ok(plain!.body.equals(measured!.body));
    assert.equal(plain!.ssim, undefined);
  });

  it('tells the similarity of what decoders show, where it can: of even sides', async () => {
    for (const [width, height] of [
      [16, 16],
      [64, 16],
      [150, 86],
      [121, 80],
      [120, 81],
    ] as const) {
      const pixels = { data: picture(width, height), width, height, channels: 3, frames: 1 } as const;
      const { body, ssim: told } = await measuredBySvtAv1(pixels, 'ssim', 40, 0, true);
      const shown = await sharp(body).removeAlpha().toColourspace('srgb').raw().toBuffer();
      const found = ssim(grey(pixels.data, width), grey(shown, width));
      if (width % 2 === 0 && height % 2 === 0)
        assert.ok(told !== undefined && Math.abs(told - found) < 0.003, `${width} × ${height}: ${told}, ${found}`);
      else assert.equal(told, undefined);
    }
  });
});
