import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createPresets } from '../../../src/presets/presets.ts';
import { checkPresets } from '../../../src/presets/schema.ts';
import { pixelsOf, render } from '../../helpers/pictures.ts';

const resolve = (preset: object, suffix = '') =>
  createPresets({
    definitions: { card: { width: 256, format: 'png', ...preset } },
    inline: true,
    faces: false,
  }).resolve('card', suffix, undefined).recipe;

/** All greys from black to white, a column each. */
const RAMP = await sharp(Buffer.from(Array.from({ length: 256 * 8 * 3 }, (_, at) => Math.floor(at / 3) % 256)), {
  raw: { width: 256, height: 8, channels: 3 },
})
  .png()
  .toBuffer();

/** Levels of the ramp's first row behind a preset's change. */
async function levels(preset: object): Promise<number[]> {
  const { at } = await pixelsOf((await render(RAMP, resolve(preset))).body);
  return Array.from({ length: 256 }, (_, x) => at(x, 3)[0] ?? -1);
}

async function assertLevels(preset: object, expected: (level: number) => number): Promise<void> {
  const found = await levels(preset);
  const off = found
    .map((level, before) => ({ before, level, wanted: Math.min(255, Math.max(0, expected(before))) }))
    .filter(({ level, wanted }) => Math.abs(level - wanted) > 0.51);
  assert.deepEqual(off, [], JSON.stringify(preset));
}

/** One colour as it comes out. */
async function colour(rgb: number[], preset: object): Promise<number[]> {
  const [r = 0, g = 0, b = 0] = rgb;
  const original = sharp({ create: { width: 16, height: 16, channels: 3, background: { r, g, b } } });
  const { at } = await pixelsOf(
    (await render(await original.png().toBuffer(), resolve({ ...preset, width: 16 }))).body,
  );
  const pixel = at(8, 8);
  return pixel.length < 3 ? [pixel[0]!, pixel[0]!, pixel[0]!] : pixel.slice(0, 3);
}

function assertNear(found: number[], wanted: number[], within = 1): void {
  const far = wanted.some((level, at) => Math.abs(level - (found[at] ?? -99)) > within);
  assert.ok(!far, `found ${found}, wanted ${wanted}`);
}

describe('levels', () => {
  it('are multiplied by brightness', async () => {
    await assertLevels({ brightness: 1.5 }, (level) => level * 1.5);
    await assertLevels({ brightness: 0.5 }, (level) => level / 2);
    await assertLevels({ brightness: 0 }, () => 0);
  });

  it('go from the middle or to it by contrast', async () => {
    await assertLevels({ contrast: 2 }, (level) => (level - 127.5) * 2 + 127.5);
    await assertLevels({ contrast: 0 }, () => 127.5);
  });

  it('are bent by gamma, black and white staying', async () => {
    await assertLevels({ gamma: 2 }, (level) => 255 * Math.sqrt(level / 255));
    await assertLevels({ gamma: 0.5 }, (level) => level ** 2 / 255);
  });

  it('change in one order, whatever that of the fields: brightness, contrast, gamma', async () => {
    const expected = (level: number) =>
      255 * Math.sqrt(Math.min(1, Math.max(0, (Math.min(1, (level * 1.4) / 255) - 0.5) * 1.5 + 0.5)));
    await assertLevels({ brightness: 1.4, contrast: 1.5, gamma: 2 }, expected);
    await assertLevels({ gamma: 2, contrast: 1.5, brightness: 1.4 }, expected);
  });

  it('stay, and so do keys, where a field says what is neutral', () => {
    const neutral = { brightness: 1, contrast: 1, gamma: 1, saturation: 1, hue: 0, sepia: 0, grayscale: false };
    assert.deepEqual(resolve({ ...neutral, normalize: false }), resolve({}));
  });

  it('are the same at each size', async () => {
    const flat = await sharp({ create: { width: 800, height: 400, channels: 3, background: '#505050' } })
      .png()
      .toBuffer();
    for (const suffix of ['', '@2x', '@500w']) {
      const { body } = await render(flat, resolve({ brightness: 1.5, widths: [500] }, suffix));
      assert.equal((await pixelsOf(body)).at(100, 60)[0], 120, suffix);
    }
  });
});

