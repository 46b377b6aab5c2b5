/** Every field that changes how a picture looks, on every kind of original: the size is the plain one's, and nothing fails. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../../src/decoders/decoders.ts';
import { createPresets } from '../../../src/presets/presets.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer } from '../../../src/render/render.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { gridFile } from '../../helpers/heic-files.ts';
import { DISPLAY_P3, iccProfile } from '../../helpers/icc.ts';
import { letterF, storedAs, withProfile } from '../../helpers/pictures.ts';

const decoders = createDecoders({ threads: 1, idleMs: 60_000 });
after(() => decoders.close());
const renderer = createRenderer({ maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 }, decoders);

async function render(original: Buffer, recipe: Recipe) {
  return renderer.render(await renderer.examine(original), recipe, createStepTimer(), async () => []);
}

function recipeOf(preset: object, output: Recipe['output'] = 'png'): Recipe {
  const definitions = { card: { width: 60, format: 'png', animated: true, ...preset } };
  return {
    ...createPresets({ definitions, inline: false, faces: false }).resolve('card', '', undefined).recipe,
    output,
  };
}

const F = letterF(90, 60);
const jpegOf = (width: number, height: number) =>
  sharp(letterF(width, height), { raw: { width, height, channels: 3 } }).jpeg({
    quality: 95,
    chromaSubsampling: '4:4:4',
  });
const frames = [letterF(60, 40), Buffer.from(letterF(60, 40).map((level) => 255 - level))];
const moving = () => sharp(Buffer.concat(frames), { raw: { width: 60, height: 80, channels: 3, pageHeight: 40 } });

const ORIGINALS: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
  JPEG: () => jpegOf(90, 60).toBuffer(),
  'JPEG on its side': () => storedAs(6, F, 90, 60, 'jpeg'),
  'JPEG in print colours': () => jpegOf(90, 60).withIccProfile('cmyk').toBuffer(),
  'JPEG in Display P3': async () => withProfile(await jpegOf(90, 60).toBuffer(), iccProfile(DISPLAY_P3)),
  'PNG with alpha': () =>
    sharp(F, { raw: { width: 90, height: 60, channels: 3 } })
      .ensureAlpha(0.5)
      .png()
      .toBuffer(),
  'PNG in grey, 16 bits': () =>
    sharp(F, { raw: { width: 90, height: 60, channels: 3 } })
      .greyscale()
      .toColourspace('grey16')
      .png()
      .toBuffer(),
  'animated GIF': () =>
    moving()
      .gif({ delay: [90, 90] })
      .toBuffer(),
  'animated WebP': () =>
    moving()
      .webp({ lossless: true, delay: [90, 90] })
      .toBuffer(),
  HEIC: () => gridFile({ columns: 2, rows: 2 }),
  'one pixel': () => jpegOf(1, 1).toBuffer(),
  'a row': () => jpegOf(200, 1).toBuffer(),
};

/** To decode. */
const SLOW = new Set(['HEIC', 'JPEG in print colours']);

const FIELDS: Readonly<Record<string, object>> = {
  ...{ brightness: { brightness: 1.3 }, contrast: { contrast: 0.5 }, saturation: { saturation: 2 }, hue: { hue: 90 } },
  ...{ gamma: { gamma: 2 }, grayscale: { grayscale: true }, sepia: { sepia: 0.7 }, tint: { tint: '#3366cc' } },
  ...{ duotone: { duotone: { shadows: '#220044', highlights: '#ffee99' } }, normalize: { normalize: true } },
  ...{ sharpen: { sharpen: 'auto' }, 'sharpen by sigma': { sharpen: 2 }, pixelate: { pixelate: 7 }, blur: { blur: 2 } },
  ...{ radius: { radius: 9 }, circle: { radius: 'circle' }, border: { border: { width: 3, color: '#ff0000' } } },
  'all together': {
    ...{ normalize: true, brightness: 1.1, sepia: 0.5, pixelate: 5, blur: 1, radius: '20%' },
    border: { width: 2, color: '#00ff00' },
  },
};

/** Mean of red, green and blue over alpha, of the middle ninth of all frames together. */
async function middle(body: Buffer): Promise<number[]> {
  const { data, info } = await sharp(body, { animated: true })
    .ensureAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const sum = [0, 0, 0, 0];
  for (let y = Math.floor(info.height / 3); y <= (2 * info.height) / 3 && y < info.height; y += 1)
    for (let x = Math.floor(info.width / 3); x <= (2 * info.width) / 3 && x < info.width; x += 1)
      for (const channel of [0, 1, 2, 3]) sum[channel]! += data[(y * info.width + x) * 4 + channel]!;
  return sum;
}

describe('each field that changes how a picture looks', () => {
  for (const [kind, made] of Object.entries(ORIGINALS)) {
    it(`on ${kind}: of the plain rendition's size, and seen`, async () => {
      const original = await made();
      const wide = kind.endsWith('P3') ? { gamut: 'p3', animated: false } : {};
      for (const output of SLOW.has(kind) ? (['png', 'jpeg'] as const) : (['png', 'base', 'jpeg', 'webp'] as const)) {
        const plain = await render(original, recipeOf(wide, output));
        for (const [name, fields] of Object.entries(FIELDS)) {
          const few = output !== 'png' || SLOW.has(kind);
          if (few && name !== 'radius' && name !== 'all together') continue;
          const changed = await render(original, recipeOf({ ...wide, ...fields }, output));
          assert.deepEqual([changed.width, changed.height], [plain.width, plain.height], `${name} ${output}`);
          const { pages, height, width } = await sharp(changed.body).metadata();
          assert.deepEqual(
            [width, height, pages],
            [plain.width, plain.height, (await sharp(plain.body).metadata()).pages],
          );
          const same =
            changed.body.equals(plain.body) ||
            (await middle(changed.body)).join() === (await middle(plain.body)).join();
          if (
            /brightness|hue|tint|duotone|all/.test(name) &&
            plain.height > 1 &&
            !(kind.includes('grey') && name === 'hue')
          )
            assert.ok(!same, `${name} ${output} changed nothing`);
        }
      }
    });
  }

  it('is of the same bytes each time', async () => {
    const original = await jpegOf(90, 60).toBuffer();
    const recipe = recipeOf(FIELDS['all together'] ?? {});
    const [one, other] = [await render(original, recipe), await render(original, recipe)];
    assert.ok(one.body.equals(other.body));
  });

  it('leaves pixels that other renditions share as they are', async () => {
    const original = await sharp(letterF(900, 600), { raw: { width: 900, height: 600, channels: 3 } })
      .jpeg()
      .toBuffer();
    const { downscaled } = await render(original, { ...recipeOf({ width: 600 }), animated: false });
    assert.ok(downscaled?.kind === 'pixels');
    const before = Buffer.from(downscaled.pixels.data);
    for (const fields of Object.values(FIELDS))
      await renderer.render(downscaled, recipeOf({ width: 600, ...fields }), createStepTimer(), async () => []);
    assert.ok(downscaled.pixels.data.equals(before));
  });
});
