import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createPresets } from '../../../src/presets/presets.ts';
import { checkPresets } from '../../../src/presets/schema.ts';
import { pixelsOf, render } from '../../helpers/pictures.ts';

const resolve = (preset: object, suffix = '') =>
  createPresets({
    definitions: { card: { width: 100, format: 'png', ...preset } },
    inline: true,
    faces: false,
  }).resolve('card', suffix, undefined).recipe;

const COFFEE = readFileSync(new URL('../../../samples/coffee.jpg', import.meta.url));

/** Mean step between neighbours in a row, in levels: how crisp a picture is. */
async function crispness(body: Buffer): Promise<number> {
  const { data, info } = await sharp(body).removeAlpha().greyscale().raw().toBuffer({ resolveWithObject: true });
  let sum = 0;
  for (let at = 1; at < data.length; at += 1)
    if (at % info.width > 0) sum += Math.abs((data[at] ?? 0) - (data[at - 1] ?? 0));
  return sum / data.length;
}

const crispnessWith = async (preset: object, suffix = '', original = COFFEE) =>
  crispness((await render(original, resolve(preset, suffix))).body);

/** Black on the left, white on the right, in some colours between. */
async function edge(width: number, height: number, [dark, light] = ['#404040', '#c0c0c0']): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: dark! } })
    .composite([{ input: { create: { width: width / 2, height, channels: 3, background: light! } }, gravity: 'east' }])
    .png()
    .toBuffer();
}

describe('sharpen', () => {
  it('auto gives back what scaling down took, more of it where more was scaled, and nothing at full size', async () => {
    const gains = [];
    for (const width of [60, 200, 450])
      gains.push((await crispnessWith({ width, sharpen: 'auto' })) / (await crispnessWith({ width })));
    const [small = 0, middling = 0, large = 0] = gains;
    assert.ok(small > 1.03 && small < 1.15 && middling > 1.02 && middling <= small + 0.03, gains.join(' '));
    assert.ok(large >= 1 && large < middling, gains.join(' '));
    const { width } = await sharp(COFFEE).metadata();
    const [plain, sharpened] = await Promise.all(
      [{}, { sharpen: 'auto' }].map(async (preset) => (await render(COFFEE, resolve({ width, ...preset }))).body),
    );
    assert.ok((await sharp(plain).raw().toBuffer()).equals(await sharp(sharpened).raw().toBuffer()));
  });

  it('of a sigma lifts an edge on both sides by as much, in lightness alone', async () => {
    const { at } = await pixelsOf((await render(await edge(100, 20), resolve({ sharpen: 2 }))).body);
    const dark = 0x40 - (at(49, 10)[0] ?? 0);
    const light = (at(50, 10)[0] ?? 0) - 0xc0;
    assert.ok(dark > 30 && Math.abs(dark - light) <= 1, `${dark} ${light}`);
    assert.deepEqual([at(10, 10)[0], at(90, 10)[0]], [0x40, 0xc0]);
    const coloured = await pixelsOf(
      (await render(await edge(100, 20, ['#804040', '#c08080']), resolve({ sharpen: 2 }))).body,
    );
    const [r = 0, g = 0, b = 0] = coloured.at(49, 10);
    assert.ok(r < 0x80 && r - g === 0x40 && g === b, `${[r, g, b]}`);
  });

  it('looks the same at each size: its reach grows with the rendition', async () => {
    const original = await edge(400, 100);
    const reachOf = async (suffix: string) => {
      const { body, width } = await render(original, resolve({ sharpen: 2, widths: [300] }, suffix));
      const { at } = await pixelsOf(body);
      const row = Array.from({ length: width / 2 }, (_, x) => at(x, 5)[0] ?? 0);
      return row.filter((level) => level < 0x40 - 3).length / width;
    };
    const reaches = [await reachOf(''), await reachOf('@2x'), await reachOf('@300w')];
    for (const reach of reaches) assert.ok(Math.abs(reach - 0.035) < 0.02, reaches.join(' '));
  });

  it('of half a pixel still sharpens, and of less than that nothing fails', async () => {
    assert.ok((await crispnessWith({ sharpen: 0.5 })) > 1.05 * (await crispnessWith({})));
    const tiny = await edge(2, 1);
    for (const sharpen of [0.3, 10, 'auto'])
      assert.deepEqual((await render(tiny, resolve({ sharpen }, '@3x'))).width, 2);
  });

  it('leaves alpha, and what is under transparent pixels out', async () => {
    const size = { width: 60, height: 40 };
    const hole = { input: { create: { width: 30, height: 40, channels: 4 as const, background: '#ff000000' } } };
    const original = await sharp({ create: { ...size, channels: 4, background: '#60a060' } })
      .composite([{ ...hole, gravity: 'west', blend: 'dest-out' }])
      .png()
      .toBuffer();
    const shown = async (preset: object) => pixelsOf((await render(original, resolve({ width: 60, ...preset }))).body);
    const [plain, sharpened] = [await shown({}), await shown({ sharpen: 2 })];
    assert.deepEqual(sharpened.at(40, 20), plain.at(40, 20));
    for (let at = 3; at < plain.data.length; at += 4) assert.equal(sharpened.data[at], plain.data[at]);
  });
});

