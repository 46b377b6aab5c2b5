import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { chromaOf, looksDrawn, stepsOf } from '../../src/render/formats/drawn/look.ts';
import { palettePng } from '../../src/render/formats/drawn/palette-png.ts';
import type { Pixels } from '../../src/render/pixels.ts';
import type { Recipe } from '../../src/render/recipe.ts';
import { pixelsOf, render } from '../helpers/pictures.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url));
const sample = (name: string) => read(`../../samples/${name}`);
const PHOTOS = ['coffee.jpg', 'astronaut.jpg', 'chelsea.png', 'cutout.png', 'rocket.webp', 'wide-gamut.jpg'];

/** Letters of one pixel's breadth, drawn by code: no fonts. */
function lettered(width: number, height: number, ink: number[], paper: number[], channels: 3 | 4 = 3): Pixels {
  const data = Buffer.alloc(width * height * channels);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const inLetter = y % 14 < 9 && x % 9 < 6;
      const stroke = inLetter && (x % 9 === 0 || y % 14 === (x * 7 + y) % 5 || (x + ((y / 14) | 0)) % 9 === 4);
      data.set(stroke ? ink : paper, (y * width + x) * channels);
    }
  return { data, width, height, channels, frames: 1 };
}
const fileOf = ({ data, width, height, channels }: Pixels) => sharp(data, { raw: { width, height, channels } });

const redLetters = lettered(420, 300, [226, 6, 19], [255, 255, 255]);
const DRAWN: Record<string, Buffer> = {
  'a screenshot': read('cases/10-shot.png'),
  'a logo': read('cases/10-logo.png'),
  'red text': read('cases/12-red.png'),
  'red letters': await fileOf(redLetters).png().toBuffer(),
  'letters in a WebP': await fileOf(lettered(300, 420, [20, 30, 90], [250, 250, 240]))
    .webp({ lossless: true })
    .toBuffer(),
  'letters in a GIF': await fileOf(lettered(300, 200, [0, 90, 0], [230, 230, 255]))
    .gif()
    .toBuffer(),
  'letters on nothing': await fileOf(lettered(320, 200, [200, 0, 60, 255], [0, 0, 0, 0], 4))
    .png()
    .toBuffer(),
  'letters of two bits': await fileOf(lettered(500, 300, [0, 0, 0], [255, 255, 255]))
    .png({ palette: true, colours: 2 })
    .toBuffer(),
};
const AUTO: Partial<Recipe>[] = [
  { output: 'avif', sharper: 'webp' },
  { output: 'avif', sharper: 'png' },
  { output: 'base' },
];

const upright = async (file: Buffer) => sharp(file).ensureAlpha().toColourspace('srgb').raw().toBuffer();
/** The largest difference in a channel of pixels that are seen. */
async function difference(one: Buffer, other: Buffer): Promise<number> {
  const [a, b] = [await upright(one), await upright(other)];
  assert.equal(a.length, b.length);
  let most = 0;
  for (let at = 0; at < a.length; at += 1)
    if (at % 4 === 3 || a[(at | 3) as number] !== 0) most = Math.max(most, Math.abs(a[at]! - b[at]!));
  return most;
}

/** Mean red of the pixels that are clearly red in the original. */
async function meanRed(file: Buffer, original: Buffer): Promise<number> {
  const [pixels, first] = [await upright(file), await upright(original)];
  let [sum, count] = [0, 0];
  for (let at = 0; at < first.length; at += 4)
    if (first[at]! > 180 && first[at + 1]! < 60 && first[at + 2]! < 60) {
      sum += pixels[at]!;
      count += 1;
    }
  assert.ok(count > 500, `${count} red pixels`);
  return sum / count;
}

