import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Candidate, closeUpOf, confirmed, facesOf, suggestions, tilesOf } from '../../src/faces/candidates.ts';

const picture = { width: 640, height: 480 };
const at = (left: number, top: number, side: number, score = 0.9): Candidate => ({
  ...{ left, top, width: side, height: side, score },
  eyesY: top + side / 3,
});

describe('suggestions', () => {
  it('take large faces from the near model as they are, once, and ask again about the rest', () => {
    const near = [at(100, 100, 200), at(500, 100, 60, 0.95), at(300, 300, 130, 0.6)];
    const far = [at(60, 110, 190, 0.99), at(505, 102, 62, 0.8)];
    const { sure, suggested } = suggestions(picture, near, far, []);
    assert.deepEqual(sure, [at(100, 100, 200)]);
    assert.deepEqual(suggested, [at(500, 100, 60, 0.95), at(300, 300, 130, 0.6)]);
  });

  it('take from a tile only faces that are small and not cut in it', () => {
    const tile = { left: 200, top: 0, width: 300, height: 300 };
    const found = [at(201, 50, 40), at(458, 50, 40), at(300, 100, 160), at(350, 50, 40), at(300, 0, 40)];
    const { suggested } = suggestions(picture, [], [], [{ tile, found }]);
    // The tile's upper edge is the picture's, so a face at that edge is not cut.
    assert.deepEqual(new Set(suggested.map(({ left }) => left)), new Set([350, 300]));
  });

  it('drop unlikely and non-finite detections, and have a limit', () => {
    const odd = [
      ...[at(Number.NaN, 10, 50), at(10, 10, Number.NaN), at(10, 10, Number.POSITIVE_INFINITY), at(10, 10, -5)],
      ...[
        at(10, 10, 0),
        at(300, 300, 50, 0.3),
        at(300, 300, 50, Number.NaN),
        { ...at(200, 200, 50), eyesY: Number.NaN },
      ],
    ];
    assert.deepEqual(suggestions(picture, odd, odd, []), { sure: [], suggested: [] });
    const crowd = Array.from({ length: 200 }, (_, index) =>
      at((index % 20) * 30, Math.floor(index / 20) * 40, 20, 0.5 + index / 1000),
    );
    const { suggested } = suggestions(picture, [], crowd, []);
    assert.equal(suggested.length, 24);
    assert.equal(suggested[0]?.score, 0.5 + 199 / 1000);
  });
});

describe('a close look', () => {
  it('shows the face with air around it, inside the picture', () => {
    assert.deepEqual(closeUpOf(at(300, 200, 50), picture), { left: 270, top: 170, width: 110, height: 110 });
    assert.deepEqual(closeUpOf(at(0, 440, 40), picture), { left: 0, top: 392, width: 88, height: 88 });
    assert.deepEqual(closeUpOf(at(0, 0, 400), picture), { left: 0, top: 0, width: 640, height: 480 });
    assert.equal(closeUpOf(at(0, 0, 0), picture), undefined);
  });

  it('confirms what both models see there, with the near box and the mean score', () => {
    const suggestion = at(300, 200, 50, 0.5);
    const near = at(302, 201, 48, 0.9);
    assert.deepEqual(confirmed(suggestion, [near], [at(298, 199, 52, 0.8)]), { ...near, score: (0.9 + 0.8) / 2 });
    assert.equal(confirmed(suggestion, [near], []), undefined);
    assert.equal(confirmed(suggestion, [at(302, 201, 48, 0.5)], [at(298, 199, 52, 0.45)]), undefined);
    assert.equal(confirmed(suggestion, [at(360, 201, 48)], [at(360, 199, 52)]), undefined, 'another face');
    assert.equal(confirmed(suggestion, [at(Number.NaN, 201, 48)], [at(302, Number.NaN, 48)]), undefined);
  });
});

describe('faces', () => {
  it('are listed largest first, each once, in fractions of the picture with the height of the eyes', () => {
    const faces = facesOf(picture, [at(10, 10, 60), at(320, 240, 120), at(325, 245, 110)]);
    assert.deepEqual(faces[0], { left: 0.5, top: 0.5, width: 0.1875, height: 0.25, score: 0.9, eyesY: 280 / 480 });
    assert.equal(faces.length, 2);
  });

  it('are clipped to the picture, and dropped outside it', () => {
    const [clipped, ...others] = facesOf(picture, [at(-20, -20, 60), at(700, 10, 50), at(10, -200, 50)]);
    assert.deepEqual([clipped?.left, clipped?.top, clipped?.width], [0, 0, 40 / 640]);
    assert.deepEqual(others, []);
  });

  it('are nothing but faces, whatever the models say', () => {
    const number = fc.oneof(fc.double({ min: -900, max: 1500 }), fc.constant(Number.NaN), fc.constant(1e300));
    const candidate = fc.record({
      ...{ left: number, top: number, width: number, height: number },
      ...{ score: fc.oneof(number, fc.double({ min: 0.4, max: 1 })), eyesY: number },
    });
    const any = fc.array(candidate, { maxLength: 200 });
    fc.assert(
      fc.property(any, any, (near, far) => {
        const { sure, suggested } = suggestions(picture, near, far, []);
        for (const { left, top, width, height } of suggested.flatMap((face) => closeUpOf(face, picture) ?? []))
          assert.ok(left >= 0 && top >= 0 && left + width <= picture.width && top + height <= picture.height);
        const checked = suggested.flatMap((face) => confirmed(face, near, far) ?? []);
        for (const { left, top, width, height, eyesY } of facesOf(picture, [...sure, ...checked])) {
          assert.ok(left >= 0 && top >= 0 && width > 0 && height > 0);
          assert.ok(left + width <= 1 + 1e-9 && top + height <= 1 + 1e-9);
          assert.ok(eyesY >= top && eyesY <= top + height + 1e-9);
        }
      }),
    );
  });
});

describe('tiles', () => {
  it('are not looked at in portraits and small pictures', () => {
    assert.deepEqual(tilesOf(picture, [at(100, 100, 200)]), []);
    assert.deepEqual(tilesOf({ width: 300, height: 300 }, []), []);
    assert.equal(tilesOf(picture, [at(100, 100, 200, 0.5)]).length, 9);
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
