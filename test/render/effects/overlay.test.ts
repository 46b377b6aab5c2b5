import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../../src/decoders/decoders.ts';
import { POSITIONS } from '../../../src/render/effects/effects.ts';
import { noAssets } from '../../../src/render/effects/overlay/fonts.ts';
import { createLayerCache } from '../../../src/render/effects/overlay/layers.ts';
import { applyOverlays } from '../../../src/render/effects/overlay/overlay.ts';
import type { Pixels } from '../../../src/render/pixels.ts';
import { gridFile } from '../../helpers/heic-files.ts';
import { withImages } from '../../helpers/overlay-assets.ts';
import { pixelsOf } from '../../helpers/pictures.ts';

const decoders = createDecoders({ threads: 1, idleMs: 60_000 });
after(() => decoders.close());

const flat = (width: number, height: number, background: string, channels: 3 | 4 = 3) =>
  sharp({ create: { width, height, channels, background } });
const logo = await flat(40, 20, '#ff0000').png().toBuffer();
const glass = await flat(40, 20, '#ff000080', 4).png().toBuffer();
const { render, resolve, presetsOf } = withImages({ 'logo.png': logo, 'marks/glass.webp': glass }, decoders);
const blue = await flat(400, 200, '#0000ff').png().toBuffer();

/** The box of all pixels that pass, in pixels, edges included; `count`: how many do. */
function boxOf(
  { data, width, channels }: Awaited<ReturnType<typeof pixelsOf>>,
  passes: (pixel: readonly number[]) => boolean,
  from = 0,
  height = Number.POSITIVE_INFINITY,
) {
  const [xs, ys] = [[] as number[], [] as number[]];
  for (let at = from * width * channels; at < data.length && at < (from + height) * width * channels; at += channels) {
    if (!passes([...data.subarray(at, at + channels)])) continue;
    xs.push((at / channels) % width);
    ys.push(Math.floor(at / channels / width) - from);
  }
  const [least, most] = [(a: number, b: number) => Math.min(a, b), (a: number, b: number) => Math.max(a, b)];
  return {
    count: xs.length,
    left: xs.reduce(least, Number.POSITIVE_INFINITY),
    top: ys.reduce(least, Number.POSITIVE_INFINITY),
    right: xs.reduce(most, -1) + 1,
    bottom: ys.reduce(most, -1) + 1,
  };
}

const isRed = ([r = 0, , b = 0]: readonly number[]) => r > 200 && b < 60;
const notBlue = ([r = 0, g = 0, b = 0]: readonly number[]) => r > 20 || g > 20 || b < 235;
const drawn = async (
  overlays: object[],
  suffix = '',
  original = blue,
  preset: object = {},
  variables?: Record<string, string>,
) => pixelsOf((await render(original, { width: 200, overlays, ...preset }, suffix, variables)).body);

