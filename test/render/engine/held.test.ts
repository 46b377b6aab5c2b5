import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Face, Probe } from '../../../src/faces/face.ts';
import { type EngineJob, loadEngine } from '../../../src/render/engine/engine.ts';
import { bytesToHold } from '../../../src/render/engine/held-estimate.ts';
import { pixelsJob, wholeJob } from '../../../src/render/engine/job.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer, type Renderer } from '../../../src/render/render.ts';
import type { FaceLookup } from '../../../src/render/stages/face-aware-crop.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { drawsOf } from '../../helpers/draws.ts';
import { engineSkip, watchedEngine } from '../../helpers/engine.ts';
import { face } from '../../helpers/faces.ts';
import { randomJpeg, SAMPLINGS } from '../../helpers/jpegs.ts';
import { PLAIN } from '../../helpers/pictures.ts';

/** A picture whose window is found in its pixels is decoded once by the engine: for the look and for the rendition. */

const LIMITS = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 };
const coffee = readFileSync(new URL('../../../samples/coffee.jpg', import.meta.url));
const { engine, results, held } = watchedEngine();
const bySharp = createRenderer(LIMITS);
const byEngine = createRenderer(LIMITS, undefined, undefined, engine);
const cover: Partial<Recipe> = { output: 'webp', width: 150, height: 150, fit: 'cover', gravity: 'auto' };
const CUP = face(0.1, 0.3, 0.2);

async function make(
  renderer: Renderer,
  original: Buffer,
  fields: Partial<Recipe>,
  faces: FaceLookup,
  signal?: AbortSignal,
) {
  const recipe: Recipe = { ...PLAIN, ...cover, ...fields };
  return renderer.render(await renderer.examine(original), recipe, createStepTimer(), faces, signal);
}

