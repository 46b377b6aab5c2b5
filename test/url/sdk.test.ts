import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createPresets } from '../../src/presets/presets.ts';
import * as edge from '../../src/url/edge.ts';
import { parseImageUrl } from '../../src/url/image-url.ts';
import * as node from '../../src/url/sdk.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { legalId } from '../helpers/arbitraries.ts';
import { callFor, calls, parametersOf, refused, vectors } from '../helpers/vectors.ts';

const key = '07'.repeat(32);
const baseUrl = 'https://img.example.com/';
const presets = {
  card: { width: 400, height: 300, fit: 'cover', format: 'auto', widths: [800, 200, 400] },
  logo: { width: 240, format: 'png', formats: ['png', 'webp'], pixelRatios: [1, 2] },
  photo: { width: 600, height: 600, fit: 'inside' },
} as const;
const images = node.createImageUrls({ baseUrl, key, presets });

describe('both signers', () => {
  for (const vector of vectors) {
    it(`vector: ${vector.name}`, async () => {
      const { presets: offered, options } = callFor(vector);
      const settings = { baseUrl: 'https://a.example', key: vector.key, presets: offered };
      const expected = `https://a.example${vector.path}`;
      assert.equal(node.createImageUrls(settings).url(vector.id, vector.preset as 'w_1', options), expected);
      assert.equal(await edge.createImageUrls(settings).url(vector.id, vector.preset as 'w_1', options), expected);
    });
  }

  for (const { name, key: callKey, preset, shape, options, id, path } of calls) {
    it(`call: ${name}`, async () => {
      const settings = { baseUrl: 'https://a.example', key: callKey, presets: shape ? { [preset]: shape } : {} };
      const inline = preset as 'w_1';
      assert.equal(node.createImageUrls(settings).url(id, inline, options), `https://a.example${path}`);
      assert.equal(await edge.createImageUrls(settings).url(id, inline, options), `https://a.example${path}`);
    });
  }

  for (const vector of refused) {
    it(`refusal: ${vector.name}`, async () => {
      const { key: badKey, preset, id, names } = vector;
      const presets = { thumb: { width: 150, height: 150 } };
      const settings = { baseUrl: 'https://a.example', key: badKey, presets };
      const says = { name: 'TypeError', message: new RegExp(names, 'i') };
      const byNode = () => node.createImageUrls(settings).url(id, preset as 'thumb', parametersOf(vector));
      assert.throws(byNode, says);
      await assert.rejects(
        async () => edge.createImageUrls(settings).url(id, preset as 'thumb', parametersOf(vector)),
        says,
      );
    });
  }

  it('say the same of everything, every time', async () => {
    const web = edge.createImageUrls({ baseUrl, key: Buffer.from(key, 'hex'), presets });
    const meta = { width: 3000, height: 2000, dominantColor: '#a0b0c0' };
    for (const preset of ['card', 'logo', 'photo'] as const) {
      assert.equal(await web.srcset('a,b c.jpg', preset), images.srcset('a,b c.jpg', preset));
      assert.deepEqual(await web.img('a.jpg', preset, { meta }), images.img('a.jpg', preset, { meta }));
      assert.deepEqual(await web.picture('a.jpg', preset), images.picture('a.jpg', preset));
      assert.deepEqual(images.picture('a.jpg', preset), images.picture('a.jpg', preset));
    }
  });

  it('have a signer alone, which signs and refuses the same', async () => {
    const signer = node.createSigner({ baseUrl, key, presets });
    const webSigner = edge.createSigner({ baseUrl, key, presets });
    const recipe = 'w_300,h_200,fit_cover,rot_90,pad_10:20:10:20,crop_0:0:50pc:1p5,m_5';
    const options = { pixelRatio: 2, format: 'webp', version: '3', variables: { name: 'a b' } } as const;
    for (const preset of ['logo', 'w_300', recipe] as const) {
      const url = images.url('a,b c.jpg', preset, options);
      assert.equal(signer.url('a,b c.jpg', preset, options), url);
      assert.equal(await webSigner.url('a,b c.jpg', preset, options), url);
    }
    for (const [preset, says] of [
      ['lgoo', /did you mean "logo"/],
      ['w_0', /no inline recipe/],
      ['w_300,fit_cover', /no inline recipe/],
      ['w_300,rot_90,rot_180', /no inline recipe/],
    ] as const) {
      const name = preset as 'logo';
      for (const by of [images, signer]) assert.throws(() => by.url('a.jpg', name), says);
      await assert.rejects(webSigner.url('a.jpg', name), says);
    }
    assert.throws(() => signer.url('../a', 'logo'), /"..\/a" cannot be the id of an image. The id holds dot segments./);
  });

  it('refuse bad keys, names, ids and times', async () => {
    for (const bad of ['', 'zz'.repeat(32), '07'.repeat(31), '07'.repeat(32).slice(1), new Uint8Array(31)]) {
      assert.throws(() => node.createImageUrls({ baseUrl, key: bad }), /signing key/);
      assert.throws(() => edge.createImageUrls({ baseUrl, key: bad }), /signing key/);
    }
    const web = edge.createImageUrls({ baseUrl, key, presets });
    for (const id of ['', '/a', '../a', 'a/./b', 'a\\..\\b', 'a\0', 'a\n', 'x'.repeat(513)]) {
      assert.throws(() => images.url(id, 'card'), /cannot be the id/);
      await assert.rejects(web.url(id, 'card'), /cannot be the id/);
    }
    for (const expiresAt of [0, -1, 1.5, Number.NaN, new Date(Number.NaN)])
      assert.throws(() => images.url('a.jpg', 'card', { expiresAt }), /expiresAt/);
    // @ts-expect-error: the type system knows the names
    assert.throws(() => images.url('a.jpg', 'crad'), /no preset "crad" \(did you mean "card"\?\): card, logo, photo/);
    // @ts-expect-error: prototype names are no presets
    assert.throws(() => images.url('a.jpg', 'constructor'), /no preset/);
    assert.throws(() => images.url('a.jpg', 'card', { width: 500 }), /no width 500: 800, 200, 400/);
    assert.throws(() => images.url('a.jpg', 'logo', { pixelRatio: 3 }), /no pixel ratio 3/);
    assert.throws(() => images.url('a.jpg', 'logo', { format: 'avif' }), /no format avif/);
    // @ts-expect-error: without a presets file these are the built-in names
    assert.throws(() => node.createImageUrls({ baseUrl, key }).url('a.jpg', 'card'), /no preset/);
    assert.match(node.createImageUrls({ baseUrl, key }).url('a.jpg', 'avatar-small'), /avatar-small\/a\.jpg$/);
  });
});

