import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { ssim as reference } from '../../../../bench/tools/ssim.ts';
import { type Encoded, scaleOf } from '../../../../src/render/formats/encoding/encoders.ts';
import { nextQuality, TYPICAL } from '../../../../src/render/formats/encoding/likeness.ts';
import { mostEncodes, search } from '../../../../src/render/formats/encoding/search.ts';
import { lumaOf, ssim } from '../../../../src/render/formats/encoding/ssim.ts';
import type { Output, Recipe } from '../../../../src/render/recipe.ts';
import { byEngine, PLAIN, pixelsOf, render } from '../../../helpers/pictures.ts';
import { movingTexture, texture } from '../../../helpers/textures.ts';

const OUTPUTS = ['jpeg', 'webp', 'avif'] as const;
const sample = (name: string) => readFileSync(new URL(`../../../../samples/${name}`, import.meta.url));

/** Encodes to so many bytes at each quality, and tells of each try. */
function encoder(bytesAt: (quality: number) => number, format: Encoded['format'] = 'webp') {
  const tried: Recipe[] = [];
  return {
    tried,
    searched: {
      format,
      once: async (recipe: Recipe) => {
        tried.push(recipe);
        return { body: Buffer.alloc(Math.round(bytesAt(recipe.quality))), format, contentType: `image/${format}` };
      },
      lead: async () => ({ losses: TYPICAL, quality: 80, sure: true }),
      likeness: async () => 0.5,
    },
  };
}

const recipe = (maxBytes: number): Recipe => ({ ...PLAIN, quality: 85, encoding: { maxBytes } });
/** As files of photos grow. */
const growing = (quality: number) => 2000 * Math.exp(quality * 0.025);

describe('a limit of bytes', () => {
  it('costs one encode where the quality of the recipe fits', async () => {
    const { tried, searched } = encoder(growing);
    assert.equal((await search(recipe(100_000), searched)).body.length, Math.round(growing(85)));
    assert.equal(tried.length, 1);
  });

  it('is met at nearly the largest quality that does, in four tries at most', async () => {
    for (const power of [0.4, 0.6, 0.9])
      for (let quality = 4; quality < 85; quality += 7) {
        const bytesAt = (of: number) => 20_000 * scaleOf(of) ** -power;
        const { tried, searched } = encoder(bytesAt);
        const { body } = await search(recipe(Math.ceil(bytesAt(quality))), searched);
        assert.ok(tried.length <= 4 && body.length <= Math.ceil(bytesAt(quality)), `${power} ${quality}`);
        assert.ok(body.length >= bytesAt(quality) * 0.85, `${power} ${quality}: ${body.length} of ${bytesAt(quality)}`);
      }
  });

  it('ends with the smallest file where nothing fits, and says no more than four times', async () => {
    const { tried, searched } = encoder(growing);
    assert.equal((await search(recipe(1), searched)).body.length, Math.round(growing(1)));
    assert.ok(tried.length <= 4);
    assert.equal(Math.min(...tried.map(({ quality }) => quality)), 1);
  });

  it('takes colours from formats that have no quality', async () => {
    const { tried, searched } = encoder(() => 10_000, 'png');
    await search(recipe(1), searched);
    assert.deepEqual(
      tried.map(({ encoding }) => encoding?.palette),
      [undefined, 256, 16, 4],
    );
  });

  it('holds for every format, with alpha, in motion and in Display P3; one byte gives a picture all the same', async () => {
    const photo = sample('coffee.jpg');
    const cut = await texture(120, 90, 4).png().toBuffer();
    const cases: [string, Buffer, Partial<Recipe>][] = [
      ...OUTPUTS.map((output): [string, Buffer, Partial<Recipe>] => [output, photo, { output }]),
      ...OUTPUTS.map((output): [string, Buffer, Partial<Recipe>] => [`${output}, alpha`, cut, { output }]),
      ['png', cut, { output: 'png' }],
      ['moving', await movingTexture(), { output: 'webp', animated: true }],
      ['gif', await movingTexture(), { output: 'base', animated: true }],
      ['p3', sample('wide-gamut.jpg'), { output: 'jpeg', gamut: 'p3' }],
      ['p3', sample('wide-gamut.jpg'), { output: 'avif', gamut: 'p3' }],
    ];
    for (const [name, original, more] of cases) {
      const of = (maxBytes: number) => render(original, { ...more, width: 160, encoding: { maxBytes } });
      const plain = await render(original, { ...more, width: 160 });
      const most = Math.round(plain.body.length * 0.7);
      const [roomy, fitting, smallest] = [await of(plain.body.length), await of(most), await of(1)];
      // A GIF may come without dithering instead, which is tried where its first file is too large.
      // The engine makes the plain one of planes, and several of pixels.
      const asPlain = byEngine ? roomy.body.length <= plain.body.length : roomy.body.equals(plain.body);
      assert.ok(name === 'gif' || asPlain, name);
      assert.ok(fitting.body.length <= most, `${name}: ${fitting.body.length} of ${most}`);
      assert.ok(smallest.body.length <= fitting.body.length, name);
      assert.equal((await sharp(smallest.body).metadata()).width, plain.width, name);
    }
  });
});

