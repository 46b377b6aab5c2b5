import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { DarkroomError } from '../../../src/errors.ts';
import { estimateRender } from '../../../src/render/cost-estimate.ts';
import { type EngineResult, loadEngine } from '../../../src/render/engine/engine.ts';
import { pixelsJob, wholeJob } from '../../../src/render/engine/job.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer, type Renderer } from '../../../src/render/render.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { drawsOf } from '../../helpers/draws.ts';
import { engineSkip, watchedEngine } from '../../helpers/engine.ts';
import { PLAIN } from '../../helpers/pictures.ts';

/** What the engine does not take is rendered by sharp to the byte, and a damaged file is judged by sharp. */

const LIMITS = { maxPixels: 4_000_000, maxFrames: 200, timeoutSeconds: 60 };
const sample = (name: string) => readFileSync(new URL(`../../../samples/${name}`, import.meta.url));
const { engine, results } = watchedEngine();
const bySharp = createRenderer(LIMITS);
const byEngine = createRenderer(LIMITS, undefined, undefined, engine);
const coffee = sample('coffee.jpg');
const recipeOf = (fields: Partial<Recipe>): Recipe => ({
  ...PLAIN,
  output: 'webp',
  quality: 80,
  width: 200,
  ...fields,
});

async function outcome(
  renderer: Renderer,
  original: Buffer,
  recipe: Recipe,
  signal?: AbortSignal,
): Promise<Buffer | string> {
  try {
    const source = await renderer.examine(original);
    return (await renderer.render(source, recipe, createStepTimer(), async () => [], signal)).body;
  } catch (error) {
    if (error instanceof DarkroomError) return error.code;
    throw error;
  }
}

