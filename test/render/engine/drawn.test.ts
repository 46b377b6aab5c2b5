import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Effects } from '../../../src/render/effects/effects.ts';
import { mix } from '../../../src/render/effects/overlay/mix.ts';
import { byEngine as decided } from '../../../src/render/engine/by-engine.ts';
import { loadEngine } from '../../../src/render/engine/engine.ts';
import { encode } from '../../../src/render/formats/encode.ts';
import type { Coder } from '../../../src/render/formats/encoding/coder.ts';
import { blocksOf, lumaQuantisers, quantised } from '../../../src/render/formats/encoding/jpeg-luma.ts';
import { ssim } from '../../../src/render/formats/encoding/ssim.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer, type Rendered, type Renderer } from '../../../src/render/render.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { engineSkip, watchedEngine } from '../../helpers/engine.ts';
import { PLAIN, withOrientation } from '../../helpers/pictures.ts';

/** What the engine draws in planes, or gives to be drawn on, looks as what sharp's pixels become. */

const LIMITS = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 };
const { engine, results } = watchedEngine();
const bySharp = createRenderer(LIMITS);
const byEngine = createRenderer(LIMITS, undefined, undefined, engine);
const coffee = readFileSync(new URL('../../../samples/coffee.jpg', import.meta.url));

async function make(renderer: Renderer, original: Buffer, fields: Partial<Recipe>): Promise<Buffer> {
  const source = await renderer.examine(original);
  const recipe: Recipe = { ...PLAIN, quality: 90, width: 301, ...fields };
  return (await renderer.render(source, recipe, createStepTimer(), async () => [])).body;
}

async function pixelsOf(file: Buffer) {
  const { data, info } = await sharp(file)
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, ...info };
}

/** Both renditions of one recipe, and what the engine gave for its own. */
async function both(fields: Partial<Recipe>, original: Buffer = coffee) {
  const before = results.length;
  const [own, theirs] = [await make(byEngine, original, fields), await make(bySharp, original, fields)];
  const made = results.slice(before).filter(({ body }) => body);
  const [one, other] = [await pixelsOf(own), await pixelsOf(theirs)];
  assert.deepEqual([one.width, one.height], [other.width, other.height]);
  return { one, other, made, own };
}

type Shown = Awaited<ReturnType<typeof pixelsOf>>;

/** The mean difference of what is seen, in levels, and the largest of alpha. */
function differences(one: Shown, other: Shown) {
  let [sum, count, alpha] = [0, 0, 0];
  for (let at = 0; at < one.data.length; at += 4) {
    alpha = Math.max(alpha, Math.abs(one.data[at + 3]! - other.data[at + 3]!));
    if (other.data[at + 3] !== 255) continue;
    for (const channel of [0, 1, 2]) sum += Math.abs(one.data[at + channel]! - other.data[at + channel]!);
    count += 3;
  }
  return { colour: sum / count, alpha };
}

const shapes: [string, NonNullable<Effects['shape']>][] = [
  ['a length', { radius: 24 }],
  ['a share', { radius: { percent: 50 } }],
  ['a circle', { radius: 'circle' }],
];

