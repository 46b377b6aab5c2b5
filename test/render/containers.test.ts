import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Recipe } from '../../src/render/recipe.ts';
import { repeatedFrames, tinyFrames } from '../helpers/bombs.ts';
import type { Rgb } from '../helpers/icc.ts';
import { pixelsOf, render } from '../helpers/pictures.ts';

const MOST_FRAMES = 200;
const plain = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });
const code = (file: Buffer, recipe: Partial<Recipe>) =>
  render(file, recipe).then(
    ({ contentType }) => contentType,
    (error: { code: string }) => error.code,
  );
const still = (file: Buffer) => code(file, { output: 'webp' });
const moving = (file: Buffer) => code(file, { output: 'webp', animated: true });

describe('an AVIF', () => {
  it('is read whatever its major brand, where a compatible one is AVIF’s; HEVC is not', async () => {
    const avif = await plain(60, 40, '#4a7').avif().toBuffer();
    const expected = (await render(avif, { output: 'png' })).body;
    const branded = (major: string, compatible?: string) => {
      const copy = Buffer.from(avif);
      copy.write(major, 8, 'latin1');
      for (let at = 16; compatible && at < copy.readUInt32BE(0); at += 4) copy.write(compatible, at, 'latin1');
      return copy;
    };
    for (const major of ['mif1', 'msf1', 'miaf', 'MA1A', 'MA1B', 'avis']) {
      const file = branded(major);
      const before = Buffer.from(file);
      assert.ok((await render(file, { output: 'png' })).body.equals(expected), major);
      assert.ok(file.equals(before), 'the caller’s bytes are left as they are');
    }
    for (const file of [branded('mif1', 'heic'), branded('heic', 'mif1'), branded('mif1').fill(0xff, 0, 4)])
      assert.equal(await code(file, { output: 'png' }), 'original_unreadable');
    assert.equal(await code(avif.subarray(0, 14), { output: 'png' }), 'original_unreadable');
  });
});

/** GIF's LZW for `count` pixels of colour 0: forgets its table (code 4) before it needs longer codes, and ends with code 5. */
function pixels(count: number): Buffer {
  let bits = '';
  for (let n = 0; n < count; n += 1) bits = (n % 2 === 0 ? '000100' : '000') + bits;
  bits = `101${bits}`;
  const bytes = Buffer.from(
    Array.from({ length: Math.ceil(bits.length / 8) }, (_, n) =>
      Number.parseInt(bits.slice(Math.max(0, bits.length - 8 * n - 8), bits.length - 8 * n), 2),
    ),
  );
  return Buffer.concat([Buffer.from([2, bytes.length]), bytes, Buffer.alloc(1)]);
}

/** A GIF of 40 × 30 whose frames are one colour each, of 10 × 10 pixels at 10, 10, and name no transparent colour. */
function corners(...colours: Rgb[]): Buffer {
  const frames = colours.flatMap((colour) => [
    Buffer.from('21f9040405000000' + '2c0a000a000a000a0081', 'hex'),
    Buffer.from([...colour, ...Array(9).fill(0)]),
    pixels(100),
  ]);
  const screen = Buffer.from('GIF89a\x28\0\x1e\0\0\0\0', 'latin1');
  return Buffer.concat([screen, ...frames, Buffer.from(';')]);
}
const [green, blue, red]: Rgb[] = [
  [0, 255, 0],
  [0, 0, 255],
  [255, 0, 0],
];

