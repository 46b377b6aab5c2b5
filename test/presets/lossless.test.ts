import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPresets, type PresetsOptions } from '../../src/presets/presets.ts';
import { PresetsError } from '../../src/presets/schema.ts';
import { renditionKey } from '../../src/renditions/keys.ts';

const CHROME = 'image/avif,image/webp,*/*';
const resolve = (definitions: PresetsOptions['definitions'], name: string, suffix = '', accept = CHROME) =>
  createPresets({ definitions, inline: true, faces: false }).resolve(name, suffix, accept);

describe('lossless in presets', () => {
  it('is in no recipe and no key where it is left out or auto', () => {
    const plain = resolve({ card: { width: 300, format: 'webp' } }, 'card');
    const auto = resolve({ card: { width: 300, format: 'webp', lossless: 'auto' } }, 'card');
    assert.ok(!('lossless' in plain.recipe) && !('sharper' in plain.recipe));
    assert.equal(renditionKey('a.jpg', auto, 'r1'), renditionKey('a.jpg', plain, 'r1'));
    // As it was before the field came.
    assert.equal(renditionKey('a.jpg', plain, 'r1'), 'a.jpg/card-970ec8a4f4d6d5de.webp');
  });

  it('is a part of the key where it is said', () => {
    const keys = (['auto', true, false] as const).map((lossless) =>
      renditionKey('a.jpg', resolve({ card: { width: 300, format: 'webp', lossless } }, 'card'), 'r1'),
    );
    assert.equal(new Set(keys).size, 3);
  });

  it('has a short name in inline recipes', () => {
    assert.equal(resolve({}, 'w_300,f_webp,l_1').recipe.lossless, true);
    assert.equal(resolve({}, 'w_300,f_webp,l_0').recipe.lossless, false);
    assert.equal(resolve({}, 'w_300,f_webp,l_auto').recipe.lossless, undefined);
    assert.throws(() => resolve({}, 'w_300,f_webp,l_2'));
  });

  it('is refused for JPEG, and auto then chooses no AVIF', () => {
    assert.throws(() => resolve({ card: { width: 300, format: 'jpeg', lossless: true } }, 'card'), PresetsError);
    const card = { width: 300, lossless: true } as const;
    assert.equal(resolve({ card }, 'card').recipe.output, 'webp');
    assert.equal(resolve({ card }, 'card', '', 'text/html').recipe.output, 'base');
    assert.equal(resolve({ card }, 'card', '.avif').recipe.output, 'avif');
  });

  it('lets a negotiated AVIF become what the preset declares, and no pinned one', () => {
    const of = (preset: object, suffix = '', accept = CHROME) =>
      resolve({ card: { width: 300, ...preset } }, 'card', suffix, accept).recipe.sharper;
    assert.equal(of({}), 'webp');
    assert.equal(of({ formats: ['avif'] }), 'png');
    assert.equal(of({}, '.avif'), undefined);
    assert.equal(of({ format: 'avif' }), undefined);
    assert.equal(of({ lossless: false }), undefined);
    assert.equal(of({}, '', 'image/webp'), undefined);
  });
});

describe('the cost of lossless coding', () => {
  it('is estimated at its default effort too', () => {
    const definitions = { poster: { width: 8000, height: 8000, format: 'webp', lossless: true } };
    const create = (renderTimeoutMs: number) =>
      createPresets({ definitions, inline: false, faces: false, renderTimeoutMs });
    assert.throws(() => create(10_000), /poster \(WebP at effort 1/);
    assert.ok(create(60_000));
  });
});
