import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collectBody } from '../../../src/stores/shared/time-limit.ts';

const limits = { maxBytes: 10 };

describe('a body that comes in pieces', () => {
  const collect = (announced: number | undefined, ...pieces: string[]) => {
    const body = collectBody(announced, limits);
    for (const piece of pieces) body.add(Buffer.from(piece));
    return body.end().toString();
  };

  it('is put together, of an announced length and without one', () => {
    assert.equal(collect(6, 'abc', 'def'), 'abcdef');
    assert.equal(collect(undefined, 'abc', 'def'), 'abcdef');
    assert.equal(collect(0), '');
  });

  it('is store_failed when it is shorter or longer than announced: half a picture is none', () => {
    for (const pieces of [['abc'], [], ['abc', 'defg']])
      assert.throws(() => collect(6, ...pieces), { code: 'store_failed' }, pieces.join());
  });

  it('is original_too_large by its announcement, or by the first byte too many', () => {
    assert.throws(() => collectBody(11, limits), { code: 'original_too_large' });
    assert.throws(() => collect(undefined, 'abcdefgh', 'ijk'), { code: 'original_too_large' });
    assert.equal(collect(10, 'abcdefgh', 'ij').length, 10);
  });
});
