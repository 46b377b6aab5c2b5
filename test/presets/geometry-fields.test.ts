import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPresets } from '../../src/presets/presets.ts';
import { checkPresets, PresetsError } from '../../src/presets/schema.ts';
import { COMPASS } from '../../src/render/recipe.ts';
import { familyOf, renditionKey } from '../../src/renditions/keys.ts';

const at = (preset: object, suffix = '', faces = true) =>
  createPresets({ definitions: { card: { format: 'webp', ...preset } }, inline: true, faces }).resolve(
    'card',
    suffix,
    undefined,
  );
const inline = (recipe: string, suffix = '') =>
  createPresets({ definitions: {}, inline: true, faces: true }).resolve(recipe, suffix, undefined).recipe;

describe('fields of geometry', () => {
  it('are in no recipe and no key where a preset has none', () => {
    const plain = at({ width: 100 });
    const fields = ['crop', 'rotate', 'flip', 'enlarge', 'extend', 'effects', 'edit'];
    assert.deepEqual(
      fields.filter((field) => field in plain.recipe),
      [],
    );
    const unset = { crop: undefined, rotate: undefined, flip: undefined, enlarge: false, extend: false, padding: 0 };
    assert.equal(renditionKey('a', plain, 'r'), renditionKey('a', at({ width: 100, ...unset }), 'r'));
    for (const field of [
      { crop: { width: 10, height: 10 } },
      { rotate: 90 },
      { flip: 'both' },
      { enlarge: true },
      { padding: 3 },
      { gravity: 'north' },
    ])
      assert.notEqual(renditionKey('a', plain, 'r'), renditionKey('a', at({ width: 100, ...field }), 'r'));
  });

  it('have a spelling in inline recipes', () => {
    const crop = { x: 10, y: 0, width: '12.5%', height: 200 };
    assert.deepEqual(inline('w_100,crop_10:0:12p5pc:200').crop, crop);
    assert.equal(inline('w_100,rot_270').rotate, 270);
    assert.deepEqual(
      ['h', 'v', 'hv'].map((way) => inline(`w_100,flip_${way}`).flip),
      ['horizontal', 'vertical', 'both'],
    );
    assert.deepEqual(inline('w_100,h_50,fit_cover,g_0p25:1').gravity, { x: 0.25, y: 1 });
    assert.equal(inline('w_100,h_50,fit_cover,g_southwest').gravity, 'southwest');
    assert.equal(inline('w_100,h_50,en_1').enlarge, true);
    assert.equal(inline('w_100,h_50,ext_1').extend, true);
    assert.deepEqual(inline('w_100,pad_5', '@2x').effects, { unit: 2, frame: { padding: [5, 5, 5, 5] } });
    assert.deepEqual(inline('w_100,pad_1:2:3:4').effects?.frame, { padding: [1, 2, 3, 4] });
    assert.equal(inline('w_300,ar_3:2,fit_cover').height, 200);
    assert.equal(inline('w_382,ar_1p91:1,fit_cover').height, 200);
    const pad = inline('w_100,h_100,fit_pad,bg_blur');
    assert.deepEqual([pad.fit, pad.background, pad.effects?.frame?.backdrop], ['pad', undefined, 'blur']);
    assert.equal(inline('w_100,h_100,fit_pad,bg_204080').background, '#204080');
    assert.equal(inline('w_100,h_100,fit_pad,bg_204080').effects, undefined);
  });

  it('are refused in inline recipes that say nothing, or what is no value', () => {
    for (const recipe of [
      ...[
        'crop_',
        'crop_1',
        'crop_1:2:3',
        'crop_1:2:3:4:5',
        'crop_0:0:0:10',
        'crop_0:0:0pc:10',
        'crop_0:0:101pc:10',
        'crop_0:0:1p5:10',
      ],
      ...[
        'crop_-1:0:10:10',
        'crop_0:0:10pcpc:10',
        'crop_0:0:pc:10',
        'crop_0:0:1000001:10',
        'rot_45',
        'rot_0',
        'flip_x',
        'en_0',
        'ext_2',
      ],
      ...[
        'pad_1:2',
        'pad_-1',
        'pad_1p5',
        'pad_2001',
        'pad_50',
        'ar_3',
        'ar_0:2',
        'ar_3:2:1',
        'g_0:2',
        'g_0p5',
        'g_norte',
        'bg_blur',
      ],
    ])
      assert.throws(() => inline(`w_100,${recipe}`), { code: 'unknown_preset' }, recipe);
  });

  it('give the other side by its ratio, exact at each size', () => {
    const preset = { width: 101, aspectRatio: '3:2', fit: 'cover', widths: [50] };
    const size = (suffix: string) => {
      const { width, height } = at(preset, suffix).recipe;
      return [width, height];
    };
    assert.deepEqual(
      [size(''), size('@2x'), size('@50w')],
      [
        [101, 67],
        [202, 135],
        [50, 33],
      ],
    );
    const { width, height } = at({ height: 100, aspectRatio: '1.91:1', fit: 'cover' }).recipe;
    assert.deepEqual([width, height], [191, 100]);
  });

  it('leave all sizes of a preset in one family', () => {
    const preset = { width: 100, height: 50, fit: 'cover', padding: 5, crop: { width: 10, height: 10 }, rotate: 90 };
    assert.equal(familyOf('a', at(preset)), familyOf('a', at(preset, '@2x')));
    assert.notEqual(familyOf('a', at(preset)), familyOf('a', at({ ...preset, rotate: 180 })));
  });

  it('look for faces only where the gravity says so, and keep theirs without a detector', () => {
    const cover = { width: 100, height: 50, fit: 'cover' };
    assert.ok('detector' in at(cover).recipe);
    for (const gravity of [...COMPASS, 'entropy', 'attention', 'center', { x: 0.1, y: 0.2 }]) {
      assert.ok(!('detector' in at({ ...cover, gravity }).recipe), String(gravity));
      assert.deepEqual(at({ ...cover, gravity }, '', false).recipe.gravity, gravity);
    }
    assert.equal(at(cover, '', false).recipe.gravity, 'attention');
  });

  it('are refused with a sentence where they contradict each other', () => {
    const both = { width: 100, height: 100 };
    const cases: [preset: object, sentence: RegExp][] = [
      [{ ...both, aspectRatio: '3:2' }, /has an aspectRatio, which needs a width or a height, not both/],
      [{ aspectRatio: '3:2' }, /needs a width/],
      [{ width: 8192, aspectRatio: '1:2' }, /side longer than 8192/],
      [{ width: 100, aspectRatio: '0:2' }, /two numbers above 0/],
      [{ ...both, enlarge: true, extend: true }, /cannot both enlarge and extend/],
      [{ width: 100, extend: true }, /has extend, which needs both/],
      [{ ...both, fit: 'fill', extend: true }, /has extend, which needs the fit/],
      [{ ...both, fit: 'outside', extend: true }, /has extend, which needs the fit/],
      [{ ...both, fit: 'contain', background: 'blur' }, /background blur or auto, which needs the fit pad/],
      [{ width: 100, fit: 'pad' }, /needs both a width and a height/],
      [{ ...both, gravity: { x: 0.5, y: 0.5 } }, /has a focal point, which needs the fit cover/],
      [{ ...both, padding: 50 }, /padding that leaves no room/],
      [{ width: 100, padding: [9000, 0, 0, 0] }, /padding/],
      [{ ...both, padding: [0, 60, 0, 40] }, /padding that leaves no room/],
      [{ ...both, crop: { width: 0, height: 5 } }, /crop/],
      [{ ...both, crop: { width: '0%', height: 5 } }, /crop of no width or height/],
      [{ ...both, crop: { x: 0, width: 5 } }, /crop\.height/],
      [{ ...both, crop: { width: 5, height: 5, top: 1 } }, /crop/],
      [{ ...both, rotate: 45 }, /rotate/],
    ];
    for (const [card, sentence] of cases)
      assert.throws(
        () => checkPresets({ card }),
        (error) => error instanceof PresetsError && sentence.test(error.message) && error.message.includes('card'),
        JSON.stringify(card),
      );
  });

  it('take decimals of margin and faceZoom in inline recipes', () => {
    const { recipe } = createPresets({ definitions: {}, inline: true, faces: true }).resolve(
      'w_100,h_100,fit_contain,m_2p5',
      '',
      undefined,
    );
    assert.equal(recipe.margin, 0.025);
    const zoomed = createPresets({ definitions: {}, inline: true, faces: true }).resolve(
      'w_100,h_100,fit_cover,z_1p5',
      '',
      undefined,
    );
    assert.equal(zoomed.recipe.faceZoom, 1.5);
  });

  it('are read as they are written, however many there are', () => {
    const presets = createPresets({ definitions: {}, inline: true, faces: false });
    const widths = Array.from({ length: 500 }, (_, at) => at + 1);
    for (const width of [...widths, ...widths])
      assert.equal(presets.resolve(`w_${width}`, '', undefined).recipe.width, width);
    for (let again = 0; again < 2; again += 1)
      assert.throws(() => presets.resolve('w_0', '', undefined), { code: 'unknown_preset' });
  });
});
