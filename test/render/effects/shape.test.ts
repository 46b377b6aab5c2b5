import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createPresets } from '../../../src/presets/presets.ts';
import { checkPresets } from '../../../src/presets/schema.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { pixelsOf, render } from '../../helpers/pictures.ts';

const resolve = (preset: object, suffix = ''): Recipe =>
  createPresets({
    definitions: { card: { width: 100, format: 'png', ...preset } },
    inline: true,
    faces: false,
  }).resolve('card', suffix, undefined).recipe;

const plain = (width: number, height: number, background = '#3060c0') =>
  sharp({ create: { width, height, channels: background.length > 7 ? 4 : 3, background } })
    .png()
    .toBuffer();
const shaped = async (original: Buffer, preset: object, suffix = '') =>
  pixelsOf((await render(original, resolve(preset, suffix))).body);
const alphas = ({ data }: { data: Buffer }) => Array.from(data.filter((_, at) => at % 4 === 3));
/** Pixels that are covered, those at an edge in part. */
const area = (picture: { data: Buffer }) => alphas(picture).reduce((sum, alpha) => sum + alpha / 255, 0);
/** Whether two levels are as near as an edge of half a pixel leaves them. */
const near = (one: number | undefined, other: number, within = 2) => Math.abs((one ?? -99) - other) <= within;