describe('the similarity', () => {
  it('is that of the bench, and 1 for equal pictures', async () => {
    const { data, info } = await texture(121, 83).raw().toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    const file = await sharp(data, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 40 })
      .toBuffer();
    const decoded = await sharp(file).raw().toBuffer();
    const luma = (pixels: Buffer) => lumaOf({ data: pixels, width, channels: 3 }, '#ffffff');
    assert.equal(ssim(luma(data), luma(data)), 1);
    assert.ok(Math.abs(ssim(luma(data), luma(decoded)) - reference(data, decoded, width, height)) < 0.0005);
  });

  it('sees no colour under transparent pixels', () => {
    const [red, blue] = [Buffer.alloc(16 * 16 * 4), Buffer.alloc(16 * 16 * 4)];
    for (let at = 0; at < red.length; at += 4) [red[at], blue[at + 2]] = [255, 255];
    const luma = (data: Buffer) => lumaOf({ data, width: 16, channels: 4 }, '#808080');
    assert.equal(ssim(luma(red), luma(blue)), 1);
  });
});

describe('a search for an SSIM', () => {
  /** Files whose SSIM goes with the quality, steeper or flatter than expected. */
  function photo(lossAt: (quality: number) => number, sure = false) {
    const tried: number[] = [];
    let measured = 0;
    const searched = {
      format: 'webp' as const,
      lead: async (target: number) => ({ losses: TYPICAL, quality: nextQuality(TYPICAL, target), sure }),
      async once({ quality }: Recipe): Promise<Encoded> {
        tried.push(quality);
        return { body: Buffer.alloc(quality), format: 'webp', contentType: 'image/webp' };
      },
      async likeness({ body }: Encoded) {
        measured += 1;
        return 1 - Math.exp(lossAt(body.length));
      },
    };
    return { tried, searched, measured: () => measured };
  }
  const auto = { ...PLAIN, quality: 80, encoding: { ssim: 0.96 } };
  /** ln(1 - SSIM), a straight line through the target at a quality. */
  const line = (right: number, slope: number) => (quality: number) => Math.log(0.04) - slope * (quality - right);

  it('takes one encode where the first is near, or where nothing better can be known', async () => {
    const near = photo(line(nextQuality(TYPICAL, 0.96), 0.03));
    await search(auto, near.searched);
    assert.deepEqual([near.tried.length, near.measured()], [1, 1]);
    const sure = photo(line(40, 0.03), true);
    await search(auto, sure.searched);
    assert.deepEqual([sure.tried.length, sure.measured()], [1, 0]);
  });

  it('takes two where it is not, three where it is far off, and ends near', async () => {
    for (const slope of [0.022, 0.03, 0.04])
      for (let right = 58; right <= 86; right += 4) {
        const { tried, searched } = photo(line(right, slope));
        const { body } = await search(auto, searched);
        assert.ok(tried.length <= 3, `${tried}`);
        const found = 1 - Math.exp(line(right, slope)(body.length));
        assert.ok(Math.abs(found - 0.96) < 0.008, `${right}, ${slope}: ${tried} give ${found}`);
      }
  });

  it('ends within 0.002 where both sides of the target were measured', async () => {
    /** As SSIM goes between the qualities of most photos. */
    const even = (right: number, step: number) => (quality: number) =>
      Math.log(Math.max(0.001, 0.04 - step * (quality - right)));
    let [thirds, pairs] = [0, 0];
    for (let step = 0.0005; step < 0.002; step += 0.00005)
      for (const right of [48, 52, 56, 60, 64]) {
        const { tried, searched, measured } = photo(even(right, step));
        const { body } = await search(auto, searched);
        const off = (quality: number) => step * (quality - right);
        if (measured() < 2 || off(tried[0]!) > 0 === off(tried[1]!) > 0) continue;
        pairs += 1;
        thirds += tried.length > 2 ? 1 : 0;
        assert.ok(Math.abs(off(body.length)) <= 0.002, `${right}, ${step}: ${tried} are ${off(body.length)} away`);
      }
    assert.ok(thirds > 0 && thirds < pairs, `${thirds} of ${pairs}`);
  });

  it('is counted by admission as two encodes and a decode, of small pictures as more', () => {
    const encodes = (width: number, height?: number) => mostEncodes({ ...auto, width, height });
    assert.deepEqual([encodes(1200, 900), encodes(600), encodes(300), encodes(300, 200)], [3, 3, 4.5, 4.5]);
    assert.equal(mostEncodes({ ...auto, width: 300, lossless: true }), 1);
  });

  it('ends at the least quality of a picture that is better than wished there', async () => {
    const { tried, searched } = photo(line(5, 0.03));
    assert.equal((await search(auto, searched)).body.length, 30);
    assert.ok(tried.length <= 2, `${tried}`);
  });
});

