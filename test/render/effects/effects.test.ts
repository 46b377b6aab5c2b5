import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createPresets } from '../../../src/presets/presets.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { familyOf, renditionKey } from '../../../src/renditions/keys.ts';
import { pixelsOf, render } from '../../helpers/pictures.ts';

const resolve = (preset: object, suffix = '') =>
  createPresets({
    definitions: { card: { width: 100, format: 'png', ...preset } },
    inline: true,
    faces: false,
  }).resolve('card', suffix, undefined);

/** Black on the left, white on the right. */
const edge = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#000' } }).composite([
    { input: { create: { width: width / 2, height, channels: 3, background: '#fff' } }, gravity: 'east' },
  ]);

/** How far the edge is spread, in pixels between a tenth and nine tenths of white, in the middle row. */
async function spread(body: Buffer): Promise<number> {
  const { data, width, height, channels } = await pixelsOf(body);
  const row = Array.from({ length: width }, (_, x) => data[(Math.floor(height / 2) * width + x) * channels] ?? 0);
  return row.filter((level) => level > 25 && level < 230).length;
}

describe('effects', () => {
  it('are in no recipe and no key where a preset has none', () => {
    const plain = resolve({});
    assert.ok(!('effects' in plain.recipe));
    const key = renditionKey('a.jpg', plain, 'r1');
    assert.equal(key, renditionKey('a.jpg', resolve({ blur: undefined }), 'r1'));
    assert.notEqual(key, renditionKey('a.jpg', resolve({ blur: 2 }), 'r1'));
  });

  it('leave all sizes of a preset in one family, apart from the plain one', () => {
    const [one, two] = [resolve({ blur: 2 }), resolve({ blur: 2 }, '@2x')];
    assert.notDeepEqual(one.recipe.effects, two.recipe.effects);
    assert.equal(familyOf('a.jpg', one), familyOf('a.jpg', two));
    assert.notEqual(familyOf('a.jpg', one), familyOf('a.jpg', resolve({})));
  });

  it('look the same at each size, and where the original is too small for it', async () => {
    const large = await edge(400, 200).png().toBuffer();
    const small = await edge(50, 24).png().toBuffer();
    const of = async (original: Buffer, suffix: string) => {
      const { body, width } = await render(original, resolve({ blur: 4, widths: [300] }, suffix).recipe);
      return (await spread(body)) / width;
    };
    const shares = [await of(large, ''), await of(large, '@2x'), await of(large, '@300w'), await of(small, '')];
    for (const share of shares) assert.ok(Math.abs(share - 0.1) < 0.03, shares.join(' '));
  });

  it('keep the frames of an animation apart', async () => {
    const frames = [edge(60, 40), edge(60, 40).negate({ alpha: false })];
    const raw = await Promise.all(frames.map((frame) => frame.flatten().removeAlpha().raw().toBuffer()));
    const options = { raw: { width: 60, height: 80, channels: 3, pageHeight: 40 } } as const;
    const original = await sharp(Buffer.concat(raw), options)
      .webp({ lossless: true, delay: [90, 90] })
      .toBuffer();
    const { recipe } = resolve({ width: 60, blur: 3, animated: true, format: 'webp', lossless: true });
    const { body } = await render(original, recipe);
    const { data, info } = await sharp(body, { animated: true })
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    assert.equal(info.height, 80);
    const last = data.subarray(39 * 60 * 3, 40 * 60 * 3);
    // The last row of the first frame is as black and as white as the rest of it.
    assert.ok((last[0] ?? 255) < 3 && (last[59 * 3] ?? 0) > 252, `${last[0]} ${last[59 * 3]}`);
  });

  it('are not done to the original itself: its own bytes are not sent, and shared pixels stay as they are', async () => {
    const original = await edge(100, 60).png().toBuffer();
    const blurred: Partial<Recipe> = resolve({ blur: 5 }).recipe;
    const { body } = await render(original, blurred);
    assert.ok((await spread(body)) > 4);
    assert.equal(await spread((await render(original, resolve({}).recipe)).body), 0);
  });

  it('have a spelling in inline recipes, with p for the decimal point', () => {
    const presets = createPresets({ definitions: {}, inline: true, faces: false });
    assert.deepEqual(presets.resolve('w_100,blur_1p5', '@2x', undefined).recipe.effects, {
      unit: 2,
      detail: { blur: 1.5 },
    });
    for (const recipe of [
      'w_100,blur_',
      'w_100,blur_p5',
      'w_100,blur_1p',
      'w_100,blur_-1',
      'w_100,blur_1e2',
      'w_100,blur_1,blur_2',
    ])
      assert.throws(() => presets.resolve(recipe, '', undefined), { code: 'unknown_preset' }, recipe);
  });
});
