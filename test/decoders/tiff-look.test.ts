import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../src/decoders/decoders.ts';
import { createRenderer } from '../../src/render/render.ts';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';
import { PLAIN } from '../helpers/pictures.ts';

const [WIDTH, HEIGHT] = [16, 8];
const decoders = createDecoders({ threads: 1, idleMs: 10_000 });
after(() => decoders.close());
const renderer = createRenderer({ maxPixels: 1e8, maxFrames: 200, timeoutSeconds: 120 }, decoders);

/** No two corners are alike; in 0 to 1, which all numbers of bits hold. */
const grey = (x: number, y: number) => (y < 3 || x < 5 || (x > 12 && y > 6) ? 0 : 1);

const PHOTOMETRIC = { 'white is zero': 0, 'black is zero': 1, YCbCr: 6 } as const;

interface Look {
  readonly bits: 1 | 2 | 4 | 8;
  /** As PhotometricInterpretation; YCbCr has 8 bits. */
  readonly colours: keyof typeof PHOTOMETRIC;
  readonly orientation: number;
}

/** TIFF 6.0, sections 4 and 21: one strip without compression, and YCbCr without subsampling. */
function tiff({ bits, colours, orientation }: Look): Buffer {
  const whiteIsZero = colours === 'white is zero';
  const samples = colours === 'YCbCr' ? 3 : 1;
  const rows = Buffer.alloc((WIDTH * HEIGHT * bits * samples) / 8);
  for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel += 1) {
    const value = (grey(pixel % WIDTH, Math.floor(pixel / WIDTH)) === 1) === whiteIsZero ? 0 : (1 << bits) - 1;
    if (samples === 3) rows.set([value, 128, 128], pixel * 3);
    else rows[Math.floor((pixel * bits) / 8)]! |= value << (8 - bits - ((pixel * bits) % 8));
  }
  return fileOf(rows, { width: WIDTH, height: HEIGHT, bits, photometric: PHOTOMETRIC[colours], orientation, samples });
}

interface Stored {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly photometric: number;
  readonly orientation: number;
  readonly samples: number;
}

/** Of the directory: tags of numbers, more of them, and where the next page is said to begin. */
interface Directory {
  readonly without?: number;
  readonly more?: readonly (readonly [tag: number, value: number])[];
  readonly next?: number;
}

function fileOf(
  rows: Buffer,
  { width, height, bits, photometric, orientation, samples }: Stored,
  { without, more = [], next = 0 }: Directory = {},
): Buffer {
  const all: readonly (readonly [tag: number, value: number])[] = [
    [256, width],
    [257, height],
    [258, bits],
    [259, 1],
    [262, photometric],
    [273, 0],
    [274, orientation],
    [277, samples],
    [278, height],
    [279, rows.length],
    // Straight alpha.
    ...(samples === 4 ? ([[338, 2]] as const) : []),
    // Two numbers in one: 1 and 1.
    ...(photometric === PHOTOMETRIC.YCbCr ? ([[530, 0x1_0001]] as const) : []),
    ...more,
  ];
  const tags = all.filter(([tag]) => tag !== without);
  const head = Buffer.alloc(10 + 12 * tags.length + 4);
  head.write('II*\0', 'latin1');
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(tags.length, 8);
  for (const [n, [tag, value]] of tags.entries()) {
    head.writeUInt16LE(tag, 10 + 12 * n);
    head.writeUInt16LE(3, 12 + 12 * n);
    head.writeUInt32LE(tag === 530 ? 2 : 1, 14 + 12 * n);
    head.writeUInt32LE(tag === 273 ? head.length : value, 18 + 12 * n);
  }
  head.writeUInt32LE(next, 10 + 12 * tags.length);
  return Buffer.concat([head, rows]);
}