/** A picture of which each pixel differs from its neighbours. */
const noise = (width: number, height: number, channels: 3 | 4 = 3) =>
  sharp(
    Buffer.from(Array.from({ length: width * height * channels }, (_, at) => (at * 7919 + ((at * at) % 251)) % 256)),
    { raw: { width, height, channels } },
  );

/** Where the colour changes in a row or column, and how often. */
function changes(levels: readonly (readonly number[])[]): number[] {
  return levels.flatMap((level, n) => (n > 0 && String(level) !== String(levels[n - 1]) ? [n] : []));
}

describe('pixelate', () => {
  it('makes squares of one colour, their mean, from the upper left corner on', async () => {
    const original = await noise(100, 50).png().toBuffer();
    const plain = await pixelsOf((await render(original, resolve({}))).body);
    const { at } = await pixelsOf((await render(original, resolve({ pixelate: 20 }))).body);
    assert.deepEqual(changes(Array.from({ length: 100 }, (_, x) => at(x, 3))), [20, 40, 60, 80]);
    assert.deepEqual(changes(Array.from({ length: 50 }, (_, y) => at(3, y))), [20, 40]);
    let sum = 0;
    for (let y = 20; y < 40; y += 1) for (let x = 40; x < 60; x += 1) sum += plain.at(x, y)[1] ?? 0;
    assert.equal(at(50, 30)[1], Math.round(sum / 400));
  });

  it('has as many squares at each size, and where the original is too small', async () => {
    const counts = [];
    for (const [width, suffix] of [
      ...[[400, ''] as const, [400, '@2x'] as const, [400, '@250w'] as const, [400, '@333w'] as const],
      ...[[90, ''] as const, [90, '@3x'] as const],
    ]) {
      const original = await noise(width, width / 2)
        .png()
        .toBuffer();
      const { body } = await render(original, resolve({ pixelate: 7, widths: [250, 333] }, suffix));
      const picture = await pixelsOf(body);
      counts.push(changes(Array.from({ length: picture.width }, (_, x) => picture.at(x, 0))).length + 1);
    }
    assert.deepEqual(counts, [15, 15, 15, 15, 15, 15]);
    // Seven rows, of which the last would have a rest of one pixel below it where the height was rounded up.
    const high = await noise(400, 201).png().toBuffer();
    for (const suffix of ['', '@2x', '@3x']) {
      const picture = await pixelsOf((await render(high, resolve({ width: 98, pixelate: 7 }, suffix))).body);
      assert.equal(changes(Array.from({ length: picture.height }, (_, y) => picture.at(0, y))).length, 6, suffix);
    }
  });

  it('begins at the picture, and leaves a margin around it', async () => {
    const original = await noise(200, 200).png().toBuffer();
    const recipe = resolve({ width: 120, height: 100, fit: 'contain', pixelate: 30, background: '#00ff00' });
    const { at } = await pixelsOf((await render(original, recipe)).body);
    assert.deepEqual(changes(Array.from({ length: 120 }, (_, x) => at(x, 50))), [10, 40, 70, 100, 110]);
    assert.deepEqual(
      [at(5, 50), at(115, 50)],
      [
        [0, 255, 0],
        [0, 255, 0],
      ],
    );
  });

  it('weighs colours by alpha', async () => {
    const data = Buffer.from([...[255, 0, 0, 255], ...[0, 255, 0, 0], ...[255, 0, 0, 255], ...[0, 255, 0, 0]]);
    const original = await sharp(data, { raw: { width: 2, height: 2, channels: 4 } })
      .png()
      .toBuffer();
    const { at } = await pixelsOf((await render(original, resolve({ width: 2, pixelate: 2 }))).body);
    assert.deepEqual(at(0, 0), [255, 0, 0, 128]);
  });

  it('keeps the frames of an animation apart, in GIF and WebP', async () => {
    const frames = await Promise.all(
      ['#ff0000', '#0000ff'].map((background) =>
        sharp({ create: { width: 40, height: 30, channels: 3, background } })
          .raw()
          .toBuffer(),
      ),
    );
    const original = await sharp(Buffer.concat(frames), { raw: { width: 40, height: 60, channels: 3, pageHeight: 30 } })
      .webp({ lossless: true, delay: [90, 90] })
      .toBuffer();
    for (const format of ['webp', 'auto']) {
      const recipe = resolve({ width: 40, pixelate: 20, animated: true, format, lossless: format === 'webp' });
      const { body } = await render(original, recipe);
      const picture = await pixelsOf(body, { animated: true });
      assert.deepEqual(
        [picture.at(5, 29).slice(0, 3), picture.at(5, 31).slice(0, 3)],
        [
          [255, 0, 0],
          [0, 0, 255],
        ],
      );
    }
  });

  it('takes squares that are larger than the picture, and those of one pixel', async () => {
    const original = await noise(30, 20).png().toBuffer();
    const [all, none] = await Promise.all(
      [1000, 1].map(async (pixelate) => pixelsOf((await render(original, resolve({ width: 30, pixelate }))).body)),
    );
    assert.deepEqual(all!.at(0, 0), all!.at(29, 19));
    assert.notDeepEqual(none!.at(0, 0), none!.at(1, 0));
  });
});

