import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { cicpColours } from '../../../../src/render/formats/colour/cicp-profile.ts';
import { withPngProfile } from '../../../../src/render/formats/colour/png-chunks.ts';
import type { Vector } from '../../../../src/render/formats/colour/primaries.ts';
import { displayedHlg, PAPER_NITS, toneMap } from '../../../../src/render/formats/colour/tone-map.ts';
import { hlgToScene, pqToNits } from '../../../../src/render/formats/colour/transfer.ts';
import { pngs } from '../../../helpers/told-colours.ts';

const told = (primaries: number, transfer: number, fullRange = true) => cicpColours({ primaries, transfer, fullRange });

describe('code points of colours', () => {
  it('mean sRGB where they say so, where they are cameras’, unspecified or unknown', () => {
    const plain: [number, number][] = [
      [1, 13],
      [1, 1],
      [1, 6],
      [2, 2],
      [2, 13],
      [1, 2],
      [0, 0],
      [3, 13],
      [9, 3],
      [255, 255],
    ];
    for (const [primaries, transfer] of plain) assert.equal(told(primaries, transfer), undefined);
    // Grey has no primaries.
    assert.equal(cicpColours({ primaries: 12, transfer: 13, fullRange: true }, 1), undefined);
  });

  it('are wide where their primaries hold colours of P3 that sRGB lacks, and narrow where they are television’s', () => {
    const wide = [4, 8, 9, 10, 11, 12].map((primaries) => told(primaries, 13)?.wide);
    const narrow = [5, 6, 7, 22].map((primaries) => told(primaries, 13)?.wide);
    assert.deepEqual([wide, narrow], [Array(6).fill(true), Array(4).fill(false)]);
    assert.deepEqual(
      [told(9, 16)?.wide, told(1, 16)?.wide, told(1, 13, false)?.wide, told(1, 8)?.wide],
      [true, false, false, false],
    );
  });

  it('become a profile that libvips reads as it reads its own of Display P3', async () => {
    const { rgb } = await pngs();
    const icc = (await sharp(await sharp(rgb).withIccProfile('p3').png().toBuffer()).metadata()).icc ?? assert.fail();
    const [own, theirs] = await Promise.all(
      [told(12, 13)?.profile, icc].map((profile) => sharp(withPngProfile(rgb, profile)).raw().toBuffer()),
    );
    const furthest = own?.reduce((most, value, n) => Math.max(most, Math.abs(value - (theirs?.[n] ?? 0))), 0);
    assert.ok(furthest !== undefined && furthest <= 2, `${furthest} levels`);
  });

  it('are written once: the same profile for the same points, of a few kinds at a time', () => {
    const first = told(12, 13);
    assert.equal(told(12, 13), first);
    for (let nits = 300; nits < 312; nits += 1)
      cicpColours({ primaries: 9, transfer: 16, fullRange: true, peakNits: nits }, 1);
    assert.notEqual(told(12, 13), first);
    assert.deepEqual(told(12, 13), first);
  });
});

describe('HDR on screens that are not', () => {
  const grey = (map: (light: Vector) => Vector, nits: number) =>
    map(Array(3).fill(nits / PAPER_NITS) as [number, number, number])[0];

  it('halves light up to the white of paper, bends the rest below 1, and keeps its order', () => {
    const map = toneMap(1000);
    assert.deepEqual(
      [0, 100, 203].map((nits) => grey(map, nits) * PAPER_NITS),
      [0, 50, 101.5],
    );
    let before = 0;
    for (let nits = 1; nits <= 1000; nits += 1) {
      const now = grey(map, nits);
      assert.ok(now > before && now <= 1 + 1e-9, `${nits} nits`);
      before = now;
    }
    for (const nits of [1000, 4000, 10_000]) assert.ok(Math.abs(grey(map, nits) - 1) < 1e-9);
  });

  it('keeps hues: red, green and blue are scaled alike', () => {
    for (const peak of [100, 400, 1000, 4000]) {
      const [red, green, blue] = toneMap(peak)([3, 1.5, 0.75]);
      assert.ok(Math.abs(red / green - 2) < 1e-9 && Math.abs(green / blue - 2) < 1e-9 && red <= 1);
    }
  });

  it('takes no light from a picture that is nowhere brighter than paper', () => {
    for (const peak of [80, 203])
      assert.deepEqual(
        [0.2, 1].map((light) => toneMap(peak)([light, light, light])[0]),
        [0.2, 1],
      );
  });

  it('reads PQ and HLG by BT.2100', () => {
    const near = (found: number, wanted: number) =>
      assert.ok(Math.abs(found / wanted - 1) < 0.002, `${found}, not ${wanted}`);
    // SMPTE ST 2084: 100 and 10,000 nits; BT.2408: 203 nits and HLG’s reference white.
    near(pqToNits(0.508078), 100);
    near(pqToNits(1), 10_000);
    near(pqToNits(0.580689), 203);
    near(hlgToScene(0.5), 1 / 12);
    near(displayedHlg([1, 1, 1])[0] * PAPER_NITS, 1000);
    near(displayedHlg(Array(3).fill(hlgToScene(0.75)) as [number, number, number])[0], 1);
    assert.deepEqual(displayedHlg([0, 0, 0]), [0, 0, 0]);
  });
});
