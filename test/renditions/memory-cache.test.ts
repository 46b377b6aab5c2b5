import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRenditionCache } from '../../src/renditions/memory-cache.ts';
import { toRendition } from '../../src/renditions/rendition.ts';

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
});
