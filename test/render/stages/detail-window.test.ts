import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Size } from '../../../src/render/pixels.ts';
import { type GreyPicture, windowOnDetail } from '../../../src/render/stages/detail-window.ts';

/** Even grey, with patches that are as rough as a chequered cloth. */
function picture(width: number, height: number, patches: readonly [left: number, top: number, side: number][]) {
  const data = new Uint8Array(width * height).fill(128);
  for (const [left, top, side] of patches)
    for (let y = top; y < top + side; y += 1)
      for (let x = left; x < left + side; x += 1)
        data[y * width + x] = (Math.floor(x / 2) + Math.floor(y / 2)) % 2 ? 255 : 0;
  return { data, width, height };
}

function mirrored({ data, width, height }: GreyPicture): GreyPicture {
  return { data: data.map((_, at) => data[at - (at % width) + (width - 1 - (at % width))] ?? 0), width, height };
}

describe('the window on detail', () => {
  const wide = { width: 1280, height: 640 };
  const tall = { width: 640, height: 1280 };
  const square = { width: 640, height: 640 };
  const places: [what: string, grey: GreyPicture, scaled: Size, window: Size, near: [left: number, top: number]][] = [
    ['is in the middle of an even picture', picture(64, 32, []), wide, square, [320, 0]],
    ['is in the upper part of an even picture', picture(32, 64, []), tall, square, [0, 160]],
    ['goes to detail at the left', picture(64, 32, [[2, 12, 8]]), wide, square, [60, 0]],
    ['goes to detail at the right', picture(64, 32, [[54, 12, 8]]), wide, square, [580, 0]],
    ['goes to detail at the bottom', picture(32, 64, [[12, 54, 8]]), tall, square, [0, 600]],
    [
      'keeps the upper of two that are alike',
      picture(32, 64, [
        [12, 6, 8],
        [12, 50, 8],
      ]),
      tall,
      square,
      [0, 110],
    ],
  ];
  for (const [what, grey, scaled, window, [left, top]] of places) {
    it(what, () => {
      const found = windowOnDetail(grey, scaled, window);
      assert.deepEqual([found.width, found.height], [window.width, window.height]);
      const apart = Math.max(Math.abs(found.left - left), Math.abs(found.top - top));
      assert.ok(apart <= 60, `${found.left}, ${found.top}`);
    });
  }

  it('holds a detail that is alone, wherever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 55 }), fc.boolean(), (at, lying) => {
        const grey = lying ? picture(64, 32, [[at, 12, 8]]) : picture(32, 64, [[12, at, 8]]);
        const { left, top } = windowOnDetail(grey, lying ? wide : tall, square);
        const start = lying ? left : top;
        assert.ok(start <= at * 20 + 20 && start + 640 >= (at + 8) * 20 - 20, `${start} for ${at * 20}`);
      }),
    );
  });

  const side = fc.integer({ min: 1, max: 3000 });
  const grey = fc
    .record({ width: fc.integer({ min: 1, max: 24 }), height: fc.integer({ min: 1, max: 24 }) })
    .chain(({ width, height }) =>
      fc
        .uint8Array({ minLength: width * height, maxLength: width * height })
        .map((data): GreyPicture => ({ data, width, height })),
    );

  it('is inside any picture, in whole pixels, and the same every time', () => {
    fc.assert(
      fc.property(grey, side, side, fc.double({ min: 0, max: 1, noNaN: true }), (small, width, height, part) => {
        const window = { width: Math.max(1, Math.round(part * width)), height };
        const found = windowOnDetail(small, { width, height }, window);
        assert.ok(found.left >= 0 && found.left + window.width <= width && found.top === 0);
        assert.ok(Number.isInteger(found.left));
        assert.deepEqual(windowOnDetail(small, { width, height }, window), found);
      }),
    );
  });

  it('is the mirrored window in the mirrored picture', () => {
    let [ties, runs] = [0, 0];
    fc.assert(
      fc.property(grey, (small) => {
        // Else no step of the window is in the very middle.
        fc.pre(small.width % 4 === 0);
        const scaled = { width: small.width * 20, height: small.height * 20 };
        const window = { width: scaled.width / 2, height: scaled.height };
        const { left } = windowOnDetail(small, scaled, window);
        const other = windowOnDetail(mirrored(small), scaled, window).left;
        runs += 1;
        if (other === scaled.width - window.width - left) return;
        // In a symmetrical picture two places are worth the same, and both times the first is taken.
        ties += 1;
        assert.equal(other, left);
      }),
      { numRuns: 300 },
    );
    assert.ok(ties < 0.1 * runs, `${ties} of ${runs}`);
  });
});
