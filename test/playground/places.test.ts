import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anchorOf, movedTo } from '../../src/playground/page/stage/places.ts';
import { POSITIONS } from '../../src/render/effects/effects.ts';

const canvas = { width: 512, height: 269 };

describe('an overlay that is dragged', () => {
  it('lies where it was dropped, to a pixel of the preset', () => {
    const at = fc.record({
      x: fc.double({ min: 0, max: 1, noNaN: true }),
      y: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const overlay = fc.record({ position: fc.constantFrom(...POSITIONS), image: fc.constant('a.png') });
    fc.assert(
      fc.property(overlay, at, fc.constantFrom(0.43, 1, 2), (before, point, unit) => {
        const after = movedTo(before, point, canvas, unit);
        assert.ok(POSITIONS.includes(after.position as (typeof POSITIONS)[number]));
        const { x, y } = anchorOf(after, canvas, unit);
        assert.ok(Math.abs(x - point.x) * canvas.width <= unit / 2 + 1e-6, JSON.stringify([after, point]));
        assert.ok(Math.abs(y - point.y) * canvas.height <= unit / 2 + 1e-6, JSON.stringify([after, point]));
      }),
    );
  });

  it('is no longer all over the picture, and keeps the rest', () => {
    assert.deepEqual(movedTo({ text: 'a', tile: true, size: 9 }, { x: 0.5, y: 0.5 }, canvas, 1), {
      ...{ text: 'a', size: 9, position: 'center', offset: { x: 0, y: 0 } },
    });
  });
});
