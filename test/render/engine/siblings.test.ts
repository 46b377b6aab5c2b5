import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { type DownscaledSource, free, type OriginalSource } from '../../../src/render/picture-source.ts';
import { sizeWithin } from '../../../src/render/pixels.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer, type Renderer } from '../../../src/render/render.ts';
import { planDownscaled, suffices } from '../../../src/render/stages/downscaled.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { engineSkip, watchedEngine } from '../../helpers/engine.ts';
import { face } from '../../helpers/faces.ts';
import { PLAIN, withOrientation } from '../../helpers/pictures.ts';

/** Siblings that the engine makes of planes, decoded once: as the original gives them, or nearly. */

const LIMITS = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 };
const { engine, results, held } = watchedEngine();
const renderer = createRenderer(LIMITS, undefined, undefined, engine);
const coffee = readFileSync(new URL('../../../samples/coffee.jpg', import.meta.url));
const photo = await sharp(coffee).resize(2401, 1601, { fit: 'fill' }).jpeg({ quality: 90 }).toBuffer();
const portrait = withOrientation(photo, 6);
const grey = await sharp(photo).greyscale().jpeg({ quality: 90 }).toBuffer();
const displayP3 = await sharp(photo).withIccProfile('p3').jpeg({ quality: 90, chromaSubsampling: '4:4:4' }).toBuffer();

const inside = (side: number, fields: Partial<Recipe> = {}): Recipe => ({
  ...PLAIN,
  ...{ output: 'webp', width: side, height: side, fit: 'inside', gravity: 'center', ...fields },
});
const SIBLINGS: Recipe[] = [
  ...[inside(300), inside(601), inside(1200), inside(1600)],
  inside(150, { fit: 'cover' }),
  inside(640, { fit: 'cover', height: 335, output: 'jpeg' }),
  inside(400, { output: 'avif' }),
  inside(500, { rotate: 90, flip: 'horizontal' }),
  inside(300, { crop: { x: '10%', y: '20%', width: '80%', height: '70%' } }),
];

async function show(by: Renderer, source: Parameters<Renderer['render']>[0], recipe: Recipe, signal?: AbortSignal) {
  const made = await by.render(source, recipe, createStepTimer(), async () => [face(0.4, 0.3, 0.2)], signal);
  if (made.downscaled) free(made.downscaled);
  return made;
}

async function decoded(original: OriginalSource, recipes: Recipe[]): Promise<DownscaledSource[]> {
  return renderer.decodeDownscaled(original, planDownscaled(original, recipes, 'planes'));
}

const levels = (file: Buffer) => sharp(file).toColourspace('srgb').removeAlpha().raw().toBuffer();

async function apart(one: Buffer, other: Buffer): Promise<number> {
  const [a, b] = await Promise.all([levels(one), levels(other)]);
  assert.equal(a.length, b.length);
  return a.reduce((sum, level, at) => sum + Math.abs(level - b[at]!), 0) / a.length;
}

/** The jobs that were done since the last call; all planes must be freed. */
function done(): (string | undefined)[] {
  assert.ok(held.splice(0).every(({ bytes }) => bytes === 0));
  return results.splice(0).map(({ body, declined }) => (body ? 'made' : (declined ?? 'nothing')));
}