/** What stands upright at x, y of a picture that lies by `orientation`: CIPA DC-008, 4.6.4. */
function upright(orientation: number, x: number, y: number): number {
  const [right, bottom] = [WIDTH - 1, HEIGHT - 1];
  const [column, row] = (
    [
      [x, y],
      [right - x, y],
      [right - x, bottom - y],
      [x, bottom - y],
      [y, x],
      [y, bottom - x],
      [right - y, bottom - x],
      [right - y, x],
    ] as const
  )[orientation - 1]!;
  return grey(column, row) * 255;
}

describe('a TIFF of greys', () => {
  for (const colours of ['white is zero', 'black is zero', 'YCbCr'] as const)
    it(`is upright and no negative: ${colours}`, async () => {
      for (const bits of colours === 'YCbCr' ? ([8] as const) : ([1, 2, 4, 8] as const))
        for (let orientation = 1; orientation <= 8; orientation += 1) {
          const file = tiff({ bits, colours, orientation });
          const source = await renderer.examine(file);
          const { body } = await renderer.render(source, PLAIN, createStepTimer(), async () => []);
          const { data, info } = await sharp(body).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
          const expected = Array.from({ length: WIDTH * HEIGHT }, (_, pixel) =>
            upright(orientation, pixel % info.width, Math.floor(pixel / info.width)),
          );
          const found = Array.from(expected, (_, pixel) => data[pixel * info.channels]);
          assert.deepEqual(found, expected, `${bits} bits, orientation ${orientation}`);
          assert.equal(info.width, orientation >= 5 ? HEIGHT : WIDTH);
        }
    });
});

describe('a TIFF whose directory holds more than its pixels need, or less', () => {
  const stored = { width: WIDTH, height: HEIGHT, bits: 8, photometric: 1, orientation: 1, samples: 1 };
  const values = Array.from(
    { length: WIDTH * HEIGHT },
    (_, pixel) => grey(pixel % WIDTH, Math.floor(pixel / WIDTH)) * 255,
  );
  /** A resolution, as nearly all files have one. */
  const resolution = [296, 2] as const;
  const directories: Readonly<Record<string, Directory>> = {
    'a tag that no table names': { more: [[0, 7]] },
    'private tags': {
      more: [
        [34_665, 3],
        [34_853, 3],
        [65_000, 9],
      ],
    },
    'a next page behind the end': { next: 0xffff_fff0 },
    'a next page within the pixels': { next: 240 },
    'no photometric interpretation': { without: 262, more: [resolution] },
  };
  for (const [name, directory] of Object.entries(directories))
    it(`is shown: ${name}`, async () => {
      const source = await renderer.examine(fileOf(Buffer.from(values), stored, directory));
      const { body } = await renderer.render(source, PLAIN, createStepTimer(), async () => []);
      const { data, info } = await sharp(body).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
      assert.deepEqual(
        Array.from(values, (_, pixel) => data[pixel * info.channels]),
        values,
      );
    });

  it('is RGB by three samples, and white by its zeros where fax machines code it', async () => {
    const pixel = { width: 1, height: 1, bits: 8, photometric: 2, orientation: 1, samples: 3 };
    const less = { without: 262, more: [resolution] };
    // A row of CCITT's first coding: 16 white pixels (ITU-T T.4, table 2).
    const fax = fileOf(Buffer.from([0b1010_1000]), { ...stored, height: 1, bits: 1 }, less);
    fax.writeUInt16LE(2, fax.indexOf(Buffer.from([3, 1, 3, 0])) + 8);
    for (const [file, expected] of [
      [fileOf(Buffer.from([200, 100, 50]), pixel, less), [200, 100, 50]],
      [fax, [255, 255, 255]],
    ] as const) {
      const source = await renderer.examine(file);
      const { body } = await renderer.render(source, PLAIN, createStepTimer(), async () => []);
      const { data } = await sharp(body).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
      assert.deepEqual([...data.subarray(0, 3)], expected);
    }
  });
});