describe('radius', () => {
  it('takes just the corners away, and smooths their edges', async () => {
    const picture = await shaped(await plain(100, 80), { radius: 20 });
    assert.ok(near(area(picture), 100 * 80 - (4 - Math.PI) * 400, 4), `${area(picture)}`);
    for (const [x, y] of [
      [0, 0],
      [99, 0],
      [0, 79],
      [99, 79],
      [4, 4],
    ] as const)
      assert.equal(picture.at(x, y)[3], 0, `${x}, ${y}`);
    for (const [x, y] of [
      [20, 0],
      [79, 79],
      [0, 20],
      [99, 59],
      [50, 40],
      [7, 7],
    ] as const)
      assert.deepEqual(picture.at(x, y), [0x30, 0x60, 0xc0, 255], `${x}, ${y}`);
    const partly = alphas(picture).filter((alpha) => alpha > 0 && alpha < 255).length;
    assert.ok(partly > 80 && partly < 200, `${partly} pixels of edge`);
  });

  it('is the same in all four corners', async () => {
    for (const [width, height] of [
      [100, 80],
      [101, 77],
      [64, 64],
    ] as const) {
      const { at } = await shaped(await plain(width, height), { width, radius: '30%' });
      for (let y = 0; y < height; y += 1)
        for (let x = 0; x < width; x += 1) {
          assert.equal(at(x, y)[3], at(width - 1 - x, y)[3]);
          assert.equal(at(x, y)[3], at(x, height - 1 - y)[3]);
        }
    }
  });

  it('in pixels and percent, and a circle, looks the same at each size and where the original is too small', async () => {
    const [large, small] = [await plain(400, 200), await plain(40, 20)];
    for (const [radius, share] of [
      [10, 1 - ((4 - Math.PI) * 100) / 5000],
      ['20%', 1 - ((4 - Math.PI) * 100) / 5000],
      ['circle', (Math.PI * 625) / 5000],
      [4500, 1 - ((4 - Math.PI) * 625) / 5000],
    ] as const)
      for (const [original, suffix] of [
        [large, ''],
        [large, '@2x'],
        [large, '@300w'],
        [large, '@57w'],
        [small, ''],
      ] as const) {
        const picture = await shaped(original, { radius, widths: [300, 57] }, suffix);
        const found = area(picture) / (picture.width * picture.height);
        assert.ok(Math.abs(found - share) < 0.012, `${radius}${suffix}: ${found}, wanted ${share}`);
      }
  });

  it('multiplies with the alpha of the original', async () => {
    const picture = await shaped(await plain(100, 80, '#3060c080'), { radius: 20 });
    assert.deepEqual([picture.at(50, 40)[3], picture.at(0, 0)[3]], [128, 0]);
    assert.ok(near(area(picture), (100 * 80 - (4 - Math.PI) * 400) / 2, 30), `${area(picture)}`);
  });

  it('is transparent where the format keeps alpha, else the background, which is white', async () => {
    const original = await plain(100, 80);
    for (const [format, background, corner] of [
      ['webp', '#00ff00', undefined],
      ['avif', undefined, undefined],
      ['jpeg', undefined, [255, 255, 255]],
      ['jpeg', '#00ff00', [0, 255, 0]],
    ] as const) {
      const { body, contentType } = await render(
        original,
        resolve({ format, radius: 30, ...(background ? { background } : {}) }),
      );
      const { at, channels } = await pixelsOf(body);
      assert.equal(contentType, `image/${format}`);
      if (!corner) assert.ok((at(1, 1)[3] ?? 255) < 3 && (at(50, 40)[3] ?? 0) > 252, `${format} ${at(1, 1)}`);
      else
        assert.ok(channels === 3 && corner.every((level, n) => near(at(1, 1)[n], level, 12)), `${format} ${at(1, 1)}`);
    }
    // The base of a negotiated format.
    const base = await render(original, { ...resolve({ radius: 30 }), output: 'base' });
    assert.equal(base.contentType, 'image/png');
    const square = await render(original, { ...resolve({ border: { width: 4, color: '#ff0000' } }), output: 'base' });
    assert.equal(square.contentType, 'image/jpeg');
    const alpha = await render(
      await plain(100, 80, '#3060c080'),
      resolve({ format: 'jpeg', radius: 30, background: '#00ff00' }),
    );
    assert.ok(near((await pixelsOf(alpha.body)).at(1, 1)[1], 255, 12));
  });

  it('rounds the picture, and a margin keeps its colour up to the corners', async () => {
    const original = await plain(100, 100);
    const card = { width: 160, height: 100, fit: 'contain', radius: 30 };
    const onColour = await shaped(original, { ...card, background: '#00ff00' });
    assert.deepEqual(onColour.at(31, 1).slice(0, 3), [0, 255, 0]);
    assert.deepEqual(
      [onColour.at(0, 0).slice(0, 3), onColour.at(80, 50).slice(0, 3)],
      [
        [0, 255, 0],
        [0x30, 0x60, 0xc0],
      ],
    );
    const onWhite = await shaped(original, card);
    assert.deepEqual(onWhite.at(31, 1).slice(0, 3), [255, 255, 255]);
    const clear = await shaped(await plain(100, 100, '#3060c0fe'), card);
    assert.deepEqual([clear.at(0, 0)[3], clear.at(31, 1)[3], clear.at(80, 50)[3]], [0, 0, 254]);
  });

  it('of animations is the same in each frame; GIF has no half-transparent pixels, and its edge is the nearest', async () => {
    const frames = await Promise.all(
      ['#c03030', '#3030c0'].map((background) =>
        sharp({ create: { width: 60, height: 60, channels: 3, background } })
          .raw()
          .toBuffer(),
      ),
    );
    const original = await sharp(Buffer.concat(frames), {
      raw: { width: 60, height: 120, channels: 3, pageHeight: 60 },
    })
      .gif({ delay: [90, 90] })
      .toBuffer();
    for (const [output, contentType] of [
      ['base', 'image/gif'],
      ['webp', 'image/webp'],
    ] as const) {
      const recipe = {
        ...resolve({ width: 60, radius: 'circle', animated: true, border: { width: 6, color: '#ffffff' } }),
        output,
      };
      const rendered = await render(original, recipe);
      const { at, height, data } = await pixelsOf(rendered.body, { animated: true });
      assert.deepEqual([rendered.contentType, height], [contentType, 120]);
      assert.ok(near(area({ data }) / 2, Math.PI * 900, output === 'base' ? 20 : 6), `${area({ data }) / 2}`);
      for (const top of [0, 60]) {
        assert.deepEqual([at(0, top)[3], at(59, top + 59)[3], at(30, top + 30)[3]], [0, 0, 255]);
        assert.ok(near(at(30, top + 3)[1], 255, 10), `${at(30, top + 3)}`);
        assert.ok(near(at(30, top + 30)[top === 0 ? 0 : 2], 0xc0, 12));
      }
      if (output !== 'base') continue;
      const covered = Array.from(
        { length: 3600 },
        (_, n) => Math.hypot((n % 60) - 29.5, Math.floor(n / 60) - 29.5) <= 30,
      );
      const wanted = [...covered, ...covered].map((inside) => (inside ? 255 : 0));
      assert.equal(alphas({ data }).filter((alpha, n) => alpha !== wanted[n]).length, 0, 'pixels on the wrong side');
    }
  });

  it('of the smallest pictures fails never', async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 9],
      [2, 3],
    ] as const)
      for (const radius of [0, 0.5, 20, '50%', 'circle'])
        for (const format of ['png', 'jpeg']) {
          const { body } = await render(
            await plain(width, height),
            resolve({ radius, format, border: { width: 3, color: '#ff0000' } }),
          );
          const { width: wide, height: high } = await pixelsOf(body);
          assert.deepEqual([wide, high], [width, height]);
        }
  });
});

