import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createPresets } from '../../../src/presets/presets.ts';
import { inFrame, placementOf } from '../../../src/render/effects/placement.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { planView, requestOf } from '../../../src/render/stages/view/plan.ts';
import { PLAIN, pixelsOf, render } from '../../helpers/pictures.ts';

const resolve = (preset: object, suffix = ''): Recipe =>
  createPresets({
    definitions: { card: { width: 120, height: 120, format: 'png', widths: [60, 90], ...preset } },
    inline: false,
    faces: false,
  }).resolve('card', suffix, undefined).recipe;

const GREEN = [20, 160, 20];
const BLUE = [20, 20, 200];

/** Green above, blue below. */
function halves(width: number, height: number, alpha = 1): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 4);
  for (let at = 0; at < width * height; at += 1)
    data.set([...(at < (width * height) / 2 ? GREEN : BLUE), Math.round(255 * alpha)], 4 * at);
  return sharp(data, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer();
}

const near = (found: readonly number[], wanted: readonly number[], by = 4) =>
  assert.ok(
    wanted.every((value, channel) => Math.abs((found[channel] ?? 0) - value) <= by),
    `${found} is not ${wanted}`,
  );

describe('padding', () => {
  const padded = { fit: 'cover', padding: [5, 10, 15, 20], background: '#ff0000' };
  for (const suffix of ['', '@2x', '@60w', '@90w'])
    it(`has its pixels of the preset on each side at ${suffix || '@1x'}`, async () => {
      const { body, width, height } = await render(await halves(600, 600), resolve(padded, suffix));
      const picture = await pixelsOf(body);
      const unit = width / 120;
      assert.equal(width, height);
      const [top, right, bottom, left] = padded.padding.map((length) => Math.round(length * unit)) as [
        number,
        number,
        number,
        number,
      ];
      const [x, y] = [Math.round(width / 2), Math.round(height / 2)];
      const red = [255, 0, 0];
      near(picture.at(x, top - 1), red);
      near(picture.at(x, top), GREEN);
      near(picture.at(x, height - bottom - 1), BLUE);
      near(picture.at(x, height - bottom), red);
      near(picture.at(left - 1, y), red);
      near(picture.at(left, top + 2), GREEN);
      near(picture.at(width - right - 1, top + 2), GREEN);
      near(picture.at(width - right, top + 2), red);
    });

  it('shrinks with a rendition whose original is too small', async () => {
    const { body, width, height } = await render(await halves(45, 50), resolve(padded));
    assert.deepEqual([width, height], [60, 60]);
    near((await pixelsOf(body)).at(9, 30), [255, 0, 0]);
    near((await pixelsOf(body)).at(10, 8), GREEN);
  });

  it('is white, or transparent around a cut-out where the format allows', async () => {
    const opaque = await render(
      await sharp(await halves(300, 300))
        .flatten()
        .jpeg()
        .toBuffer(),
      resolve({ padding: 10 }),
    );
    near((await pixelsOf(opaque.body)).at(2, 2), [255, 255, 255]);
    const cutOut = await render(await halves(300, 300, 0.5), resolve({ padding: 10 }));
    assert.deepEqual((await pixelsOf(cutOut.body)).at(2, 2)[3], 0);
    assert.ok(Math.abs((await pixelsOf(cutOut.body)).at(60, 60)[3]! - 128) < 3);
    const flat = await render(await halves(300, 300, 0.5), { ...resolve({ padding: 10 }), output: 'jpeg' });
    near((await pixelsOf(flat.body)).at(2, 2), [255, 255, 255]);
  });

  it('lies around what a blur was done to, and around a turned picture', async () => {
    const { body } = await render(await halves(600, 600), resolve({ ...padded, blur: 8, rotate: 180 }));
    const picture = await pixelsOf(body);
    near(picture.at(60, 4), [255, 0, 0]);
    near(picture.at(60, 6), BLUE);
    near(picture.at(60, 103), GREEN);
  });
});