describe('fields of detail', () => {
  it('that contradict each other are refused in a sentence', () => {
    for (const other of [{ blur: 2 }, { pixelate: 4 }])
      assert.throws(
        () => checkPresets({ card: { width: 9, sharpen: 'auto', ...other } }),
        /card: cannot be sharpened and also blurred or pixelated/,
      );
  });

  it('say what they expect', () => {
    assert.throws(
      () => checkPresets({ card: { width: 9, sharpen: true } }),
      /card\.sharpen: expected auto or a number from/,
    );
  });

  it('are spelled in inline recipes', () => {
    const presets = createPresets({ definitions: {}, inline: true, faces: false });
    const detail = (text: string) => presets.resolve(`w_100,${text}`, '', undefined).recipe.effects?.detail;
    assert.deepEqual(detail('sharpen_auto'), { sharpen: 'auto' });
    assert.deepEqual(detail('sharpen_1p5'), { sharpen: 1.5 });
    assert.deepEqual(detail('pixelate_12,blur_3'), { pixelate: 12, blur: 3 });
    for (const text of [
      'sharpen_',
      'sharpen_yes',
      'sharpen_0',
      'sharpen_11',
      'pixelate_0',
      'pixelate_1001',
      'sharpen_1,blur_1',
    ])
      assert.throws(() => detail(text), { code: 'unknown_preset' }, text);
  });
});
