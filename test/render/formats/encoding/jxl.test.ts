/** JPEG XL through the renderer, read again by the decoder for originals: pixels, alpha, profile, size, and what a failed encode does. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { createDecoders } from '../../../../src/decoders/decoders.ts';
import { DarkroomError } from '../../../../src/errors.ts';
import { createPresets } from '../../../../src/presets/presets.ts';
import { estimateRender } from '../../../../src/render/cost-estimate.ts';
import { jxlQuality } from '../../../../src/render/formats/encoding/jxl.ts';
import type { Recipe } from '../../../../src/render/recipe.ts';
import { createRenderer } from '../../../../src/render/render.ts';
import { createStepTimer } from '../../../../src/telemetry/step-timer.ts';
import { letterF, PLAIN } from '../../../helpers/pictures.ts';
import { until } from '../../../helpers/turns.ts';

const decoders = createDecoders({ threads: 2, idleMs: 60_000 });
after(() => decoders.close());
const limits = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 };
const renderer = createRenderer(limits, decoders);
const never = new AbortController().signal;
const settings = { quality: 80, effort: 3, lossless: false };
const codeOf = (error: unknown) => (error instanceof DarkroomError ? error.code : String(error));

async function render(file: Buffer, recipe: Partial<Recipe> = {}) {
  const original = await renderer.examine(file);
  const asked = { ...PLAIN, output: 'jxl', width: 1000, ...recipe } as const;
  return renderer.render(original, asked, createStepTimer(), async () => []);
}

async function read(file: Buffer) {
  const whole = { side: Number.POSITIVE_INFINITY, maxPixels: 1e8, cpuMs: 60_000 };
  const { memory, at, ...head } = await decoders.decode('jxl', file, whole, never);
  return { ...head, rows: Buffer.from(memory, at) };
}

function furthest(a: Buffer, b: Buffer): number {
  assert.equal(a.length, b.length);
  return a.reduce((most, value, at) => Math.max(most, Math.abs(value - b[at]!)), 0);
}

const [WIDTH, HEIGHT] = [61, 47];
const drawn = letterF(WIDTH, HEIGHT);
const rgb = { raw: { width: WIDTH, height: HEIGHT, channels: 3 as const } };
const png = await sharp(drawn, rgb).png().toBuffer();
/** Transparent at its left, opaque at its right. */
const faded = Buffer.alloc(WIDTH * HEIGHT * 4);
for (let at = 0; at < WIDTH * HEIGHT; at += 1)
  faded.set([...drawn.subarray(at * 3, at * 3 + 3), Math.round(((at % WIDTH) * 255) / (WIDTH - 1))], at * 4);
const fadedPng = await sharp(faded, { raw: { ...rgb.raw, channels: 4 } })
  .png()
  .toBuffer();

describe('a rendition in JPEG XL', () => {
  it('has the pixels of the picture, to the level where it is lossless', async () => {
    const exact = await render(png, { lossless: true });
    assert.equal(exact.contentType, 'image/jxl');
    const found = await read(exact.body);
    assert.deepEqual([found.width, found.height, found.channels], [WIDTH, HEIGHT, 3]);
    assert.equal(furthest(found.rows, drawn), 0);
    const lossy = await render(png, { quality: 95 });
    const means = async (rows: Buffer) => (await sharp(rows, rgb).stats()).channels.map(({ mean }) => mean);
    const [shown, given] = await Promise.all([means((await read(lossy.body)).rows), means(drawn)]);
    for (const [channel, mean] of shown.entries()) assert.ok(Math.abs(mean - given[channel]!) < 2, `${shown} ${given}`);
  });

  it('keeps alpha, and has none where all is opaque', async () => {
    const found = await read((await render(fadedPng, { lossless: true })).body);
    assert.equal(found.channels, 4);
    const alphas = (rows: Buffer) => Buffer.from(rows.filter((_, at) => at % 4 === 3));
    assert.equal(furthest(alphas(found.rows), alphas(faded)), 0);
    const opaque = await sharp(png).ensureAlpha().png().toBuffer();
    assert.equal((await read((await render(opaque)).body)).channels, 3);
  });

  it('has the size of the documented rule, of one pixel too', async () => {
    for (const [width, height, fit] of [
      [1, 1, 'cover'],
      [30, 30, 'inside'],
      [30, 20, 'cover'],
      [90, 30, 'contain'],
    ] as const) {
      const recipe = { width, height, fit, effects: { unit: 1, grayscale: true } } as const;
      const [ours, asPng] = await Promise.all([render(png, recipe), render(png, { ...recipe, output: 'png' })]);
      const { width: across, height: down } = await read(ours.body);
      assert.deepEqual([across, down], [asPng.width, asPng.height], `${width} × ${height} ${fit}`);
      assert.deepEqual([ours.width, ours.height], [across, down]);
    }
  });

  it('keeps the numbers and the profile of Display P3, and shows the first frame of an animation', async () => {
    const wide = await sharp(png).withIccProfile('p3').png().toBuffer();
    const found = await read((await render(wide, { gamut: 'p3', lossless: true })).body);
    const { icc } = await sharp(wide).metadata();
    assert.deepEqual(Buffer.from(found.icc ?? []), icc);
    assert.ok(furthest(found.rows, await sharp(wide, { ignoreIcc: true }).raw().toBuffer()) <= 2);
    const gif = await sharp([png, await sharp(png).negate().png().toBuffer()], { join: { animated: true } })
      .gif()
      .toBuffer();
    const first = await read((await render(gif, { animated: true, lossless: true })).body);
    assert.deepEqual([first.width, first.height], [WIDTH, HEIGHT]);
    assert.equal(furthest(first.rows, await sharp(gif).removeAlpha().raw().toBuffer()), 0);
  });

  it('fits into maxBytes, by a lower quality', async () => {
    const noise = await sharp({
      create: { width: 200, height: 200, channels: 3, background: '#888', noise: { type: 'gaussian', sigma: 40 } },
    })
      .png()
      .toBuffer();
    const free = await render(noise);
    const most = Math.round(free.body.length * 0.6);
    const { body } = await render(noise, { encoding: { maxBytes: most } });
    assert.ok(body.length <= most && body.length > most / 3, `${body.length} of ${most}`);
  });

  it('has the same bytes in another process', async () => {
    const pixels = { rows: new Uint8Array(drawn), width: WIDTH, height: HEIGHT, channels: 3, settings } as const;
    const ours = await decoders.encodeJxl(pixels, 60_000, never);
    const code = `import { writeJxl } from './src/decoders/magick/write-jxl.ts';
      const rows = Uint8Array.from(Buffer.from('${drawn.toString('base64')}', 'base64'));
      const file = await writeJxl({ ...${JSON.stringify({ ...pixels, rows: undefined })}, rows });
      console.log(Buffer.from(file).toString('base64'));`;
    const options = { cwd: new URL('../../../../', import.meta.url).pathname, timeout: 120_000 };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], options);
    assert.equal(stdout.trim(), ours.toString('base64'));
  });

  it('costs by estimate what its thread holds', async () => {
    const header = (await renderer.examine(png)).header;
    const bytes = (output: 'jxl' | 'webp') => estimateRender({ header }, { ...PLAIN, width: 60, output }).bytes;
    assert.ok(bytes('jxl') - bytes('webp') > 60_000_000);
  });
});

