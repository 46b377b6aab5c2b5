import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planFrame } from '../../../src/render/stages/geometry.ts';
import { lookDepthFor } from '../../../src/render/stages/look-depth.ts';

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