/** CIELab of D50, by Bradford's adaptation from D65 (CIE 15; http://www.brucelindbloom.com), and the same colour in sRGB. */
const COLOURS: readonly { readonly lab: readonly [number, number, number]; readonly srgb: readonly number[] }[] = [
  { lab: [0, 0, 0], srgb: [0, 0, 0] },
  { lab: [100, 0, 0], srgb: [255, 255, 255] },
  { lab: [53.59, 0, 0], srgb: [128, 128, 128] },
  { lab: [54.29, 80.8, 69.89], srgb: [255, 0, 0] },
  { lab: [87.82, -79.27, 80.99], srgb: [0, 255, 0] },
  { lab: [29.57, 68.3, -112.03], srgb: [0, 0, 255] },
  { lab: [90.67, -50.66, -14.96], srgb: [0, 255, 255] },
];

describe('a TIFF in CIELab', () => {
  for (const [name, bits, samples, orientation] of [
    ['8 bits', 8, 3, 1],
    ['16 bits', 16, 3, 1],
    ['with alpha', 8, 4, 1],
    ['turned', 8, 3, 6],
  ] as const)
    it(`is of daylight D50: ${name}`, async () => {
      const bytes = bits / 8;
      const rows = Buffer.alloc(COLOURS.length * samples * bytes);
      for (const [at, { lab }] of COLOURS.entries())
        for (let n = 0; n < samples; n += 1) {
          const value = Math.round(n === 0 ? lab[0] * 2.55 : (lab[n] ?? 100));
          // Of 16 bits the first byte is the same number; alpha is 100 of 255.
          rows.writeInt8((value << 24) >> 24, (at * samples + n) * bytes + bytes - 1);
        }
      const stored = { width: COLOURS.length, height: 1, bits, photometric: 8, orientation, samples };
      const source = await renderer.examine(fileOf(rows, stored));
      assert.equal(source.header.hasProfile, false);
      const { body } = await renderer.render(source, PLAIN, createStepTimer(), async () => []);
      const { data, info } = await sharp(body).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
      assert.deepEqual([info.width, info.height], orientation === 6 ? [1, COLOURS.length] : [COLOURS.length, 1]);
      for (const [at, { srgb }] of COLOURS.entries()) {
        const found = [...data.subarray(at * info.channels, (at + 1) * info.channels)];
        const most = Math.max(...srgb.map((level, n) => Math.abs(level - found[n]!)));
        // Where a channel is nearly 0, half a step of a* is 10 levels.
        assert.ok(most <= 12, `${srgb}: ${found}`);
        if (samples === 4) assert.equal(found[3], 100);
      }
    });
});

/** Raw planes, without layers: https://www.adobe.com/devnet-apps/photoshop/fileformatashtml/ */
function psdInLab(bits: 8 | 16): Buffer {
  const head = Buffer.alloc(26 + 12 + 2);
  head.write('8BPS');
  for (const [value, at] of [
    [1, 4],
    [3, 12],
    [bits, 22],
    [9, 24],
  ] as const)
    head.writeUInt16BE(value, at);
  head.writeUInt32BE(1, 14);
  head.writeUInt32BE(COLOURS.length, 18);
  const planes = [0, 1, 2].map((n) =>
    COLOURS.flatMap(({ lab }) => {
      const value = Math.round(n === 0 ? lab[0] * 2.55 : (lab[n] ?? 0) + 128);
      return bits === 8 ? [value] : [value, value];
    }),
  );
  return Buffer.concat([head, Buffer.from(planes.flat())]);
}

describe('a PSD in CIELab', () => {
  for (const bits of [8, 16] as const)
    it(`is of daylight D50: ${bits} bits`, async () => {
      const source = await renderer.examine(psdInLab(bits));
      assert.equal(source.header.hasProfile, false);
      const { body } = await renderer.render(source, PLAIN, createStepTimer(), async () => []);
      const { data, info } = await sharp(body).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
      for (const [at, { srgb }] of COLOURS.entries()) {
        const found = [...data.subarray(at * info.channels, (at + 1) * info.channels)];
        const most = Math.max(...srgb.map((level, n) => Math.abs(level - found[n]!)));
        assert.ok(most <= 12, `${srgb}: ${found}`);
      }
    });
});