const letters = (scale: number) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="400"><rect width="640" height="400" fill="white"/>${Array.from(
    { length: 14 },
    (_, line) =>
      `<text x="10" y="${24 + 27 * line}" font-size="${scale}" fill="${line % 2 ? '#d00' : '#000'}">Line ${line} of a page of text</text>`,
  ).join('')}</svg>`;

describe('what the engine declines', { skip: engineSkip }, () => {
  it('is rendered by sharp to the byte', async () => {
    const jpeg = (image: Sharp) => image.jpeg({ quality: 90 }).toBuffer();
    const cases: [string, Buffer, Partial<Recipe>][] = [
      ['kept colours of Display P3', sample('wide-gamut.jpg'), { gamut: 'p3' }],
      ['inks', await sharp(coffee).toColourspace('cmyk').jpeg().toBuffer(), {}],
      ['another format', sample('chelsea.png'), {}],
      ['its own size', coffee, { width: 5000 }],
      ['enlarged', coffee, { width: 900, enlarge: true }],
      ['a border', coffee, { trim: 10 }],
      ['a margin', coffee, { margin: 0.1 }],
      ['a canvas', coffee, { width: 200, height: 200, fit: 'contain' }],
      ['corners of a PNG', coffee, { output: 'base', effects: { unit: 1, shape: { radius: 9 } } }],
      ['a frame around effects', coffee, { margin: 0.1, effects: { unit: 1, adjust: { brightness: 2 } } }],
      ['no loss', coffee, { lossless: true }],
      ['a copyright', coffee, { copyright: true }],
      ['full chroma', coffee, { output: 'jpeg', encoding: { chroma: '4:4:4' } }],
      ['PNG', coffee, { output: 'png' }],
      ['the file itself', coffee, { output: 'original' }],
      ['a page of text', await jpeg(sharp(Buffer.from(letters(20)))), { width: 500 }],
      ['a page of text, AVIF', await jpeg(sharp(Buffer.from(letters(20)))), { width: 500, output: 'avif' }],
      ['a page of small text', await jpeg(sharp(Buffer.from(letters(11)))), { width: 320, output: 'jpeg' }],
    ];
    for (const [what, original, fields] of cases) {
      const before = results.length;
      const recipe = recipeOf(fields);
      const [own, theirs] = [await outcome(byEngine, original, recipe), await outcome(bySharp, original, recipe)];
      assert.ok(Buffer.isBuffer(own) && Buffer.isBuffer(theirs), what);
      assert.ok(own.equals(theirs), what);
      const asked = results.slice(before);
      assert.ok(asked.length <= 1 && asked.every(({ body }) => !body), what);
    }
  });

  it('is damaged: cut off anywhere, it is answered as sharp answers it', async () => {
    const original = await sharp(coffee).resize(300).jpeg({ quality: 90 }).toBuffer();
    const passes = await sharp(coffee).resize(300).jpeg({ quality: 90, progressive: true }).toBuffer();
    for (const whole of [original, passes])
      for (let part = 1; part <= 24; part += 1) {
        const cut = whole.subarray(0, Math.floor((whole.length * part) / 24.5));
        const recipe = recipeOf({ width: 120, output: part % 2 ? 'webp' : 'jpeg' });
        const [own, theirs] = [await outcome(byEngine, cut, recipe), await outcome(bySharp, cut, recipe)];
        assert.deepEqual(own, theirs, `${part}`);
      }
  });

  it('is cut off closely below what is shown: whether that is rendered is for sharp to say', async () => {
    const whole = await sharp(coffee).resize(300).jpeg({ quality: 90 }).toBuffer();
    const upper = recipeOf({ width: 120, height: 30, fit: 'cover', gravity: 'north' });
    const ends = new Set<string>();
    for (let part = 0.2; part < 0.6; part += 0.005) {
      const cut = whole.subarray(0, Math.floor(whole.length * part));
      const [own, theirs] = [await outcome(byEngine, cut, upper), await outcome(bySharp, cut, upper)];
      if (typeof own === 'string' || typeof theirs === 'string') assert.equal(own, theirs, part.toFixed(3));
      ends.add(typeof own);
    }
    assert.equal(ends.size, 2);
  });

  it('is damaged in any way: what sharp refuses is refused, and no broken picture comes from the engine', async () => {
    const files = await Promise.all([
      sharp(coffee).resize(160).jpeg({ quality: 85 }).toBuffer(),
      sharp(coffee).resize(120).jpeg({ quality: 85, progressive: true }).toBuffer(),
      sharp(coffee).resize(96).jpeg({ quality: 85, chromaSubsampling: '4:4:4' }).toBuffer(),
    ]);
    const { below } = drawsOf(20_261_126);
    const counts = { made: 0, declined: 0 };
    for (let n = 0; n < 300; n += 1) {
      const broken = Buffer.from(files[n % files.length]!);
      for (let change = 0; change <= below(3); change += 1) {
        const within = below(2) ? broken.length : 620;
        broken[below(within)] = below(256);
      }
      const recipe = recipeOf({
        width: 50,
        height: 40,
        fit: n % 2 ? 'inside' : 'fill',
        output: n % 3 ? 'webp' : 'jpeg',
      });
      const before = results.length;
      const [own, theirs] = [await outcome(byEngine, broken, recipe), await outcome(bySharp, broken, recipe)];
      if (typeof theirs === 'string' || typeof own === 'string') assert.equal(own, theirs, `${n}`);
      const took = results.length > before && results.at(-1)?.body !== undefined;
      counts[took ? 'made' : 'declined'] += 1;
      if (!took) assert.deepEqual(own, theirs, `${n}`);
    }
    assert.ok(counts.made > 20 && counts.declined > 60, JSON.stringify(counts));
  });

  it('is too large, by the same limit', async () => {
    const large = await sharp({ create: { width: 2600, height: 1700, channels: 3, background: '#888' } })
      .jpeg()
      .toBuffer();
    const before = results.length;
    assert.equal(await outcome(byEngine, large, recipeOf({})), 'original_too_large');
    assert.equal(results.length, before);
  });
});

describe('a job of the engine', { skip: engineSkip }, () => {
  it('gives the same bytes with and without the instructions of this processor, and at each run', async () => {
    const native = loadEngine(true);
    assert.ok(native);
    const source = await bySharp.examine(coffee);
    for (const [width, height] of [
      [150, 100],
      [301, 199],
      [17, 5],
      [599, 399],
    ] as const) {
      const geometry = wholeJob(source, { width, height });
      assert.ok(geometry);
      for (const output of ['webp', 'jpeg', 'planes', 'pixels', 'halved pixels'] as const) {
        const job = { ...pixelsJob(geometry, LIMITS), output, effort: 2, quality: 80 };
        const once = (scalar: boolean): Promise<EngineResult> =>
          native.render(coffee, { ...job, scalar }, new native.Stop());
        const [one, other, again] = await Promise.all([once(false), once(true), once(false)]);
        assert.ok(one.body && other.body && again.body);
        assert.ok(one.body.equals(other.body) && one.body.equals(again.body), output);
        const halves = Math.ceil(width / 2) * Math.ceil(height / 2);
        if (output === 'planes') assert.equal(one.body.length, width * height + 2 * halves);
      }
    }
  });

  it('ends where its signal does, and where its time is over', async () => {
    const large = await sharp(coffee).resize(2400, 1600).jpeg({ quality: 95 }).toBuffer();
    const begun = new AbortController();
    const stopping: Renderer = createRenderer(
      LIMITS,
      undefined,
      undefined,
      engine && {
        ...engine,
        async render(...job) {
          const making = engine.render(...job);
          begun.abort(new Error('left'));
          return making;
        },
      },
    );
    await assert.rejects(outcome(stopping, large, recipeOf({ width: 1800 }), begun.signal), /left/);
    assert.equal(results.at(-1)?.declined, 'stopped');
    const hasty = createRenderer({ ...LIMITS, timeoutSeconds: 0 }, undefined, undefined, engine);
    const source = await bySharp.examine(large);
    const late = hasty.render(source, recipeOf({ width: 1800 }), createStepTimer(), async () => []);
    await assert.rejects(late, (error) => error instanceof DarkroomError && error.code === 'render_timeout');
  });

  it('holds less than the admission counts for a render', async () => {
    const large = await sharp(coffee).resize(2400, 1600).jpeg({ quality: 95 }).toBuffer();
    const source = await bySharp.examine(large);
    for (const fields of [
      { width: 2300, height: 100, fit: 'cover' },
      { width: 100, height: 1500, fit: 'fill' },
      { width: 1500, output: 'jpeg' },
      { width: 40, height: 40, fit: 'cover' },
      { width: 1200, output: 'avif' },
    ] satisfies Partial<Recipe>[]) {
      const before = results.length;
      const recipe = recipeOf(fields);
      await outcome(byEngine, large, recipe);
      const made = results[before];
      const { bytes } = estimateRender(source, recipe);
      assert.ok(
        made?.body && made.peak > 0 && made.peak < bytes,
        `${JSON.stringify(fields)}: ${made?.peak} of ${bytes}`,
      );
    }
  });

  it('declines numbers that make no sense', async () => {
    const native = loadEngine(true);
    assert.ok(native);
    const source = await bySharp.examine(coffee);
    const geometry = wholeJob(source, { width: 150, height: 100 });
    assert.ok(geometry);
    const job = pixelsJob(geometry, LIMITS);
    for (const wrong of [
      ...[{ width: 0 }, { height: 9000 }, { width: 4_000_000_000 }, { orientation: 9 }, { orientation: 0 }],
      ...[{ left: Number.NaN }, { across: 1e9 }, { across: 0 }, { left: 600 }, { down: Number.POSITIVE_INFINITY }],
      ...[{ storedWidth: 601 }, { storedHeight: 0 }],
    ]) {
      const { body, declined } = await native.render(coffee, { ...job, ...wrong }, new native.Stop());
      assert.ok(!body && declined, JSON.stringify(wrong));
    }
    for (const bytes of [Buffer.alloc(0), Buffer.from([0xff, 0xd8]), Buffer.alloc(100_000, 0xff)])
      assert.equal((await native.render(bytes, job, new native.Stop())).declined, 'damaged');
  });
});
