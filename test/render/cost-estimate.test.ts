import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../src/decoders/decoders.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { planMemory } from '../../src/process/memory-plan.ts';
import { estimateDescription, estimateRender, expectedMs } from '../../src/render/cost-estimate.ts';
import { createRenderer } from '../../src/render/render.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';
import { gridFile, irot } from '../helpers/heic-files.ts';

const presets = createPresets({ definitions: BUILT_IN_PRESETS, inline: true, faces: true });
const decoders = createDecoders({ threads: 1, idleMs: 1000 });
after(() => decoders.close());
const renderer = createRenderer({ maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 20 }, decoders);
const recipe = (name: string) => presets.resolve(name, '', undefined).recipe;
const MIB = 1024 * 1024;

const picture = () => sharp({ create: { width: 4000, height: 3000, channels: 3, background: '#846' } });
const originals: Record<string, Buffer> = {
  'plain JPEG': await picture().jpeg().toBuffer(),
  'JPEG in passes': await picture().jpeg({ progressive: true }).toBuffer(),
  'JPEG in passes, 4:4:4': await picture().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
  'plain WebP': await picture().webp({ effort: 0 }).toBuffer(),
  'lossless WebP': await picture().webp({ lossless: true, effort: 0 }).toBuffer(),
  'interlaced PNG': await picture().png({ progressive: true }).toBuffer(),
  AVIF: await picture().avif({ effort: 0 }).toBuffer(),
  'turned P3 JPEG of 24 megapixels': await sharp({
    create: { width: 5656, height: 4242, channels: 3, background: '#846' },
  })
    .withMetadata({ orientation: 5 })
    .withIccProfile('p3')
    .jpeg({ progressive: true })
    .toBuffer(),
};
const examined = async (name: string) => renderer.examine(originals[name] ?? assert.fail(name));
const mib = async (name: string, preset: string) =>
  Math.round(estimateRender(await examined(name), recipe(preset)).bytes / MIB);

/** Peaks measured by `node bench/memory.ts` for 12 megapixels: an estimate below lets the machine run out of memory. */
const MEASURED: [original: string, preset: string, mib: number][] = [
  ['plain JPEG', 'thumb', 4],
  ['plain JPEG', 'large', 17],
  ['plain JPEG', 'retina', 49],
  ['JPEG in passes', 'thumb', 36],
  ['JPEG in passes, 4:4:4', 'thumb', 70],
  ['plain WebP', 'retina', 44],
  ['lossless WebP', 'thumb', 46],
  ['interlaced PNG', 'thumb', 44],
  ['AVIF', 'thumb', 223],
  // What is held whole stays while a part of it is cut or enlarged.
  ['lossless WebP', 'w_3000,en_1,f_jpeg', 134],
  ['lossless WebP', 'w_600,h_600,fit_cover,g_entropy,f_webp', 66],
  ['lossless WebP', 'w_2400,crop_10pc:10pc:80pc:80pc,f_jpeg', 121],
  ['turned P3 JPEG of 24 megapixels', 'w_1200,gamut_p3,f_webp', 127],
  ['turned P3 JPEG of 24 megapixels', 'w_1200,rot_90,gamut_p3,f_webp', 218],
];

describe('the cost of a render', () => {
  for (const [original, preset, measured] of MEASURED) {
    it(`is not below what ${original} → ${preset} was measured to take, nor out of proportion`, async () => {
      const estimate = await mib(original, preset);
      assert.ok(estimate >= measured && estimate <= measured * 2 + 20, `${estimate} for ${measured} MiB`);
    });
  }

  it('lets 256 MiB show a HEIC of 12 megapixels, of which 30 MiB were measured in all', async () => {
    const photo = await renderer.examine(
      gridFile({ columns: 8, rows: 6, width: 4032, height: 3024, properties: [irot(3)] }),
    );
    const plan = planMemory({ limit: 256 * MIB, faceThreads: 0 }) ?? assert.fail('no plan');
    for (const preset of ['thumb', 'medium', 'large', 'og', 'avatar-large']) {
      const { bytes } = estimateRender(photo, recipe(preset));
      assert.ok(bytes > 30 * MIB && bytes <= plan.work + plan.cache + plan.decodes, `${preset}: ${bytes / MIB} MiB`);
    }
  });

  it('tells a small rendition from a large one before and after the original is known', async () => {
    assert.ok(expectedMs(recipe('avatar-small')) * 4 < expectedMs(recipe('retina')));
    const photo = await examined('plain JPEG');
    assert.ok(estimateRender(photo, recipe('avatar-small')).ms * 2 < estimateRender(photo, recipe('retina')).ms);
    assert.ok(estimateDescription(photo).ms <= estimateRender(photo, recipe('thumb')).ms);
  });

  it('counts overlays by what they cover', async () => {
    const source = await examined('plain JPEG');
    const cost = (overlays?: object[]) => {
      const definitions = { card: { width: 1000, format: 'webp', ...(overlays ? { overlays } : {}) } };
      const { recipe } = createPresets({ definitions, inline: false, faces: false }).resolve('card', '', undefined);
      return estimateRender(source, recipe);
    };
    const [none, small, tiled] = [cost(), cost([{ text: 'x' }]), cost([{ text: 'x', tile: true }])];
    assert.ok(small.bytes > none.bytes && tiled.ms > small.ms && small.ms > none.ms);
    assert.ok(small.ms < 1.3 * none.ms);
  });

  it('counts all frames where all are kept', async () => {
    // All different: the encoder joins frames that are the same.
    const frame = (n: number) => ({ width: 400, height: 300, channels: 4, background: `#ff${n}8` }) as const;
    const frames = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        sharp({ create: frame(n) })
          .png()
          .toBuffer(),
      ),
    );
    const moving = await renderer.examine(
      await sharp(frames, { join: { animated: true } })
        .webp()
        .toBuffer(),
    );
    const still = estimateRender(moving, recipe('w_300,f_webp')).bytes;
    assert.ok(estimateRender(moving, recipe('w_300,f_webp,a_1')).bytes > still);
  });
});
