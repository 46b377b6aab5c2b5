import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  fromSeen,
  type Move,
  moved,
  outOf,
  type Pending,
  patchOf,
  pendingOf,
  toSeen,
} from '../../src/playground/page/edit/turns.ts';
import type { Edit } from '../../src/render/recipe.ts';
import { turnedBox, viewOf } from '../../src/render/stages/view/view.ts';

const SIDE = 100_000;
const SIZE = { width: SIDE, height: SIDE };
const moves = fc.array(fc.constantFrom<Move>('left', 'right', 'horizontal', 'vertical'), { maxLength: 6 });
const part = fc.integer({ min: 0, max: 10 }).map((tenth) => tenth / 20);
const box = fc.record({ x: part, y: part, width: part, height: part }).map((each) => ({
  ...each,
  ...{ width: each.width / 2 + 0.1, height: each.height / 2 + 0.1 },
}));
const edits = fc.record(
  {
    rotate: fc.constantFrom(90 as const, 180 as const, 270 as const),
    flip: fc.constantFrom('horizontal' as const, 'vertical' as const, 'both' as const),
    crop: box,
  },
  { requiredKeys: [] },
);

type Box = ReturnType<typeof toSeen>;
const near = (a: Box, b: Box, what: string) => {
  for (const side of ['x', 'y', 'width', 'height'] as const)
    assert.ok(Math.abs(a[side] - b[side]) < 1e-3, `${what}: ${JSON.stringify([a, b])}`);
};

/** Where the server shows a box of the upright original, in fractions of what its edit leaves. */
function asRendered(of: Box, edit: Edit): Box {
  const { region, turn } = viewOf(SIZE, { edit }) ?? {
    region: { left: 0, top: 0, ...SIZE },
    turn: { mirrored: false, quarters: 0 as const },
  };
  const inRegion = {
    ...{ left: (of.x * SIDE - region.left) / region.width, top: (of.y * SIDE - region.top) / region.height },
    ...{ width: (of.width * SIDE) / region.width, height: (of.height * SIDE) / region.height },
  };
  const { left, top, width, height } = turnedBox(inRegion, { width: 1, height: 1 }, turn);
  return { x: left, y: top, width, height };
}

const editOf = (pending: Pending): Edit => {
  const patch = patchOf(pendingOf(), pending);
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== null));
};

describe('an edit on the page', () => {
  it('shows a box where the server does, and reads it back', () => {
    fc.assert(
      fc.property(edits, box, (edit, covered) => {
        const pending = pendingOf(edit);
        const seen = toSeen(covered, pending);
        near(seen, asRendered(covered, edit), 'seen');
        near(fromSeen(seen, pending), covered, 'back');
      }),
    );
  });

  it('turns and flips what is seen, with its crop and its focus, whatever was turned before', () => {
    fc.assert(
      fc.property(edits, moves, box, (edit, all, covered) => {
        const focus = { x: 0.3, y: 0.6 };
        const start = pendingOf({ ...edit, focus });
        const end = all.reduce(moved, start);
        const corners: Readonly<Record<Move, (of: Box) => Box>> = {
          right: ({ x, y, width, height }) => ({ x: 1 - y - height, y: x, width: height, height: width }),
          left: ({ x, y, width, height }) => ({ x: y, y: 1 - x - width, width: height, height: width }),
          horizontal: ({ x, y, width, height }) => ({ x: 1 - x - width, y, width, height }),
          vertical: ({ x, y, width, height }) => ({ x, y: 1 - y - height, width, height }),
        };
        const expected = all.reduce((of, move) => corners[move](of), asRendered(covered, edit));
        near(asRendered(covered, editOf(end)), expected, 'rendered');
        near(toSeen(covered, end), expected, 'seen');
        assert.ok(end.focus && [end.focus.x, end.focus.y].every((at) => at >= 0 && at <= 1));
      }),
    );
  });

  it('says only what is changed, and null for what is taken back', () => {
    const saved = pendingOf({ rotate: 90, crop: { x: 0, y: 0, width: 0.5, height: 1 } }, 'a cup');
    assert.deepEqual(patchOf(saved, saved), {});
    const next = { ...moved(saved, 'left'), crop: undefined, alt: '' };
    assert.deepEqual(patchOf(saved, next), { rotate: null, crop: null, alt: null });
    assert.deepEqual(patchOf(saved, { ...saved, crop: outOf({ x: 0.5, y: 0, width: 0.5, height: 1 }, saved.seen) }), {
      crop: { x: 0.25, y: 0, width: 0.25, height: 1 },
    });
  });
});
