import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer, type Renderer } from '../../../src/render/render.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { drawsOf } from '../../helpers/draws.ts';
import { engineSkip, watchedEngine } from '../../helpers/engine.ts';
import { randomJpeg, SAMPLINGS } from '../../helpers/jpegs.ts';
import { PLAIN, withOrientation } from '../../helpers/pictures.ts';

/** What the engine makes is what sharp makes, within levels: sizes, crops, turns, sampling, odd sides. */

const LIMITS = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 };
const sample = (name: string) => readFileSync(new URL(`../../../samples/${name}`, import.meta.url));
const { engine, results } = watchedEngine();
const bySharp = createRenderer(LIMITS);
const byEngine = createRenderer(LIMITS, undefined, undefined, engine);
type Fields = Partial<Recipe>;

const pixelsOf = (file: Buffer) => sharp(file).toColourspace('srgb').removeAlpha().raw().toBuffer();

/** What sharp makes of all pixels of a picture, without a decoder that shrinks on its way and an encoder that loses. */
async function ideal(original: Buffer, recipe: Recipe) {
  const upright = await sharp(original).autoOrient().toColourspace('srgb').png({ compressionLevel: 0 }).toBuffer();
  const { body, width, height } = await make(bySharp, upright, { ...recipe, output: 'png' });
  return { data: await pixelsOf(body), width, height };
}

async function make(renderer: Renderer, original: Buffer, recipe: Recipe) {
  return renderer.render(await renderer.examine(original), recipe, createStepTimer(), async () => []);
}

/** The same stored in another of EXIF's ways, without a profile. */
async function storedAs(orientation: number, upright: Sharp): Promise<Buffer> {
  const turned = [
    (image: Sharp) => image,
    (image: Sharp) => image.flop(),
    (image: Sharp) => image.rotate(180),
    (image: Sharp) => image.flip(),
    (image: Sharp) => image.rotate(90).flop(),
    (image: Sharp) => image.rotate(270),
    (image: Sharp) => image.rotate(270).flop(),
    (image: Sharp) => image.rotate(90),
  ][orientation - 1];
  assert.ok(turned);
  const pixels = await turned(sharp(await upright.png().toBuffer()))
    .png()
    .toBuffer();
  const stored = withOrientation(await sharp(pixels).jpeg({ quality: 92 }).toBuffer(), orientation);
  assert.equal((await sharp(stored).metadata()).orientation, orientation);
  return stored;
}

/** Means of 8 × 8 patches, or of less at the right and at the bottom: the largest and the mean difference, in levels. */
function patches(one: Buffer, other: Buffer, width: number, height: number): Likeness {
  let [most, sum, count] = [0, 0, 0];
  for (let top = 0; top < height; top += 8)
    for (let left = 0; left < width; left += 8)
      for (let channel = 0; channel < 3; channel += 1) {
        let [difference, pixels] = [0, 0];
        for (let y = top; y < Math.min(height, top + 8); y += 1)
          for (let x = left; x < Math.min(width, left + 8); x += 1) {
            const at = (y * width + x) * 3 + channel;
            difference += one[at]! - other[at]!;
            pixels += 1;
          }
        // A patch of few pixels is mostly edge.
        if (pixels < 32) continue;
        most = Math.max(most, Math.abs(difference / pixels));
        sum += Math.abs(difference / pixels);
        count += 1;
      }
  return { most, mean: count === 0 ? 0 : sum / count };
}

/** Red grows to the right, green downwards: a pixel says where it was. */
async function placed(width: number, height: number): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 3, 60);
  for (let at = 0; at < width * height; at += 1) {
    data[at * 3] = (255 * (at % width)) / (width - 1);
    data[at * 3 + 1] = (255 * Math.floor(at / width)) / (height - 1);
  }
  const pixels = sharp(data, { raw: { width, height, channels: 3 } });
  return pixels.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
}

/** Of one picture that the engine must have made. */
async function assertAlike(original: Buffer, fields: Fields, { most, mean }: Likeness, what: string) {
  const recipe: Recipe = { ...PLAIN, output: 'jpeg', quality: 100, ...fields };
  const before = results.length;
  const made = await make(byEngine, original, recipe);
  assert.equal(results.length, before + 1, `${what}: the engine was asked once`);
  assert.equal(results.at(-1)?.declined, undefined, what);
  const [wanted, theirs] = [await ideal(original, recipe), await make(bySharp, original, recipe)];
  assert.deepEqual([made.width, made.height], [wanted.width, wanted.height], what);
  assert.deepEqual([made.width, made.height, made.contentType], [theirs.width, theirs.height, theirs.contentType]);
  const data = await pixelsOf(made.body);
  assert.equal(data.length, wanted.data.length, what);
  const found = patches(data, wanted.data, made.width, made.height);
  const text = `${found.most.toFixed(2)} at the most, mean ${found.mean.toFixed(2)}`;
  assert.ok(found.most <= most && found.mean <= mean, `${what}: ${text}`);
}

interface Likeness {
  readonly most: number;
  readonly mean: number;
}

/** Levels: of an encoder that rounds, whose chroma is half as large. */
const PHOTO = { most: 5, mean: 1 };
const coffee = sample('coffee.jpg');

