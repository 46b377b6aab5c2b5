import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Candidate } from '../../src/faces/candidates.ts';
import type { LookDepth } from '../../src/faces/face.ts';
import type { Area, Picture } from '../../src/faces/picture.ts';
import { search } from '../../src/faces/search.ts';

const WIDTH = 640;
const HEIGHT = 480;

const face = (left: number, top: number, side: number, score: number): Candidate => ({
  ...{ left, top, width: side, height: side, score },
  eyesY: top + side / 3,
});

interface Scene {
  /** By the far model in all of the picture. */
  readonly whole?: readonly Candidate[];
  /** By the far model in parts of it, where it is inside of them. */
  readonly far?: readonly Candidate[];
  /** By the near model in close-ups. */
  readonly near?: readonly Candidate[];
  readonly passes?: number;
  readonly width?: number;
  readonly height?: number;
}

/** A look with models that see what a scene says, and what each of them was shown, in order. */
async function look(scene: Scene, depth: LookDepth = 'tiles') {
  const { width = WIDTH, height = HEIGHT } = scene;
  const picture: Picture = { data: new Uint8ClampedArray(0), width, height };
  const shown: string[] = [];
  let left = scene.passes ?? Number.POSITIVE_INFINITY;
  let loads = 0;
  const within = (part: Area) => (one: Candidate) =>
    one.left >= part.left &&
    one.top >= part.top &&
    one.left + one.width <= part.left + part.width &&
    one.top + one.height <= part.top + part.height;
  const isAll = (part: Area) => part.width === width && part.height === height;
  const isTile = (part: Area) => part.width > width / 2;
  const found = await search(
    picture,
    depth,
    {
      far(_, part) {
        shown.push(isAll(part) ? 'far all' : isTile(part) ? 'far tile' : 'far close-up');
        return isAll(part) ? [...(scene.whole ?? [])] : (scene.far ?? []).filter(within(part));
      },
      async near() {
        loads += 1;
        return (_, part) => {
          shown.push('near close-up');
          return (scene.near ?? []).filter(within(part));
        };
      },
    },
    () => {
      left -= 1;
      return left >= 0;
    },
  );
  return { found, shown, loads };
}

const TILES = ['far tile', 'far tile', 'far tile', 'far tile'];

