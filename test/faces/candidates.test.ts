import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Candidate,
  candidatesOf,
  closeUpOf,
  confirmed,
  facesOf,
  hidesSmallFaces,
  seenAgain,
  sure,
  tilesOf,
  wholeIn,
} from '../../src/faces/candidates.ts';

const picture = { width: 640, height: 480 };
const at = (left: number, top: number, side: number, score = 0.9): Candidate => ({
  ...{ left, top, width: side, height: side, score },
  eyesY: top + side / 3,
});

describe('candidates', () => {
  it('are what the far model reported, the likeliest first, each face once', () => {
    const reported = [at(300, 300, 60, 0.5), at(100, 100, 50, 0.8), at(104, 102, 50, 0.7)];
    assert.deepEqual(candidatesOf(picture, reported, [], 'tiles'), [at(100, 100, 50, 0.8), at(300, 300, 60, 0.5)]);
  });

  it('are none of the faces that are known', () => {
    const reported = [at(300, 300, 60, 0.5), at(100, 100, 50, 0.8)];
    assert.deepEqual(candidatesOf(picture, reported, [at(98, 101, 55)], 'tiles'), [at(300, 300, 60, 0.5)]);
  });

  it('are likely, larger than a blur, and made of finite numbers', () => {
    const odd = [
      ...[at(Number.NaN, 10, 50), at(10, 10, Number.NaN), at(10, 10, Number.POSITIVE_INFINITY), at(10, 10, -50)],
      ...[at(10, 10, 0), at(300, 300, 50, 0.39), at(300, 300, 50, Number.NaN)],
      ...[{ ...at(200, 200, 50), eyesY: Number.NaN }, at(400, 100, 11)],
    ];
    assert.deepEqual(candidatesOf(picture, odd, [], 'tiles'), []);
    assert.deepEqual(candidatesOf(picture, [at(400, 100, 12), at(300, 300, 50, 0.4)], [], 'tiles').length, 2);
    // A whole look has a smaller picture of the same original, whose size depends on how it was decoded.
    for (const [width, least] of [
      [320, 16],
      [290, 14.5],
      [280, 14],
      [90, 14],
    ] as const)
      assert.deepEqual(
        candidatesOf({ width, height: 60 }, [at(60, 10, least - 0.1), at(30, 30, least)], [], 'whole'),
        [at(30, 30, least)],
        `${width}`,
      );
  });
});

describe('a close look', () => {
  it('shows the face with air around it, inside the picture', () => {
    assert.deepEqual(closeUpOf(at(300, 200, 50), picture), { left: 270, top: 170, width: 110, height: 110 });
    assert.deepEqual(closeUpOf(at(0, 440, 40), picture), { left: 0, top: 392, width: 88, height: 88 });
    assert.deepEqual(closeUpOf(at(0, 0, 400), picture), { left: 0, top: 0, width: 640, height: 480 });
    assert.equal(closeUpOf(at(0, 0, 0), picture), undefined);
  });

  it('sees the candidate again where the boxes agree, at its best score', () => {
    const candidate = at(300, 200, 50, 0.5);
    const best = at(302, 201, 48, 0.9);
    assert.equal(seenAgain(candidate, [at(300, 200, 50, 0.6), best, at(305, 201, 48, 0.8)]), best);
    assert.equal(seenAgain(candidate, [at(340, 201, 50)]), undefined, 'another face');
    assert.equal(seenAgain(candidate, [at(300, 200, 20)]), undefined, 'a part of it');
    assert.equal(seenAgain(candidate, [at(Number.NaN, 201, 48)]), undefined);
  });

  it('is enough where the near model has no doubt and the far one had little', () => {
    const near = at(302, 201, 48, 0.8);
    assert.deepEqual(sure(at(300, 200, 50, 0.62), near), { ...near, score: (0.8 + 0.62) / 2 });
    assert.equal(sure(at(300, 200, 50, 0.58), near), undefined, 'the mean is below 0.7');
    assert.equal(sure(at(300, 200, 50, 0.99), at(302, 201, 48, 0.74)), undefined, 'the near model doubts');
  });

  it('confirms a doubtful face that both models see in it, with the near box and the mean score', () => {
    const near = at(302, 201, 48, 0.6);
    assert.deepEqual(confirmed(near, at(298, 199, 52, 0.5)), { ...near, score: (0.6 + 0.5) / 2 });
    assert.equal(confirmed(near, at(298, 199, 52, 0.39)), undefined);
    assert.equal(confirmed(at(302, 201, 48, 0.99), undefined), undefined);
  });
});

