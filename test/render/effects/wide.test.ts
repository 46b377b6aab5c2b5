/** Effects on renditions in Display P3. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Recipe } from '../../../src/render/recipe.ts';
import { DISPLAY_P3, deltaE, fromSrgb, iccProfile, type Rgb } from '../../helpers/icc.ts';
import { CHART, cellAt, chart, patch, pixelsOf, render, withProfile } from '../../helpers/pictures.ts';

const BEST = { quality: 100, chromaSubsampling: '4:4:4' };
const p3 = (jpeg: Buffer) => withProfile(jpeg, iccProfile(DISPLAY_P3));
const CHART_P3 = p3(
  await chart((colour) => fromSrgb(colour, DISPLAY_P3))
    .shallow()
    .jpeg(BEST)
    .toBuffer(),
);
/** Display P3's own green, which sRGB does not have. */
const GREEN = p3(
  await sharp({ create: { width: 64, height: 64, channels: 3, background: '#00ff00' } })
    .jpeg(BEST)
    .toBuffer(),
);
const WIDE: Partial<Recipe> = { gamut: 'p3', quality: 95 };
const OUTPUTS = ['png', 'webp', 'jpeg', 'avif'] as const;

describe('effects on a rendition in Display P3', () => {
  it('keep colours that sRGB does not have, and the profile that the plain rendition carries', async () => {
    for (const output of OUTPUTS) {
      const recipe = { ...WIDE, width: 32, output };
      const plain = await render(GREEN, recipe);
      const blurred = await render(GREEN, { ...recipe, effects: { unit: 1, detail: { blur: 2 } } });
      const [r, g, b] = patch(await pixelsOf(blurred.body), 16, 16);
      assert.ok(r < 30 && g > 245 && b < 30, `${output} ${[r, g, b]}`);
      const [one, other] = await Promise.all(
        [plain, blurred].map(async ({ body }) => (await sharp(body).metadata()).icc),
      );
      assert.ok(one && other?.equals(one), `${output} carries the profile`);
      assert.equal(blurred.contentType, plain.contentType);
    }
  });

  it('show the chart in its own colours', async () => {
    const effects = { unit: 1, detail: { blur: 0.5 } };
    const { body } = await render(CHART_P3, { ...WIDE, width: 120, effects });
    const shown = await pixelsOf(await sharp(body).withIccProfile('srgb', { attach: false }).png().toBuffer());
    const far = CHART.map((colour, index) => deltaE(patch(shown, ...cellAt(index, 120)), colour));
    assert.ok(Math.max(...far) < 2, `${far.map((distance) => distance.toFixed(1))}`);
  });

  it('cover, frame and write in colours of sRGB as they look there', async () => {
    const colour = '#e02010';
    const part = { left: 0, top: 0, width: 1, height: 1 };
    const laid = { position: 'center', offset: { x: 0, y: 0 }, opacity: 1, rotate: 0, blend: 'over' } as const;
    const text = { ...laid, text: '\u2588\u2588', font: '', fonts: '', size: 30, color: colour };
    const recipes: Partial<Recipe>[] = [
      { effects: { unit: 1, redact: { boxes: [part], style: colour } } },
      { fit: 'contain', height: 64, background: colour, effects: { unit: 1, frame: { padding: [30, 30, 30, 30] } } },
      { effects: { unit: 1, overlay: [text] } },
    ];
    for (const [index, recipe] of recipes.entries()) {
      const { body } = await render(GREEN, { ...WIDE, width: 64, ...recipe });
      const shown = await pixelsOf(await sharp(body).withIccProfile('srgb', { attach: false }).png().toBuffer());
      const [x, y] = index === 1 ? [10, 10] : [32, 32];
      assert.ok(deltaE(patch(shown, x, y, 1), [0xe0, 0x20, 0x10]) < 2, `${index}: ${patch(shown, x, y, 1)}`);
    }
  });

  it('draw colours of sRGB as they look there, and greys as in sRGB', async () => {
    const grey = await sharp({ create: { width: 40, height: 40, channels: 3, background: '#a0a0a0' } })
      .jpeg(BEST)
      .toBuffer();
    for (const toned of [
      { tint: '#ff0000' },
      { duotone: { shadows: '#0000ff', highlights: '#00ff00' } },
      { sepia: 1 },
      { grayscale: true },
    ] as const) {
      const effects = { unit: 1, adjust: { toned } };
      const [wide, narrow] = [await render(p3(grey), { ...WIDE, effects }), await render(grey, { effects })];
      const { data } = await sharp(wide.body).withIccProfile('srgb').raw().toBuffer({ resolveWithObject: true });
      const distance = deltaE([...data.subarray(0, 3)] as Rgb, patch(await pixelsOf(narrow.body), 20, 20));
      assert.ok(distance < 1.5, `${JSON.stringify(toned)}: ${distance}`);
    }
  });

  it('carry the profile with a palette too', async () => {
    const effects = { unit: 1, detail: { pixelate: 8 } };
    const { body } = await render(GREEN, { ...WIDE, width: 32, output: 'png', encoding: { palette: 16 }, effects });
    assert.ok((await sharp(body).metadata()).icc);
    const { data } = await sharp(body, { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true });
    assert.ok(data[0]! < 30 && data[1]! > 245 && data[2]! < 30, `${[...data.subarray(0, 3)]}`);
  });

  it('are not handed on as pixels in sRGB to other renditions', async () => {
    const { downscaled } = await render(CHART_P3, { ...WIDE, width: 120, effects: { unit: 1, detail: { blur: 2 } } });
    assert.equal(downscaled, undefined);
  });

  it('keep alpha', async () => {
    const half = {
      create: { width: 40, height: 40, channels: 4 as const, background: { r: 0, g: 255, b: 0, alpha: 0.5 } },
    };
    const original = await sharp(half).withIccProfile('p3').png().toBuffer();
    const { body, contentType } = await render(original, {
      ...WIDE,
      ...{ width: 40, output: 'base', effects: { unit: 1, detail: { blur: 2 } } },
    });
    const [, , , alpha] = (await pixelsOf(body)).at(20, 20);
    assert.deepEqual([contentType, alpha], ['image/png', 128]);
    assert.ok((await sharp(body).metadata()).icc);
  });

  it('draw borders, corners and margins in the colours of sRGB that the recipe says', async () => {
    const [red, green] = [
      [234, 51, 35],
      [117, 251, 76],
    ];
    const near = (found: number[], wanted: number[] | undefined) =>
      assert.ok(
        wanted?.every((level, at) => Math.abs(level - (found[at] ?? -99)) <= 6),
        `${found}, wanted ${wanted}`,
      );
    const effects = { unit: 1, shape: { radius: 20, border: { width: 6, color: '#ff0000' } } };
    for (const output of ['png', 'jpeg'] as const) {
      const recipe = { ...WIDE, ...{ output, width: 100, height: 64, quality: 100, effects, background: '#00ff00' } };
      const framed = await pixelsOf((await render(GREEN, { ...recipe, fit: 'contain' })).body);
      near(framed.at(5, 5), green);
      near(framed.at(19, 1), green);
      near(framed.at(50, 2), red);
      const alone = await pixelsOf((await render(GREEN, { ...recipe, width: 64 })).body);
      if (output === 'jpeg') near(alone.at(1, 1), green);
      near(alone.at(32, 2), red);
    }
  });
});

describe('the background of a rendition in Display P3', () => {
  it('is the colour of sRGB that the recipe says, around the picture and below it', async () => {
    const clear = { create: { width: 40, height: 40, channels: 4 as const, background: '#0000ff00' } };
    const original = await sharp(clear).withIccProfile('p3').png().toBuffer();
    for (const recipe of [{ output: 'jpeg' }, { output: 'png', fit: 'contain', width: 60, height: 40 }] as const) {
      const { body } = await render(original, { ...WIDE, width: 40, quality: 100, background: '#00ff00', ...recipe });
      assert.ok(deltaE((await pixelsOf(body)).at(2, 2).slice(0, 3) as Rgb, [117, 251, 76]) < 2);
    }
  });
});
