import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accepts } from '../../src/presets/accept.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { fallbackOf } from '../../src/renditions/fallback.ts';
import { familyOf } from '../../src/renditions/keys.ts';
import { createRenditionCache } from '../../src/renditions/memory-cache.ts';
import { type Rendition, toRendition } from '../../src/renditions/rendition.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';

const definitions = {
  ...BUILT_IN_PRESETS,
  face: { width: 150, height: 150, fit: 'cover', gravity: 'center' },
  list: { width: 320, format: 'auto', widths: [160, 640] },
};
const presets = createPresets({ definitions, inline: true, faces: true });
const family = (name: string, suffix = '', id = 'a.jpg') => familyOf(id, presets.resolve(name, suffix, undefined));
const EPOCH = '0';
const rendition = (width: number, contentType = 'image/webp'): Rendition =>
  toRendition({ body: Buffer.alloc(10), contentType, width, height: width }, EPOCH, 0);

describe('a family of renditions', () => {
  it('is of one original, one crop and one look', () => {
    assert.equal(family('small'), family('retina'));
    assert.equal(family('small'), family('medium', '@2x'));
    assert.equal(family('small'), family('list', '@640w'));
    assert.equal(family('avatar-small'), family('avatar-large', '@2x'));
    for (const accept of ['image/avif,image/webp', 'image/webp', undefined])
      assert.equal(family('list'), familyOf('a.jpg', presets.resolve('list', '@640w', accept)), accept);
    for (const stranger of [family('thumb'), family('og'), family('small', '', 'b.jpg'), family('w_300,t_5')])
      assert.notEqual(family('small'), stranger);
    assert.notEqual(family('thumb'), family('face'), 'another gravity');
    assert.notEqual(family('thumb'), family('og'), 'another shape');
    assert.notEqual(family('w_300,h_300,fit_contain,bg_000000'), family('w_300,h_300,fit_contain,bg_ffffff'));
  });

  it('is found in the cache as long as its members are there', () => {
    const cache = createRenditionCache(1024 * 1024);
    cache.set('folder/a', rendition(1), 'family');
    cache.set('folder/b', rendition(2), 'family');
    cache.set('other/c', rendition(3), 'family 2');
    assert.deepEqual(
      cache.family('family', EPOCH).map(({ width }) => width),
      [1, 2],
    );
    cache.deleteBelow('folder/');
    assert.deepEqual(cache.family('family', EPOCH), []);
    assert.equal(cache.entries, 1);
  });
});

describe('the cache lends memory', () => {
  it('by evicting what was used least recently, and takes it back', () => {
    const cache = createRenditionCache(100_000);
    for (let at = 0; at < 10; at += 1) cache.set(`k${at}`, { ...rendition(at), body: Buffer.alloc(8000) }, 'f');
    cache.get('k0', EPOCH);
    const evicted = cache.shrinkBy(60_000);
    assert.ok(evicted > 0 && cache.bytes <= 40_000);
    assert.ok(cache.get('k0', EPOCH), 'used just now');
    cache.set('new', { ...rendition(1), body: Buffer.alloc(8000) }, 'f');
    assert.ok(cache.get('new', EPOCH) && cache.bytes <= 40_000);
    assert.equal(cache.shrinkBy(-5), 0);
    for (let at = 10; at < 20; at += 1) cache.set(`k${at}`, { ...rendition(at), body: Buffer.alloc(8000) }, 'f');
    assert.ok(cache.bytes > 80_000);
    assert.equal(cache.family('f', EPOCH).length, cache.entries);
  });
});

describe('the nearest rendition', () => {
  const { recipe } = presets.resolve('small', '', undefined);
  const by = (accept: string) => (mediaType: string) => accepts(accept, mediaType);
  const kept = [rendition(150), rendition(600), rendition(1200), rendition(400, 'image/avif')];

  it('is the next larger one, else the largest', () => {
    assert.equal(fallbackOf(kept, recipe, undefined)?.width, 600);
    assert.equal(fallbackOf([rendition(150), rendition(48)], recipe, undefined)?.width, 150);
    assert.equal(fallbackOf([], recipe, undefined), undefined);
  });

  it('is of the format asked for, or of one that a negotiating client takes', () => {
    assert.equal(fallbackOf([rendition(600, 'image/avif')], recipe, undefined), undefined);
    assert.equal(fallbackOf(kept, recipe, by('image/avif,image/webp'))?.width, 400);
    const base = { ...recipe, output: 'base' as const };
    assert.equal(fallbackOf(kept, base, by('*/*')), undefined);
    assert.equal(fallbackOf([rendition(600, 'image/jpeg')], base, by('*/*'))?.width, 600);
  });

  it('is of no format that the client refuses', () => {
    for (const refusing of [
      'image/avif;q=0,image/webp',
      'image/avif; q=0.000, image/webp',
      'image/webp',
      'image/avifs',
    ])
      assert.equal(fallbackOf(kept, recipe, by(refusing))?.contentType, 'image/webp', refusing);
    assert.equal(fallbackOf([rendition(600, 'image/avif')], recipe, by('image/avif;q=0')), undefined);
  });

  it('is large enough for presets of one side', () => {
    const [tall, wide] = ['h_500,f_webp', 'w_500,f_webp'].map((name) => presets.resolve(name, '', undefined).recipe);
    for (const one of [tall, wide]) {
      assert.ok(one);
      assert.equal(fallbackOf(kept, one, undefined)?.width, 600);
      assert.equal(fallbackOf([rendition(150), rendition(400)], one, undefined)?.width, 400);
    }
  });
});
