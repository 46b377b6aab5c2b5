import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../../src/decoders/decoders.ts';
import { estimateRender } from '../../../src/render/cost-estimate.ts';
import type { PictureSource } from '../../../src/render/picture-source.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer } from '../../../src/render/render.ts';
import { plannedProxy } from '../../../src/render/stages/dear-proxy.ts';
import { planDownscaled, suffices } from '../../../src/render/stages/downscaled.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { face } from '../../helpers/faces.ts';
import { heicFile } from '../../helpers/heic-files.ts';
import { PLAIN, pixelsOf, render } from '../../helpers/pictures.ts';

const decoders = createDecoders({ threads: 1, idleMs: 60_000 });
after(() => decoders.close());
const renderer = createRenderer({ maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 20 }, decoders);
const of = (fields: Partial<Recipe>): Recipe => ({ ...PLAIN, ...fields });
const tenth = { x: '40%', y: '40%', width: '10%', height: '10%' } as const;

/** Red grows to the right, green downwards: a pixel says where it was. */
async function placed(width: number, height: number): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 3, 60);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      data[(y * width + x) * 3] = (255 * x) / (width - 1);
      data[(y * width + x) * 3 + 1] = (255 * y) / (height - 1);
    }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95 })
    .toBuffer();
}
const large = await placed(2000, 1500);

describe('what a part is made from', () => {
  it('has as many pixels for the part as a whole picture would need', async () => {
    const original = await renderer.examine(large);
    const [kept] = planDownscaled(original, []);
    assert.ok(kept);
    const small = of({ width: 100, height: 100 });
    assert.ok(suffices(kept, small));
    for (const crop of [tenth, { x: 0, y: 0, width: 200, height: 150 }])
      assert.ok(!suffices(kept, { ...small, crop }), JSON.stringify(crop));
    assert.ok(!suffices(kept, { ...small, edit: { crop: { x: 0.4, y: 0.4, width: 0.1, height: 0.1 } } }));
    assert.ok(suffices(kept, { ...small, crop: { x: 0, y: 0, width: '50%', height: '50%' } }));
    assert.ok(suffices(kept, { ...small, rotate: 90 }));
    assert.ok(!suffices(kept, { ...small, enlarge: true, crop: { x: 0, y: 0, width: 50, height: 50 } }));
    // A decode that other renditions share is never larger than its original.
    const enlarged = of({ width: 4000, height: 3000, enlarge: true });
    for (const { header } of planDownscaled(original, [enlarged])) assert.ok(header.stored.width <= 2000);
  });

  it('goes by the same rule for an original that is dear to decode', async () => {
    const size = { width: 8000, height: 6000 };
    const header = { ...(await renderer.examine(large)).header, decoder: 'heic', coding: 'heic', size, stored: size };
    const proxy = plannedProxy({ kind: 'original', body: large, header });
    const card = of({ width: 600, height: 600 });
    assert.ok(suffices(proxy, card));
    assert.ok(!suffices(proxy, { ...card, crop: tenth }));
    const [some, part] = [card, { ...card, crop: tenth }].map((recipe) => estimateRender({ header }, recipe).bytes);
    assert.ok(part! > some!, 'all of it is decoded');
  });

  it('shows the same from the original, a downscaled decode and a proxy image', async () => {
    const original = await renderer.examine(large);
    const [downscaled] = await renderer.decodeDownscaled(original, planDownscaled(original, []));
    assert.ok(downscaled);
    for (const fields of [
      { crop: { x: '30%', y: '20%', width: '50%', height: '60%' }, width: 150 },
      { crop: { x: 999, y: 501, width: 803, height: 777 }, rotate: 90, flip: 'horizontal', width: 120, height: 120 },
      { rotate: 270, fit: 'cover', width: 100, height: 200, gravity: { x: 0.2, y: 0.7 } },
      {
        edit: { rotate: 90, crop: { x: 0, y: 0.4, width: 1, height: 0.6 } },
        fit: 'cover',
        width: 90,
        height: 60,
        gravity: 'auto',
      },
    ] satisfies Partial<Recipe>[]) {
      const recipe = of(fields as Partial<Recipe>);
      assert.ok(suffices(downscaled, recipe));
      const show = async (source: PictureSource) => {
        const made = await renderer.render(source, recipe, createStepTimer(), async () => []);
        assert.ok(made.downscaled === undefined, 'a part is nothing that others could use');
        return pixelsOf(made.body);
      };
      const whole = await show(original);
      const smaller = await show(downscaled);
      assert.deepEqual([whole.width, whole.height], [smaller.width, smaller.height]);
      const off = whole.data.reduce((sum, value, at) => sum + Math.abs(value - smaller.data[at]!), 0);
      assert.ok(off / whole.data.length < 1.5, `${JSON.stringify(fields)}: ${off / whole.data.length}`);
    }
  });

  it('is decoded outside sharp as well', async () => {
    const photo = heicFile('photo.heic');
    const recipe = { crop: { x: '10%', y: '20%', width: '50%', height: '40%' }, rotate: 90, flip: 'vertical' } as const;
    const show = async (fields: Partial<Recipe>) =>
      renderer.render(await renderer.examine(photo), of(fields), createStepTimer(), async () => []);
    const all = await show({ lossless: true, width: 8000 });
    const part = await show({ ...recipe, lossless: true, width: 8000 });
    const box = {
      left: Math.round(all.width * 0.1),
      top: Math.round(all.height * 0.2),
      width: Math.round(all.width * 0.6) - Math.round(all.width * 0.1),
      height: Math.round(all.height * 0.6) - Math.round(all.height * 0.2),
    };
    const cut = await sharp(await sharp(all.body).extract(box).png().toBuffer())
      .rotate(90)
      .png()
      .toBuffer();
    const wanted = await pixelsOf(await sharp(cut).flip().png().toBuffer());
    assert.deepEqual([part.width, part.height], [wanted.width, wanted.height]);
    assert.ok(wanted.data.equals((await pixelsOf(part.body)).data));
  });
});

