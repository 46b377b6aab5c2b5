import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';
import { withImages } from '../helpers/overlay-assets.ts';
import { pixelsOf } from '../helpers/pictures.ts';

/** Fields that have to do with each other, on a picture of four colours, and where each colour belongs. */

const COLOURS = {
  ...{ red: [220, 30, 30], green: [30, 180, 60], blue: [40, 60, 200], white: [240, 240, 240] },
  ...{ black: [0, 0, 0], yellow: [255, 255, 0], grey: [128, 128, 128], none: [0, 0, 0] },
} as const;
type Colour = keyof typeof COLOURS;
/** In pixels of the preset. */
type Spot = readonly [x: number, y: number, is: Colour];

/** Red and green above, blue and white below, within so much white and with nothing in place of `hole`. */
function quarters(width: number, height: number, margin = 0, hole?: Colour): Buffer {
  const data = Buffer.alloc((width + 2 * margin) * (height + 2 * margin) * 4, 255);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const column = x < width / 2 ? 0 : 1;
      const is = (['red', 'green', 'blue', 'white'] as const)[column + (y < height / 2 ? 0 : 2)] ?? 'white';
      const at = ((y + margin) * (width + 2 * margin) + x + margin) * 4;
      data.set([...COLOURS[is], is === hole ? 0 : 255], at);
    }
  return data;
}
const picture = (data: Buffer, width: number, height: number) => sharp(data, { raw: { width, height, channels: 4 } });
const whole = () => picture(quarters(400, 300), 400, 300).removeAlpha();

const STILLS: Readonly<Record<string, Buffer>> = {
  JPEG: await whole().jpeg({ quality: 97, chromaSubsampling: '4:4:4' }).toBuffer(),
  P3: await whole().withIccProfile('p3').jpeg({ quality: 97, chromaSubsampling: '4:4:4' }).toBuffer(),
  PNG: await picture(quarters(400, 300), 400, 300).png().toBuffer(),
};
const HOLED = {
  'PNG with a hole': await picture(quarters(400, 300, 0, 'white'), 400, 300)
    .png()
    .toBuffer(),
};
const FRAMED = {
  'JPEG in white': await picture(quarters(400, 300, 50), 500, 400)
    .jpeg({ quality: 97 })
    .toBuffer(),
};
const frames = Buffer.concat([await whole().raw().toBuffer(), Buffer.alloc(400 * 300 * 3, 128)]);
const MOVING = {
  GIF: await sharp(frames, { raw: { width: 400, height: 600, channels: 3, pageHeight: 300 } })
    .gif({ delay: [50, 50], dither: 0 })
    .toBuffer(),
};

const black = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#000000' } })
  .png()
  .toBuffer();
const MARK = { image: 'black.png', width: 20 } as const;
const TOP_LEFT = { boxes: [{ x: 0, y: 0, width: 0.25, height: 0.25 }], style: '#ffff00' };