describe('a drawn picture at its own size', () => {
  for (const [name, file] of Object.entries(DRAWN)) {
    it(`is exact and no larger than its file: ${name}`, async () => {
      const { format } = await sharp(file).metadata();
      for (const recipe of [{ output: 'webp' }, { output: 'png' }, ...AUTO] satisfies Partial<Recipe>[]) {
        const { body, contentType } = await render(file, { width: 2000, height: 2000, quality: 80, ...recipe });
        const what = `${JSON.stringify(recipe)} is ${contentType} of ${body.length} bytes, the file has ${file.length}`;
        // PNG takes more bytes than WebP of the same pixels.
        if (format !== 'webp' || contentType === 'image/webp') assert.ok(body.length <= file.length, what);
        if (contentType !== 'image/jpeg') assert.equal(await difference(body, file), 0, what);
      }
    });
  }

  it('keeps red text red where the format has no lossless coding, at the bytes of before', async () => {
    for (const name of ['red text', 'red letters']) {
      const file = DRAWN[name]!;
      const red = await meanRed(file, file);
      for (const output of ['jpeg', 'avif'] as const) {
        for (const quality of [80, 90]) {
          const before = await render(file, { width: 2000, output, quality, lossless: false });
          const after = await render(file, { width: 2000, output, quality });
          const what = `${name}, ${output} ${quality}`;
          assert.ok(after.body.length <= before.body.length, `${what}: ${after.body.length}, ${before.body.length}`);
          assert.ok(Math.abs((await meanRed(after.body, file)) - red) <= 25, what);
          assert.ok(Math.abs((await meanRed(before.body, file)) - red) > 25, `${what} turns brown in 4:2:0`);
        }
      }
    }
  });

  it('weighs at most what it weighs as a photo as AVIF and JPEG, however small or transparent it is', async () => {
    for (const channels of [3, 4] as const) {
      for (const side of [40, 150, 210, 640]) {
        const paper = channels === 3 ? [255, 255, 255] : [255, 255, 255, 0];
        const letters = await fileOf(lettered(side, side, [226, 6, 19, 255].slice(0, channels), paper, channels))
          .png()
          .toBuffer();
        for (const output of ['avif', 'jpeg'] as const) {
          const before = await render(letters, { width: 2000, output, quality: 80, lossless: false });
          const after = await render(letters, { width: 2000, output, quality: 80 });
          const what = `${output} of ${side} pixels, ${channels} channels`;
          assert.ok(after.body.length <= before.body.length, `${what}: ${after.body.length}, ${before.body.length}`);
        }
      }
    }
  });

  it('keeps the colours of a JPEG that kept them', async () => {
    for (const name of ['red text', 'red letters']) {
      const file = await sharp(DRAWN[name]!)
        .extend({ top: 90, bottom: 90, left: 60, right: 60, background: '#ffffff' })
        .jpeg({ quality: 94, chromaSubsampling: '4:4:4' })
        .toBuffer();
      const red = await meanRed(file, file);
      for (const output of ['jpeg', 'avif', 'base'] as const) {
        const { body } = await render(file, { width: 2000, output, quality: 80 });
        assert.ok(Math.abs((await meanRed(body, file)) - red) <= 25, `${name} ${output}`);
      }
    }
  });
});

describe('a drawn picture that is made smaller', () => {
  it('keeps its colours in AVIF where most lines are coloured, and is coded as a photo where black text has some colour', async () => {
    const page = lettered(640, 640, [20, 20, 20], [255, 255, 255]);
    for (let y = 100; y < 200; y += 1)
      for (let x = 100; x < 300; x += 1)
        if (page.data[(y * 640 + x) * 3] === 20) page.data.set([226, 6, 19], (y * 640 + x) * 3);
    const red = lettered(640, 640, [226, 6, 19], [255, 255, 255]);
    for (const pixels of [page, red]) pixels.data.fill(255, 320 * 640 * 3);
    for (const [pixels, isPhoto] of [
      [page, true],
      [red, false],
    ] as const) {
      const file = await fileOf(pixels).resize({ width: 1280, kernel: 'nearest' }).png().toBuffer();
      const asked = { width: 600, height: 600, quality: 80, output: 'avif' } as const;
      const photo = await render(file, { ...asked, lossless: false });
      const { body } = await render(file, asked);
      assert.equal(body.equals(photo.body), isPhoto, `${isPhoto}: ${body.length}, ${photo.body.length}`);
    }
  });

  it('weighs at most what it weighs as a photo', async () => {
    for (const [name, file] of Object.entries(DRAWN)) {
      for (const recipe of [
        { output: 'webp' },
        { output: 'png' },
        { output: 'jpeg' },
        ...AUTO,
      ] satisfies Partial<Recipe>[]) {
        const size = { width: 190, height: 190, quality: 80, ...recipe };
        const [before, after] = [await render(file, { ...size, lossless: false }), await render(file, size)];
        assert.ok(after.body.length <= before.body.length, `${name} ${JSON.stringify(recipe)}`);
        assert.deepEqual([after.width, after.height], [before.width, before.height]);
      }
    }
  });
});

