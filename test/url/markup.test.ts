import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { rgbaToThumbHash, thumbHashToRGBA } from 'thumbhash';
import { createPresets } from '../../src/presets/presets.ts';
import { planFrame } from '../../src/render/stages/geometry.ts';
import { parseImageUrl } from '../../src/url/image-url.ts';
import * as client from '../../src/url/markup/client.ts';
import type { PresetShape } from '../../src/url/markup/shapes.ts';
import { thumbHashUrl } from '../../src/url/markup/thumbhash.ts';
import * as withoutKey from '../../src/url/markup/without-key.ts';
import * as node from '../../src/url/sdk.ts';
import { legalId } from '../helpers/arbitraries.ts';

const settings = { baseUrl: 'https://img.example.com/', key: '07'.repeat(32) };
const presets = {
  card: { width: 400, height: 300, fit: 'cover', format: 'auto', widths: [800, 200, 400] },
  logo: { width: 240, format: 'png', formats: ['png', 'webp'], pixelRatios: [1, 2] },
  photo: { width: 600, height: 600, fit: 'inside' },
  column: { width: 600, widths: [300, 600, 1200] },
  row: { height: 300, fit: 'outside' },
} as const;
const images = node.createImageUrls({ ...settings, presets });
/** Suffix and descriptor of each candidate. */
const candidates = (srcset = '') =>
  srcset.split(', ').map((candidate) => candidate.replace(/^.*\/\w+(\S*)\/a\.(?:jpg|png)/, '$1'));
const HOLDS = 'max-width:100%;height:auto';