describe('the quality auto', () => {
  const auto = (output: Output, more: Partial<Recipe> = {}) => ({
    ...{ output, width: 400, quality: 80, encoding: { ssim: 0.96 } },
    ...more,
  });
  const likeness = async (file: Buffer, original: Buffer, width: number) => {
    const [exact, made] = [await render(original, { width }), file];
    const of = async (body: Buffer) => await sharp(body).removeAlpha().raw().toBuffer();
    return reference(await of(exact.body), await of(made), exact.width, exact.height);
  };

  it('comes near its target in every format, from smooth pictures and rough ones', async () => {
    const originals = [sample('coffee.jpg'), sample('astronaut.jpg')];
    for (const output of OUTPUTS)
      for (const original of originals) {
        const { body } = await render(original, auto(output));
        const found = await likeness(body, original, 400);
        assert.ok(Math.abs(found - 0.96) <= 0.005, `${output}: ${found}`);
      }
  });

  it('goes by the target of the preset', async () => {
    const original = sample('coffee.jpg');
    const bytes = async (target: number) =>
      (await render(original, auto('webp', { encoding: { ssim: target } }))).body.length;
    const [rough, fine] = [await bytes(0.9), await bytes(0.98)];
    assert.ok(fine > 1.5 * rough, `${rough} ${fine}`);
  });

  it('makes a picture of one pixel, of one colour, with alpha, in motion and in Display P3', async () => {
    const one = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#f60' } })
      .png()
      .toBuffer();
    const plain = await sharp({ create: { width: 200, height: 200, channels: 3, background: '#f60' } })
      .png()
      .toBuffer();
    const cut = await texture(120, 90, 4).png().toBuffer();
    for (const output of [...OUTPUTS, 'base', 'png'] as const) {
      for (const original of [one, plain, cut])
        assert.ok((await render(original, auto(output))).body.length > 0, output);
    }
    const moving = await render(await movingTexture(), auto('webp', { animated: true }));
    assert.equal((await sharp(moving.body).metadata()).pages, 3);
    const wide = await render(sample('wide-gamut.jpg'), auto('jpeg', { gamut: 'p3', width: 200 }));
    assert.ok((await sharp(wide.body).metadata()).icc);
  });

  it('is kept within a limit of bytes that goes with it', async () => {
    const { body } = await render(sample('coffee.jpg'), auto('webp', { encoding: { ssim: 0.98, maxBytes: 9000 } }));
    assert.ok(body.length <= 9000, `${body.length}`);
  });

  it('gives the same bytes in another process', async () => {
    const helper = new URL('../../../helpers/pictures.ts', import.meta.url).pathname;
    const photo = new URL('../../../../samples/coffee.jpg', import.meta.url).pathname;
    const recipes = OUTPUTS.flatMap((output) => [auto(output), { output, width: 400, encoding: { maxBytes: 8000 } }]);
    const code = `
      import { createHash } from 'node:crypto';
      import { readFileSync } from 'node:fs';
      const { render } = await import(${JSON.stringify(helper)});
      for (const recipe of ${JSON.stringify(recipes)})
        console.log(createHash('sha256').update((await render(readFileSync(${JSON.stringify(photo)}), recipe)).body).digest('hex'));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
    const own: string[] = [];
    for (const each of recipes)
      own.push(
        createHash('sha256')
          .update((await render(sample('coffee.jpg'), each)).body)
          .digest('hex'),
      );
    assert.deepEqual(stdout.trim().split('\n'), own);
  });
});

describe('a rendition that is searched', () => {
  it('is decoded once: an encode more, and no decode', async () => {
    // Of its own pixels, which are those of the plain rendition: nothing is scaled anew for a try.
    const original = sample('rocket.webp');
    const plain = await pixelsOf((await render(original, { width: 100, output: 'png' })).body);
    const { body } = await render(original, { width: 100, output: 'png', encoding: { maxBytes: 10_000_000 } });
    assert.deepEqual((await pixelsOf(body)).data, plain.data);
  });
});