describe('border', () => {
  const border = { width: 6, color: '#ff8000' };

  it('lies inside of the edge on all sides, and the picture in it', async () => {
    const { at, channels } = await shaped(await plain(100, 80), { border });
    assert.equal(channels, 3);
    for (const [x, y] of [
      [0, 0],
      [5, 40],
      [94, 40],
      [50, 5],
      [50, 74],
      [99, 79],
    ] as const)
      assert.deepEqual(at(x, y), [255, 128, 0], `${x}, ${y}`);
    for (const [x, y] of [
      [6, 6],
      [93, 6],
      [6, 73],
      [93, 73],
      [50, 40],
    ] as const)
      assert.deepEqual(at(x, y), [0x30, 0x60, 0xc0], `${x}, ${y}`);
  });

  it('follows the radius, inside and outside', async () => {
    const picture = await shaped(await plain(100, 80), { border, radius: 20 });
    const [inner, outer] = [0, 1].map((outside) => 20 - (outside ? 0 : 6));
    // Along the diagonal of a corner, from its middle outwards.
    const along = (distance: number) =>
      picture.at(Math.floor(20 - distance / Math.SQRT2), Math.floor(20 - distance / Math.SQRT2));
    assert.deepEqual(along(inner! - 2), [0x30, 0x60, 0xc0, 255]);
    assert.deepEqual(along(inner! + 3), [255, 128, 0, 255]);
    assert.equal(along(outer! + 2)[3], 0);
    let orange = 0;
    for (let at = 0; at < picture.data.length; at += 4)
      orange += ((picture.data[at]! - 0x30) / (255 - 0x30)) * (picture.data[at + 3]! / 255);
    const ring = 100 * 80 - (4 - Math.PI) * 400 - (88 * 68 - (4 - Math.PI) * 196);
    assert.ok(near(orange, ring, 12), `${orange}, wanted ${ring}`);
  });

  it('is as wide at each size', async () => {
    const original = await plain(400, 400);
    for (const [suffix, width] of [
      ['', 6],
      ['@2x', 12],
      ['@50w', 3],
      ['@125w', 7.5],
    ] as const) {
      const { at, width: side } = await shaped(original, { border, widths: [50, 125] }, suffix);
      let sum = 0;
      for (let x = 0; x < side / 2; x += 1) sum += ((at(x, Math.floor(side / 2))[0] ?? 0) - 0x30) / (255 - 0x30);
      assert.ok(Math.abs(sum - width) < 0.1, `${suffix}: ${sum}`);
    }
  });

  it('covers what is transparent below it, and is cut with the corners', async () => {
    const { at } = await shaped(await plain(100, 80, '#3060c000'), { border, radius: 20 });
    assert.deepEqual([at(3, 40), at(50, 40)[3], at(0, 0)[3]], [[255, 128, 0, 255], 0, 0]);
  });

  it('wider than the picture is all that is seen', async () => {
    const { at } = await shaped(await plain(100, 80), { border: { width: 1000, color: '#ff8000' } });
    assert.deepEqual(
      [at(0, 0), at(50, 40)],
      [
        [255, 128, 0],
        [255, 128, 0],
      ],
    );
  });

  it('is drawn around what is seen through a crop, and below no turn of the original', async () => {
    const turned = await sharp(await plain(80, 200))
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toBuffer();
    const { at, width, height } = await shaped(turned, {
      width: 60,
      height: 60,
      fit: 'cover',
      gravity: 'center',
      border,
    });
    assert.deepEqual([width, height], [60, 60]);
    for (const [x, y] of [
      [2, 30],
      [57, 30],
      [30, 2],
      [30, 57],
    ] as const)
      assert.ok(near(at(x, y)[1], 128, 1), `${x}, ${y}`);
  });
});

describe('fields of shape', () => {
  it('are left out of the recipe where they change nothing', () => {
    for (const nothing of [{ radius: 0 }, { radius: '0%' }, { border: { width: 0, color: '#ff0000' } }])
      assert.deepEqual(resolve(nothing), resolve({}));
  });

  it('of other values are refused with what was expected', () => {
    for (const radius of ['51%', '10', 'oval', true])
      assert.throws(
        () => checkPresets({ card: { width: 9, radius } }),
        /card\.radius: expected pixels, a percentage up to 50% or circle/,
      );
    assert.throws(() => checkPresets({ card: { width: 9, border: { width: 2, color: 'red' } } }), /a colour such as/);
    assert.throws(() => checkPresets({ card: { width: 9, border: { width: 2 } } }), /border\.color/);
  });

  it('are spelled in inline recipes', () => {
    const presets = createPresets({ definitions: {}, inline: true, faces: false });
    const shape = (text: string) => presets.resolve(`w_100,${text}`, '', undefined).recipe.effects?.shape;
    assert.deepEqual(shape('radius_12'), { radius: 12 });
    assert.deepEqual(shape('radius_2p5pct'), { radius: { percent: 2.5 } });
    assert.deepEqual(shape('radius_circle,border_1p5:ff0000'), {
      radius: 'circle',
      border: { width: 1.5, color: '#ff0000' },
    });
    for (const text of [
      'radius_',
      'radius_-1',
      'radius_51pct',
      'radius_pct',
      'radius_1pctpct',
      'border_2',
      'border_2:red',
      'border_2:ff0000:1',
    ])
      assert.throws(() => shape(text), { code: 'unknown_preset' }, text);
  });
});