describe('a photo', () => {
  it('is coded as before, to the byte', async () => {
    for (const name of PHOTOS) {
      for (const output of ['webp', 'jpeg', 'avif', 'png', 'base'] as const) {
        const size = { width: 260, height: 200, fit: 'cover', output, quality: 80 } as const;
        const [before, after] = [
          await render(sample(name), { ...size, lossless: false }),
          await render(sample(name), size),
        ];
        assert.ok(after.body.equals(before.body), `${name}, ${output}`);
      }
    }
  });

  it('is told from drawings by its pixels; one colour is no drawing', async () => {
    const look = async (file: Buffer) => {
      const { data, info } = await sharp(file).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
      const { width, height } = info;
      return looksDrawn(stepsOf({ data, width, height, channels: info.channels === 4 ? 4 : 3, frames: 1 }));
    };
    for (const name of PHOTOS) assert.equal(await look(sample(name)), false, name);
    for (const [name, file] of Object.entries(DRAWN)) assert.equal(await look(file), true, name);
    const plain = { create: { width: 90, height: 90, channels: 3, background: '#884422' } } as const;
    assert.equal(await look(await sharp(plain).png().toBuffer()), false);
    assert.equal(looksDrawn(stepsOf({ data: Buffer.alloc(3), width: 1, height: 1, channels: 3, frames: 1 })), false);
  });
});

describe('lossless: true', () => {
  it('loses nothing, of photos either', async () => {
    for (const output of ['webp', 'avif', 'png', 'base'] as const) {
      const { body } = await render(sample('chelsea.png'), { width: 2000, output, lossless: true });
      assert.equal(await difference(body, sample('chelsea.png')), 0, output);
    }
  });
});

describe('the loss of 4:2:0', () => {
  it('is seen in coloured letters, and not under transparent pixels', () => {
    assert.ok(chromaOf(redLetters).lost > 0.1);
    assert.equal(chromaOf(lettered(90, 90, [0, 0, 0], [255, 255, 255])).lost, 0);
    assert.equal(chromaOf(lettered(90, 90, [255, 0, 0, 0], [0, 0, 255, 0], 4)).lost, 0);
  });
});

describe('how much of a drawing is coloured', () => {
  it('is told by its edges: black letters on red paper are as coloured as red ones on white', () => {
    const black = lettered(420, 300, [0, 0, 0], [255, 255, 255]);
    assert.ok(chromaOf(redLetters).coloured > 0.9);
    assert.ok(chromaOf(lettered(420, 300, [0, 0, 0], [226, 6, 19])).coloured > 0.9);
    assert.equal(chromaOf(black).coloured, 0);
    const price = Buffer.from(black.data);
    redLetters.data.copy(price, 0, 0, 420 * 3 * 60);
    const { lost, coloured } = chromaOf({ ...black, data: price });
    assert.ok(lost > 0.003 && coloured > 0.1 && coloured < 0.3, `${lost}, ${coloured}`);
  });

  it('is nothing where there is no block, or none with an edge', () => {
    assert.deepEqual(chromaOf(lettered(1, 1, [0, 0, 0], [9, 9, 9])), { lost: 0, coloured: 0 });
    const flat = { data: Buffer.alloc(300, 90), width: 10, height: 10, channels: 3, frames: 1 } as const;
    assert.deepEqual(chromaOf(flat), { lost: 0, coloured: 0 });
  });
});

