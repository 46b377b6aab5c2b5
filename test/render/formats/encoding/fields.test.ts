import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createPresets } from '../../../../src/presets/presets.ts';
import { PresetsError } from '../../../../src/presets/schema.ts';
import { familyOf, renditionKey } from '../../../../src/renditions/keys.ts';
import { pixelsOf, render } from '../../../helpers/pictures.ts';
import { movingTexture, texture } from '../../../helpers/textures.ts';

const presetsOf = (preset: object) =>
  createPresets({ definitions: { card: { width: 120, ...preset } }, inline: true, faces: false });
const resolve = (preset: object, suffix = '', accept?: string) => presetsOf(preset).resolve('card', suffix, accept);
const recipeOf = (preset: object, suffix = '', accept?: string) => resolve(preset, suffix, accept).recipe;
const CHROME = 'image/avif,image/webp,*/*';

/** The frame header: how often each component is sampled, and whether it comes in passes. */
function frameOf(jpeg: Buffer) {
  for (let at = 2; ; at += 2 + jpeg.readUInt16BE(at + 2)) {
    const marker = jpeg[at + 1]!;
    if (marker >= 0xc0 && marker <= 0xc2) return { progressive: marker === 0xc2, sampling: jpeg[at + 11] };
  }
}

/** AV1 codec ISO media file format binding, 2.3: whether colour has half the columns and rows. */
function subsampled(avif: Buffer): boolean {
  const flags = avif[avif.indexOf('av1C') + 6]!;
  return (flags & 0b1100) === 0b1100;
}

describe('fields of the encoding', () => {
  it('are in no recipe and no key where a preset has none', () => {
    const plain = resolve({ format: 'webp' });
    assert.ok(!('encoding' in plain.recipe));
    const none = { format: 'webp', maxBytes: undefined, chroma: 'auto' };
    assert.equal(renditionKey('a.jpg', plain, 'r1'), renditionKey('a.jpg', resolve(none), 'r1'));
    assert.notEqual(renditionKey('a.jpg', plain, 'r1'), renditionKey('a.jpg', resolve({ ...none, maxBytes: 9 }), 'r1'));
    assert.equal(familyOf('a.jpg', plain), familyOf('a.jpg', resolve({ ...none, maxBytes: 9 })));
  });

  it('are in the recipes of those formats alone that know them', () => {
    const preset = { progressive: true, palette: 16, dpi: 300, chroma: '4:4:4' };
    assert.equal(recipeOf(preset, '', 'image/webp').encoding, undefined);
    assert.deepEqual(recipeOf(preset, '', CHROME).encoding, { chroma: '4:4:4' });
    assert.deepEqual(recipeOf(preset, '', '*/*').encoding, preset);
    assert.deepEqual(recipeOf(preset, '.jpeg').encoding, { progressive: true, chroma: '4:4:4', dpi: 300 });
  });

  it('have a quality for each format, and the common one for those that are not named', () => {
    const preset = { quality: 70, qualities: { avif: 50, jpeg: 85 } };
    assert.equal(recipeOf(preset, '', CHROME).quality, 50);
    assert.equal(recipeOf(preset, '', 'image/webp').quality, 70);
    assert.equal(recipeOf(preset, '', '*/*').quality, 85);
    assert.equal(recipeOf(preset, '.jpeg').quality, 85);
    const auto = { quality: 'auto', qualities: { webp: 60 } };
    assert.equal(recipeOf(auto, '', 'image/webp').encoding, undefined);
    assert.deepEqual(recipeOf(auto, '', CHROME).encoding, { ssim: 0.96 });
  });

  it('are refused with a sentence where they contradict the format or each other', () => {
    const refused: [object, RegExp][] = [
      [{ format: 'avif', palette: 16 }, /card: has a palette, which needs the format auto or png/],
      [{ format: 'webp', progressive: true }, /progressive/],
      [{ format: 'webp', chroma: '4:4:4' }, /WebP knows 4:2:0 only/],
      [{ format: 'avif', dpi: 300 }, /dpi/],
      [{ format: 'png', quality: 'auto' }, /quality auto/],
      [{ format: 'png', qualities: { avif: 50 } }, /qualities/],
      [{ format: 'webp', ssim: 0.9 }, /needs the quality auto/],
      [{ format: 'webp', lossless: true, maxBytes: 1000 }, /maxBytes/],
      [{ format: 'png', lossless: true, palette: 8 }, /palette/],
      [{ format: 'avif', lossless: true, chroma: '4:2:0' }, /4:2:0/],
      [{ format: 'webp', lossless: true, quality: 'auto' }, /lossless and of the quality auto/],
      ...[{ maxBytes: 0 }, { palette: 1 }, { palette: 12 }, { dpi: 0 }, { quality: 'best' }, { ssim: 1 }].map(
        (preset): [object, RegExp] => [{ ...preset }, new RegExp(`card.${Object.keys(preset)[0]}`)],
      ),
    ];
    for (const [preset, sentence] of refused)
      assert.throws(
        () => resolve(preset),
        (error) => error instanceof PresetsError && sentence.test(error.message),
        JSON.stringify(preset),
      );
  });

  it('have a spelling in inline recipes', () => {
    const inline = (recipe: string) => presetsOf({}).resolve(recipe, '', '*/*').recipe;
    assert.equal(inline('w_9,qs_a50:w60:j70').quality, 70);
    assert.deepEqual(inline('w_9,q_auto,ssim_0p97').encoding, { ssim: 0.97 });
    assert.deepEqual(inline('w_9,max_5000,progressive_0,chroma_444,palette_16,dpi_300').encoding, {
      ...{ maxBytes: 5000, progressive: false, chroma: '4:4:4', palette: 16, dpi: 300 },
    });
    for (const recipe of [
      'qs_',
      'qs_a',
      'qs_a50:a60',
      'qs_x50',
      'q_best',
      'max_',
      'chroma_422',
      'progressive_2',
      'dpi_x',
    ])
      assert.throws(() => inline(`w_9,${recipe}`), { code: 'unknown_preset' }, recipe);
  });
});