/** A page of text: before sharp refuses SVG, with the first render. */
const lines = Array.from({ length: 14 }, (_, n) => `<text x="500" y="${24 + 27 * n}" font-size="20">Line ${n}</text>`);
const page = await sharp(
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="400"><rect width="900" height="400" fill="white"/>${lines.join('')}</svg>`,
  ),
)
  .jpeg({ quality: 95 })
  .toBuffer();

/** Asks for the pixels of the look, or knows without. */
function lookup(faces: readonly Face[] | undefined, asks = true) {
  const probes: Probe[] = [];
  const look: FaceLookup = async (probe) => {
    if (asks) probes.push(await probe());
    return faces;
  };
  return { look, probes };
}

/** What was done since the last call. */
function done() {
  assert.ok(
    held.every(({ bytes }) => bytes === 0),
    'all planes were freed',
  );
  const jobs = results.splice(0).map(({ body, declined }) => (body ? 'made' : declined));
  return { held: held.splice(0).map(({ declined }) => declined ?? 'held'), jobs };
}

/** The mean difference of two renditions, in levels. */
async function apart(one: Buffer, other: Buffer): Promise<number> {
  const [a, b] = await Promise.all([one, other].map((file) => sharp(file).removeAlpha().raw().toBuffer()));
  assert.equal(a!.length, b!.length);
  return a!.reduce((sum, level, at) => sum + Math.abs(level - b![at]!), 0) / a!.length;
}

describe('what is held of a picture', { skip: engineSkip }, () => {
  it('gives the bytes that its file gives, of every sampling, however turned, with each kind of kernel', async () => {
    const native = loadEngine(true);
    assert.ok(native);
    const random = drawsOf(11).share;
    const files = SAMPLINGS.map((sampling) =>
      randomJpeg({ width: 333, height: 257, sampling, restarts: 0, interleaved: true }, random),
    );
    files.push(await sharp(coffee).greyscale().jpeg().toBuffer());
    files.push(await sharp(coffee).jpeg({ progressive: true }).toBuffer());
    for (const file of files) {
      const source = await bySharp.examine(file);
      const geometry = wholeJob(source, { width: 20, height: 15 });
      assert.ok(geometry);
      const { storedWidth, storedHeight } = geometry;
      for (const [eighths, by] of [
        [1, 10],
        [2, 5],
        [4, 3],
        [8, 1.9],
      ] as const)
        for (const orientation of [1, 6]) {
          const size = { width: Math.floor(storedWidth / by / 2), height: Math.floor(storedHeight / by / 2) };
          const part = {
            left: storedWidth / 4,
            top: storedHeight / 3,
            across: size.width * by,
            down: size.height * by,
          };
          const turned = orientation === 6 ? { width: size.height, height: size.width } : size;
          const planes = await native.hold(
            file,
            { storedWidth, storedHeight, eighths, glance: eighths, mostBytes: 4_000_000, milliseconds: 60_000 },
            new native.Stop(),
          );
          for (const output of ['webp', 'jpeg', 'pixels', 'halved pixels'] as const) {
            const job: EngineJob = { ...pixelsJob({ ...geometry, ...part, ...turned, orientation }, LIMITS), output };
            const of = async (scalar: boolean) => [
              await native.render(file, { ...job, scalar }, new native.Stop()),
              await native.renderHeld(planes, { ...job, scalar }, new native.Stop()),
            ];
            const [first, ...others] = [...(await of(false)), ...(await of(true))];
            assert.ok(first?.body, `${first?.declined} ${eighths}`);
            for (const { body } of others) assert.ok(body && first.body.equals(body), `${output} ${eighths} ${by}`);
          }
          planes.free();
          assert.equal(planes.bytes, 0);
          const job = pixelsJob(geometry, LIMITS);
          await assert.rejects(async () => native.renderHeld(planes, job, new native.Stop()), /freed/);
        }
    }
  });

  it('is not larger than it may be, and declined where numbers make no sense or the file is broken', async () => {
    const native = loadEngine(true);
    assert.ok(native);
    const job = {
      storedWidth: 600,
      storedHeight: 400,
      eighths: 8,
      glance: 4,
      mostBytes: 600_000,
      milliseconds: 60_000,
    };
    const planes = await native.hold(coffee, job, new native.Stop());
    assert.ok(!planes.declined && planes.bytes > 1.5 * 600 * 400 && planes.bytes <= 600_000, `${planes.bytes}`);
    for (const wrong of [
      ...[{ mostBytes: planes.bytes - 1 }, { mostBytes: -1 }, { mostBytes: Number.NaN }, { storedWidth: 601 }],
      ...[{ glance: 3 }, { glance: 0 }, { glance: 16 }, { eighths: 2, glance: 4 }, { eighths: 1, glance: 2 }],
    ]) {
      const none = await native.hold(coffee, { ...job, ...wrong }, new native.Stop());
      assert.ok(none.declined && none.bytes === 0, JSON.stringify(wrong));
    }
    const cut = await native.hold(coffee.subarray(0, 20_000), job, new native.Stop());
    assert.equal(cut.declined, 'damaged');
    const stop = new native.Stop();
    stop.stop();
    assert.equal((await native.hold(coffee, job, stop)).declined, 'stopped');
    const large = await sharp(coffee).resize(2400, 1600).jpeg({ quality: 95 }).toBuffer();
    const hasty = { ...job, storedWidth: 2400, storedHeight: 1600, mostBytes: 100_000_000, milliseconds: 0 };
    assert.equal((await native.hold(large, hasty, new native.Stop())).declined, 'timeout');
    planes.free();
  });
});

describe('a crop by the engine', { skip: engineSkip }, () => {
  it('is framed on faces found in its own decode, with the same bytes where they were known', async () => {
    for (const fields of [{}, { output: 'jpeg', width: 300, height: 157 }, { output: 'avif' }] as Partial<Recipe>[])
      for (const faces of [[CUP], []]) {
        const fresh = lookup(faces);
        const first = await make(byEngine, coffee, fields, fresh.look);
        const { held: planes, jobs } = done();
        assert.deepEqual([planes, new Set(jobs)], [['held'], new Set(['made'])]);
        assert.equal(jobs.length, 1, 'the look was made with the decode');
        assert.deepEqual([first.provisional, first.downscaled], [false, undefined]);
        const [probe] = fresh.probes;
        assert.equal(probe?.data.length, 4 * probe!.width * probe!.height);
        assert.ok(probe.data.every((value, at) => at % 4 !== 3 || value === 255));
        const again = await make(byEngine, coffee, fields, lookup(faces, false).look);
        assert.ok(again.body.equals(first.body));
        assert.equal(done().jobs.length, faces.length > 0 ? 1 : 2);
        const theirs = await make(bySharp, coffee, fields, lookup(faces).look);
        assert.deepEqual([first.width, first.height], [theirs.width, theirs.height]);
        assert.ok((await apart(first.body, theirs.body)) < 6, 'the same window');
      }
  });

  it('follows attention and entropy as sharp does, by one decode', async () => {
    const stored = await sharp(coffee)
      .rotate(90)
      .withExif({ IFD0: { Orientation: '8' } })
      .jpeg({ quality: 95 })
      .toBuffer();
    for (const original of [coffee, stored])
      for (const gravity of ['attention', 'entropy'] as const)
        for (const fields of [{}, { width: 240, height: 90 }, { rotate: 90 }] as Partial<Recipe>[]) {
          const own = await make(byEngine, original, { ...fields, gravity }, lookup([]).look);
          assert.deepEqual(done(), { held: ['held'], jobs: ['made', 'made'] });
          const theirs = await make(bySharp, original, { ...fields, gravity }, lookup([]).look);
          assert.ok((await apart(own.body, theirs.body)) < 6, `${gravity} ${JSON.stringify(fields)}`);
        }
  });

  it('shows the part, turned and mirrored, that a recipe asks for', async () => {
    for (const fields of [
      { rotate: 270, flip: 'horizontal' },
      { crop: { x: '10%', y: '5%', width: '80%', height: '90%' } },
      { faceZoom: 1.6, width: 90, height: 90 },
      { edit: { rotate: 180 } },
    ] as Partial<Recipe>[]) {
      const own = await make(byEngine, coffee, fields, lookup([CUP]).look);
      assert.deepEqual(done(), { held: ['held'], jobs: ['made'] }, JSON.stringify(fields));
      const theirs = await make(bySharp, coffee, fields, lookup([CUP]).look);
      const most = await apart(own.body, theirs.body);
      assert.ok(most < 8, `${most} ${JSON.stringify(fields)}`);
    }
  });

  it('is left to sharp where sharp writes it, or something is around it', async () => {
    for (const fields of [
      ...[{ output: 'png' }, { lossless: true }, { margin: 0.1 }, { trim: 10 }],
      ...[{ width: 600, height: 390 }, { copyright: true }],
    ] as Partial<Recipe>[]) {
      await make(byEngine, coffee, fields, lookup([CUP]).look);
      assert.deepEqual(done().held, [], JSON.stringify(fields));
    }
  });

  it('is of what is held where it is drawn on, or encoded several times', async () => {
    for (const fields of [
      ...[{ effects: { unit: 1, shape: { radius: 9 } } }, { effects: { unit: 1, adjust: { brightness: 1.2 } } }],
      ...[{ encoding: { ssim: 0.96 } }, { output: 'jpeg', encoding: { maxBytes: 4000 } }],
    ] as Partial<Recipe>[]) {
      const { body } = await make(byEngine, coffee, fields, lookup([CUP]).look);
      const { held, jobs } = done();
      assert.deepEqual([held, [...new Set(jobs)]], [['held'], ['made']], JSON.stringify(fields));
      const theirs = await make(bySharp, coffee, fields, lookup([CUP]).look);
      assert.ok((await apart(body, theirs.body)) < 6, JSON.stringify(fields));
    }
  });

  it('of what is drawn is what sharp makes of the original, in the same window', async () => {
    const words = face(0.7, 0.3, 0.2);
    const { body } = await make(byEngine, page, {}, lookup([words]).look);
    assert.deepEqual(done(), { held: ['held'], jobs: ['drawn'] });
    const theirs = await make(bySharp, page, {}, lookup([words]).look);
    assert.ok((await apart(body, theirs.body)) < 6);
  });

  it('frees its planes where the look fails, and where the render is left', async () => {
    const large = await sharp(coffee).resize(2400, 1600).jpeg().toBuffer();
    await assert.rejects(
      make(byEngine, large, {}, () => Promise.reject(new Error('no look'))),
      /no look/,
    );
    assert.deepEqual(done(), { held: ['held'], jobs: [] });
    const leaving = new AbortController();
    const look: FaceLookup = async (probe) => {
      await probe();
      leaving.abort(new Error('left'));
      return [CUP];
    };
    await assert.rejects(make(byEngine, large, { width: 1200, height: 630 }, look, leaving.signal), /left/);
    assert.deepEqual(done().held, ['held']);
    const missed = await make(byEngine, large, {}, lookup(undefined).look);
    assert.equal(missed.provisional, true);
    assert.deepEqual(done(), { held: ['held'], jobs: ['made'] });
  });

  it('refuses what sharp refuses, wherever the file is broken', async () => {
    const small = await sharp(coffee).resize(300).jpeg({ quality: 90 }).toBuffer();
    const ended = async (renderer: Renderer, file: Buffer) =>
      make(renderer, file, { width: 80, height: 60 }, lookup([CUP]).look).then(
        () => 'made',
        (error) => error.code,
      );
    for (let part = 1; part < 12; part += 1) {
      const cut = small.subarray(0, Math.floor((small.length * part) / 11.5));
      assert.equal(await ended(byEngine, cut), await ended(bySharp, cut), `${part}`);
    }
    done();
  });

  it('holds no more than the admission counts', async () => {
    for (const [width, height, chromaSubsampling, progressive] of [
      [3264, 2448, '4:2:0', false],
      [3264, 2448, '4:2:0', true],
      [2600, 1900, '4:4:4', false],
    ] as const) {
      const original = await sharp(coffee).resize(width, height).jpeg({ chromaSubsampling, progressive }).toBuffer();
      const source = await byEngine.examine(original);
      for (const fields of [{}, { width: 1200, height: 630, output: 'jpeg' }] as Partial<Recipe>[]) {
        const recipe: Recipe = { ...PLAIN, ...cover, ...fields };
        let bytes = 0;
        const look: FaceLookup = async (probe) => {
          await probe();
          bytes = held.at(-1)?.bytes ?? 0;
          return [CUP];
        };
        await byEngine.render(source, recipe, createStepTimer(), look);
        assert.ok(
          bytes > 0 && bytes <= bytesToHold(source, recipe),
          `${bytes} ${bytesToHold(source, recipe)} ${JSON.stringify([width, chromaSubsampling, progressive, fields])}`,
        );
        assert.deepEqual(done(), { held: ['held'], jobs: ['made'] });
      }
    }
  });
});