interface Case {
  readonly preset: object;
  /** Of the preset itself. */
  readonly size: readonly [number, number];
  readonly spots: readonly Spot[];
  readonly originals?: Readonly<Record<string, Buffer>>;
}
const CASES: Readonly<Record<string, Case>> = {
  'rotate and radius': {
    ...{ preset: { rotate: 90, radius: 20 }, size: [100, 133] },
    spots: [
      [1, 1, 'none'],
      [98, 131, 'none'],
      [25, 25, 'blue'],
      [75, 25, 'red'],
      [75, 105, 'green'],
      [25, 105, 'white'],
    ],
  },
  'crop and focal point': {
    preset: {
      height: 100,
      fit: 'cover',
      crop: { x: '50%', width: '50%', height: '100%' },
      gravity: { x: 0.75, y: 0.9 },
    },
    ...{
      size: [100, 100],
      spots: [
        [10, 12, 'green'],
        [90, 12, 'green'],
        [10, 40, 'white'],
        [90, 95, 'white'],
      ],
    },
  },
  'crop, rotate and flip': {
    preset: { crop: { width: '100%', height: '80%' }, rotate: 90, flip: 'horizontal' },
    // Of 400 × 240: turned, blue and red lie side by side above white and green, and the flip swaps them.
    size: [100, 167],
    spots: [
      ...([
        [20, 40, 'red'],
        [80, 40, 'blue'],
        [20, 130, 'green'],
        [80, 130, 'white'],
        [56, 40, 'red'],
      ] as const),
    ],
  },
  'pad with a blur and radius': {
    ...{ preset: { height: 100, fit: 'pad', background: 'blur', radius: 10 }, size: [100, 100] },
    spots: [
      [25, 35, 'red'],
      [75, 35, 'green'],
      [25, 70, 'blue'],
      [75, 70, 'white'],
    ],
  },
  'redact, crop and rotate': {
    preset: { redact: TOP_LEFT, crop: { width: '50%', height: '50%' }, rotate: 180 },
    ...{
      size: [100, 75],
      spots: [
        [75, 56, 'yellow'],
        [97, 72, 'yellow'],
        [25, 20, 'red'],
        [20, 60, 'red'],
        [75, 15, 'red'],
      ],
    },
  },
  'redact and flip': {
    preset: { redact: TOP_LEFT, flip: 'both' },
    ...{
      size: [100, 75],
      spots: [
        [90, 68, 'yellow'],
        [60, 45, 'red'],
        [25, 20, 'white'],
        [25, 60, 'green'],
      ],
    },
  },
  'redact and pixelate': {
    preset: { redact: TOP_LEFT, pixelate: 10 },
    ...{
      size: [100, 75],
      spots: [
        [5, 5, 'yellow'],
        [18, 12, 'yellow'],
        [44, 20, 'red'],
        [80, 15, 'green'],
      ],
    },
  },
  'redact and grayscale': {
    preset: { redact: { ...TOP_LEFT, style: '#ffff00' }, grayscale: true },
    ...{ size: [100, 75], spots: [[10, 8, 'yellow']] },
  },
  'border and padding': {
    preset: { border: { width: 5, color: '#000000' }, padding: 10, background: '#ffff00' },
    ...{
      size: [100, 80],
      spots: [
        [5, 5, 'yellow'],
        [95, 40, 'yellow'],
        [12, 40, 'black'],
        [50, 12, 'black'],
        [25, 25, 'red'],
        [75, 60, 'white'],
      ],
    },
  },
  'border and circle': {
    preset: { height: 100, fit: 'cover', gravity: 'center', radius: 'circle', border: { width: 6, color: '#000000' } },
    ...{
      size: [100, 100],
      spots: [
        [3, 3, 'none'],
        [97, 97, 'none'],
        [50, 3, 'black'],
        [3, 50, 'black'],
        [30, 35, 'red'],
        [70, 65, 'white'],
      ],
    },
  },
  'overlay and rotate': {
    preset: { rotate: 270, overlays: [{ ...MARK, position: 'southeast' }] },
    ...{
      size: [100, 133],
      spots: [
        [90, 124, 'black'],
        [25, 25, 'green'],
        [75, 25, 'white'],
        [25, 105, 'red'],
        [70, 105, 'blue'],
      ],
    },
  },
  'overlay and padding': {
    preset: { padding: 15, background: '#ffff00', overlays: [{ ...MARK, position: 'northwest' }] },
    ...{
      size: [100, 83],
      spots: [
        [2, 2, 'black'],
        [17, 17, 'black'],
        [50, 5, 'yellow'],
        [35, 30, 'red'],
      ],
    },
  },
  'overlay and radius': {
    preset: { radius: 20, overlays: [{ ...MARK, position: 'northwest' }] },
    ...{
      size: [100, 75],
      spots: [
        [1, 1, 'black'],
        [98, 1, 'none'],
        [35, 30, 'red'],
      ],
    },
  },
  'overlay and negative colours': {
    preset: {
      saturation: 0,
      brightness: 0,
      overlays: [
        { text: ' ', size: 4 },
        { ...MARK, position: 'center' },
      ],
    },
    ...{
      size: [100, 75],
      spots: [
        [10, 10, 'black'],
        [50, 37, 'black'],
      ],
    },
  },
  'crop and enlarge': {
    preset: { crop: { x: 180, y: 130, width: 40, height: 40 }, enlarge: true },
    ...{
      size: [100, 100],
      spots: [
        [20, 20, 'red'],
        [80, 20, 'green'],
        [20, 80, 'blue'],
        [80, 80, 'white'],
      ],
    },
  },
  'trim and padding': {
    preset: { trim: true, padding: 10, background: '#ffff00' },
    ...{
      size: [100, 80],
      originals: FRAMED,
      spots: [
        [5, 5, 'yellow'],
        [15, 15, 'red'],
        [70, 15, 'green'],
        [15, 65, 'blue'],
      ],
    },
  },
  'duotone and alpha': {
    preset: { duotone: { shadows: '#000000', highlights: '#000000' } },
    ...{
      size: [100, 75],
      originals: HOLED,
      spots: [
        [25, 20, 'black'],
        [75, 60, 'none'],
      ],
    },
  },
  'alpha, background and blur': {
    preset: { blur: 2, background: '#ffff00', height: 100, fit: 'contain' },
    size: [100, 100],
    originals: HOLED,
    spots: [
      ...([
        [25, 32, 'red'],
        [85, 78, 'yellow'],
        [50, 4, 'yellow'],
      ] as const),
    ],
  },
  'page and crop': {
    preset: { page: 1, crop: { width: '50%', height: '50%' }, border: { width: 5, color: '#000000' } },
    ...{
      size: [100, 75],
      originals: MOVING,
      spots: [
        [2, 2, 'black'],
        [50, 37, 'grey'],
      ],
    },
  },
  'page and rotate': {
    ...{ preset: { page: 0, rotate: 180 }, size: [100, 75], originals: MOVING },
    spots: [
      [25, 20, 'white'],
      [75, 20, 'blue'],
      [25, 60, 'green'],
      [75, 60, 'red'],
    ],
  },
};

