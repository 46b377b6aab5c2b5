import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Box, Size } from '../../../src/render/pixels.ts';
import type { FaceBox } from '../../../src/render/stages/face-window.ts';
import { dependsOnFaces, planFrame, windowToFaces, workingSize } from '../../../src/render/stages/geometry.ts';

/** A face by pixels of its picture. */
function faceAt(picture: Size, left: number, top: number, side: number, score = 0.9): FaceBox {
  return {
    ...{ left: left / picture.width, top: top / picture.height },
    ...{ width: side / picture.width, height: side / picture.height, score },
    eyesY: (top + side * 0.35) / picture.height,
  };
}

function withPlan(picture: Size, asked: Size, faces: FaceBox[], faceZoom = 1) {
  return windowToFaces(planFrame(picture, { ...asked, fit: 'cover', margin: 0 }), faces, picture, faceZoom);
}

/** The face in pixels of the scaled picture, rounded outward. */
function inScaled(face: FaceBox, { width, height }: Size): Box {
  const left = Math.max(0, Math.floor(face.left * width));
  const top = Math.max(0, Math.floor(face.top * height));
  const right = Math.min(width, Math.ceil(face.left * width + face.width * width));
  const bottom = Math.min(height, Math.ceil(face.top * height + face.height * height));
  return { left, top, width: right - left, height: bottom - top };
}
const holds = (outer: Box, inner: Box) =>
  inner.left >= outer.left &&
  inner.top >= outer.top &&
  inner.left + inner.width <= outer.left + outer.width &&
  inner.top + inner.height <= outer.top + outer.height;
const touches = (a: Box, b: Box) =>
  a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;

describe('the window on faces by table', () => {
  const wide = { width: 1200, height: 600 };
  const tall = { width: 600, height: 1200 };
  const square = { width: 600, height: 600 };
  const rows: [
    what: string,
    picture: Size,
    asked: Size,
    faces: [number, number, number, number?][],
    window: [number, number],
  ][] = [
    ['a face at the left', wide, square, [[100, 200, 100]], [0, 0]],
    ['a face at the right', wide, square, [[1050, 200, 100]], [600, 0]],
    ['a face in the middle is centred', wide, square, [[500, 200, 100]], [250, 0]],
    ['eyes at the upper third', tall, square, [[250, 600, 100]], [0, 435]],
    ['a face at the very top', tall, square, [[250, 10, 100]], [0, 0]],
    ['a face at the very bottom', tall, square, [[250, 1095, 100]], [0, 600]],
    [
      'two that fit are both uncut',
      wide,
      square,
      [
        [300, 200, 100],
        [700, 200, 100],
      ],
      [250, 0],
    ],
    [
      'two that do not: the larger',
      wide,
      square,
      [
        [20, 200, 100],
        [900, 200, 140],
      ],
      [600, 0],
    ],
    [
      'of two alike, the surer',
      wide,
      square,
      [
        [20, 200, 120, 0.75],
        [1000, 200, 120, 0.95],
      ],
      [600, 0],
    ],
    [
      'two small outweigh a middling one apart',
      wide,
      square,
      [
        [10, 200, 110],
        [700, 200, 90],
        [900, 200, 90],
      ],
      [545, 0],
    ],
    [
      'no cut through the neighbour',
      wide,
      square,
      [
        [300, 200, 140],
        [700, 200, 100],
        [830, 250, 100],
      ],
      [230, 0],
    ],
  ];
  for (const [what, picture, asked, faces, [left, top]] of rows) {
    it(what, () => {
      const { window } = withPlan(
        picture,
        asked,
        faces.map(([x, y, side, score]) => faceAt(picture, x, y, side, score)),
      );
      assert.deepEqual(window, { left, top, ...asked });
    });
  }

  it('keeps as much of a face as it can when the face is larger than the window', () => {
    const picture = { width: 1200, height: 400 };
    const { window } = withPlan(picture, { width: 300, height: 300 }, [faceAt(picture, 500, 0, 399)]);
    assert.ok(window.left > 370 * 0.75 && window.left + window.width < 900 * 0.75 + 5, JSON.stringify(window));
  });

  it('leaves the plan alone without faces', () => {
    const plan = planFrame(wide, { ...square, fit: 'cover', margin: 0 });
    assert.equal(windowToFaces(plan, [], wide, 3), plan);
  });
});