describe('faces in a part or a turned picture', () => {
  const red = ([r = 0, g = 0]: readonly number[]) => r > 150 && g < 70;
  /** Grey, with red squares of 60 pixels around these points of 800 × 600. */
  const people = async (...at: [number, number][]) => {
    const input = { create: { width: 60, height: 60, channels: 3 as const, background: '#c01818' } };
    return sharp({ create: { width: 800, height: 600, channels: 3, background: '#808080' } })
      .composite(at.map(([x, y]) => ({ input, left: x - 30, top: y - 30 })))
      .png()
      .toBuffer();
  };
  const faceAt = (x: number, y: number, score = 0.9) => face((x - 30) / 800, (y - 30) / 600, 60 / 800, 60 / 600, score);

  it('move the window, and those outside do not', async () => {
    const original = await people([700, 100], [120, 500]);
    const faces = [faceAt(700, 100, 0.99), faceAt(120, 500)];
    for (const fields of [
      { crop: { x: 0, y: 200, width: 800, height: 400 }, width: 100, height: 100 },
      { crop: { x: 0, y: 200, width: 800, height: 400 }, rotate: 90, width: 100, height: 100 },
      { edit: { rotate: 180, crop: { x: 0, y: 0, width: 1, height: 0.6 } }, width: 100, height: 100 },
      { edit: { flip: 'both' }, crop: { x: 0, y: 0, width: 800, height: 400 }, rotate: 270, width: 90, height: 60 },
    ] satisfies Partial<Recipe>[]) {
      const recipe = { fit: 'cover', gravity: 'faces', ...fields } as const;
      const { body } = await render(original, recipe as Partial<Recipe>, async () => faces);
      const { data, channels } = await pixelsOf(body);
      const shown = Array.from({ length: data.length / channels }, (_, at) => data.subarray(at * channels)).filter(
        (pixel) => red([...pixel.subarray(0, 3)]),
      );
      const { width, height } = recipe;
      const scale = Math.max(width, height) / Math.min(width, height) === 1 ? 100 / 400 : 90 / 400;
      assert.ok(shown.length > 0.8 * (60 * scale) ** 2, `${JSON.stringify(fields)}: ${shown.length}`);
    }
  });

  it('outside of a part leave it to what draws the eye', async () => {
    const original = await people([700, 100], [100, 450]);
    const recipe = { fit: 'cover', gravity: 'faces', width: 60, height: 60 } as const;
    const crop = { x: 0, y: 200, width: 800, height: 400 };
    const shown = async (faces: ReturnType<typeof faceAt>[]) =>
      (await pixelsOf((await render(original, { ...recipe, crop }, async () => faces)).body)).data;
    assert.deepEqual(await shown([faceAt(700, 100)]), await shown([]));
    assert.notDeepEqual(await shown([faceAt(700, 500)]), await shown([]));
  });

  it('are not looked for where an edit says what is in the middle', async () => {
    const original = await people([700, 300]);
    const recipe: Partial<Recipe> = {
      fit: 'cover',
      gravity: 'auto',
      width: 50,
      height: 100,
      edit: { focus: { x: 700 / 800, y: 0.5 } },
    };
    const { body } = await render(original, recipe, () => assert.fail('looked'));
    assert.ok(red((await pixelsOf(body)).at(33, 50)));
  });
});

describe('entropy and attention', () => {
  it('find the one thing there is, in a part, turned, and in all of it, at each size', async () => {
    const noise = Buffer.from(
      Array.from({ length: 120 * 120 * 3 }, (_, at) => (Math.floor(at / 30) * 97 + Math.floor(at / 3600) * 61) % 256),
    );
    const input = { input: noise, raw: { width: 120, height: 120, channels: 3 as const }, left: 640, top: 60 };
    const original = await sharp({ create: { width: 900, height: 300, channels: 3, background: '#808080' } })
      .composite([input])
      .png()
      .toBuffer();
    for (const gravity of ['entropy', 'attention'] as const)
      for (const fields of [
        {},
        { rotate: 90 },
        { flip: 'horizontal', crop: { x: 100, y: 0, width: 800, height: 300 } },
      ] as const)
        for (const side of [50, 100, 150]) {
          const recipe = { fit: 'cover', gravity, width: side, height: side, ...fields } as const;
          const { body } = await render(original, recipe);
          const { data, channels } = await pixelsOf(body);
          const busy = data.filter((value, at) => at % channels === 0 && Math.abs(value - 128) > 12).length;
          const all = (side * (120 / 300)) ** 2;
          assert.ok(busy > 0.5 * all, `${gravity} ${JSON.stringify(fields)} ${side}: ${busy} of ${all}`);
        }
  });
});
