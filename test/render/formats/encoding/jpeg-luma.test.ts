import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { blocksOf, lumaQuantisers, quantised } from '../../../../src/render/formats/encoding/jpeg-luma.ts';
import { lumaOf } from '../../../../src/render/formats/encoding/ssim.ts';
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

describe('SVT-AV1', { skip: svtAv1Skip }, () => {
  it('makes the same file when it measures', async () => {
    const pixels = { data: picture(120, 80), width: 120, height: 80, channels: 3, frames: 1 } as const;
    const [plain, measured] = await Promise.all(
      [false, true].map((measures) => measuredBySvtAv1(pixels, 'ssim', 60, 0, measures)),
    );
    assert.ok(plain!.body.equals(measured!.body));
    assert.equal(plain!.ssim, undefined);
  });
});