const { resolve, renderer } = withImages({ 'black.png': black });
async function render(original: Buffer, preset: object, suffix = '') {
  const { recipe } = resolve(preset, suffix);
  const first = await renderer.examine(original);
  const source = recipe.page ? await renderer.pageOf(first, recipe.page) : first;
  return renderer.render(source, recipe, createStepTimer(), async () => []);
}

describe('each of two fields is where it belongs', () => {
  for (const [name, { preset, size, spots, originals = STILLS }] of Object.entries(CASES))
    it(name, async () => {
      for (const [kind, original] of Object.entries(originals))
        for (const [suffix, ratio] of [
          ['', 1],
          ['@2x', 2],
          ['@60w', 0.6],
          ['@150w', 1.5],
        ] as const) {
          const { body } = await render(original, { widths: [60, 150], ...preset }, suffix);
          const found = await pixelsOf(body);
          const told = `${kind}${suffix}`;
          assert.equal(found.width, Math.round(size[0] * ratio), told);
          assert.ok(Math.abs(found.height - size[1] * ratio) <= 1.5, `${told}: ${found.height} high`);
          for (const [x, y, is] of spots) {
            const [red = 0, green = 0, blue = 0, alpha = 255] = coloured(
              found.at(Math.floor((x + 0.5) * ratio), Math.floor((y + 0.5) * ratio)),
            );
            const off = Math.max(...COLOURS[is].map((level, at) => Math.abs(level - [red, green, blue][at]!)));
            const right = is === 'none' ? alpha < 10 : alpha > 245 && off < 16;
            assert.ok(right, `${told}: ${[red, green, blue, alpha]} at ${x}, ${y}, not ${is}`);
          }
        }
    });

  it('a blurred edge of alpha has no dark fringe', async () => {
    const { body } = await render(
      await picture(quarters(400, 300, 0, 'green'), 400, 300)
        .png()
        .toBuffer(),
      { blur: 4, radius: 5 },
    );
    const found = await pixelsOf(body);
    const edge = Array.from({ length: 16 }, (_, x) => found.at(42 + x, 15)).filter(
      ([, , , alpha = 0]) => alpha > 40 && alpha < 215,
    );
    assert.ok(edge.length > 2);
    for (const [red = 0] of edge) assert.ok(red > 205, `${red}`);
  });

  it('frames, flip and an overlay are on each frame', async () => {
    const { body, width, height } = await render(MOVING.GIF, {
      format: 'webp',
      animated: true,
      quality: 100,
      flip: 'horizontal',
      overlays: [{ ...MARK, position: 'northwest' }],
    });
    const found = await pixelsOf(body, { animated: true });
    assert.deepEqual([width, height, found.height], [100, 75, 150]);
    for (const frame of [0, 1]) assert.ok(Math.max(...found.at(5, frame * 75 + 5).slice(0, 3)) < 20, `frame ${frame}`);
    const [red = 0, green = 0] = found.at(75, 20);
    assert.ok(red > 180 && green < 90, `${red} ${green}`);
    assert.ok(Math.abs((found.at(75, 95)[0] ?? 0) - 128) < 12);
  });
});

/** A grey picture says the same of red, green and blue; an opaque one says no alpha. */
function coloured(pixel: readonly number[]): number[] {
  const [grey = 0, alpha = 255] = pixel;
  return pixel.length < 3 ? [grey, grey, grey, alpha] : [...pixel];
}