describe('corners that the engine rounds', { skip: engineSkip }, () => {
  for (const [name, shape] of shapes)
    it(`are those of sharp's pixels: ${name}`, async () => {
      const effects = { unit: 1.5, shape };
      for (const [width, output] of [
        [301, 'webp'],
        [180, 'webp'],
        [302, 'avif'],
        [299, 'jpeg'],
      ] as const) {
        const { one, other, made } = await both({ width, output, effects });
        assert.equal(made.length, 1, output);
        const { colour, alpha } = differences(one, other);
        // Of an AVIF both lose some of it, libaom more: WebP's is exact.
        const exact =
          output === 'avif' ? await pixelsOf(await make(bySharp, coffee, { width, output: 'webp', effects })) : other;
        const off = output === 'avif' ? differences(one, exact).alpha : alpha;
        assert.ok(off <= (output === 'avif' ? 2 : 0), `${output}: alpha ${off}`);
        // Two encoders of AVIF.
        assert.ok(colour < (output === 'avif' ? 3.5 : 2.5), `${output}: ${colour}`);
      }
    });

  it('show the background where the format has no alpha', async () => {
    const { one } = await both({ output: 'jpeg', background: '#ff8000', effects: { unit: 1, shape: { radius: 40 } } });
    for (const at of [0, one.width - 1, one.width * (one.height - 1), one.width * one.height - 1]) {
      const corner = [...one.data.subarray(4 * at, 4 * at + 3)];
      assert.ok(
        corner.every((level, channel) => Math.abs(level - [255, 128, 0][channel]!) <= 6),
        `${corner}`,
      );
    }
  });

  it('lie in the corners of a picture that is stored turned, and of a crop', async () => {
    const effects = { unit: 1, shape: { radius: 60 } };
    for (const fields of [{ width: 150 }, { width: 111, height: 140, fit: 'cover' }] as const) {
      const turned = withOrientation(Buffer.from(coffee), 6);
      const { one, other, made } = await both({ ...fields, output: 'webp', effects }, turned);
      assert.equal(made.length, 1);
      assert.equal(differences(one, other).alpha, 0);
    }
  });

  it('leave the alpha of an AVIF whole: clear within, nothing outside, and a smooth edge', async () => {
    const { one, made } = await both({ width: 400, output: 'avif', effects: { unit: 1, shape: { radius: 24 } } });
    if (!made[0]?.alpha) return;
    const alphas = Array.from({ length: one.width * one.height }, (_, at) => one.data[4 * at + 3]!);
    assert.ok(alphas[0]! <= 3 && alphas.at(-1)! <= 3);
    const middle = Math.floor(one.height / 2);
    for (let x = 0; x < one.width; x += 1) assert.ok(alphas[middle * one.width + x]! >= 252);
    assert.ok(alphas.some((alpha) => alpha > 60 && alpha < 200));
  });
});

describe('what the engine sharpens', { skip: engineSkip }, () => {
  it("is as crisp as sharp's pixels, and crisper than it was", async () => {
    const crispness = ({ data, width }: Shown) => {
      let sum = 0;
      for (let at = 4; at < data.length; at += 4) if ((at / 4) % width) sum += Math.abs(data[at + 1]! - data[at - 3]!);
      return sum;
    };
    for (const output of ['webp', 'jpeg', 'avif'] as const) {
      const plain = await both({ width: 150, output, quality: 95 });
      const sharpened = await both({
        width: 150,
        output,
        quality: 95,
        effects: { unit: 1, detail: { sharpen: 'auto' } },
      });
      assert.equal(sharpened.made.length, 1);
      const own = crispness(sharpened.one) / crispness(plain.one);
      const theirs = crispness(sharpened.other) / crispness(plain.other);
      assert.ok(own > 1.03 && Math.abs(own - theirs) < 0.02, `${output}: ${own} ${theirs}`);
      assert.ok(differences(sharpened.one, sharpened.other).colour < 2.5);
    }
  });

  it('leaves what is kept beside it as it was', async () => {
    const effects = { unit: 1, detail: { sharpen: 'auto' } } as const;
    const source = await byEngine.examine(coffee);
    const recipe: Recipe = { ...PLAIN, output: 'webp', quality: 90, width: 300 };
    const render = (own: Recipe) => byEngine.render(source, own, createStepTimer(), async () => []);
    const [drawn, plain] = [await render({ ...recipe, effects }), await render(recipe)];
    assert.ok(!drawn.body.equals(plain.body));
    const smaller: Recipe = { ...recipe, width: 150 };
    const ofKept = async ({ downscaled }: Rendered) => {
      assert.ok(downscaled);
      return (await byEngine.render(downscaled, smaller, createStepTimer(), async () => [])).body;
    };
    assert.deepEqual(await ofKept(drawn), await ofKept(plain));
  });
});

