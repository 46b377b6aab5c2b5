import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planFrame } from '../../../src/render/stages/geometry.ts';
import { lookDepthFor, lookedAtSize, PROBE_SIDE_PX } from '../../../src/render/stages/look-depth.ts';

const depthOf = (width: number, height: number, original: [number, number], zoom = 1, part = original) => {
  const [size, within] = [original, part].map(([w, h]) => ({ width: w, height: h }));
  assert.ok(size && within);
  const plan = planFrame(within, { width, height, fit: 'cover', margin: 0 });
  return lookDepthFor(plan, size, within, zoom);
};

describe('how deep to look for the faces of a rendition', () => {
  const photo: [number, number] = [4000, 3000];
  it('goes to the tiles from where a face of a twentieth of the width would be 12 pixels wide', () => {
    assert.equal(depthOf(150, 150, photo), 'whole');
    assert.equal(depthOf(150, 150, [3000, 4000]), 'whole');
    assert.equal(depthOf(179, 179, photo), 'whole');
    assert.equal(depthOf(180, 180, photo), 'tiles');
    assert.equal(depthOf(1200, 630, photo), 'tiles');
  });

  it('counts how far the recipe may zoom in, and no further than the original allows', () => {
    assert.equal(depthOf(48, 48, photo, 3), 'whole');
    assert.equal(depthOf(128, 128, photo), 'whole');
    assert.equal(depthOf(128, 128, photo, 3), 'tiles');
    assert.equal(depthOf(128, 128, [200, 150], 3), 'whole');
  });

  it('goes by the width of the original where a border is cut off', () => {
    assert.equal(depthOf(150, 150, photo, 1, [2000, 1500]), 'tiles');
  });
});

describe('the size that is decoded for a look', () => {
  const sizeOf = (width: number, height: number, side = 150) => {
    const original = { width, height };
    const plan = planFrame(original, { width: side, height: side, fit: 'cover', margin: 0 });
    return lookedAtSize(plan, original, original, 1);
  };

  it('is 320 pixels across, or 640 for the tiles, or all of a smaller original', () => {
    assert.deepEqual(sizeOf(4000, 3000), { width: 320, height: 240 });
    assert.deepEqual(sizeOf(3000, 4000), { width: 240, height: 320 });
    assert.deepEqual(sizeOf(4000, 3000, 256), { width: 640, height: 480 });
    assert.deepEqual(sizeOf(300, 200), { width: 300, height: 200 });
  });

  it('is up to an eighth smaller where libjpeg can scale further then', () => {
    assert.deepEqual(sizeOf(2560, 1920), { width: 284, height: 213 });
    assert.deepEqual(sizeOf(2520, 1890), { width: 280, height: 210 });
    assert.deepEqual(sizeOf(2500, 1875), { width: 320, height: 240 });
    assert.deepEqual(sizeOf(1500, 1000), { width: 300, height: 200 });
    assert.deepEqual(sizeOf(900, 600), { width: 300, height: 200 });
    // 614 across would be 461 down, a reduction by 4.998.
    assert.deepEqual(sizeOf(3072, 2304, 256), { width: 613, height: 460 });
  });

  it('never rounds a side so that libjpeg scales less after all, and is never less than the rendition needs', () => {
    for (let width = 330; width < 6000; width += 7)
      for (const [across, down] of [
        [4, 3],
        [3, 2],
        [16, 9],
        [3, 4],
        [1, 1],
      ] as const)
        for (const side of [150, 256, 700]) {
          const height = Math.round((width * down) / across);
          const plan = planFrame({ width, height }, { width: side, height: side, fit: 'cover', margin: 0 });
          const size = sizeOf(width, height, side);
          const longer = Math.max(size.width, size.height);
          const by = Math.min(width / size.width, height / size.height);
          const what = `${width}x${height} for ${side}: ${size.width}x${size.height}`;
          assert.ok(size.width >= plan.scaled.width && size.height >= plan.scaled.height, what);
          if (longer < PROBE_SIDE_PX[lookDepthFor(plan, { width, height }, { width, height }, 1)] - 1 && by > 1.01)
            assert.ok(
              [9, 5, 3].some((least) => by >= least && by < least * 1.03),
              what,
            );
        }
  });
});