describe('small faces', () => {
  const hides = (reported: Candidate[], found: Candidate[], depth: 'whole' | 'tiles' = 'tiles') =>
    hidesSmallFaces(picture, reported, found, depth);

  it('are not looked for beside one or two subjects, or where one report came to nothing', () => {
    assert.equal(hides([at(200, 100, 120)], [at(200, 100, 120)]), false);
    assert.equal(hides([at(200, 100, 120), at(400, 100, 110)], [at(200, 100, 120), at(400, 100, 110)]), false);
    assert.equal(hides([at(200, 100, 120), at(20, 20, 60)], [at(200, 100, 120)]), false);
    assert.equal(hides([at(20, 20, 60, 0.35)], []), false);
  });

  it('are looked for beside small faces, in groups, and where two reports came to nothing', () => {
    assert.equal(hides([at(200, 100, 90)], [at(200, 100, 90)]), true);
    const group = [at(20, 100, 100), at(200, 100, 100), at(400, 100, 100)];
    assert.equal(hides(group, group), true);
    assert.equal(hides([at(20, 20, 60, 0.35), at(200, 20, 60, 0.35)], []), true);
  });

  it('are looked for where a report is too small for a close-up of this picture', () => {
    assert.equal(hides([at(20, 20, 15, 0.35)], [], 'whole'), true);
    assert.equal(hides([at(20, 20, 15, 0.35)], [], 'tiles'), false);
  });

  it('are not looked for behind a portrait', () => {
    const others = [at(500, 100, 60), at(20, 100, 20), at(20, 300, 20)];
    assert.equal(hides([at(200, 100, 200), ...others], [at(200, 100, 200, 0.7), ...others]), false);
    assert.equal(hides([at(200, 100, 200), ...others], [at(200, 100, 200, 0.6), ...others]), true);
  });
});

describe('faces', () => {
  it('are listed largest first, each once, in fractions of the picture with the height of the eyes', () => {
    const faces = facesOf(picture, [at(10, 10, 60), at(320, 240, 120), at(325, 245, 110)]);
    assert.equal(faces.length, 2);
    assert.ok(faces[0] && faces[1] && faces[0].width > faces[1].width);
    assert.equal(faces[0].eyesY, 280 / 480);
    assert.equal(faces[0].score, 0.9);
  });

  it('reach from the forehead to the chin, where the models see them from the brows', () => {
    const [face] = facesOf(picture, [at(320, 240, 100)]);
    assert.ok(face);
    const { left, top, width, height } = face;
    const px = [left * 640, top * 480, (left + width) * 640, (top + height) * 480].map((edge) => edge.toFixed(2));
    assert.deepEqual(px, ['323.50', '219.00', '416.50', '340.00']);
  });

  it('are clipped to the picture, and dropped outside it', () => {
    const [clipped, ...others] = facesOf(picture, [at(-20, -20, 60), at(700, 10, 50), at(10, -200, 50)]);
    assert.deepEqual([clipped?.left, clipped?.top, clipped?.height.toFixed(6)], [0, 0, (40 / 480).toFixed(6)]);
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
        const candidates = candidatesOf(picture, far, [], 'tiles');
        for (const { left, top, width, height } of candidates.flatMap((face) => closeUpOf(face, picture) ?? []))
          assert.ok(left >= 0 && top >= 0 && left + width <= picture.width && top + height <= picture.height);
        const found = candidates.flatMap((face) => {
          const again = seenAgain(face, near);
          return again ? (sure(face, again) ?? confirmed(again, seenAgain(face, far)) ?? []) : [];
        });
        for (const { left, top, width, height, eyesY } of facesOf(picture, found)) {
          assert.ok(left >= 0 && top >= 0 && width > 0 && height > 0);
          assert.ok(left + width <= 1 + 1e-9 && top + height <= 1 + 1e-9);
          assert.ok(eyesY >= top && eyesY <= top + height + 1e-9);
        }
      }),
    );
  });
});

describe('tiles', () => {
  it('are four in most pictures, two in a panorama, and none in a small one', () => {
    assert.equal(tilesOf(picture).length, 4);
    assert.equal(tilesOf({ width: 640, height: 360 }).length, 2);
    assert.deepEqual(tilesOf({ width: 300, height: 319 }), []);
  });

  it('tell only of faces that are small and not cut in them', () => {
    const tile = { left: 200, top: 0, width: 300, height: 300 };
    const whole = (face: Candidate) => wholeIn(face, tile, picture);
    // The tile's upper edge is the picture's, so a face at that edge is not cut.
    assert.deepEqual([at(350, 50, 40), at(300, 0, 40)].map(whole), [true, true]);
    assert.deepEqual([at(201, 50, 40), at(458, 50, 40), at(300, 258, 40), at(300, 100, 160)].map(whole), [
      ...[false, false, false, false],
    ]);
  });

  it('cover the picture, inside it, and overlap', () => {
    const side = fc.integer({ min: 1, max: 640 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const tiles = tilesOf({ width, height });
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