describe('colours', () => {
  it('are those of CSS: saturate, hue-rotate, grayscale, sepia', async () => {
    // Computed by hand from Filter Effects Module Level 1.
    assertNear(await colour([200, 100, 50], { saturation: 0 }), [117.7, 117.7, 117.7]);
    assertNear(await colour([200, 100, 50], { saturation: 1.5 }), [241.1, 91.1, 16.1]);
    assertNear(await colour([255, 0, 0], { hue: 120 }), [0, 113.1, 0]);
    assertNear(await colour([200, 100, 50], { hue: 360 }), [200, 100, 50], 0);
    assertNear(await colour([200, 100, 50], { grayscale: true }), [117.7, 117.7, 117.7]);
    assertNear(await colour([100, 150, 200], { sepia: 1 }), [192.5, 171.4, 133.5]);
    assertNear(await colour([100, 150, 200], { sepia: 0.5 }), [146.2, 160.7, 166.7]);
  });

  it('of a tint keep black, white and lightness, and pass through it', async () => {
    const tint = '#3366cc';
    const own = 0.2126 * 0x33 + 0.7152 * 0x66 + 0.0722 * 0xcc;
    assertNear(await colour([0, 0, 0], { tint }), [0, 0, 0]);
    assertNear(await colour([255, 255, 255], { tint }), [255, 255, 255]);
    assertNear(await colour([own, own, own].map(Math.round), { tint }), [0x33, 0x66, 0xcc], 2);
    const [r = 0, g = 0, b = 0] = await colour([40, 180, 90], { tint });
    assert.ok(Math.abs(0.2126 * r + 0.7152 * g + 0.0722 * b - (0.2126 * 40 + 0.7152 * 180 + 0.0722 * 90)) < 2);
  });

  it('of a duotone go from its shadows to its highlights', async () => {
    const duotone = { shadows: '#220044', highlights: '#ffee99' };
    assertNear(await colour([0, 0, 0], { duotone }), [0x22, 0, 0x44], 0);
    assertNear(await colour([255, 255, 255], { duotone }), [255, 0xee, 0x99], 0);
    assertNear(await colour([128, 128, 128], { duotone }), [0x22 + 0.5 * 0xdd, 0.5 * 0xee, 0x44 + 0.5 * 0x55]);
  });

  it('change behind levels, and alpha stays', async () => {
    const faded = Buffer.from(
      Array.from({ length: 64 * 4 * 4 }, (_, at) => (at % 4 < 3 ? 100 : Math.floor(at / 4) % 256)),
    );
    const original = await sharp(faded, { raw: { width: 64, height: 4, channels: 4 } })
      .png()
      .toBuffer();
    for (const preset of [{ brightness: 1.5 }, { brightness: 1.5, sepia: 1 }, { brightness: 1.5, grayscale: true }]) {
      const { data, at } = await pixelsOf((await render(original, resolve({ width: 64, ...preset }))).body);
      const alphas = (bytes: Buffer) => Buffer.from(bytes.filter((_, byte) => byte % 4 === 3));
      assert.ok(alphas(data).equals(alphas(faded)));
      assertNear(at(50, 1), 'sepia' in preset ? [202.6, 180.5, 140.6] : [150, 150, 150]);
    }
  });

  it('of which two are given are refused in one sentence', () => {
    for (const both of [
      { grayscale: true, sepia: 1 },
      { tint: '#ff0000', duotone: { shadows: '#000000', highlights: '#ffffff' } },
    ])
      assert.throws(() => checkPresets({ card: { width: 9, ...both } }), /card: can have one of grayscale, sepia/);
  });
});

const SAMPLES = new URL('../../../samples/', import.meta.url);