describe('pixels that the engine gives to effects and searches', { skip: engineSkip }, () => {
  it("become what sharp's become", async () => {
    const effects: [string, Omit<Effects, 'unit'>][] = [
      ['brightness', { adjust: { brightness: 1.2 } }],
      ['a border', { shape: { radius: 20, border: { width: 6, color: '#00ff00' } } }],
      ['blur', { detail: { blur: 3 } }],
      ['covered parts', { redact: { boxes: [{ left: 0.2, top: 0.2, width: 0.3, height: 0.3 }], style: '#ff0000' } }],
    ];
    for (const [name, fields] of effects)
      for (const output of ['webp', 'jpeg'] as const) {
        const { one, other, made } = await both({ output, effects: { unit: 1, ...fields } });
        assert.ok(made.length > 0, name);
        const { colour, alpha } = differences(one, other);
        assert.ok(colour < 2.5 && alpha === 0, `${name} ${output}: ${colour} ${alpha}`);
      }
  });

  it('keep what a shop covered covered', async () => {
    const edit = { redact: [{ x: 0.1, y: 0.1, width: 0.4, height: 0.4 }] };
    const { one, other, made } = await both({ output: 'webp', edit });
    assert.ok(made.length > 0);
    const covered = (shown: Shown) => [
      ...shown.data.subarray(4 * (60 * shown.width + 90), 4 * (60 * shown.width + 90) + 3),
    ];
    for (const [channel, level] of covered(one).entries()) assert.ok(Math.abs(level - covered(other)[channel]!) <= 3);
    assert.ok(differences(one, other).colour < 2.5);
  });

  it('keep to their bytes and to their SSIM', async () => {
    for (const output of ['webp', 'jpeg', 'avif'] as const) {
      const limited = await both({ output, encoding: { maxBytes: 9000 } });
      assert.ok(limited.made.length > 0 && limited.own.length <= 9000 && limited.own.length > 7000, output);
      const alike = await both({ output, encoding: { ssim: 0.96 } });
      assert.ok(alike.made.length > 0, output);
    }
  });
});

describe('files of pixels', { skip: engineSkip }, () => {
  const noise = (bytes: number) => Buffer.from(Array.from({ length: bytes }, (_, at) => (at * 7919 + at * at) % 251));
  const native = () => {
    const real = loadEngine(true);
    assert.ok(real);
    return real;
  };
  const job = { output: 'webp', quality: 90, effort: 2, progressive: false, table: 0, milliseconds: 60_000 } as const;

  it('have their colours and their alpha', async () => {
    for (const [width, height] of [
      [1, 1],
      [17, 5],
      [64, 33],
    ] as const) {
      const pixels = Buffer.alloc(width * height * 4);
      for (let at = 0; at < width * height; at += 1)
        pixels.set([200, 40 + (at % width), 90, at % 3 === 0 ? 255 : (at * 5) % 256], 4 * at);
      const { body } = await native().encode(pixels, { ...job, width, height, channels: 4 }, new (native().Stop)());
      assert.ok(body);
      const { data } = await sharp(body).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
      for (let at = 3; at < data.length; at += 4) assert.equal(data[at], pixels[at]);
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3]! > 200) assert.ok(Math.abs(data[at]! - 200) < 16, `${width} × ${height}: ${data[at]}`);
    }
  });

  it('are not made of numbers that make no sense', async () => {
    const [pixels, own] = [noise(300), native()];
    const right = { ...job, width: 10, height: 10, channels: 3 } as const;
    assert.ok((await own.encode(pixels, right, new own.Stop())).body);
    for (const wrong of [
      { width: 11 },
      { height: 0 },
      { width: 9000 },
      { channels: 4 as const },
      { height: 4_000_000_000 },
    ])
      assert.ok((await own.encode(pixels, { ...right, ...wrong }, new own.Stop())).declined, JSON.stringify(wrong));
    const stop = new own.Stop();
    stop.stop();
    assert.equal((await own.encode(noise(300_000), { ...right, width: 400, height: 250 }, stop)).declined, 'stopped');
    const seen = Buffer.alloc(400, 9);
    assert.ok((await own.encode(seen, { ...right, channels: 4, output: 'jpeg' }, new own.Stop())).declined);
  });

  it('tell their brightness as a decoder shows it', async () => {
    for (const [width, height] of [
      [300, 200],
      [31, 17],
    ] as const) {
      const file = await sharp(coffee).resize(width, height, { fit: 'fill' }).webp({ quality: 70 }).toBuffer();
      const { body } = await native().webpLuma(file, width, height);
      assert.equal(body?.length, width * height);
      const { data } = await pixelsOf(file);
      let sum = 0;
      for (let at = 0; at < width * height; at += 1) {
        const [red, green, blue] = data.subarray(4 * at, 4 * at + 3) as unknown as [number, number, number];
        sum += 0.299 * red + 0.587 * green + 0.114 * blue - body[at]!;
      }
      assert.ok(Math.abs(sum / (width * height)) < 0.3, `${sum / (width * height)}`);
      assert.ok((await native().webpLuma(file, width + 1, height)).declined);
      assert.ok((await native().webpLuma(file.subarray(0, file.length / 2), width, height)).declined);
    }
    assert.ok((await native().webpLuma(coffee, 600, 400)).declined);
    assert.ok((await native().webpLuma(Buffer.alloc(0), 1, 1)).declined);
  });

  it('are measured by it as by their pixels', async () => {
    const size = { width: 320, height: 213 };
    const { data } = await sharp(coffee).resize(size.width, size.height).raw().toBuffer({ resolveWithObject: true });
    const pixels = { data, ...size, channels: 3 as const, frames: 1 };
    const source = await bySharp.examine(coffee);
    const recipe: Recipe = { ...PLAIN, ...size, output: 'webp', encoding: { ssim: 0.96 } };
    const { luma } = decided(engine, LIMITS, new AbortController().signal).coder(false)!;
    const measured: number[] = [];
    const coder: Coder = {
      ...decided(engine, LIMITS, new AbortController().signal).coder(false)!,
      luma(file, ...size) {
        measured.push(file.length);
        return luma(file, ...size);
      },
    };
    const one = await encode(sharp, pixels, source.header, recipe, coder);
    const other = await encode(sharp, pixels, source.header, recipe);
    assert.ok(measured.length > 0);
    assert.ok(Math.abs(one.body.length / other.body.length - 1) < 0.06);
  });
});

