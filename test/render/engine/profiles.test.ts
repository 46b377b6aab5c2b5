import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { DarkroomError } from '../../../src/errors.ts';
import { estimateRender } from '../../../src/render/cost-estimate.ts';
import { loadEngine } from '../../../src/render/engine/engine.ts';
import { isEngines, pixelsJob, wholeJob } from '../../../src/render/engine/job.ts';
import { tableProfile } from '../../../src/render/formats/colour/icc-profile.ts';
import { BT_709, toConnectionSpace } from '../../../src/render/formats/colour/primaries.ts';
import type { OriginalSource } from '../../../src/render/picture-source.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer, type Renderer } from '../../../src/render/render.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { drawsOf } from '../../helpers/draws.ts';
import { engineSkip, watchedEngine } from '../../helpers/engine.ts';
import { ADOBE_RGB, deltaE, fromSrgb, iccProfile } from '../../helpers/icc.ts';
import {
  CHART,
  cellAt,
  chart,
  PLAIN,
  patch,
  pixelsOf,
  withOrientation,
  withProfile,
  withSegment,
} from '../../helpers/pictures.ts';
import { bySharpsProfile, doubtfulProfiles, farthest, OTHER_COLOURS, SRGB_PROFILES } from '../../helpers/profiled.ts';

/** Originals with a colour profile: which of them the engine takes, and that it converts them as sharp does. */

const LIMITS = { maxPixels: 4_000_000, maxFrames: 200, timeoutSeconds: 60 };
const sample = (name: string) => readFileSync(new URL(`../../../samples/${name}`, import.meta.url));
const coffee = sample('coffee.jpg');
const [P3 = Buffer.alloc(0)] = Object.values(OTHER_COLOURS);
const { engine, results } = watchedEngine();
const bySharp = createRenderer(LIMITS);
const byEngine = createRenderer(LIMITS, undefined, undefined, engine);
const recipeOf = (fields: Partial<Recipe>): Recipe => ({ ...PLAIN, output: 'webp', width: 150, ...fields });

async function make(renderer: Renderer, original: Buffer, fields: Partial<Recipe>) {
  const source = await renderer.examine(original);
  return renderer.render(source, recipeOf(fields), createStepTimer(), async () => []);
}

/** The file, or the code of its refusal. */
async function outcome(renderer: Renderer, original: Buffer, fields: Partial<Recipe>): Promise<Buffer | string> {
  try {
    return (await make(renderer, original, fields)).body;
  } catch (error) {
    if (error instanceof DarkroomError) return error.code;
    throw error;
  }
}

async function examined(original: Buffer): Promise<OriginalSource> {
  const source = await bySharp.examine(original);
  assert.ok(source.kind === 'original');
  return source;
}

/** A profile in segments, in this order. */
function inSegments(jpeg: Buffer, profile: Buffer, order: readonly number[]): Buffer {
  const each = Math.ceil(profile.length / order.length);
  return order.toReversed().reduce((file, number) => {
    const part = profile.subarray((number - 1) * each, number * each);
    const head = Buffer.concat([Buffer.from('ICC_PROFILE\0', 'latin1'), Buffer.from([number, order.length])]);
    return withSegment(file, 0xe2, Buffer.concat([head, part]));
  }, jpeg);
}

const inParts = (jpeg: Buffer, profile: Buffer) =>
  inSegments(
    jpeg,
    profile,
    Array.from({ length: Math.max(1, Math.ceil(profile.length / 60_000)) }, (_, at) => at + 1),
  );

/** A table of colours that says what sRGB says. */
function lookUps(): Buffer {
  const toXyz = toConnectionSpace(BT_709);
  assert.ok(toXyz);
  const entry = ([red = 0, green = 0, blue = 0]: readonly number[]) => [red, green, blue] as const;
  return tableProfile('a table', { channels: 3, points: 5, entry, decode: (value) => value ** 2.2, toXyz });
}

describe('an original with a colour profile', () => {
  it('is one for the engine where that says curves and a matrix of a screen or camera, and for sharp where not', async () => {
    for (const [name, profile] of [...Object.entries(OTHER_COLOURS), ...Object.entries(SRGB_PROFILES)]) {
      const { header, ...source } = await examined(withProfile(coffee, profile));
      assert.ok(isEngines({ ...source, header }), name);
      const job = wholeJob({ ...source, header }, { width: 300, height: 200 });
      assert.equal(job?.colours !== undefined, name in OTHER_COLOURS, name);
    }
    for (const [name, profile] of Object.entries({ ...doubtfulProfiles(), 'look-ups': lookUps() })) {
      const source = await examined(inParts(coffee, profile));
      // libvips reads none that is shorter than its head: such an original is an untagged one.
      assert.equal(isEngines(source), !source.header.hasProfile, name);
      assert.ok(source.header.hasProfile || profile.length < 132, name);
    }
    const grey = await sharp(coffee).toColourspace('b-w').jpeg().toBuffer();
    const inks = await sharp(coffee).toColourspace('cmyk').jpeg().toBuffer();
    for (const original of [grey, inks]) assert.ok(!isEngines(await examined(withProfile(original, P3))));
    const png = await sharp(coffee).withIccProfile('p3').png().toBuffer();
    assert.ok(!isEngines(await examined(png)));
  });
});