describe('normalize', () => {
  const meanOf = async (body: Buffer) => {
    const { channels } = await sharp(body).removeAlpha().toColourspace('srgb').stats();
    return channels.map(({ mean }) => mean);
  };

  it('leaves a good photo to the byte', async () => {
    for (const name of ['astronaut.jpg', 'coffee.jpg', 'turned.jpg']) {
      const original = readFileSync(new URL(name, SAMPLES));
      const [plain, normal] = [
        await render(original, resolve({})),
        await render(original, resolve({ normalize: true })),
      ];
      assert.ok(normal.body.equals(plain.body), name);
    }
  });

  it('lifts a dark one within bounds, the same for red, green and blue, and washes out no black', async () => {
    const dark = await sharp(readFileSync(new URL('coffee.jpg', SAMPLES)))
      .linear(0.35, 0)
      .png()
      .toBuffer();
    const [before = [], after = []] = await Promise.all(
      [{}, { normalize: true }].map(async (preset) => meanOf((await render(dark, resolve(preset))).body)),
    );
    const gains = after.map((mean, at) => mean / (before[at] ?? 0));
    assert.ok(Math.min(...gains) > 1.5 && Math.max(...gains) < 4, `${gains}`);
    assert.ok(Math.max(...gains) / Math.min(...gains) < 1.35, `${gains}`);
    const ramp = await sharp(RAMP).linear(0.3, 0).png().toBuffer();
    const { at } = await pixelsOf((await render(ramp, resolve({ normalize: true }))).body);
    const row = Array.from({ length: 256 }, (_, x) => at(x, 3)[0] ?? 0);
    assert.ok(row[0] === 0 && (row[255] ?? 0) > 115 && (row[255] ?? 0) < 150, `${row[0]} to ${row[255]}`);
    assert.ok(
      row.every((level, x) => x === 0 || level >= (row[x - 1] ?? 0)),
      'darker never becomes lighter than lighter',
    );
  });

  it('leaves pictures of one colour, white goods on black, black ones on white, and invisible pixels out', async () => {
    const flat = (background: string) => sharp({ create: { width: 100, height: 100, channels: 4, background } });
    const square = (background: string) => ({
      input: { create: { width: 50, height: 50, channels: 4 as const, background } },
    });
    for (const picture of [
      flat('#202020'),
      flat('#808080'),
      flat('#000000').composite([square('#d8d0c8')]),
      flat('#ffffff').composite([square('#0c0c0c')]),
      // What is seen is light with a little black, what is not is dark.
      sharp(
        Buffer.from(
          Array.from({ length: 100 * 100 }, (_, n) => {
            const [x, y] = [n % 100, Math.floor(n / 100)];
            if (x < 20 && y < 20) return [12, 12, 12, 255];
            return x > 35 && x < 65 && y > 35 && y < 65 ? [240, 240, 240, 255] : [48, 48, 48, 0];
          }).flat(),
        ),
        { raw: { width: 100, height: 100, channels: 4 } },
      ),
    ]) {
      const original = await picture.png().toBuffer();
      const [plain, normal] = await Promise.all(
        [{}, { normalize: true }].map(
          async (preset) => (await render(original, resolve({ width: 100, ...preset }))).body,
        ),
      );
      const [one, other] = [await pixelsOf(plain!), await pixelsOf(normal!)];
      assert.deepEqual([other.at(10, 10), other.at(50, 50)], [one.at(10, 10), one.at(50, 50)]);
    }
  });

  it('measures all frames of an animation and changes them alike', async () => {
    const frame = (from: number, to: number) =>
      Buffer.from(
        Array.from({ length: 100 * 10 * 3 }, (_, at) => from + ((to - from) * (Math.floor(at / 3) % 100)) / 99),
      );
    const animation = (frames: Buffer[]) =>
      sharp(Buffer.concat(frames), { raw: { width: 100, height: 10 * frames.length, channels: 3, pageHeight: 10 } })
        .webp({ lossless: true, delay: frames.map(() => 90) })
        .toBuffer();
    const recipe = resolve({ width: 100, normalize: true, animated: true, format: 'webp', lossless: true });
    const rows = async (frames: Buffer[]) => {
      const { at, height } = await pixelsOf((await render(await animation(frames), recipe)).body, { animated: true });
      return Array.from({ length: height / 10 }, (_, n) => at(99, 10 * n + 5)[0] ?? 0);
    };
    const dark = frame(0, 80);
    const [alone = 0] = await rows([dark, frame(0, 60)]);
    const [beside = 0, bright = 0] = await rows([dark, frame(0, 250)]);
    assert.ok(alone > 120, `${alone}`);
    assert.ok(beside < alone - 15 && bright >= 250, `${beside} and ${bright}`);
    const [one, , other] = await rows([dark, frame(0, 60), dark]);
    assert.equal(one, other);
  });
});

describe('inline recipes', () => {
  const presets = createPresets({ definitions: {}, inline: true, faces: false });
  const effects = (text: string) => presets.resolve(`w_100,${text}`, '', undefined).recipe.effects;

  it('spell each field', () => {
    assert.deepEqual(effects('normalize_1,brightness_1p2,contrast_0p9,gamma_1p5,saturation_2,hue_-30,sepia_0p5'), {
      unit: 1,
      adjust: {
        normalize: true,
        brightness: 1.2,
        contrast: 0.9,
        gamma: 1.5,
        saturation: 2,
        hue: -30,
        toned: { sepia: 0.5 },
      },
    });
    assert.deepEqual(effects('grayscale_1')?.adjust, { toned: { grayscale: true } });
    assert.deepEqual(effects('tint_3366cc')?.adjust, { toned: { tint: '#3366cc' } });
    assert.deepEqual(effects('duotone_220044:ffee99')?.adjust, {
      toned: { duotone: { shadows: '#220044', highlights: '#ffee99' } },
    });
  });

  it('refuse other values', () => {
    for (const text of [
      ...['brightness_-1', 'brightness_5', 'gamma_0', 'hue_361', 'sepia_2', 'tint_red', 'tint_12345g', 'normalize_0'],
      ...['duotone_220044', 'duotone_220044:ffee99:000000', 'duotone_:', 'grayscale_1,sepia_1'],
    ])
      assert.throws(() => effects(text), { code: 'unknown_preset' }, text);
  });
});