describe('a GIF whose first frame leaves out parts of its screen', () => {
  for (const colours of [[green!], [green!, blue!]]) {
    it(`is transparent there, with ${colours.length} frames`, async () => {
      const file = corners(...colours);
      for (const output of ['png', 'webp', 'base'] as const) {
        const picture = await pixelsOf((await render(file, { output })).body);
        assert.deepEqual([picture.width, picture.height, picture.channels], [40, 30, 4]);
        assert.deepEqual([picture.at(2, 2)[3], picture.at(38, 28)[3], picture.at(15, 15)[3]], [0, 0, 255], output);
        assert.ok(picture.at(15, 15)[1]! > 250);
      }
      const onWhite = await pixelsOf((await render(file, { output: 'jpeg' })).body);
      assert.ok(onWhite.at(2, 2).every((value) => value > 247));
    });
  }

  it('keeps its own frames and no other, where they are kept', async () => {
    const file = corners(green!, blue!, red!);
    const { body } = await render(file, { output: 'webp', animated: true });
    const { pages, delay } = await sharp(body).metadata();
    assert.deepEqual([pages, delay], [3, [50, 50, 50]]);
    const { at } = await pixelsOf(body, { animated: true });
    assert.deepEqual([at(2, 2)[3], at(2, 62)[3]], [0, 0]);
    assert.ok(at(15, 15)[1]! > 250 && at(15, 75)[0]! > 250);
  });

  it('stays as it is where a frame covers the screen or a colour is transparent already', async () => {
    const covered = await plain(20, 20, '#0f0').gif().toBuffer();
    assert.equal((await pixelsOf((await render(covered, { output: 'png' })).body)).channels, 3);
  });
});

const [a, b] = await Promise.all(['#c00', '#00c'].map((colour) => plain(30, 20, colour).png().toBuffer()));
const animated = () => sharp([a!, b!, a!], { join: { animated: true } });
const dot = await plain(1, 1, '#4a7').webp({ lossless: true }).toBuffer();

describe('an animation with frames that cannot be shown', () => {
  it('gives its first frame to a still preset where there are too many; an animated one is refused', async () => {
    for (const file of [tinyFrames(9, 9, MOST_FRAMES + 1), repeatedFrames(2, 2, MOST_FRAMES + 1, dot, 1)])
      assert.deepEqual([await still(file), await moving(file)], ['image/webp', 'original_too_large']);
    for (const file of [tinyFrames(9, 9, MOST_FRAMES), repeatedFrames(2, 2, MOST_FRAMES, dot, 1)])
      assert.deepEqual([await still(file), await moving(file)], ['image/webp', 'image/webp']);
  });

  it('shows just its first frame’s pixels where the damage lies behind it', async () => {
    const [gif, webp] = [await animated().gif().toBuffer(), await animated().webp({ lossless: true }).toBuffer()];
    const second = [gif.indexOf('21f904', 40, 'hex'), webp.indexOf('ANMF', webp.indexOf('ANMF') + 4)];
    const third = [gif.lastIndexOf(Buffer.from('21f904', 'hex')), webp.lastIndexOf('ANMF')];
    for (const [n, file] of [gif, webp].entries()) {
      const whole = await pixelsOf((await render(file, { output: 'png' })).body);
      for (const cut of [third[n]! + 24, third[n]! + 30]) {
        const broken = file.subarray(0, cut);
        const shown = await pixelsOf((await render(broken, { output: 'png' })).body);
        assert.ok(shown.data.equals(whole.data), `${n} ${cut}`);
        assert.equal(await moving(broken), 'original_unreadable', `${n} ${cut}`);
      }
      // Nothing of the first frame is left out of it.
      for (const cut of [40, Math.floor(second[n]! * 0.9)])
        assert.equal(await still(file.subarray(0, cut)), 'original_unreadable', `${n} ${cut}`);
    }
  });

  it('is not taken for whole where its only frame is cut', async () => {
    const webp = await plain(50, 50, '#c83').webp().toBuffer();
    assert.equal(await still(webp.subarray(0, -8)), 'original_unreadable');
  });

  it('a WebP whose metadata are cut, or lack their last pad byte, is whole, and upright where they are there', async () => {
    const file = await plain(50, 40, '#c83').withMetadata({ orientation: 6 }).webp().toBuffer();
    const exif = file.indexOf('EXIF');
    const odd = Buffer.concat([file, Buffer.alloc(2)]);
    odd.writeUInt32LE(odd.readUInt32LE(exif + 4) + 1, exif + 4);
    odd.writeUInt32LE(odd.readUInt32LE(4) + 2, 4);
    const { width, height } = await render(odd.subarray(0, -1), { output: 'png' });
    assert.deepEqual([width, height], [40, 50]);
    assert.equal(await still(file.subarray(0, exif + 12)), 'image/webp');
  });
});