describe('a look', () => {
  it('ends after one pass where the far model reports nothing, and needs no near model', async () => {
    for (const depth of ['whole', 'tiles'] as const) {
      const { found, shown, loads } = await look({}, depth);
      assert.deepEqual(found, { faces: [], depth: 'tiles', complete: true });
      assert.deepEqual([shown, loads], [['far all'], 0]);
    }
  });

  it('is over before it began in a picture of 19 pixels', async () => {
    const { found, shown } = await look({ width: 640, height: 19, whole: [face(0, 0, 19, 0.9)] });
    assert.deepEqual([found, shown], [{ faces: [], depth: 'tiles', complete: true }, []]);
  });

  it('needs no near model for a report that is not worth a close-up', async () => {
    const { found, shown, loads } = await look({ whole: [face(100, 100, 60, 0.35)] });
    assert.deepEqual(found, { faces: [], depth: 'tiles', complete: true });
    assert.deepEqual([shown, loads], [['far all'], 0]);
  });

  it('asks the near model about a face, and nobody else where that is sure', async () => {
    const scene = { whole: [face(200, 100, 180, 0.85)], near: [face(204, 104, 170, 0.95)] };
    const { found, shown } = await look(scene);
    assert.deepEqual(shown, ['far all', 'near close-up']);
    const [only, ...others] = found.faces;
    assert.deepEqual(others, []);
    // The near model's box: its sides lie in another place, but not its middle nor its chin.
    assert.ok(only && Math.abs(only.left + only.width / 2 - 289 / WIDTH) < 1e-9 && Math.abs(only.score - 0.9) < 1e-9);
    assert.deepEqual([found.depth, found.complete], ['tiles', true]);
  });

  it('asks the far model again where the near one agrees and a doubt is left', async () => {
    const scene = { whole: [face(200, 100, 100, 0.45)], near: [face(204, 104, 96, 0.7)] };
    const refuted = await look({ ...scene, far: [] });
    assert.deepEqual(refuted.shown, ['far all', 'near close-up', 'far close-up']);
    assert.deepEqual(refuted.found.faces, []);
    const agreed = await look({ ...scene, far: [face(202, 102, 98, 0.6)] });
    assert.deepEqual(agreed.shown.slice(0, 3), ['far all', 'near close-up', 'far close-up']);
    assert.equal(agreed.found.faces.length, 1);
  });

  it('does not ask the far model about what the near one does not see', async () => {
    const { found, shown } = await look({ whole: [face(200, 100, 100, 0.9)], far: [face(200, 100, 100, 0.9)] });
    assert.deepEqual(shown, ['far all', 'near close-up']);
    assert.deepEqual(found.faces, []);
  });

  const small = { whole: [face(300, 100, 60, 0.8)], near: [face(300, 100, 60, 0.9), face(40, 300, 20, 0.9)] };
  const inTile = { ...small, far: [face(300, 100, 60, 0.8), face(40, 300, 20, 0.8)] };

  it('goes through the tiles where a small face was found, and takes a known face from none of them', async () => {
    const { found, shown } = await look(inTile);
    assert.deepEqual(shown, ['far all', 'near close-up', ...TILES, 'near close-up']);
    assert.equal(found.faces.length, 2);
    assert.deepEqual([found.depth, found.complete], ['tiles', true]);
  });

  it('takes no face from a tile that the whole picture shows better', async () => {
    const large = face(60, 60, 200, 0.8);
    const { found, shown } = await look({ ...small, far: [large], near: [...small.near, large] });
    assert.deepEqual(shown, ['far all', 'near close-up', ...TILES]);
    assert.equal(found.faces.length, 1);
  });

  it('tells that a deeper one would find more, where it was not to go into the tiles', async () => {
    const { found, shown } = await look(inTile, 'whole');
    assert.deepEqual(shown, ['far all', 'near close-up']);
    assert.equal(found.faces.length, 1);
    assert.deepEqual([found.depth, found.complete], ['whole', true]);
  });

  it('counts as deep where the tiles would be left out anyway', async () => {
    const portrait = { whole: [face(200, 100, 180, 0.85)], near: [face(204, 104, 170, 0.95)] };
    assert.equal((await look(portrait, 'whole')).found.depth, 'tiles');
  });

  it('does not count as deep where a report was too small for it', async () => {
    const { found, loads } = await look({ whole: [face(200, 100, 14, 0.8)] }, 'whole');
    assert.deepEqual([found, loads], [{ faces: [], depth: 'whole', complete: true }, 0]);
  });

  it('looks closer at 24 faces of a crowd', async () => {
    const crowd = Array.from({ length: 60 }, (_, index) =>
      face((index % 10) * 60, Math.floor(index / 10) * 70, 30, 0.6 + index / 1000),
    );
    const { found, shown } = await look({
      whole: crowd,
      near: crowd.map((one) => ({ ...one, score: 0.9 })),
      far: crowd,
    });
    assert.equal(found.faces.length, 24);
    assert.equal(shown.filter((pass) => pass.endsWith('close-up')).length, 24);
    const chin = (x: number, y: number) => `${Math.round(x)} ${Math.round(y)}`;
    const likeliest = crowd.slice(-24).map(({ left, top, width, height }) => chin(left + width / 2, top + height));
    const kept = found.faces.map(({ left, top, width, height }) =>
      chin((left + width / 2) * WIDTH, (top + height) * HEIGHT),
    );
    assert.deepEqual(kept.toSorted(), likeliest.toSorted());
  });

  it('ends between two passes when it may not go on, with what was found until then', async () => {
    const all = (await look(inTile)).shown.length;
    for (let passes = 0; passes < all - 1; passes += 1) {
      const { found, shown } = await look({ ...inTile, passes });
      assert.equal(shown.length, passes + 1);
      assert.equal(found.complete, false);
      assert.equal(found.faces.length, passes > 0 ? 1 : 0);
      assert.equal(found.depth, passes > TILES.length ? 'tiles' : 'whole');
    }
    assert.equal((await look({ ...inTile, passes: all - 1 })).found.complete, true);
  });
});
