import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRenditionCache } from '../../src/renditions/memory-cache.ts';
import { toRendition } from '../../src/renditions/rendition.ts';
import { untilAnswer } from '../helpers/turns.ts';

const rendition = (bytes: number) =>
  toRendition({ body: Buffer.alloc(bytes), contentType: 'image/webp', width: 1, height: 1 }, '0', 0);

describe('the memory cache', () => {
  it('does not keep a rendition of more than an eighth of it, and loses nothing for it', () => {
    const cache = createRenditionCache(80_000);
    for (let at = 0; at < 7; at += 1) cache.set(`small/${at}`, rendition(9000), 'f');
    const before = cache.entries;
    cache.set('large/1', rendition(10_001), 'f');
    assert.equal(cache.get('large/1', '0'), undefined);
    assert.equal(cache.entries, before);
    assert.equal(cache.family('f', '0').length, before);
  });

  it('keeps a rendition as long as it is told to, and drops that one and no other', async () => {
    const cache = createRenditionCache(80_000);
    const [first, second] = [rendition(9), rendition(9)];
    cache.set('a', first, 'f', 5);
    await untilAnswer(
      async () => cache.get('a', '0'),
      (found) => found === undefined,
    );
    assert.deepEqual([cache.has('a'), cache.family('f', '0').length], [false, 0]);
    cache.set('a', first, 'f', 60_000);
    cache.set('a', second, 'f');
    cache.drop('a', first);
    assert.equal(cache.get('a', '0'), second);
    cache.drop('a', second);
    assert.deepEqual([cache.get('a', '0'), cache.entries, cache.bytes], [undefined, 0, 0]);
  });
});