describe('a backdrop', () => {
  it('of the colour of the edges, which are beside the bars', async () => {
    const { body } = await render(await halves(300, 100), resolve({ fit: 'pad', background: 'auto' }));
    const picture = await pixelsOf(body);
    for (const [x, y] of [
      [2, 2],
      [118, 118],
    ] as const)
      near(picture.at(x, y), [20, 90, 110], 6);
    near(picture.at(60, 45), GREEN);
    near(picture.at(60, 75), BLUE);
  });

  it('of a blurred copy that covers the canvas, alike at each size', async () => {
    const original = await halves(300, 100);
    const corners = async (suffix: string) => {
      const { body, width, height } = await render(original, resolve({ fit: 'pad', background: 'blur' }, suffix));
      const { at } = await pixelsOf(body);
      assert.equal(width, height);
      const mid = Math.round(width / 2);
      near(at(mid, Math.round(height * 0.4)), GREEN, 12);
      near(at(mid, Math.round(height * 0.6)), BLUE, 12);
      return [at(mid, 2), at(mid, height - 3)];
    };
    for (const suffix of ['', '@2x', '@60w', '@90w']) {
      const [above = [], below = []] = await corners(suffix);
      near(above, GREEN, 6);
      near(below, BLUE, 6);
    }
  });

  it('of each frame by itself, on GIF and WebP', async () => {
    const frames = [
      await halves(90, 30),
      await sharp(await halves(90, 30))
        .flip()
        .toBuffer(),
    ];
    const raw = await Promise.all(frames.map((frame) => sharp(frame).removeAlpha().raw().toBuffer()));
    const image = sharp(Buffer.concat(raw), { raw: { width: 90, height: 60, channels: 3, pageHeight: 30 } });
    for (const original of [
      await image
        .clone()
        .gif({ delay: [50, 50] })
        .toBuffer(),
      await image
        .clone()
        .webp({ delay: [50, 50], lossless: true })
        .toBuffer(),
    ])
      for (const background of ['blur', 'auto', '#20a014']) {
        const recipe = resolve({
          fit: 'pad',
          background,
          animated: true,
          format: 'webp',
          lossless: true,
          width: 90,
          height: 90,
          rotate: 180,
        });
        const { body, width, height } = await render(original, recipe);
        assert.deepEqual([width, height], [90, 90]);
        const { at } = await pixelsOf(body, { animated: true });
        near(at(45, 35), BLUE, 12);
        near(at(45, 55), GREEN, 12);
        near(at(45, 90 + 35), GREEN, 12);
        near(at(45, 90 + 55), BLUE, 12);
        if (background === 'blur') near(at(45, 90 + 3), GREEN, 20);
        if (background === '#20a014') near(at(45, 90 + 3), [32, 160, 20]);
      }
  });

  it('is behind transparent parts too, and leaves an opaque picture alone that fills the canvas', async () => {
    for (const background of ['blur', 'auto']) {
      const recipe = resolve({ fit: 'pad', background });
      const { body } = await render(await halves(240, 240, 0.5), recipe);
      const { at, channels } = await pixelsOf(body);
      assert.ok(channels === 3 || at(60, 10)[3] === 255);
      const filled = await pixelsOf((await render(await halves(240, 240), recipe)).body);
      near(filled.at(60, 50), GREEN);
    }
  });
});

describe('the place of a picture on its canvas', () => {
  it('is at a point of the compass', async () => {
    for (const [gravity, x, y] of [
      ['north', 60, 0],
      ['southeast', 119, 119],
      ['west', 0, 60],
    ] as const) {
      const preset = { extend: true, gravity, background: '#ff0000' };
      const { at } = await pixelsOf((await render(await halves(60, 40), resolve(preset))).body);
      const [red = 0, ...others] = at(x, y);
      assert.ok(red < 60 && Math.max(...others.slice(0, 2)) > 100, `${gravity}: ${at(x, y)}`);
      near(at(119 - x, 119 - y), [255, 0, 0]);
    }
  });

  it('is known to what is drawn on it', () => {
    const recipe: Recipe = { ...PLAIN, ...resolve({ fit: 'cover', padding: [5, 10, 15, 20], rotate: 90 }) };
    const size = { width: 400, height: 300 };
    const view = planView(size, recipe, 1);
    const before = placementOf(view, size, requestOf(recipe), 1);
    // The middle of the original is that of the window: 90 × 100, behind a padding of 20 and 5.
    const middle = { left: 0.5, top: 0.5, width: 0, height: 0 };
    assert.deepEqual(before.onCanvas(middle), { left: 45, top: 50, width: 0, height: 0 });
    assert.deepEqual(inFrame(before).onCanvas(middle), { left: 65, top: 55, width: 0, height: 0 });
    // Turned clockwise, what was at the bottom comes first.
    const lower = before.onCanvas({ left: 0.5, top: 0.5, width: 0.1, height: 0.5 });
    assert.ok(Math.abs(lower.left + lower.width - 45) < 1e-9 && lower.top === 50, JSON.stringify(lower));
  });
});