describe('an encode of JPEG XL that fails', () => {
  const small = { rows: new Uint8Array(drawn), width: WIDTH, height: HEIGHT, channels: 3, settings } as const;
  const side = 1500;
  // Noise takes many seconds at this effort.
  const rows = Uint8Array.from({ length: side * side * 3 }, (_, at) => (Math.imul(at, 2654435761) >>> 13) & 255);
  const large = { ...small, rows, width: side, height: side, settings: { ...settings, effort: 8 } };

  it('fails alone: over its CPU, when its caller leaves, and by pixels that are not there', async () => {
    const own = createDecoders({ threads: 1, idleMs: 60_000 });
    try {
      await own.encodeJxl(small, 60_000, never);
      await assert.rejects(own.encodeJxl(large, 1, never), (reason) => codeOf(reason) === 'render_timeout');
      const leaving = new AbortController();
      const left = own.encodeJxl(large, 60_000, leaving.signal);
      await until(() => own.running === 1);
      leaving.abort(new Error('gone'));
      await assert.rejects(left, /gone/);
      const short = { ...small, height: 4000 };
      await assert.rejects(own.encodeJxl(short, 60_000, never), (reason) => codeOf(reason) === 'internal');
      assert.ok((await own.encodeJxl(small, 60_000, never)).length > 0);
    } finally {
      await own.close();
    }
  });
});

describe('presets of JPEG XL', () => {
  const presets = (definitions: object, renderTimeoutMs = 10_000) =>
    createPresets({ definitions, inline: true, faces: false, renderTimeoutMs });
  const outputs = (by: ReturnType<typeof presets>, name: string, suffix: string) =>
    by.resolve(name, suffix, 'image/jxl,image/avif,image/webp,*/*').recipe.output;

  it('are pinned by the format or by a declared suffix, and never chosen by auto', () => {
    const by = presets({
      pinned: { width: 60, format: 'jxl' },
      card: { width: 60, formats: ['webp', 'jxl'] },
      plain: { width: 60 },
    });
    assert.equal(outputs(by, 'pinned', ''), 'jxl');
    assert.equal(outputs(by, 'w_60,f_jxl', ''), 'jxl');
    assert.equal(outputs(by, 'card', '.jxl'), 'jxl');
    assert.equal(outputs(by, 'card', ''), 'webp');
    assert.throws(
      () => outputs(by, 'plain', '.jxl'),
      (reason) => codeOf(reason) === 'unknown_preset',
    );
  });

  it('are refused with a sentence for what JPEG XL has not, and for encodes that take too long', () => {
    const refused = (preset: object, sentence: RegExp) =>
      assert.throws(() => presets({ a: { width: 60, ...preset } }), sentence);
    refused({ format: 'jxl', quality: 'auto' }, /has the quality auto, which needs/);
    refused({ formats: ['jxl'], quality: 'auto' }, /quality auto and declare jxl/);
    refused({ format: 'jxl', keepCopyright: true }, /cannot keep the copyright in jxl/);
    refused({ format: 'jxl', progressive: true }, /says progressive, which needs/);
    refused({ format: 'jxl', width: 2000, effort: 9 }, /JPEG XL at effort 9 takes some 6\.2 s of CPU a megapixel/);
  });

  it('have qualities on the scale of JPEG', () => {
    assert.deepEqual([1, 30, 60, 80, 90, 100].map(jxlQuality), [1, 54, 76, 85, 92, 99]);
  });
});