describe('how a rendition is coded', () => {
  const large = { width: 320, format: 'jpeg' };

  it('is a JPEG in passes or in one, at any size', async () => {
    const original = await texture(320, 240).png().toBuffer();
    for (const width of [60, 320])
      for (const progressive of [true, false]) {
        const { body } = await render(original, recipeOf({ ...large, width, progressive }));
        assert.equal(frameOf(body).progressive, progressive, `${width}`);
      }
  });

  it('is an interlaced PNG where it says progressive', async () => {
    const original = await texture(64, 48, 4).png().toBuffer();
    const { body } = await render(original, recipeOf({ format: 'png', progressive: true }));
    assert.equal(body[28], 1);
    assert.equal((await render(original, recipeOf({ format: 'png' }))).body[28], 0);
  });

  it('has the chroma of the preset, for drawn pictures too', async () => {
    const red = await sharp({ create: { width: 320, height: 200, channels: 3, background: '#fff' } })
      .composite([{ input: { create: { width: 51, height: 51, channels: 3, background: '#f00' } }, left: 33, top: 33 }])
      .png()
      .toBuffer();
    for (const original of [red, await texture(320, 200).png().toBuffer()])
      for (const [chroma, sampling] of [
        ['4:4:4', 0x11],
        ['4:2:0', 0x22],
      ] as const) {
        const { body } = await render(original, recipeOf({ ...large, width: 300, chroma }));
        assert.equal(frameOf(body).sampling, sampling);
        const avif = await render(original, recipeOf({ format: 'avif', chroma }));
        assert.equal(subsampled(avif.body), chroma === '4:2:0');
      }
  });

  it('leaves clear what is clear and solid what is solid, of however few colours', async () => {
    const cutout = await readFile(new URL('../../../../samples/cutout.png', import.meta.url));
    const wide = await sharp(cutout).withIccProfile('p3').png().toBuffer();
    const alphasOf = async (file: Buffer, preset: object) => {
      const { body } = await render(file, recipeOf({ format: 'png', ...preset }));
      const { channels } = await sharp(body).ensureAlpha().stats();
      const { data } = await sharp(body)
        .ensureAlpha()
        .extractChannel('alpha')
        .raw()
        .toBuffer({ resolveWithObject: true });
      return {
        least: channels[3]?.min,
        most: channels[3]?.max,
        clear: data.filter((alpha) => alpha === 0).length / data.length,
      };
    };
    for (const file of [cutout, wide])
      for (const gamut of ['srgb', 'p3'])
        for (const preset of [
          { palette: 2 },
          { palette: 4 },
          { palette: 16 },
          { palette: 256 },
          { palette: 4, maxBytes: 700 },
        ]) {
          const { least, most, clear } = await alphasOf(file, { ...preset, gamut });
          assert.deepEqual([least, most], [0, 255], JSON.stringify(preset));
          assert.ok(clear > 0.45, `${clear} of ${JSON.stringify(preset)} is clear`);
        }
    // Neither clear nor solid anywhere, so neither afterwards.
    const veil = await sharp(cutout).removeAlpha().ensureAlpha(0.1).png().toBuffer();
    for (const palette of [2, 16]) {
      const { least, most } = await alphasOf(veil, { palette });
      assert.ok(least! > 15 && most! < 40, `${least} to ${most}`);
    }
  });

  it('has a palette of so many colours, transparent ones with it, in PNG and GIF', async () => {
    const count = async (body: Buffer) => {
      const { data, channels } = await pixelsOf(body);
      const colours = new Set<string>();
      for (let at = 0; at < data.length; at += channels) colours.add(data.subarray(at, at + channels).join());
      return colours.size;
    };
    for (const channels of [3, 4] as const) {
      const original = await texture(120, 90, channels).png().toBuffer();
      const { body, contentType } = await render(original, recipeOf({ format: 'png', palette: 16 }));
      assert.equal(contentType, 'image/png');
      assert.ok((await count(body)) <= 16 && (await count(body)) > 4, `${await count(body)}`);
      assert.equal((await sharp(body).metadata()).hasAlpha, channels === 4);
    }
    const drawn = await sharp({ create: { width: 60, height: 60, channels: 3, background: '#123456' } })
      .png()
      .toBuffer();
    const { body } = await render(drawn, recipeOf({ format: 'png', palette: 2 }));
    assert.deepEqual((await pixelsOf(body)).at(3, 3).slice(0, 3), [0x12, 0x34, 0x56]);
    const gif = await render(await movingTexture(), recipeOf({ animated: true, palette: 4 }, '', '*/*'));
    assert.equal(gif.contentType, 'image/gif');
    assert.ok((await count(gif.body)) <= 5);
  });

  it('carries its dots per inch, and nothing else beside the pixels', async () => {
    const original = await texture(320, 240)
      .withExif({ IFD0: { Artist: 'no' } })
      .png()
      .toBuffer();
    for (const [format, width] of [
      ['jpeg', 60],
      ['jpeg', 300],
      ['png', 100],
    ] as const) {
      const with300 = await render(original, recipeOf({ format, width, dpi: 300 }));
      const without = await render(original, recipeOf({ format, width }));
      const { density, exif, icc } = await sharp(with300.body).metadata();
      assert.deepEqual([density, exif, icc], [300, undefined, undefined]);
      assert.deepEqual((await pixelsOf(with300.body)).data, (await pixelsOf(without.body)).data);
    }
    // Its own pixels would be sent as they are, with the density that they have.
    const own = await texture(100, 80).jpeg().withDensity(72).toBuffer();
    const { body } = await render(own, recipeOf({ format: 'jpeg', dpi: 150 }));
    assert.equal((await sharp(body).metadata()).density, 150);
  });
});