describe('what the engine makes of it', { skip: engineSkip }, () => {
  it('has the pixels that sharp converts to, within a level, by every kernel', async () => {
    const native = loadEngine(true);
    assert.ok(native);
    const side = 128;
    const data = Buffer.alloc(side * side * 3);
    for (let at = 0; at < side * side; at += 1)
      data.set([17 * (at % 16), 17 * (Math.floor(at / 16) % 16), 17 * (Math.floor(at / 256) % 16)], 3 * at);
    const raw = { width: side, height: side, channels: 3 } as const;
    const cube = await sharp(data, { raw }).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
    for (const [name, profile] of Object.entries(OTHER_COLOURS)) {
      const source = await examined(withProfile(cube, profile));
      const geometry = wholeJob(source, { width: 50, height: 50 });
      assert.ok(geometry?.colours, name);
      const job = { ...pixelsJob(geometry, LIMITS), width: side, height: side };
      const made = async (fields: Partial<typeof job>) => {
        const { body, declined } = await native.render(source.body, { ...job, ...fields }, new native.Stop());
        assert.ok(body, declined);
        return body;
      };
      const [own, plain] = [await made({}), await made({ colours: undefined })];
      const theirs = await bySharpsProfile(plain, side, side, profile);
      assert.ok(farthest(own, theirs) <= 1, `${name}: ${farthest(own, theirs)} levels`);
      assert.ok(own.equals(await made({ scalar: true })), name);
      for (const output of ['webp', 'jpeg', 'halved pixels'] as const)
        assert.ok((await made({ output })).equals(await made({ output, scalar: true })), `${name} ${output}`);
    }
  });

  it('has the colours of a chart, and those of sharp in patches, in every format, sampling and turn', async () => {
    const upright = chart((colour) => fromSrgb(colour, ADOBE_RGB)).shallow();
    const standing = await upright.png().toBuffer();
    const lying = await sharp(standing).rotate(270).png().toBuffer();
    const profile = iccProfile(ADOBE_RGB);
    for (const options of [
      { chromaSubsampling: '4:4:4' },
      { chromaSubsampling: '4:2:0' },
      { chromaSubsampling: '4:4:4', progressive: true },
    ])
      for (const output of ['webp', 'jpeg', 'avif'] as const)
        for (const orientation of [1, 6]) {
          const pixels = sharp(orientation === 6 ? lying : standing).jpeg({ quality: 100, ...options });
          const stored = withOrientation(await pixels.toBuffer(), orientation);
          assert.equal((await sharp(stored).metadata()).orientation, orientation);
          const tagged = withProfile(stored, profile);
          const before = results.length;
          const fields = { width: 120, output, quality: 95, lossless: false };
          const [own, theirs] = [await make(byEngine, tagged, fields), await make(bySharp, tagged, fields)];
          const what = JSON.stringify([options, output, orientation]);
          assert.ok(results.length === before + 1 && results.at(-1)?.body, what);
          const [one, other] = [await pixelsOf(own.body), await pixelsOf(theirs.body)];
          for (const [at, colour] of CHART.entries()) {
            const place = cellAt(at, 120);
            const [found, wanted] = [patch(one, ...place, 4), patch(other, ...place, 4)];
            assert.ok(deltaE(found, colour) < 2, `${what} ${at}: ${found} for ${colour}`);
            const far = Math.max(...found.map((level, channel) => Math.abs(level - wanted[channel]!)));
            // A step of WebP's chroma is two levels of blue.
            assert.ok(far <= (output === 'webp' ? 2.5 : 1.5), `${what} ${at}: ${found} for ${wanted} of sharp`);
          }
          assert.equal((await sharp(own.body).metadata()).icc, undefined);
        }
  });

  it('is what it makes without one, where that says sRGB', async () => {
    for (const [name, profile] of Object.entries(SRGB_PROFILES))
      for (const output of ['webp', 'jpeg'] as const)
        assert.deepEqual(
          await outcome(byEngine, withProfile(coffee, profile), { output }),
          await outcome(byEngine, coffee, { output }),
          name,
        );
  });

  it('is left to sharp where the colours are kept, where a profile is doubtful, and of grey', async () => {
    const grey = await sharp(coffee).toColourspace('b-w').jpeg().toBuffer();
    const cases: [string, Buffer, Partial<Recipe>][] = [
      ['kept', withProfile(coffee, P3), { gamut: 'p3' }],
      ['kept, of a sample', sample('wide-gamut.jpg'), { gamut: 'p3' }],
      ['grey', withProfile(grey, P3), {}],
      ['look-ups', inParts(coffee, lookUps()), {}],
      ['look-ups, AVIF', inParts(coffee, lookUps()), { output: 'avif' }],
    ];
    for (const [name, profile] of Object.entries(doubtfulProfiles()))
      if (profile.length >= 132) cases.push([name, inParts(coffee, profile), { width: 60 }]);
    for (const [name, original, fields] of cases) {
      const before = results.length;
      assert.deepEqual(await outcome(byEngine, original, fields), await outcome(bySharp, original, fields), name);
      assert.equal(results.length, before, `${name}: the engine was not asked`);
    }
  });

  it('is of a profile in several segments, in whatever order, as sharp puts them together', async () => {
    for (const order of [[1, 2], [2, 1], [3, 1, 2], [1, 1], [1, 3], [2]]) {
      const original = inSegments(coffee, P3, order);
      const fields = { output: 'jpeg', quality: 100 } as const;
      const [own, theirs] = [await outcome(byEngine, original, fields), await outcome(bySharp, original, fields)];
      assert.ok(Buffer.isBuffer(own) && Buffer.isBuffer(theirs));
      const means = async (file: Buffer) => (await sharp(file).stats()).channels.map(({ mean }) => mean);
      const [found, wanted] = [await means(own), await means(theirs)];
      // By P3, red is 4 levels more.
      for (const [at, mean] of found.entries())
        assert.ok(Math.abs(mean - wanted[at]!) < 0.5, `${order}: ${found}, ${wanted}`);
    }
  });

  it('is of a broken profile no other than that of sharp', async () => {
    const { below } = drawsOf(24);
    const small = await sharp(coffee).resize(48).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
    const files = [...Object.values(OTHER_COLOURS), ...Object.values(SRGB_PROFILES)];
    let taken = 0;
    for (let n = 0; n < 150; n += 1) {
      const broken = Buffer.from(files[n % files.length]!);
      for (let change = 0; change <= below(2); change += 1) broken[below(Math.min(600, broken.length))] = below(256);
      const original = withProfile(small, broken);
      const fields = { width: 24, output: n % 2 ? 'webp' : 'jpeg', quality: 100 } as const;
      const before = results.length;
      const [own, theirs] = [await outcome(byEngine, original, fields), await outcome(bySharp, original, fields)];
      if (results.length === before || !results.at(-1)?.body) {
        assert.deepEqual(own, theirs, `${n}`);
        continue;
      }
      taken += 1;
      assert.ok(Buffer.isBuffer(own) && Buffer.isBuffer(theirs));
      const means = async (file: Buffer) => (await sharp(file).stats()).channels.map(({ mean }) => mean);
      const [found, wanted] = [await means(own), await means(theirs)];
      for (const [at, mean] of found.entries())
        assert.ok(Math.abs(mean - wanted[at]!) < 1.5, `${n}: ${found}, ${wanted}`);
    }
    assert.ok(taken > 20 && taken < 130, `${taken}`);
  });

  it('is asked for by numbers that make sense only', async () => {
    const native = loadEngine(true);
    const source = await examined(withProfile(coffee, P3));
    const geometry = wholeJob(source, { width: 150, height: 100 });
    assert.ok(native && geometry?.colours);
    const { colours } = geometry;
    const render = (fields: object) =>
      native.render(
        source.body,
        { ...pixelsJob(geometry, LIMITS), colours: { ...colours, ...fields } },
        new native.Stop(),
      );
    for (const wrong of [
      { matrix: [] },
      { matrix: colours.matrix.slice(1) },
      { matrix: colours.matrix.map(() => 41_000) },
      { matrix: colours.matrix.map(() => -2_147_483_648) },
      { curves: new Uint16Array(0) },
      { curves: new Uint16Array(769) },
      { curves: colours.curves.map(() => 16_385) },
    ])
      assert.throws(() => render(wrong), /no such job/, JSON.stringify(wrong).slice(0, 40));
    assert.ok((await render({})).body);
  });

  it('takes no more memory than the admission counts', async () => {
    const large = withProfile(await sharp(coffee).resize(2400, 1600).jpeg({ quality: 95 }).toBuffer(), P3);
    const source = await examined(large);
    for (const fields of [
      { width: 1500, output: 'jpeg' },
      { width: 2300, height: 100, fit: 'cover' },
      { width: 1200, output: 'avif' },
    ] satisfies Partial<Recipe>[]) {
      const before = results.length;
      await make(byEngine, large, fields);
      const made = results[before];
      const { bytes } = estimateRender(source, recipeOf(fields));
      assert.ok(
        made?.body && made.peak > 0 && made.peak < bytes,
        `${JSON.stringify(fields)}: ${made?.peak} of ${bytes}`,
      );
    }
  });
});