describe('what a JPEG would lose', { skip: engineSkip }, () => {
  it('is told by the engine as it is computed here', async () => {
    const real = loadEngine(true);
    assert.ok(real);
    const { data, info } = await sharp(coffee).greyscale().raw().toBuffer({ resolveWithObject: true });
    const whole = { data, width: info.width, height: info.height, stripe: info.height };
    const odd = { data: data.subarray(0, 37 * 30), width: 37, height: 30, stripe: 16 };
    for (const luma of [whole, odd])
      for (const quality of [30, 50, 80, 93, 96]) {
        const quantisers = lumaQuantisers(quality, info.width * info.height);
        const computed = ssim(luma, quantised(blocksOf(luma), quantisers));
        const told = real.jpegSsim(luma.data, luma.width, luma.stripe, quantisers);
        assert.ok(Math.abs(told - computed) < 1e-4, `${quality}: ${told} ${computed}`);
      }
    assert.throws(() => real.jpegSsim(data, 7, 16, lumaQuantisers(80, 100)), /jpegSsim/);
    assert.throws(() => real.jpegSsim(data.subarray(1), info.width, 16, lumaQuantisers(80, 100)), /jpegSsim/);
  });
});

describe('a layer', () => {
  it('is mixed with pixels as libvips mixes it, within a level, and cut off at the edges', async () => {
    const [width, height] = [37, 23];
    const below = Buffer.from(Array.from({ length: width * height * 3 }, (_, at) => (at * 37) % 256));
    const layer = {
      width: 16,
      height: 16,
      data: Buffer.from(Array.from({ length: 1024 }, (_, at) => (at * 53) % 256)),
    };
    for (const [left, top] of [
      [5, 4],
      [0, 0],
      [21, 7],
      [-6, -3],
      [30, 18],
      [90, 4],
    ] as const) {
      const own = Buffer.from(below);
      mix({ data: own, width, height, channels: 3, frames: 1 }, layer, { left, top });
      const canvas = sharp(below, { raw: { width, height, channels: 3 } });
      const [x, y] = [Math.max(0, left), Math.max(0, top)];
      const [w, h] = [Math.min(width, left + 16) - x, Math.min(height, top + 16) - y];
      const part = { left: x - left, top: y - top, width: w, height: h };
      const raw = { width: 16, height: 16, channels: 4 } as const;
      const theirs =
        w > 0 && h > 0
          ? await canvas
              .composite([{ input: await sharp(layer.data, { raw }).extract(part).png().toBuffer(), left: x, top: y }])
              .removeAlpha()
              .raw()
              .toBuffer()
          : below;
      assert.equal(own.length, theirs.length);
      for (let at = 0; at < own.length; at += 1)
        assert.ok(Math.abs(own[at]! - theirs[at]!) <= 1, `${left} ${top} ${at}`);
    }
  });
});