describe('what the engine makes', { skip: engineSkip }, () => {
  it('has the size, the window and the colours of what sharp makes, however the picture is stored', async () => {
    const upright = sharp(coffee).resize(331, 229, { fit: 'fill' });
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8])
      for (const fields of [
        { width: 150, height: 150, fit: 'cover' },
        { width: 97, height: 97, output: 'webp' },
        { width: 101, height: 67, fit: 'fill' },
      ] satisfies Fields[]) {
        const stored = await storedAs(orientation, upright.clone());
        await assertAlike(stored, fields, PHOTO, `${orientation} ${JSON.stringify(fields)}`);
      }
  });

  it('is turned, cropped and placed as a recipe and an edit say', async () => {
    // A pixel of the result is 2 or 3 levels here. Sharp's path rounds the corners of a part to pixels.
    const places = await placed(600, 400);
    const stored = await storedAs(6, sharp(places));
    for (const fields of [
      { width: 120, rotate: 90, flip: 'horizontal' },
      { width: 90, height: 140, fit: 'cover', gravity: 'northwest' },
      { width: 90, height: 60, fit: 'cover', gravity: { x: 0.8, y: 0.3 } },
      { width: 133, crop: { x: '20%', y: '10%', width: '65%', height: '71%' } },
      { width: 80, height: 80, fit: 'outside', flip: 'vertical' },
      { width: 111, height: 99, fit: 'cover', edit: { rotate: 270, crop: { x: 0.1, y: 0, width: 0.8, height: 0.9 } } },
    ] satisfies Fields[])
      for (const original of [places, stored])
        await assertAlike(original, fields, { most: 3, mean: 1.5 }, JSON.stringify(fields));
  });

  it('is alike for every sampling, in passes or not, with restart markers or without', async () => {
    for (const options of [
      { chromaSubsampling: '4:4:4' },
      { chromaSubsampling: '4:2:0' },
      { chromaSubsampling: '4:2:0', progressive: true },
      { chromaSubsampling: '4:4:4', progressive: true },
    ])
      for (const size of [
        [301, 203],
        [40, 600],
        [17, 16],
      ] as const) {
        const original = await sharp(coffee)
          .resize({ width: size[0], height: size[1], fit: 'fill' })
          .jpeg({ quality: 92, ...options })
          .toBuffer();
        await assertAlike(original, { width: Math.round(size[0] / 1.9) }, PHOTO, JSON.stringify([options, size]));
      }
    const grey = await sharp(coffee).greyscale().jpeg({ quality: 92 }).toBuffer();
    for (const output of ['webp', 'jpeg'] as const)
      await assertAlike(grey, { width: 151, output }, PHOTO, `grey ${output}`);
    const random = drawsOf(7).share;
    for (const sampling of SAMPLINGS)
      for (const restarts of [0, 3])
        for (const interleaved of [true, false]) {
          const shape = { width: 333, height: 257, sampling, restarts, interleaved };
          const fields: Fields = { width: 41, lossless: false };
          // Noise: what is left of it behind two kinds of decoders' halves differs more.
          await assertAlike(randomJpeg(shape, random), fields, { most: 14, mean: 3.5 }, JSON.stringify(shape));
        }
  });

  it('gives a downscaled decode and an AVIF their pixels', async () => {
    const original = await byEngine.examine(coffee);
    const [alone] = await bySharp.decodeDownscaled(original, [
      { kind: 'pixels', decodedFrom: 'original', header: { ...original.header, stored: { width: 300, height: 200 } } },
    ]);
    const [ours] = await byEngine.decodeDownscaled(original, [
      { kind: 'pixels', decodedFrom: 'original', header: { ...original.header, stored: { width: 300, height: 200 } } },
    ]);
    assert.ok(alone?.kind === 'pixels' && ours?.kind === 'pixels' && !ours.pixels.data.equals(alone.pixels.data));
    const found = patches(ours.pixels.data, alone.pixels.data, 300, 200);
    assert.ok(found.most <= 4 && found.mean <= 0.4, JSON.stringify(found));
    await assertAlike(coffee, { width: 200, output: 'avif', quality: 90 }, { most: 5, mean: 1 }, 'AVIF');
    const odd = await sharp(coffee).resize(331, 229, { fit: 'fill' }).jpeg({ quality: 92 }).toBuffer();
    await assertAlike(
      odd,
      { width: 117, height: 97, fit: 'cover', output: 'avif', quality: 90 },
      { most: 5, mean: 1 },
      'odd',
    );
    // Several qualities are tried on pixels.
    await assertAlike(
      coffee,
      { width: 200, output: 'avif', encoding: { maxBytes: 30_000 } },
      { most: 9, mean: 2 },
      'bytes',
    );
    const before = results.length;
    const kept = await make(byEngine, coffee, { ...PLAIN, width: 200, output: 'avif' });
    assert.equal(results[before]?.body?.length, 40_000);
    assert.ok(kept.downscaled?.kind === 'planes');
    const half = 100 * 67;
    const bytes = kept.downscaled.planes.bytes - 200 * 133 - 2 * half;
    assert.ok(bytes >= 0 && bytes < 5000, `${bytes} more than the samples`);
    kept.downscaled.planes.free();
  });
});
