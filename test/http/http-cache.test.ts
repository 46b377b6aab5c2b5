import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cacheControl, cacheStatus, matchesEtag, passingCacheControl } from '../../src/http/http-cache.ts';

describe('cacheControl', () => {
  it('lasts a year, or as long as the URL', () => {
    assert.equal(cacheControl(undefined, 1000), 'public, max-age=31536000, immutable');
    assert.equal(cacheControl(1060, 1000.4), 'public, max-age=59, immutable');
    assert.equal(cacheControl(1000 + 10 * 31_536_000, 1000), 'public, max-age=31536000, immutable');
  });

  it('lasts as long as the preset says, no longer than the URL, and a reload may ask', () => {
    assert.equal(cacheControl(undefined, 1000, { maxAge: 3600 }), 'public, max-age=3600');
    assert.equal(cacheControl(1060, 1000, { maxAge: 3600 }), 'public, max-age=60');
    assert.equal(passingCacheControl(undefined, 1000, { maxAge: 3600 }), 'public, max-age=60');
    assert.equal(passingCacheControl(undefined, 1000, { maxAge: 5 }), 'public, max-age=5');
  });
});

describe('matchesEtag', () => {
  it('reads lists, weak tags and the star', () => {
    for (const header of ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a" ', '*', ' * '])
      assert.equal(matchesEtag(header, '"a"'), true, header);
    for (const header of [undefined, '', '"b"', 'a', '"A"', '"aa"', 'w/"a"'])
      assert.equal(matchesEtag(header, '"a"'), false, header);
  });
});

describe('cacheStatus', () => {
  it('speaks RFC 9211', () => {
    assert.equal(cacheStatus('memory', false), 'darkroom; hit; detail=memory');
    assert.equal(cacheStatus('store', false), 'darkroom; hit; detail=store');
    assert.equal(cacheStatus('render', false), 'darkroom; fwd=miss');
    assert.equal(cacheStatus('store', true), 'darkroom; hit; detail=store; collapsed');
    assert.equal(cacheStatus('render', true), 'darkroom; fwd=miss; collapsed');
  });
});