describe('the server', () => {
  const server = createPresets({ definitions: presets, inline: true, faces: true });
  const signatures = createSignatures([Buffer.from(key, 'hex')]);
  const accepts = (url: string) => {
    const parsed = parseImageUrl(new URL(url).pathname + new URL(url).search);
    assert.ok(signatures.verify(parsed.signature, parsed), url);
    assert.equal(server.canonicalSuffix(parsed.preset, parsed.suffix), parsed.suffix, 'the server would redirect it');
    return { ...parsed, variant: server.resolve(parsed.preset, parsed.suffix, 'image/avif,image/webp') };
  };
  const urlsIn = (srcset = '') => (srcset ? srcset.split(', ').map((candidate) => candidate.split(' ')[0] ?? '') : []);

  it('accepts every URL of every family, for any id', () => {
    fc.assert(
      fc.property(
        legalId,
        fc.constantFrom('card', 'logo', 'photo', 'w_300,h_200,fit_cover', 'w_300,f_webp'),
        (id, preset) => {
          const { sources, img } = images.picture(id, preset as 'card', { expiresAt: 2_000_000_000 });
          for (const { type, srcset } of sources)
            for (const url of urlsIn(srcset)) {
              const { variant, ...parsed } = accepts(url);
              assert.equal(parsed.id, id);
              assert.equal(`image/${variant.recipe.output}`, type);
            }
          for (const url of [img.src, ...urlsIn(img.srcset)]) assert.equal(accepts(url).id, id);
          assert.equal(accepts(images.url(id, preset as 'card')).expiresAt, undefined);
        },
      ),
    );
  });
});
