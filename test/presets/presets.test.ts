import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPresets } from '../../src/presets/presets.ts';
import type { PresetDefinitions } from '../../src/presets/schema.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';

const definitions: PresetDefinitions = {
  card: {
    width: 300,
    height: 200,
    fit: 'cover',
    format: 'auto',
    quality: 80,
    widths: [160, 640],
    pixelRatios: [1, 1.5, 2],
  },
  wide: { width: 800, format: 'webp', formats: ['avif', 'png'] },
};
const presets = createPresets({ definitions, inline: true, faces: true });
const resolve = (name: string, suffix = '', accept?: string) => presets.resolve(name, suffix, accept);
const unknown = (name: string, suffix = '') =>
  assert.throws(() => resolve(name, suffix), { code: 'unknown_preset' }, name + suffix);

describe('suffix', () => {
  it('multiplies by pixel ratios and keeps one spelling for keys', () => {
    assert.deepEqual([resolve('card', '@2x').recipe.width, resolve('card', '@2x').recipe.height], [600, 400]);
    assert.deepEqual([resolve('card', '@1.5x').recipe.width, resolve('card', '@1.5x').suffix], [450, '@1.5x']);
    assert.deepEqual(resolve('card', '@1x'), resolve('card'));
  });

  it('scales both sides by a declared width', () => {
    const { recipe, suffix } = resolve('card', '@640w');
    assert.deepEqual([recipe.width, recipe.height, suffix], [640, 427, '@640w']);
  });

  it('pins a format', () => {
    assert.equal(resolve('card', '.avif').recipe.output, 'avif');
    assert.equal(resolve('card', '@2x.jpeg').recipe.output, 'jpeg');
    assert.equal(resolve('wide', '.png').recipe.output, 'png');
    assert.equal(resolve('wide', '.webp').recipe.output, 'webp');
  });

  it('has one canonical spelling', () => {
    const canonical = (name: string, suffixes: string[]) => suffixes.map((each) => presets.canonicalSuffix(name, each));
    assert.deepEqual(canonical('wide', ['@1x', '.webp', '@1x.webp', '@2x.webp', '.avif', '@1x.avif']), [
      ...['', '', '', '@2x', '.avif', '.avif'],
    ]);
    assert.deepEqual(canonical('card', ['', '@640w', '@1.5x.webp', '.webp', '@1x']), [
      ...['', '@640w', '@1.5x.webp', '.webp', ''],
    ]);
    assert.equal(presets.canonicalSuffix('w_30,f_jpeg', '@1x.jpeg'), '');
  });

  it('offers nothing that the preset does not declare, in no other spelling', () => {
    for (const suffix of [
      '@3x',
      '@4x',
      '@02x',
      '@2.0x',
      '@641w',
      '@0640w',
      '@w',
      '@x',
      '@2x@2x',
      '.gif',
      '.auto',
      '.png',
      '.jpg',
      '.AVIF',
      '.',
      '@2',
      '@2X',
      '@640w.',
      '.webp@2x',
      '@2x ',
      '@1e0x',
    ]) {
      unknown('card', suffix);
    }
    unknown('wide', '.jpeg');
    unknown('wide', '@640w');
  });
});

describe('names', () => {
  it('carries the nine built-in presets', () => {
    assert.deepEqual(createPresets({ definitions: BUILT_IN_PRESETS, inline: false, faces: true }).names.length, 9);
  });

  it('knows nothing else', () => {
    for (const name of ['', 'Card', 'card ', '__proto__', 'constructor', 'toString', 'x'.repeat(65)]) unknown(name);
  });
});

describe('inline recipes', () => {
  it('reads all fields', () => {
    const { recipe } = resolve('w_300,h_200,fit_contain,f_webp,q_70,g_center,bg_ff0000,e_1,a_1,t_20,m_5,c_1');
    const expected = {
      ...{
        width: 300,
        height: 200,
        fit: 'contain',
        output: 'webp',
        quality: 70,
        gravity: 'center',
        background: '#ff0000',
      },
      ...{ effort: 1, animated: true, gamut: 'srgb', trim: 20, margin: 0.05, copyright: true, faceZoom: 1 },
    };
    assert.deepEqual({ ...recipe }, expected);
    assert.equal(resolve('w_300,gamut_p3').recipe.gamut, 'p3');
    assert.equal(resolve('w_300').recipe.trim, undefined);
  });

  it('takes suffixes and can be switched off', () => {
    assert.equal(resolve('w_300', '@2x.avif').recipe.width, 600);
    const closed = createPresets({ definitions, inline: false, faces: true });
    assert.throws(() => closed.resolve('w_300', '', undefined), { code: 'unknown_preset' });
  });

  it('refuses what is not one', () => {
    const bad = [
      'w_0',
      'w_9999',
      'w_-1',
      'w_1,constructor_1',
      'w_1.5',
      'w_abc',
      'w_',
      'x_1',
      'w_1,w_2',
      'w_1,',
      ',w_1',
      'q_80',
      'w_1,q_101',
      'w_1,fit_cover',
      'w_1,fit_round',
      'w_1,f_gif',
      'w_1,bg_red',
      'w_1,a_2',
      'w_1,c_0',
      'w_1,h_1,fit_cover,m_5',
      'w_1,m_41',
      'w_1,gamut_p3,a_1',
      'width_1',
      'w_1;h_1',
    ];
    for (const recipe of bad) unknown(recipe);
  });
});

describe('presets files', () => {
  const fails = (bad: unknown, message: RegExp) =>
    assert.throws(() => createPresets({ definitions: bad, inline: true, faces: true }), message);

  it('says which preset and which field is wrong', () => {
    fails({ card: { width: 'big' } }, /card\.width/);
    fails({ card: { width: 100, fitt: 'cover' } }, /card.*fitt/);
    fails({ card: { width: 100, quality: 0 } }, /card\.quality/);
    fails({ 'no spaces': { width: 100 } }, /no spaces.*A-Za-z0-9/);
    fails({ card: {} }, /card: needs a width/);
    fails({ card: { width: 100, fit: 'cover' } }, /card: needs both/);
    fails([], /the file/);
  });
});

describe('negotiation', () => {
  it('is said of auto presets without a pinned format only', () => {
    assert.equal(presets.negotiates('card', ''), true);
    assert.equal(presets.negotiates('card', '@2x'), true);
    assert.equal(presets.negotiates('card', '.avif'), false);
    assert.equal(presets.negotiates('wide', ''), false);
    assert.equal(presets.negotiates('nobody', ''), false);
    assert.equal(presets.negotiates('w_100', ''), true);
    assert.equal(presets.negotiates('w_100,f_jpeg', ''), false);
  });

  it('goes by membership with a weight above zero', () => {
    const of = (accept?: string) => resolve('card', '', accept).recipe.output;
    assert.equal(of('image/webp,image/avif'), 'avif');
    assert.equal(of('image/avif;q=0,image/webp;q=0.1'), 'webp');
    assert.equal(of('IMAGE/AVIF'), 'avif');
    assert.equal(of('image/avif;q=0.000, image/webp;q=0.0'), 'base');
    for (const accept of [undefined, '', '*/*', 'image/*', 'image/avifx', 'image/jpeg'])
      assert.equal(of(accept), 'base');
  });

  it('stays within the formats that the preset offers', () => {
    const closed = createPresets({
      definitions: { card: { width: 100, formats: ['webp'] } },
      inline: false,
      faces: true,
    });
    assert.equal(closed.resolve('card', '', 'image/avif,image/webp').recipe.output, 'webp');
  });
});