describe('siblings by the engine', { skip: engineSkip }, () => {
  it('are made of one decode, without sharp, however the picture is stored, and look as the original gives them', async () => {
    for (const file of [photo, portrait, grey, displayP3]) {
      const original = await renderer.examine(file);
      const pictures = await decoded(original, SIBLINGS);
      assert.deepEqual(
        pictures.map(({ kind, header: { stored } }) => `${kind} ${Math.max(stored.width, stored.height)}`),
        ['planes 1200', 'planes 1600'],
        JSON.stringify([original.header, results.map(({ declined }) => declined)]),
      );
      results.length = 0;
      for (const recipe of SIBLINGS) {
        const source = pictures.find((picture) => suffices(picture, recipe));
        assert.ok(source, JSON.stringify(recipe));
        const ours = await show(renderer, source, recipe);
        assert.deepEqual(
          results.splice(0).map(({ declined }) => declined),
          [undefined],
          JSON.stringify(recipe),
        );
        const alone = await show(renderer, original, recipe);
        assert.deepEqual([ours.width, ours.height, ours.contentType], [alone.width, alone.height, alone.contentType]);
        const most = await apart(ours.body, alone.body);
        assert.ok(most < 2.5, `${most} ${JSON.stringify(recipe)}`);
        results.length = 0;
      }
      pictures.forEach(free);
      done();
    }
  });

  it('take half the bytes of pixels, those of what is kept and no more', async () => {
    const original = await renderer.examine(photo);
    const pictures = await decoded(original, [inside(1600)]);
    for (const picture of pictures) {
      assert.equal(picture.kind, 'planes');
      const { width, height } = picture.header.stored;
      const samples = width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
      const more = picture.planes.bytes - samples;
      assert.ok(more >= 0 && more < 16 * width + 3000, `${more} bytes more than the samples`);
    }
    pictures.forEach(free);
    done();
  });

  it('have the bytes that another process gives them', async () => {
    const script = `
      import { readFileSync } from 'node:fs';
      import { createHash } from 'node:crypto';
      import { loadEngine } from ${JSON.stringify(import.meta.resolve('../../../src/render/engine/engine.ts'))};
      import { createRenderer } from ${JSON.stringify(import.meta.resolve('../../../src/render/render.ts'))};
      import { planDownscaled } from ${JSON.stringify(import.meta.resolve('../../../src/render/stages/downscaled.ts'))};
      import { createStepTimer } from ${JSON.stringify(import.meta.resolve('../../../src/telemetry/step-timer.ts'))};
      const renderer = createRenderer(${JSON.stringify(LIMITS)}, undefined, undefined, loadEngine(true));
      const original = await renderer.examine(readFileSync(0));
      const [kept] = await renderer.decodeDownscaled(original, planDownscaled(original, [], 'planes'));
      const hash = createHash('sha256');
      for (const recipe of JSON.parse(process.argv[1]))
        hash.update((await renderer.render(kept, recipe, createStepTimer(), async () => [])).body);
      process.stdout.write(hash.digest('hex'));`;
    const recipes = [inside(300), inside(1200), inside(640, { fit: 'cover', height: 335, output: 'jpeg' })];
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(recipes)]);
    run.child.stdin?.end(photo);
    const original = await renderer.examine(photo);
    const [kept] = await decoded(original, []);
    assert.ok(kept);
    const hash = createHash('sha256');
    for (const recipe of recipes) hash.update((await show(renderer, kept, recipe)).body);
    assert.equal((await run).stdout, hash.digest('hex'));
    free(kept);
    done();
  });

  it('that only sharp makes are made of the pixels of planes; those with all colours only where planes have them', async () => {
    const original = await renderer.examine(photo);
    const [kept] = await decoded(original, []);
    assert.ok(kept?.kind === 'planes');
    for (const fields of [
      ...[{ output: 'png' }, { effects: { unit: 1, tone: { grayscale: true } } }, { encoding: { maxBytes: 9000 } }],
      ...[{ margin: 0.1 }, { lossless: true }, { encoding: { chroma: '4:4:4' }, output: 'jpeg' }],
    ] as Partial<Recipe>[]) {
      const recipe = inside(300, fields);
      assert.ok(suffices(kept, recipe));
      const ours = await show(renderer, kept, recipe);
      const alone = await show(renderer, original, recipe);
      assert.deepEqual([ours.downscaled, ours.contentType], [undefined, alone.contentType], JSON.stringify(fields));
      // A search for so few bytes ends at other qualities.
      const most = await apart(ours.body, alone.body);
      assert.ok(most < 4, `${most} ${JSON.stringify(fields)}`);
    }
    assert.ok(kept.planes.bytes > 0, 'the holder frees them');
    const whole: Partial<Recipe>[] = [{ output: 'png' }, { lossless: true }, { encoding: { chroma: '4:4:4' } }];
    for (const fields of whole) assert.ok(!suffices(kept, inside(900, fields)), JSON.stringify(fields));
    assert.ok(suffices(kept, inside(900)) && suffices(kept, inside(600, { output: 'png' })));
    free(kept);
    held.length = 0;
    results.length = 0;
  });

  it('of narrow pictures, whose sides are rounded by different shares, are those that sharp makes of pixels', async () => {
    const bySharp = createRenderer(LIMITS);
    const sizes = [
      ...[
        [29, 2400, 8],
        [2400, 29, 8],
        [37, 2250, 1],
        [2250, 37, 6],
        [31, 1999, 3],
        [9, 3001, 5],
      ],
      ...[
        [1203, 67, 2],
        [11, 1211, 7],
      ],
    ] as const;
    let planes = 0;
    for (const [width, height, orientation] of sizes) {
      const narrow = await sharp(coffee)
        .resize(width, height, { fit: 'fill' })
        .blur(3)
        .jpeg({ quality: 90 })
        .toBuffer();
      const original = await renderer.examine(withOrientation(narrow, orientation));
      const both = await Promise.all([
        decoded(original, [inside(800)]),
        bySharp.decodeDownscaled(original, planDownscaled(original, [inside(800)], 'pixels')),
      ]);
      const [ours, theirs] = both.map(([first]) => first);
      assert.ok(ours && theirs);
      if (ours.kind === 'planes') planes += 1;
      for (const recipe of [inside(300), inside(200, { output: 'png' }), inside(150, { fit: 'cover', margin: 0.1 })]) {
        if (!suffices(ours, recipe) || !suffices(theirs, recipe)) continue;
        const one = await show(renderer, ours, recipe);
        const other = await show(bySharp, theirs, recipe);
        const told = JSON.stringify([width, height, orientation, recipe]);
        assert.deepEqual([one.width, one.height], [other.width, other.height], told);
        const most = await apart(one.body, other.body);
        assert.ok(most < 4, `${most} ${told}`);
      }
      both.flat().forEach(free);
    }
    assert.equal(planes, 6, 'all but those that are hardly longer than what is kept');
    done();
  });

  it('of what looks drawn are made of pixels', async () => {
    const [width, height] = [1800, 1200];
    const data = Buffer.alloc(3 * width * height, 255);
    for (let y = 0; y < height; y += 1)
      for (let x = 0; x < width; x += 1)
        if ((Math.floor(x / 60) + Math.floor(y / 60)) % 5 === 0)
          data.fill(20, 3 * (y * width + x), 3 * (y * width + x + 1));
    const drawing = await sharp(data, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 95 })
      .toBuffer();
    const original = await renderer.examine(drawing);
    const pictures = await decoded(original, [inside(1600)]);
    assert.deepEqual(
      pictures.map(({ kind }) => kind),
      ['pixels', 'pixels'],
    );
    assert.ok(done().includes('drawn'));
  });

  it('are framed on faces that are found in the planes', async () => {
    const original = await renderer.examine(photo);
    const [kept] = await decoded(original, []);
    assert.ok(kept);
    results.length = 0;
    const recipe = inside(150, { fit: 'cover', gravity: 'auto' });
    let probed = { width: 0, height: 0, bytes: 0 };
    const made = await renderer.render(kept, recipe, createStepTimer(), async (probe) => {
      const { width, height, data } = await probe();
      probed = { width, height, bytes: data.length };
      return [face(0.7, 0.3, 0.2)];
    });
    assert.equal(probed.bytes, 4 * probed.width * probed.height);
    assert.deepEqual(sizeWithin(Math.max(probed.width, probed.height), { width: 2401, height: 1601 }), {
      width: probed.width,
      height: probed.height,
    });
    assert.deepEqual(
      results.splice(0).map(({ declined }) => declined),
      [undefined, undefined],
      'the look and the crop',
    );
    const alone = await renderer.render(original, recipe, createStepTimer(), async (probe) => {
      await probe();
      return [face(0.7, 0.3, 0.2)];
    });
    assert.ok((await apart(made.body, alone.body)) < 2.5, 'the same window');
    free(kept);
    done();
  });

  it('stay whole while their planes are freed under way, and end where their signal does', async () => {
    const original = await renderer.examine(photo);
    const [kept] = await decoded(original, []);
    assert.ok(kept?.kind === 'planes');
    const recipe = inside(1200);
    const { body } = await show(renderer, kept, recipe);
    const own = { ...kept, planes: kept.planes.share() };
    const rendering = show(renderer, own, recipe);
    // The job holds what it reads.
    await Promise.resolve();
    free(kept);
    const leaving = new AbortController();
    const left = show(renderer, own, inside(1000), leaving.signal);
    leaving.abort(new Error('left'));
    await assert.rejects(left, /left/);
    assert.ok((await rendering).body.equals(body));
    assert.ok(own.planes.bytes > 0);
    free(own);
    assert.deepEqual([kept.planes.bytes, own.planes.bytes], [0, 0]);
    await assert.rejects(show(renderer, own, recipe), /freed/);
  });
});
