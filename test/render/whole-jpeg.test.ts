import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp, { type Channels } from 'sharp';
import { hasLastRows } from '../../src/render/formats/jpeg/rows.ts';
import { mendJpeg } from '../../src/render/formats/jpeg/structure.ts';
import { randomJpeg } from '../helpers/jpegs.ts';
import { pixelsOf, render } from '../helpers/pictures.ts';

const END = Buffer.from([0xff, 0xd9]);
const withEnd = (jpeg: Buffer) => Buffer.concat([jpeg, END]);

/** Waves and noise. The same numbers each time. */
function picture(width: number, height: number, channels: Channels, seed: number) {
  let state = seed;
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
  const data = Buffer.alloc(width * height * channels);
  for (let at = 0; at < data.length; at += 1) {
    const [x, y] = [Math.floor(at / channels) % width, Math.floor(at / channels / width)];
    data[at] = 128 + 80 * Math.sin(x / 17 + (at % channels)) * Math.cos(y / 23) + 40 * (random() - 0.5);
  }
  return { image: sharp(data, { raw: { width, height, channels } }), random };
}

const kinds: [what: string, make: (seed: number) => Promise<Buffer>][] = [];
for (const progressive of [false, true]) {
  for (const mozjpeg of [false, true]) {
    for (const chromaSubsampling of ['4:2:0', '4:4:4']) {
      const what = `${progressive ? 'progressive' : 'baseline'} ${chromaSubsampling}${mozjpeg ? ' by mozjpeg' : ''}`;
      kinds.push([
        what,
        (seed) =>
          picture(61 + (seed % 80), 45 + (seed % 60), 3, seed)
            .image.jpeg({ progressive, chromaSubsampling, mozjpeg, optimiseScans: mozjpeg, quality: 30 + (seed % 71) })
            .toBuffer(),
      ]);
    }
  }
  const coding = progressive ? 'progressive' : 'baseline';
  const small = (seed: number) => picture(70 + (seed % 40), 90, 3, seed).image;
  kinds.push([`grey ${coding}`, (seed) => small(seed).greyscale().jpeg({ progressive }).toBuffer()]);
  kinds.push([`CMYK ${coding}`, (seed) => small(seed).toColourspace('cmyk').jpeg({ progressive }).toBuffer()]);
}
const colour = (across: number, down: number) => [[across, down] as const, [1, 1] as const, [1, 1] as const];
for (const [what, restarts, interleaved, sampling] of [
  ['with a restart each MCU', 1, true, colour(2, 2)],
  ['with a restart each seven MCUs, 4:2:2', 7, true, colour(2, 1)],
  ['with restarts and a scan a component', 3, false, colour(2, 2)],
  ['with a scan a component', 0, false, colour(1, 1)],
] as const) {
  const shape = { width: 90, height: 75, sampling, restarts, interleaved };
  kinds.push([what, async (seed) => randomJpeg(shape, picture(1, 1, 1, seed).random)]);
}

const answer = (jpeg: Buffer) =>
  render(jpeg, { output: 'png' }).then(
    ({ body }) => body,
    ({ code }) => String(code),
  );
const shown = async (jpeg: Buffer) => {
  const found = await answer(jpeg);
  return typeof found === 'string' ? found : (await pixelsOf(found)).data.toString('base64');
};

describe('a JPEG', () => {
  for (const [what, make] of kinds) {
    it(`${what}: all of its pixels without its end marker, none where some are missing`, async () => {
      const whole = await make(7);
      const pixels = await shown(whole);
      assert.notEqual(pixels, 'original_unreadable');
      for (const missing of [1, 2]) assert.equal(await shown(whole.subarray(0, -missing)), pixels);
      const cuts = [0.3, 0.5, 0.8, 0.95].map((share) => Math.floor(whole.length * share));
      for (const cut of [...cuts, whole.length - 12, whole.length - 6]) {
        const part = whole.subarray(0, cut);
        assert.deepEqual(
          [await shown(part), await shown(withEnd(part))],
          Array(2).fill('original_unreadable'),
          `${cut}`,
        );
      }
    });
  }

  it('cut anywhere is 200 only with the pixels of the whole file', async () => {
    await fc.assert(
      fc.asyncProperty(
        ...([
          fc.constantFrom(...kinds),
          fc.nat(1000),
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.boolean(),
        ] as const),
        async ([, make], seed, share, end) => {
          const whole = await make(seed);
          // Half of the cuts are among the last forty bytes.
          const cut = share < 0.5 ? Math.floor(whole.length * 2 * share) : whole.length - Math.floor((1 - share) * 80);
          const part = whole.subarray(0, cut);
          const found = await shown(end ? withEnd(part) : part);
          assert.ok(found === 'original_unreadable' || found === (await shown(whole)));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('with odd scan parameters is read, and is refused where its last rows are missing', async () => {
    const whole = await picture(200, 150, 3, 5).image.jpeg().toBuffer();
    const odd = Buffer.from(whole);
    // Behind three components and their tables: spectral selection and approximation, as some phones write them.
    odd.set([0, 0, 0x11], whole.indexOf('ffda', 0, 'hex') + 11);
    const before = Buffer.from(odd);
    assert.equal(await shown(odd), await shown(whole));
    assert.ok(odd.equals(before), 'the caller’s bytes are left as they are');
    assert.ok(mendJpeg(odd).equals(whole), 'the decoder has nothing to warn of');
    assert.equal(mendJpeg(whole), whole, 'no copy is made of an ordinary file');
    assert.equal(await shown(withEnd(odd.subarray(0, odd.length / 2))), 'original_unreadable');
  });

  it('of white is whole, though nearly all of it is zeroes or ones', async () => {
    const white = await sharp({ create: { width: 900, height: 700, channels: 3, background: '#fff' } })
      .jpeg()
      .toBuffer();
    assert.equal(await shown(white.subarray(0, -2)), await shown(white));
    assert.equal(await shown(withEnd(white.subarray(0, -40))), 'original_unreadable');
  });

  it('cut between two passes is refused', async () => {
    const whole = await picture(300, 200, 3, 9).image.jpeg({ progressive: true }).toBuffer();
    const last = whole.lastIndexOf(Buffer.from('ffc4', 'hex'));
    for (const part of [whole.subarray(0, last), withEnd(whole.subarray(0, last))])
      assert.equal(await shown(part), 'original_unreadable');
  });

  it('whose last restart intervals are there is whole, whatever is wrong before', async () => {
    const shape = { width: 160, height: 120, sampling: colour(1, 1), restarts: 5, interleaved: true };
    const jpeg = randomJpeg(shape, picture(1, 1, 1, 3).random);
    const at = jpeg.indexOf('ffd4', 0, 'hex');
    const hole = Buffer.concat([jpeg.subarray(0, at - 20), jpeg.subarray(at)]);
    assert.ok(await hasLastRows(hole));
    assert.notEqual(await shown(hole), 'original_unreadable');
    assert.equal(await hasLastRows(withEnd(jpeg.subarray(0, at))), false);
  });

  it('of two components, or of five, has no colours that are known, and is refused', async () => {
    for (const [count, interleaved] of [
      [2, true],
      [2, false],
      [5, false],
    ] as const) {
      const sampling = Array(count).fill([1, 1]);
      const jpeg = randomJpeg(
        { width: 64, height: 48, sampling, restarts: 0, interleaved },
        picture(1, 1, 1, 3).random,
      );
      for (const output of ['webp', 'png', 'avif', 'original'] as const)
        await assert.rejects(render(jpeg, { output }), { code: 'original_unreadable' }, `${count} ${output}`);
    }
  });
});