describe('markup', () => {
  it('of widths: candidates in order, sizes, and the frame of a cover preset', () => {
    const { src, srcset, sizes, width, height, style } = images.img('a.jpg', 'card');
    assert.match(src, /^https:\/\/img\.example\.com\/[\w-]{22}\/card\/a\.jpg$/);
    assert.deepEqual(candidates(srcset), ['@200w 200w', '@400w 400w', '@800w 800w']);
    assert.deepEqual([sizes, width, height, style], ['(min-width: 400px) 400px, 100vw', 400, 300, undefined]);
    assert.equal(images.img('a.jpg', 'card', { sizes: '50vw' }).sizes, '50vw');
  });

  it('of pixel ratios: no sizes, and exact with meta', () => {
    const meta = { width: 3000, height: 2000, dominantColor: '#aabbcc' };
    const known = images.img('a.jpg', 'photo', { meta });
    assert.deepEqual(candidates(known.srcset), [' 1x', '@2x 2x', '@3x 3x']);
    assert.deepEqual(
      [known.sizes, known.width, known.height, known.style],
      [undefined, 600, 400, 'background-color:#aabbcc'],
    );
    const sly = { width: 1, height: 1, dominantColor: 'red;position:fixed' };
    assert.equal(images.img('a.jpg', 'photo', { meta: sly }).style, undefined);
  });

  it('ends with the original where meta is known', () => {
    const rows: [PresetShape, width: number, height: number, string[]][] = [
      [presets.photo, 600, 400, [' 1x']],
      [presets.photo, 900, 600, [' 1x', '@2x 1.5x']],
      [presets.photo, 1200, 800, [' 1x', '@2x 2x']],
      [presets.photo, 100, 50, [' 1x']],
      [presets.photo, 1, 1, [' 1x']],
      [presets.card, 600, 600, ['@200w 200w', '@400w 400w', '@800w 600w']],
      [presets.card, 150, 5000, ['@200w 150w']],
      // Of a box of 600 × 600 a portrait fills two thirds across.
      [{ ...presets.photo, widths: [300, 600] }, 400, 600, ['@300w 200w', '@600w 400w']],
      [{ ...presets.photo, margin: 10 }, 480, 480, [' 1x']],
      [{ ...presets.photo, enlarge: true }, 100, 100, [' 1x', '@2x 2x', '@3x 3x']],
      [{ ...presets.photo, rotate: 90, crop: { width: '50%', height: '100%' } }, 2400, 600, [' 1x', '@2x 2x']],
    ];
    for (const [any, width, height, expected] of rows) {
      const img = node
        .createImageUrls({ ...settings, presets: { any } })
        .img('a.jpg', 'any', { meta: { width, height } });
      assert.deepEqual(candidates(img.srcset), expected, JSON.stringify({ any, width, height }));
    }
  });

  it('is of one size in the layout at each pixel ratio', () => {
    const side = fc.integer({ min: 1, max: 3000 });
    const shape = fc.record({
      fit: fc.constantFrom('inside', 'outside', 'cover', 'contain', 'fill'),
      ...{ width: fc.integer({ min: 1, max: 900 }), height: fc.integer({ min: 1, max: 900 }) },
      widths: fc.constantFrom([], [150, 300, 600, 1200]),
    });
    fc.assert(
      fc.property(shape, side, side, (any, width, height) => {
        const images = node.createImageUrls({ ...settings, presets: { any } });
        const server = createPresets({ definitions: { any: any as never }, inline: false, faces: false });
        const img = images.img('a.jpg', 'any', { meta: { width, height } });
        let before = 0;
        for (const candidate of img.srcset?.split(', ') ?? []) {
          const [url = '', descriptor = ''] = candidate.split(' ');
          const { recipe } = server.resolve('any', parseImageUrl(new URL(url).pathname).suffix, undefined);
          const { canvas } = planFrame({ width, height }, recipe);
          assert.ok(canvas.width > before, 'a candidate is the same file as the one before');
          before = canvas.width;
          const held = Number.parseFloat(descriptor);
          if (descriptor.endsWith('w')) assert.equal(held, canvas.width);
          else
            assert.ok(
              Math.abs(canvas.width - held * (img.width ?? 0)) <= Math.max(1, held),
              `${candidate}: ${canvas.width}`,
            );
        }
        assert.ok(before > 0 && img.width && img.height);
      }),
      { numRuns: 300 },
    );
  });

  it('holds the layout without meta where only the original knows the shape', () => {
    // Both sides of a box: one file, which is the same at each pixel ratio.
    const photo = images.img('a.jpg', 'photo');
    assert.deepEqual([photo.srcset, photo.sizes, photo.width, photo.height], Array(4).fill(undefined));
    const { sources } = images.picture('a.jpg', 'photo');
    assert.match(sources[0]?.srcset ?? '', /^\S+photo\.avif\/a\.jpg$/);
    // One side: it is fixed, and the other one follows.
    const column = images.img('a.jpg', 'column');
    assert.deepEqual(candidates(column.srcset), ['@300w 300w', '@600w 600w', '@1200w 1200w']);
    assert.deepEqual([column.width, column.height, column.style], [600, undefined, HOLDS]);
    const row = images.img('a.jpg', 'row');
    assert.deepEqual([row.width, row.height, row.style], [undefined, 300, 'width:auto']);
    // A border that is cut off has a size that meta does not know.
    const trimmed = node.createImageUrls({ ...settings, presets: { any: { ...presets.photo, trim: true } } });
    assert.equal(trimmed.img('a.jpg', 'any', { meta: { width: 900, height: 600 } }).srcset, undefined);
    // All candidates, for pages whose CSS holds the layout.
    assert.deepEqual(candidates(images.srcset('a.jpg', 'photo')), [' 1x', '@2x 2x', '@3x 3x']);
  });

  it('of an original as it is has one size and no other format', () => {
    const meta = { width: 900, height: 600 };
    const { sources, img } = images.picture('a.jpg', 'f_original', { meta });
    assert.match(img.src, /f_original\/a\.jpg$/);
    assert.deepEqual([sources, img.srcset, img.width, img.height], [[], undefined, 900, 600]);
    assert.equal(images.img('a.jpg', 'f_original').width, undefined);
  });

  it('of pictures: pinned formats, the best first, and a fallback that every client reads', () => {
    const { sources, img } = images.picture('a.jpg', 'card');
    assert.deepEqual(
      sources.map(({ type }) => type),
      ['image/avif', 'image/webp'],
    );
    assert.match(sources[0]?.srcset ?? '', /card@200w\.avif\/a\.jpg 200w/);
    assert.match(img.src, /card\.jpeg\/a\.jpg$/);
    // 1800 × 1800 comes as WebP: the AVIF source names that, so that a browser that takes this source has all sizes.
    const meta = { width: 4000, height: 4000 };
    const [avif, webp] = images.picture('a.jpg', 'photo', { meta }).sources;
    assert.deepEqual(candidates(avif?.srcset), ['.avif 1x', '@2x.avif 2x', '@3x.webp 3x']);
    assert.deepEqual(candidates(webp?.srcset), ['.webp 1x', '@2x.webp 2x', '@3x.webp 3x']);
    const logo = images.picture('a.png', 'logo');
    assert.deepEqual(
      logo.sources.map(({ type }) => type),
      ['image/webp'],
    );
    assert.match(logo.img.src, /logo\/a\.png$/);
    const large = node.createImageUrls(settings).picture('a.jpg', 'retina');
    assert.deepEqual(
      large.sources.map(({ type }) => type),
      ['image/webp'],
      'the server makes no AVIF of that size',
    );
  });

  it('of pictures: all sources have the same sizes, as the server makes them, and the first is worth its place', () => {
    const side = fc.option(fc.integer({ min: 1, max: 4000 }), { nil: undefined });
    const shape = fc
      .record({
        ...{ width: side, height: side, aspectRatio: fc.option(fc.constantFrom('3:2', '1:2'), { nil: undefined }) },
        fit: fc.constantFrom('inside', 'outside', 'cover', 'contain'),
        format: fc.constantFrom('auto', 'avif', 'webp', 'jpeg', 'png'),
        formats: fc.subarray(['avif', 'webp', 'jpeg', 'png'], { minLength: 1 }),
        widths: fc.constantFrom([], [150, 1200, 3000], [3000, 4000], [900]),
        pixelRatios: fc.constantFrom([1, 2, 3], [1], [0.5, 1, 4], [2]),
        ...{ animated: fc.boolean(), lossless: fc.constantFrom<'auto' | boolean>('auto', true, false) },
      })
      .filter(({ width, height, aspectRatio }) => (width && height ? !aspectRatio : Boolean(width || height)))
      .filter(({ fit, width, height, aspectRatio }) => /side/.test(fit) || Boolean((width && height) || aspectRatio))
      .filter(({ format, lossless }) => !(format === 'jpeg' && lossless === true))
      .map((fields) => JSON.parse(JSON.stringify(fields)) as PresetShape);
    const original = fc.option(
      fc.record({ width: fc.integer({ min: 1, max: 5000 }), height: fc.integer({ min: 1, max: 5000 }) }),
      { nil: undefined },
    );
    let mixed = 0;
    fc.assert(
      fc.property(shape, original, (any, meta) => {
        const server = createPresets({ definitions: { any: any as never }, inline: false, faces: false });
        const { sources, img } = node
          .createImageUrls({ ...settings, presets: { any } })
          .picture('a.jpg', 'any', { meta });
        const read = (srcset: string) =>
          srcset.split(', ').map((candidate) => {
            const [url = '', descriptor = ''] = candidate.split(' ');
            const { suffix } = parseImageUrl(new URL(url).pathname);
            const [size, format] = suffix.split(/\.(?=[a-z])/);
            const { output } = server.resolve('any', suffix, undefined).recipe;
            return { size, descriptor, named: format ?? any.format, output };
          });
        const sizes = (srcset: string) => read(srcset).map(({ size, descriptor }) => `${size} ${descriptor}`);
        for (const { type, srcset, sizes: slot } of sources) {
          assert.deepEqual(sizes(srcset), sizes(img.srcset ?? img.src), type);
          assert.equal(slot, img.sizes);
          const made = read(srcset);
          assert.equal(
            made.some(({ output }) => `image/${output}` === type),
            true,
            `no ${type}`,
          );
          for (const { output, named } of made) {
            assert.ok(output === 'webp' || `image/${output}` === type, `${output} in the source of ${type}`);
            // One file has one URL, where the preset lets it.
            if (output !== named) assert.ok(!any.formats?.includes('webp') && any.format !== 'webp', named);
          }
          if (made.some(({ output }) => `image/${output}` !== type)) mixed += 1;
        }
        const types = sources.map(({ type }) => type);
        // A still picture must not come before one that moves.
        if (any.animated) assert.ok(!types.includes('image/avif'));
      }),
      {
        numRuns: 400,
        // WebP by the preset's own format alone.
        examples: [
          [{ width: 1200, height: 1200, fit: 'cover', format: 'webp', formats: ['avif'] }, undefined],
        ] as never,
      },
    );
    // Some fifteen of 400 are.
    assert.ok(mixed > 0);
  });

  it('of animations and of pictures without loss has no AVIF source', () => {
    for (const [preset, recipe] of [
      [{ ...presets.card, animated: true }, 'w_300,h_200,fit_cover,a_1'],
      [{ ...presets.card, lossless: true }, 'w_300,h_200,fit_cover,l_1'],
    ] as const) {
      const images = node.createImageUrls({ ...settings, presets: { preset } });
      for (const name of ['preset', recipe] as const)
        assert.deepEqual(
          images.picture('a.gif', name).sources.map(({ type }) => type),
          ['image/webp'],
        );
    }
    for (const recipe of ['w_300,l_0', 'w_300'] as const)
      assert.equal(images.picture('a.gif', recipe).sources.length, 2);
  });

  it('is escaped', () => {
    const evil = `a'"><script>&.jpg`;
    const html = node.toHtml(images.picture(evil, 'card'), { alt: evil, title: `it's "<b>"` });
    assert.doesNotMatch(html, /<script|<b>/);
    assert.match(html, /alt="a&#39;&#34;&#62;&#60;script&#62;&#38;\.jpg"/);
    assert.match(html, /^<picture><source type="image\/avif" (?:sizes="[^"]+" )?srcset="[^"<>']+"/);
    assert.throws(() => node.toHtml(images.img('a.jpg', 'card'), { 'onload="x" y': '1' }), /name of an attribute/);
    // A comma at the end of a URL would end its candidate.
    for (const id of ['a,', ',a', 'a, b 2x', 'a b'])
      assert.equal(
        images
          .srcset(id, 'card')
          .split(/,\s/)
          .every((candidate) => /^\S+[^,\s] \d+w$/.test(candidate)),
        true,
        id,
      );
  });

  it('refuses by a sentence that names the option', () => {
    const { key } = settings;
    const create = (options: object) => () => node.createImageUrls({ ...settings, ...options } as typeof settings);
    assert.throws(create({ key: undefined }), /key is missing/);
    assert.throws(create({ key: `${key},${key}` }), /key is a list/);
    assert.throws(create({ key: [key] }), /key is a list/);
    assert.throws(create({ baseUrl: undefined }), /baseUrl .* missing/);
    assert.throws(create({ baseUrl: '' }), /baseUrl .* missing/);
    assert.throws(create({ baseUrl: 'img.example.com' }), /baseUrl must begin with https:/);
    const call = (preset: string, options?: object) => () => images.img('a.jpg', preset as 'card', options);
    assert.throws(call('card@2x'), /size and format are options/);
    assert.throws(call('photos'), /did you mean "photo"/);
    assert.throws(call('zebra'), /There is no preset "zebra": card, logo/);
    assert.throws(call('card', { expiresAt: Date.now() }), /expiresAt is in milliseconds/);
    const meta = { id: 'a.jpg', error: 'original_not_found', message: 'There is no such original.' };
    assert.throws(call('card', { meta }), /meta is an error of the API.*original_not_found/);
    assert.throws(call('card', { meta: {} }), /meta has no width and height/);
    for (const recipe of [
      'w_300,fit_cover',
      'w_0',
      'w_300,w_200',
      'w_300,fit_bogus',
      'w_300,f_tiff',
      'w_300,',
      'w_1p5',
      'w_300,q 80',
    ])
      assert.throws(call(recipe), /no inline recipe/, recipe);
    for (const recipe of [
      'w_300',
      'h_300,f_webp',
      'q_80,w_300',
      'w_300,ar_3:2,fit_cover',
      'w_300,h_200,fit_cover,g_0p3:0p5',
    ])
      call(recipe)();
    // @ts-expect-error: an id is a text
    assert.throws(() => images.url(undefined, 'card'), /cannot be the id/);
  });
});

describe('the client', () => {
  it('makes the same from one signed URL as the signer makes from the key', () => {
    const meta = { width: 900, height: 700, dominantColor: '#102030' };
    const preset = fc.constantFrom('card', 'logo', 'photo', 'column', 'row', 'w_300,h_200,fit_cover', 'w_300,f_webp');
    const base = fc.constantFrom('https://img.example.com', 'http://127.0.0.1:8080', 'https://a.example/deep/images');
    fc.assert(
      fc.property(legalId, preset, base, fc.boolean(), (id, name, baseUrl, known) => {
        const any = name as 'card';
        const signer = node.createImageUrls({ ...settings, baseUrl, presets });
        const parameters = { expiresAt: 2_000_000_000, version: '3', download: 'a b.jpg' };
        const shape: PresetShape | undefined = Object.hasOwn(presets, name) ? presets[any] : undefined;
        const options = known ? { meta } : {};
        for (const signed of [signer.url(id, any, parameters), signer.url(id, any, { ...parameters, pixelRatio: 2 })]) {
          assert.equal(
            client.url(signed, shape, { pixelRatio: 2 }),
            signer.url(id, any, { ...parameters, pixelRatio: 2 }),
          );
          assert.deepEqual(client.img(signed, shape, options), signer.img(id, any, { ...parameters, ...options }));
          assert.deepEqual(
            client.picture(signed, shape, options),
            signer.picture(id, any, { ...parameters, ...options }),
          );
          assert.equal(client.srcset(signed, shape, options), signer.srcset(id, any, { ...parameters, ...options }));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('reads relative URLs, and refuses others', () => {
    const path = `/${'s'.repeat(22)}/card@2x.webp/a.jpg?v=1`;
    assert.equal(client.url(path, presets.card), `/${'s'.repeat(22)}/card/a.jpg?v=1`);
    assert.equal(
      client.url(`/images${path}`, presets.card, { width: 800 }),
      `/images/${'s'.repeat(22)}/card@800w/a.jpg?v=1`,
    );
    for (const other of ['', '/', 'https://img.example.com/card/a.jpg', `/${'s'.repeat(21)}/card/a.jpg`])
      assert.throws(() => client.url(other, presets.card), /no signed URL/, other);
    assert.throws(() => client.url(path), /shape of the preset "card" is missing/);
    assert.throws(() => client.url(path, presets.card, { width: 500 }), /no width 500/);
  });

  it('takes the place of the signer in a browser by a sentence, and not before it is used', (context) => {
    const complain = context.mock.method(console, 'error', () => {});
    const stub = withoutKey.createImageUrls({ key: '07'.repeat(32) });
    assert.match(
      String(complain.mock.calls[0]?.arguments[0]),
      /the signing key must not reach a browser: use \/client/,
    );
    const { url } = withoutKey.createSigner();
    for (const call of [stub.url, stub.srcset, stub.img, stub.picture, url, withoutKey.createVerifier()])
      assert.throws(call, /must not reach a browser/);
  });
});

describe('placeholders', () => {
  /** Pixels of a BMP data URL, which sharp does not read. */
  function pixelsOf(url: string) {
    const bytes = Buffer.from(url.replace(/^data:image\/bmp;base64,/, ''), 'base64');
    const [width, height] = [bytes.readInt32LE(18), bytes.readInt32LE(22)];
    const row = Math.ceil((width * 3) / 4) * 4;
    assert.equal(bytes.length, 54 + row * height);
    assert.equal(bytes.readUInt32LE(2), bytes.length);
    const at = (x: number, y: number) => {
      const place = 54 + (height - 1 - y) * row + x * 3;
      return [bytes[place + 2] ?? 0, bytes[place + 1] ?? 0, bytes[place] ?? 0];
    };
    return { width, height, at };
  }

  async function hashOf(width: number, height: number, alpha: number) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#d02010" fill-opacity="${alpha}"/><rect x="50%" width="50%" height="50%" fill="#1030e0" fill-opacity="${alpha}"/></svg>`;
    const { data } = await sharp(Buffer.from(svg)).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    const hash = rgbaToThumbHash(width, height, data);
    return { hash, text: Buffer.from(hash).toString('base64') };
  }

  it('of a ThumbHash look as its own decoder draws them', async () => {
    for (const [width, height] of [
      [100, 60],
      [60, 100],
      [80, 80],
      [100, 8],
      [5, 90],
    ] as const) {
      const { hash, text } = await hashOf(width, height, 1);
      const url = thumbHashUrl(text);
      assert.ok(url && url.length < 550, String(url?.length));
      const mine = pixelsOf(url);
      const theirs = thumbHashToRGBA(hash);
      let most = 0;
      for (let y = 0; y < mine.height; y += 1)
        for (let x = 0; x < mine.width; x += 1) {
          const [px, py] = [(x + 0.5) / mine.width, (y + 0.5) / mine.height];
          const place = 4 * (Math.floor(py * theirs.h) * theirs.w + Math.floor(px * theirs.w));
          const [r, g, b] = mine.at(x, y);
          for (const [at, value] of [r, g, b].entries())
            most = Math.max(most, Math.abs((value ?? 0) - (theirs.rgba[place + at] ?? 0)));
        }
      // They sample half a pixel of 32 away from us.
      assert.ok(most < 40, `${width}×${height}: ${most}`);
    }
  });

  it('are the colour, the blurred picture or nothing, and nothing below transparency', async () => {
    const opaque = await hashOf(100, 60, 1);
    const clear = await hashOf(100, 60, 0.4);
    const meta = { width: 900, height: 600, dominantColor: '#aabbcc', thumbhash: opaque.text };
    const style = (placeholder?: 'thumbhash' | 'color' | 'none', given = meta) =>
      images.img('a.jpg', 'card', { meta: given, placeholder }).style;
    assert.equal(style(), 'background-color:#aabbcc');
    assert.equal(style('color'), 'background-color:#aabbcc');
    assert.equal(style('none'), undefined);
    assert.match(style('thumbhash') ?? '', /^background:url\(data:image\/bmp;base64,[A-Za-z0-9+/=]+\) center\/cover$/);
    assert.equal(style('thumbhash', { ...meta, thumbhash: 'no hash!' }), 'background-color:#aabbcc');
    for (const placeholder of ['color', 'thumbhash'] as const)
      assert.equal(style(placeholder, { ...meta, thumbhash: clear.text }), undefined);
    assert.equal(thumbHashUrl(clear.text), undefined);
    assert.equal(thumbHashUrl(''), undefined);
  });
});
