import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  deepestFaces,
  facesFor,
  joinFaces,
  type KnownFaces,
  readFaces,
  writeFaces,
} from '../../../src/originals/records/known-faces.ts';
import { face } from '../../helpers/faces.ts';

const [near, far, other] = [[face(0.1, 0.1, 0.3)], [face(0.1, 0.1, 0.3), face(0.7, 0.2, 0.04)], [face(0.5, 0.5, 0.1)]];

describe('the faces that looks of two depths found', () => {
  it('frame a rendition by the first look that was deep enough for it', () => {
    const table: [known: KnownFaces | undefined, whole: unknown, tiles: unknown, deepest: unknown][] = [
      [undefined, undefined, undefined, undefined],
      [{ whole: near }, near, undefined, near],
      [{ tiles: far }, far, far, far],
      [{ whole: near, tiles: far }, near, far, far],
      [{ whole: [] }, [], undefined, []],
    ];
    for (const [known, ...expected] of table)
      assert.deepEqual([facesFor(known, 'whole'), facesFor(known, 'tiles'), deepestFaces(known)], expected);
  });

  it('stand as they were first found, on whatever machine', () => {
    assert.deepEqual(joinFaces({ whole: near }, { whole: other, tiles: far }), { whole: near, tiles: far });
    assert.deepEqual(joinFaces({ tiles: far }, { whole: other }), { tiles: far, whole: other });
    assert.deepEqual(joinFaces(undefined, { whole: other }), { whole: other });
    assert.equal(joinFaces(undefined, undefined), undefined);
  });

  it('come back from a record as they were written', () => {
    for (const known of [{ whole: near }, { tiles: far }, { whole: [], tiles: far }]) {
      const { depth, faces, wholeFaces } = writeFaces(known);
      assert.deepEqual(readFaces({ depth, faces, wholeFaces }), known);
    }
    assert.equal(readFaces({ depth: 'whole', faces: undefined, wholeFaces: undefined }), undefined);
  });

  it('went to the tiles where a record of before there were depths keeps them', () => {
    assert.deepEqual(readFaces({ depth: undefined, faces: far, wholeFaces: undefined }), { tiles: far });
  });

  it('are damaged where no version wrote them so', () => {
    for (const written of [
      { depth: 'deeper', faces: far, wholeFaces: undefined },
      { depth: 'tiles', faces: far, wholeFaces: [null] },
      { depth: 'whole', faces: [{ ...face(0, 0, 1), left: 2 }], wholeFaces: undefined },
      { depth: 7, faces: [], wholeFaces: undefined },
    ])
      assert.equal(readFaces(written), 'damaged', JSON.stringify(written));
  });
});
