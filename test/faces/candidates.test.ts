import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bestOfBoth, type Candidate, tilesOf } from '../../src/faces/candidates.ts';

const picture = { width: 640, height: 480 };
const at = (left: number, top: number, side: number, score = 0.9): Candidate => ({
  ...{ left, top, width: side, height: side, score },
  eyesY: top + side / 3,
});

describe('one list from two models', () => {
  it('prefers the near model for large faces, the far one for small ones', () => {
    const near = [at(100, 100, 200), at(500, 100, 60, 0.95)];
    const far = [at(60, 110, 190, 0.99), at(505, 102, 62, 0.8)];
    const [large, small, ...rest] = bestOfBoth(picture, near, far, []);
    assert.deepEqual([large?.left, large?.width], [100 / 640, 200 / 640]);
    assert.deepEqual([small?.left, small?.score], [505 / 640, 0.8]);
    assert.deepEqual(rest, []);
  });

  it('lists the largest first, in fractions of the picture with the height of the eyes', () => {
    const faces = bestOfBoth(picture, [], [at(10, 10, 60), at(320, 240, 120)], []);
    assert.deepEqual(faces[0], { left: 0.5, top: 0.5, width: 0.1875, height: 0.25, score: 0.9, eyesY: 280 / 480 });
    assert.equal(faces.length, 2);
  });

  it('believes a tile only in what is whole and small in it', () => {
    const tile = { left: 200, top: 0, width: 300, height: 300 };
    const found = [at(201, 50, 40), at(458, 50, 40), at(300, 100, 160), at(350, 50, 40), at(300, 0, 40)];
    const faces = bestOfBoth(picture, [], [], [{ tile, found }]);
    // The tile's upper edge is the picture's, so what touches it may be whole.
    assert.deepEqual(new Set(faces.map(({ left }) => left * 640)), new Set([350, 300]));
  });

  it('drops what is unlikely, no number or outside, and clips the rest', () => {
    const odd = [
      ...[at(Number.NaN, 10, 50), at(10, 10, Number.NaN), at(10, 10, Number.POSITIVE_INFINITY), at(700, 10, 50)],
      ...[at(10, -200, 50), at(10, 10, -5), at(10, 10, 0), at(300, 300, 50, 0.6), at(300, 300, 50, Number.NaN)],
      { ...at(200, 200, 50), eyesY: Number.NaN },
    ];
    assert.deepEqual(bestOfBoth(picture, odd, odd, []), []);
    const [clipped] = bestOfBoth(picture, [], [at(-20, -20, 60)], []);
    assert.deepEqual([clipped?.left, clipped?.top, clipped?.width], [0, 0, 40 / 640]);
  });

  it('makes faces of nothing but faces, whatever the models say', () => {
    const number = fc.oneof(fc.double({ min: -900, max: 1500 }), fc.constant(Number.NaN), fc.constant(1e300));
    const candidate = fc.record({
      left: number,
      top: number,
      width: number,
      height: number,
      score: number,
      eyesY: number,
    });
    const any = fc.array(candidate, { maxLength: 200 });
    fc.assert(
      fc.property(any, any, (near, far) => {
        for (const { left, top, width, height, eyesY } of bestOfBoth(picture, near, far, [])) {
          assert.ok(left >= 0 && top >= 0 && width > 0 && height > 0);
          assert.ok(
            left + width <= 1 + 1e-9 && top + height <= 1 + 1e-9 && eyesY >= top && eyesY <= top + height + 1e-9,
          );
        }
      }),
    );
  });
});

describe('tiles', () => {
  it('are not looked at in portraits and small pictures', () => {
    assert.deepEqual(tilesOf(picture, [at(100, 100, 200)]), []);
    assert.deepEqual(tilesOf({ width: 300, height: 300 }, []), []);
    assert.equal(tilesOf(picture, [at(100, 100, 200, 0.5)]).length, 4);
  });

  it('cover the picture, inside it, and overlap', () => {
    const side = fc.integer({ min: 1, max: 640 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const tiles = tilesOf({ width, height }, []);
        if (tiles.length === 0) return;
        for (const tile of tiles) {
          assert.ok(
            tile.left >= 0 && tile.left + tile.width <= width && tile.top >= 0 && tile.top + tile.height <= height,
          );
        }
        for (const [x, y] of [
          [0, 0],
          [width, height],
          [width / 2, height / 2],
          [0, height],
          [width, 0],
        ] as const) {
          const holding = tiles.filter(
            ({ left, top, ...size }) => x >= left && x <= left + size.width && y >= top && y <= top + size.height,
          );
          assert.ok(holding.length > 0, `${x},${y}`);
        }
        const lefts = [...new Set(tiles.map(({ left }) => left))].sort((a, b) => a - b);
        for (const [index, left] of lefts.entries()) {
          const next = lefts[index + 1];
          if (next !== undefined) assert.ok(next <= left + (tiles[0]?.width ?? 0) * 0.85, 'gap');
        }
      }),
    );
  });
});