describe('a PNG with a palette', () => {
  it('is exact for 2 to 256 colours, odd widths and transparent ones too', async () => {
    for (const colours of [1, 2, 3, 4, 5, 16, 17, 255, 256]) {
      for (const channels of [3, 4] as const) {
        const [width, height] = [37, 29];
        const data = Buffer.alloc(width * height * channels);
        for (let pixel = 0; pixel < width * height; pixel += 1) {
          const colour = pixel % colours;
          data.set([colour, 255 - colour, (colour * 7) % 256, colour + 0].slice(0, channels), pixel * channels);
        }
        const png = await palettePng({ data, width, height, channels, frames: 1 });
        assert.ok(png);
        assert.equal((await sharp(png).metadata()).isPalette, true);
        const original = await sharp(data, { raw: { width, height, channels } }).png().toBuffer();
        assert.equal(await difference(png, original), 0, `${colours} colours, ${channels} channels`);
      }
    }
  });

  it('is none for more', async () => {
    const data = Buffer.alloc(257 * 3);
    for (let pixel = 0; pixel < 257; pixel += 1) data.set([pixel & 255, pixel >> 8, 0], pixel * 3);
    assert.equal(await palettePng({ data, width: 257, height: 1, channels: 3, frames: 1 }), undefined);
  });
});

describe('an animation', () => {
  const frames = (
    [
      [20, 0, 90],
      [160, 0, 0],
      [0, 100, 40],
    ] as const
  ).map((ink) => lettered(240, 180, [...ink], [255, 250, 255]));
  const stacked = Buffer.concat(frames.map(({ data }) => data));
  const moving = () => sharp(stacked, { raw: { width: 240, height: 540, channels: 3, pageHeight: 180 } });

  it('made smaller is no larger than its file where it can be', async () => {
    const file = await moving()
      .gif({ delay: [100, 100, 100] })
      .toBuffer();
    const small = { width: 200, output: 'webp', quality: 95, animated: true } as const;
    const [before, after] = [await render(file, { ...small, lossless: false }), await render(file, small)];
    const exact = await render(file, { ...small, lossless: true });
    assert.ok(before.body.length > file.length, `${before.body.length} of ${file.length}`);
    assert.equal(after.body.length, Math.min(before.body.length, exact.body.length));
    assert.equal((await sharp(after.body, { animated: true }).metadata()).pages, 3);
  });

  it('at its own size is sent as it is, without its metadata, where that weighs less', async () => {
    for (const format of ['webp', 'gif'] as const) {
      const delay = [100, 200, 300];
      const made =
        format === 'gif' ? moving().gif({ delay, loop: 2 }) : moving().webp({ delay, loop: 2, lossless: true });
      const plain = await made.toBuffer();
      // A comment behind the header of the GIF; a chunk of EXIF behind the frames of the WebP.
      const colours = format === 'gif' && (plain[10]! & 0x80) !== 0 ? 3 * 2 ** ((plain[10]! & 7) + 1) : 0;
      const at = format === 'gif' ? 13 + colours : plain.length;
      const secret =
        format === 'gif'
          ? Buffer.from('\x21\xfe\x06SECRET\0', 'latin1')
          : Buffer.from('EXIF\x06\0\0\0SECRET', 'latin1');
      const file = Buffer.concat([plain.subarray(0, at), secret, plain.subarray(at)]);
      if (format === 'webp') file.writeUInt32LE(file.length - 8, 4);
      const { body, contentType } = await render(file, {
        ...{ width: 240, animated: true, quality: 100, output: format === 'gif' ? 'base' : 'webp' },
      });
      assert.equal(contentType, `image/${format}`);
      assert.ok(body.length <= file.length && !body.includes('SECRET'), `${format}: ${body.length} of ${file.length}`);
      const { pages, delay: delays, loop } = await sharp(body, { animated: true }).metadata();
      assert.deepEqual([pages, delays, loop], [3, delay, 2]);
      const pixels = async (each: Buffer) => (await pixelsOf(each, { animated: true })).data;
      assert.ok((await pixels(body)).equals(await pixels(file)), format);
    }
  });
});