describe('the zoom on faces by table', () => {
  const picture = { width: 2000, height: 2000 };
  const avatar = { width: 200, height: 200 };
  it('comes as near as the face fills its share, within the limit', () => {
    // The face is 20 px of 200; 45 % would be 90 px: 4.5 times.
    const at = [faceAt(picture, 900, 500, 200)];
    assert.equal(withPlan(picture, avatar, at, 3).scaled.width, 600);
    assert.equal(withPlan(picture, avatar, at, 8).scaled.width, 900);
    assert.equal(withPlan(picture, avatar, at, 1).scaled.width, 200);
  });

  it('does not zoom in on a portrait', () => {
    assert.equal(withPlan(picture, avatar, [faceAt(picture, 500, 500, 1000)], 8).scaled.width, 200);
  });

  it('keeps faces of about one size in, and lets bystanders go', () => {
    const two = withPlan(picture, avatar, [faceAt(picture, 600, 500, 200), faceAt(picture, 1200, 500, 180)], 8);
    assert.ok(two.scaled.width > 300 && two.scaled.width < 500, `${two.scaled.width}`);
    for (const [x, side] of [
      [600, 200],
      [1200, 180],
    ] as const)
      assert.ok(holds(two.window, inScaled(faceAt(picture, x, 500, side), two.scaled)));
    const bystander = withPlan(picture, avatar, [faceAt(picture, 600, 500, 200), faceAt(picture, 1900, 500, 60)], 8);
    assert.equal(bystander.scaled.width, 900);
  });

  it('never enlarges', () => {
    const small = { width: 300, height: 300 };
    assert.equal(withPlan(small, avatar, [faceAt(small, 100, 100, 20)], 8).scaled.width, 300);
    assert.equal(
      dependsOnFaces(planFrame(small, { width: 300, height: 300, fit: 'cover', margin: 0 }), small, 8),
      false,
    );
    assert.equal(dependsOnFaces(planFrame(small, { ...avatar, fit: 'cover', margin: 0 }), small, 8), true);
    assert.equal(dependsOnFaces(planFrame(small, { ...avatar, fit: 'cover', margin: 0 }), small, 1), false);
  });
});