describe('an image overlay', () => {
  it('lies at each of nine places, at its offset from their edges', async () => {
    const lefts = { west: 7, east: 200 - 7 - 40, '': 80 + 7 };
    const tops = { north: 5, south: 100 - 5 - 20, '': 40 + 5 };
    for (const position of POSITIONS) {
      const box = boxOf(await drawn([{ image: 'logo.png', position, offset: { x: 7, y: 5 } }]), notBlue);
      const left = lefts[(/east|west/.exec(position)?.[0] ?? '') as keyof typeof lefts];
      const top = tops[(/north|south/.exec(position)?.[0] ?? '') as keyof typeof tops];
      assert.deepEqual(box, { count: 800, left, top, right: left + 40, bottom: top + 20 }, position);
    }
  });

  it('looks the same at each ratio and width, and on an original that is too small for them', async () => {
    const overlays = [{ image: 'logo.png', position: 'southeast', offset: { x: 10, y: 6 }, width: 25 }];
    const small = await flat(100, 50, '#0000ff').png().toBuffer();
    const preset = { widths: [80, 320] };
    for (const [suffix, original, width] of [
      ['', blue, 200],
      ['@2x', blue, 400],
      ['@80w', blue, 80],
      ['@320w', blue, 320],
      ['', small, 100],
      ['@3x', small, 100],
    ] as const) {
      const picture = await drawn(overlays, suffix, original, preset);
      assert.equal(picture.width, width);
      const { left, top, right, bottom } = boxOf(picture, isRed);
      const shares = [left, top, right, bottom].map((edge) => Math.round((edge / width) * 200));
      // A pixel of the smallest is 2.5 of these.
      const off = shares.map((share, at) => Math.abs(share - ([140, 69, 190, 94][at] ?? 0)));
      assert.ok(Math.max(...off) <= 2, `${suffix} ${width}: ${shares}`);
    }
  });

  it('is never larger than the rendition, and what is pushed over an edge is cut there', async () => {
    const tall = await flat(10, 400, '#ff0000').png().toBuffer();
    const images = withImages({ 'tall.png': tall });
    const { body } = await images.render(blue, { width: 200, overlays: [{ image: 'tall.png', width: 100 }] });
    const box = boxOf(await pixelsOf(body), notBlue);
    assert.deepEqual([box.bottom - box.top, box.right - box.left], [100, 3]);
    const pushed = boxOf(
      await drawn([{ image: 'logo.png', position: 'northwest', offset: { x: -10, y: -15 } }]),
      notBlue,
    );
    assert.deepEqual(pushed, { count: 150, left: 0, top: 0, right: 30, bottom: 5 });
    const away = await drawn([{ image: 'logo.png', position: 'northwest', offset: { x: 4000, y: -4000 } }]);
    assert.equal(boxOf(away, notBlue).count, 0);
  });

  it('lets through what its opacity and its own alpha say, and blends', async () => {
    const middle = async (overlay: object) => {
      const { at } = await drawn([{ position: 'center', width: 40, ...overlay }]);
      return at(100, 50).slice(0, 3);
    };
    const near = (found: number[], wanted: number[]) =>
      assert.ok(
        found.every((value, at) => Math.abs(value - (wanted[at] ?? 0)) <= 2),
        `${found} is not ${wanted}`,
      );
    near(await middle({ image: 'logo.png' }), [255, 0, 0]);
    near(await middle({ image: 'logo.png', opacity: 0.25 }), [64, 0, 191]);
    near(await middle({ image: 'marks/glass.webp' }), [128, 0, 127]);
    near(await middle({ image: 'marks/glass.webp', opacity: 0.5 }), [64, 0, 191]);
    near(await middle({ image: 'logo.png', blend: 'multiply' }), [0, 0, 0]);
    near(await middle({ image: 'logo.png', blend: 'screen' }), [255, 0, 255]);
    near(await middle({ image: 'logo.png', blend: 'lighten' }), [255, 0, 255]);
    near(await middle({ image: 'logo.png', blend: 'darken' }), [0, 0, 0]);
  });

  it('is turned about its middle, clockwise', async () => {
    const box = boxOf(await drawn([{ image: 'logo.png', position: 'center', rotate: 90 }]), notBlue);
    assert.deepEqual([box.left, box.top, box.right, box.bottom], [90, 30, 110, 70]);
    const halves = await sharp(logo)
      .composite([
        { input: { create: { width: 10, height: 20, channels: 3, background: '#00ff00' } }, left: 0, top: 0 },
      ])
      .png()
      .toBuffer();
    const turned = withImages({ 'a.png': halves });
    const overlays = [{ image: 'a.png', position: 'center', rotate: 90 }];
    const { at } = await pixelsOf((await turned.render(blue, { width: 200, overlays })).body);
    assert.deepEqual(at(100, 33).slice(0, 3), [0, 255, 0]);
  });

  it('is repeated over the whole canvas where it is tiled', async () => {
    const picture = await drawn([{ image: 'logo.png', tile: true, offset: { x: 10, y: 5 } }]);
    for (const [x, y] of [
      [0, 0],
      [39, 19],
      [50, 25],
      [150, 75],
    ] as const)
      assert.deepEqual(picture.at(x, y).slice(0, 3), [255, 0, 0], `${x} ${y}`);
    assert.deepEqual(picture.at(45, 10).slice(0, 3), [0, 0, 255]);
    assert.deepEqual(picture.at(10, 22).slice(0, 3), [0, 0, 255]);
    assert.equal(boxOf(picture, isRed).count, 4 * 4 * 800);
  });

  it('is left out of renditions that are less wide than it wants', async () => {
    const overlays = [{ image: 'logo.png', minWidth: 300 }];
    assert.equal(boxOf(await drawn(overlays), notBlue).count, 0);
    assert.ok(boxOf(await drawn(overlays, '@2x'), notBlue).count > 0);
  });

  it('goes below those that come after it', async () => {
    const green = withImages({ 'r.png': logo, 'g.png': await flat(20, 20, '#00ff00').png().toBuffer() });
    const overlays = ['r.png', 'g.png'].map((image) => ({ image, position: 'center' }));
    const { at } = await pixelsOf((await green.render(blue, { width: 200, overlays })).body);
    assert.deepEqual(
      [at(100, 50).slice(0, 3), at(85, 50).slice(0, 3)],
      [
        [0, 255, 0],
        [255, 0, 0],
      ],
    );
  });
});

