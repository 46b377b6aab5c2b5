import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Fit } from '../../../src/render/recipe.ts';
import { MAX_OUTPUT_PIXELS, MAX_OUTPUT_SIDE_PX, planFrame } from '../../../src/render/stages/geometry.ts';

const FITS: Fit[] = ['cover', 'contain', 'fill', 'inside', 'outside'];

describe('planFrame by table', () => {
  const rows: [
    original: [number, number],
    asked: [number | undefined, number?],
    fit: Fit,
    output: [number, number],
    scaled: [number, number],
  ][] = [
    [[4000, 3000], [600, 600], 'inside', [600, 450], [600, 450]],
    [[3000, 4000], [600, 600], 'inside', [450, 600], [450, 600]],
    [[400, 300], [600, 600], 'inside', [400, 300], [400, 300]],
    [[4000, 3000], [600, 600], 'outside', [800, 600], [800, 600]],
    [[400, 300], [600, 600], 'outside', [400, 300], [400, 300]],
    [[4000, 3000], [800], 'inside', [800, 600], [800, 600]],
    [[4000, 3000], [undefined, 300], 'inside', [400, 300], [400, 300]],
    [[4000, 3000], [150, 150], 'cover', [150, 150], [200, 150]],
    [[1000, 100], [300, 300], 'cover', [100, 100], [1000, 100]],
    [[512, 512], [1200, 630], 'cover', [512, 269], [512, 512]],
    [[1200, 630], [1200, 630], 'cover', [1200, 630], [1200, 630]],
    [[4000, 3000], [300, 300], 'contain', [300, 300], [300, 225]],
    [[100, 50], [300, 300], 'contain', [100, 100], [100, 50]],
    [[4000, 3000], [300, 300], 'fill', [300, 300], [300, 300]],
    [[1000, 100], [300, 300], 'fill', [100, 100], [100, 100]],
    [[1, 1], [2400, 2400], 'cover', [1, 1], [1, 1]],
    [[10000, 1], [100, 100], 'inside', [100, 1], [100, 1]],
  ];
  for (const [[ow, oh], [width, height], fit, output, scaled] of rows) {
    it(`${ow}×${oh} ${fit} ${width ?? 'any'}×${height ?? 'any'}`, () => {
      const original = { width: ow, height: oh };
      const plan = planFrame(original, { width, height, fit, margin: 0 });
      assert.deepEqual([plan.canvas.width, plan.canvas.height], output);
      assert.deepEqual([plan.scaled.width, plan.scaled.height], scaled);
    });
  }
});

describe('planFrame for any sizes', () => {
  const side = fc.integer({ min: 1, max: 12_000 });
  const size = fc.record({ width: side, height: side });

  const request = fc.record({
    width: fc.integer({ min: 1, max: 8192 }),
    height: fc.integer({ min: 1, max: 8192 }),
    fit: fc.constantFrom(...FITS),
    margin: fc.constantFrom(0, 0, 0.05, 0.4),
  });

  it('enlarges nothing, stays within the largest output, and cuts windows inside the picture', () => {
    fc.assert(
      fc.property(size, request, (original, asked) => {
        const { scaled, window, canvas, at } = planFrame(original, asked);
        assert.ok(scaled.width <= original.width && scaled.height <= original.height, 'enlarged');
        const largest = MAX_OUTPUT_SIDE_PX / (1 - 2 * asked.margin) + 1;
        assert.ok(Math.max(canvas.width, canvas.height) <= largest);
        if (asked.margin === 0) assert.ok(canvas.width * canvas.height <= MAX_OUTPUT_PIXELS + MAX_OUTPUT_SIDE_PX);
        assert.ok(Math.min(canvas.width, canvas.height, window.width, window.height) >= 1);
        assert.ok(window.left >= 0 && window.left + window.width <= scaled.width);
        assert.ok(window.top >= 0 && window.top + window.height <= scaled.height);
        assert.ok(at.left >= 0 && at.left + window.width <= canvas.width);
        assert.ok(at.top >= 0 && at.top + window.height <= canvas.height);
        if (asked.fit !== 'cover' || asked.margin > 0) return;
        // The shape is right to the pixel: one side follows from the other by rounding.
        const fromWidth = (canvas.width * asked.height) / asked.width;
        const fromHeight = (canvas.height * asked.width) / asked.height;
        assert.ok(Math.abs(fromWidth - canvas.height) <= 1 || Math.abs(fromHeight - canvas.width) <= 1, 'shape');
      }),
      { numRuns: 20_000 },
    );
  });
});