describe('the window on faces for any picture', () => {
  const side = fc.integer({ min: 1, max: 4000 });
  const size = fc.record({ width: side, height: side });
  const asked = fc.record({ width: fc.integer({ min: 1, max: 1500 }), height: fc.integer({ min: 1, max: 1500 }) });
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  const anyFace: fc.Arbitrary<FaceBox> = fc
    .record({ x: part, y: part, w: fc.double({ min: 0.005, max: 0.6, noNaN: true }), score: part })
    .map(({ x, y, w, score }) => {
      const [left, top] = [x * (1 - w), y * (1 - w)];
      return { left, top, width: w, height: w, score: 0.5 + score / 2, eyesY: top + w * 0.35 };
    });
  const faces = fc.array(anyFace, { minLength: 1, maxLength: 6 });
  const zoom = fc.constantFrom(1, 1, 2, 3, 8);

  it('is inside the picture, keeps the shape to the pixel, enlarges nothing, and is the same every time', () => {
    fc.assert(
      fc.property(size, asked, faces, zoom, (picture, wanted, found, faceZoom) => {
        const before = planFrame(picture, { ...wanted, fit: 'cover', margin: 0 });
        const after = withPlan(picture, wanted, found, faceZoom);
        const { scaled, window } = after;
        assert.deepEqual([window.width, window.height], [before.window.width, before.window.height]);
        assert.deepEqual(after.canvas, before.canvas);
        assert.ok(window.left >= 0 && window.top >= 0);
        assert.ok(window.left + window.width <= scaled.width && window.top + window.height <= scaled.height);
        assert.ok(scaled.width <= Math.max(picture.width, before.scaled.width));
        assert.ok(scaled.height <= Math.max(picture.height, before.scaled.height));
        assert.ok([window.left, window.top, scaled.width, scaled.height].every(Number.isInteger));
        const working = workingSize(before, picture, faceZoom, 640);
        assert.ok(working.width >= scaled.width && working.height >= scaled.height, 'fewer pixels than the zoom needs');
        assert.deepEqual(withPlan(picture, wanted, found.toReversed(), faceZoom), after);
      }),
      { numRuns: 400 },
    );
  });

  it('contains all faces whenever they fit together', () => {
    let fitted = 0;
    fc.assert(
      fc.property(size, asked, faces, (picture, wanted, found) => {
        const { scaled, window } = withPlan(picture, wanted, found);
        const boxes = found.map((face) => inScaled(face, scaled));
        const left = Math.min(...boxes.map((box) => box.left));
        const top = Math.min(...boxes.map((box) => box.top));
        const right = Math.max(...boxes.map((box) => box.left + box.width));
        const bottom = Math.max(...boxes.map((box) => box.top + box.height));
        if (right - left > window.width || bottom - top > window.height) return;
        fitted += 1;
        for (const box of boxes)
          assert.ok(holds(window, box), `${JSON.stringify(box)} not in ${JSON.stringify(window)}`);
      }),
      { numRuns: 600 },
    );
    assert.ok(fitted > 50, `${fitted}`);
  });

  it('never cuts the largest face at any zoom, if it fits at all', () => {
    fc.assert(
      fc.property(size, asked, anyFace, zoom, (picture, wanted, found, faceZoom) => {
        const { scaled, window } = withPlan(picture, wanted, [found], faceZoom);
        const box = inScaled(found, scaled);
        if (box.width <= window.width && box.height <= window.height) assert.ok(holds(window, box));
      }),
      { numRuns: 600 },
    );
  });

  it('holds as much face as any window could, weighed by size and score', () => {
    const few = fc.array(anyFace, { minLength: 2, maxLength: 5 });
    const little = fc.record({ width: fc.integer({ min: 20, max: 60 }), height: fc.integer({ min: 20, max: 60 }) });
    fc.assert(
      fc.property(little, little, few, (picture, wanted, found) => {
        const { scaled, window } = withPlan(picture, wanted, found);
        const boxes = found.map((face) => ({
          box: inScaled(face, scaled),
          weight: face.width * face.height * face.score,
        }));
        const weigh = (at: Box) => boxes.reduce((sum, { box, weight }) => sum + (holds(at, box) ? weight : 0), 0);
        let best = 0;
        for (let left = 0; left <= scaled.width - window.width; left += 1)
          for (let top = 0; top <= scaled.height - window.height; top += 1)
            best = Math.max(best, weigh({ ...window, left, top }));
        assert.ok(weigh(window) >= best * (1 - 1e-6), `${weigh(window)} of ${best}`);
      }),
      { numRuns: 150 },
    );
  });

  it('never cuts through a face where a place beside it holds as much', () => {
    const few = fc.array(anyFace, { minLength: 2, maxLength: 4 });
    const little = fc.record({ width: fc.integer({ min: 20, max: 60 }), height: fc.integer({ min: 20, max: 60 }) });
    fc.assert(
      fc.property(little, little, few, (picture, wanted, found) => {
        const { scaled, window } = withPlan(picture, wanted, found);
        const boxes = found.map((face) => ({
          box: inScaled(face, scaled),
          weight: face.width * face.height * face.score,
        }));
        const weigh = (at: Box) => boxes.reduce((sum, { box, weight }) => sum + (holds(at, box) ? weight : 0), 0);
        const cut = (at: Box) => boxes.filter(({ box }) => touches(at, box) && !holds(at, box)).length;
        if (weigh(window) === 0 || cut(window) === 0) return;
        for (let left = 0; left <= scaled.width - window.width; left += 1)
          for (let top = 0; top <= scaled.height - window.height; top += 1) {
            const at = { ...window, left, top };
            if (weigh(at) >= weigh(window) * (1 - 1e-6))
              assert.ok(cut(at) > 0, `${JSON.stringify(window)} but ${left},${top}`);
          }
      }),
      { numRuns: 150 },
    );
  });

  it('places a crowd of hundreds', () => {
    const picture = { width: 3000, height: 1500 };
    const crowd = Array.from({ length: 300 }, (_, index) =>
      faceAt(picture, (index % 30) * 100, Math.floor(index / 30) * 150, 60),
    );
    const since = process.cpuUsage();
    const { window } = withPlan(picture, { width: 600, height: 600 }, crowd);
    assert.equal(window.width, 600);
    // Cubic growth would take minutes.
    assert.ok(process.cpuUsage(since).user < 5_000_000);
  });
});