describe('overlays', () => {
  const overlays = [{ image: 'logo.png', position: 'southeast', width: 25 }];
  const corner = (picture: Awaited<ReturnType<typeof pixelsOf>>, frame = 0, height = picture.height) =>
    picture.at(picture.width - 5, frame * height + height - 5);

  it('come out on JPEG, on PNG with alpha, on P3 and on HEIC', async () => {
    const clear = await flat(400, 200, '#00000000', 4).png().toBuffer();
    const onClear = await drawn(overlays, '', clear);
    assert.deepEqual(
      [corner(onClear), onClear.at(5, 5)],
      [
        [255, 0, 0, 255],
        [0, 0, 0, 0],
      ],
    );
    const half = await flat(400, 200, '#0000ff80', 4).png().toBuffer();
    const glassy = await drawn([{ image: 'marks/glass.webp', position: 'southeast' }], '', half);
    assert.ok(Math.abs((corner(glassy)[3] ?? 0) - 192) <= 2, `${corner(glassy)}`);
    assert.deepEqual(glassy.at(5, 5), [0, 0, 255, 128]);
    const jpeg = await flat(401, 203, '#0000ff').jpeg().toBuffer();
    assert.ok(isRed(corner(await drawn(overlays, '', jpeg, { format: 'jpeg' }))));
    const turned = await flat(200, 400, '#0000ff').withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const upright = await drawn(overlays, '', turned);
    assert.deepEqual([upright.width, upright.height, isRed(corner(upright))], [200, 100, true]);
    const p3 = await flat(400, 200, '#0000ff').withIccProfile('p3').jpeg().toBuffer();
    const heic = gridFile({ columns: 2, rows: 2 });
    const cmyk = await flat(400, 200, '#0000ff').toColourspace('cmyk').jpeg().toBuffer();
    for (const original of [p3, Buffer.from(heic), cmyk]) assert.ok(isRed(corner(await drawn(overlays, '', original))));
    const tiny = await flat(1, 1, '#0000ff').png().toBuffer();
    const one = await drawn(overlays, '', tiny);
    assert.deepEqual([one.width, one.height], [1, 1]);
  });

  it('come out on every frame of GIF and WebP, and on none beyond its own', async () => {
    const colours = ['#0000ff', '#0000c0', '#000090'];
    const raw = await Promise.all(colours.map((each) => flat(60, 40, each).raw().toBuffer()));
    const frames = sharp(Buffer.concat(raw), { raw: { width: 60, height: 120, channels: 3, pageHeight: 40 } });
    for (const original of [await frames.gif().toBuffer(), await frames.webp({ lossless: true }).toBuffer()]) {
      const preset = { width: 60, animated: true, format: 'webp', lossless: true, overlays };
      const { body } = await render(original, preset);
      const picture = await pixelsOf(body, { animated: true });
      assert.equal(picture.height, 120);
      for (const frame of [0, 1, 2]) {
        assert.ok(isRed(corner(picture, frame, 40)), `frame ${frame}`);
        const { count, ...box } = boxOf(picture, isRed, frame * 40, 40);
        assert.deepEqual([count, box], [120, { left: 45, top: 32, right: 60, bottom: 40 }]);
      }
    }
  });

  it('leave the pixels that they were given as they are', async () => {
    const data = Buffer.alloc(30 * 20 * 3, 9);
    const pixels: Pixels = { data, width: 30, height: 20, channels: 3, frames: 1 };
    const { effects } = resolve({ overlays: [{ text: 'ink', size: 12 }] }).recipe;
    const tools = { assets: noAssets(), layers: createLayerCache() };
    const made = await applyOverlays(sharp, pixels, effects?.overlay ?? [], { unit: 1 }, tools);
    assert.ok(data.every((value) => value === 9));
    assert.ok(made.data.some((value) => value !== 9));
    assert.deepEqual([made.width, made.height, made.channels, made.data.length], [30, 20, 3, data.length]);
  });

  it('are in no recipe that has none, and each of their fields is in keys', () => {
    assert.ok(!('effects' in resolve({}).recipe));
    const one = JSON.stringify(resolve({ overlays }).recipe);
    for (const change of [{ opacity: 0.5 }, { rotate: 1 }, { width: 26 }, { minWidth: 5 }, { blend: 'screen' }])
      assert.notEqual(JSON.stringify(resolve({ overlays: [{ ...overlays[0], ...change }] }).recipe), one);
    assert.equal(presetsOf({ a: { width: 5 } }).revision, 0);
  });

  it('of 8,192 pixels, four at a time, come out', { timeout: 240_000 }, async () => {
    const all = ['northwest', 'north', 'center', 'south'].map((position) => ({
      ...{ image: 'logo.png', position, width: 100, opacity: 0.5, rotate: 10 },
    }));
    const wide = await flat(2048, 2048, '#0000ff').png().toBuffer();
    const { body, width } = await render(wide, { width: 8192, format: 'jpeg', overlays: all });
    assert.equal(width, 2048);
    assert.ok(body.length > 0);
  });
});
