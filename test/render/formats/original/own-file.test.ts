import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { createDecoders } from '../../../../src/decoders/decoders.ts';
import { createPresets } from '../../../../src/presets/presets.ts';
import { PresetsError } from '../../../../src/presets/schema.ts';
import type { Recipe } from '../../../../src/render/recipe.ts';
import { createRenderer } from '../../../../src/render/render.ts';
import { familyOf } from '../../../../src/renditions/keys.ts';
import { createStepTimer } from '../../../../src/telemetry/step-timer.ts';
import { createImageUrls } from '../../../../src/url/sdk.ts';
import { startApp, TEST_KEY } from '../../../helpers/app.ts';
import { decodedFiles, LETTER_SVG } from '../../../helpers/decoded-files.ts';
import { heicFile } from '../../../helpers/heic-files.ts';
import { createMemoryStore } from '../../../helpers/memory-store.ts';
import { pixelsOf } from '../../../helpers/pictures.ts';
import { movingTexture, texture } from '../../../helpers/textures.ts';

const decoders = createDecoders({ threads: 1, idleMs: 10 });
after(() => decoders.close());
const renderer = createRenderer({ maxPixels: 100_000_000, maxFrames: 2, timeoutSeconds: 60 }, decoders);
const presets = (definitions: object) => createPresets({ definitions, inline: true, faces: false });
const file = presets({ file: { format: 'original' } }).resolve('file', '', undefined);

async function sent(original: Buffer, more: Partial<Recipe> = {}) {
  const source = await renderer.examine(original);
  return renderer.render(source, { ...file.recipe, ...more }, createStepTimer(), async () => []);
}

const SECRET = 'Parkstr. 1, second floor';
const PLACE = {
  IFD0: { Artist: 'Ada', Copyright: 'Shop', Model: SECRET },
  IFD3: { GPSLatitude: '52/1 31/1 0/1' },
};
const withPlace = (image: Sharp) =>
  image.withMetadata({ orientation: 6 }).withExif(PLACE).withIccProfile('p3').withXmp(`<x>${SECRET}</x>`);
/** In Display P3, so that its colours are wrong without the profile. */
const photo = () => texture(80, 60);

describe('the format original', () => {
  it('sends the pixels of JPEG, PNG and WebP to the byte, without metadata but turn and profile', async () => {
    for (const [format, image] of [
      ['jpeg', photo().jpeg()],
      ['png', photo().png()],
      ['webp', photo().webp({ lossless: true })],
    ] as const) {
      const original = await withPlace(image).toBuffer();
      assert.ok(original.includes(SECRET), format);
      const { body, contentType, width, height } = await sent(original);
      assert.equal(contentType, `image/${format}`);
      // As it is shown, lying on its side.
      assert.deepEqual([width, height], [60, 80]);
      const [before, after] = [await sharp(original).metadata(), await sharp(body).metadata()];
      assert.deepEqual([after.orientation, after.icc], [6, before.icc], format);
      assert.deepEqual((await pixelsOf(body)).data, (await pixelsOf(original)).data);
      for (const text of [SECRET, 'Ada', 'Shop', 'GPS', 'xmp']) assert.ok(!body.includes(text), `${format} ${text}`);
      assert.equal(after.xmp, undefined);
      const kept = (await sent(original, { copyright: true })).body;
      assert.ok(kept.includes('Ada') && kept.includes('Shop') && !kept.includes(SECRET), format);
      assert.equal((await sharp(kept).metadata()).orientation, 6);
      assert.deepEqual((await sent(original, { keepMetadata: true })).body, original);
    }
  });

  it('sends all frames of animations, more than are ever decoded too', async () => {
    const webp = await movingTexture();
    const gif = await sharp(webp, { animated: true }).gif().toBuffer();
    for (const original of [webp, gif]) {
      const { body } = await sent(original);
      const { pages, delay } = await sharp(body).metadata();
      assert.deepEqual([pages, delay], [3, [50, 60, 70]]);
    }
  });

  it('refuses what metadata cannot be taken out of, and SVG always', async () => {
    const files = [...(await decodedFiles()).values()].map(({ body }) => body);
    const refused = [
      ...(await Promise.all(files)),
      heicFile('tile-0.heic'),
      await texture(32, 32).avif().toBuffer(),
      Buffer.from(LETTER_SVG),
    ];
    assert.ok(refused.length > 10);
    for (const original of refused) await assert.rejects(sent(original), { code: 'original_unreadable' });
    assert.deepEqual((await sent(heicFile('tile-0.heic'), { keepMetadata: true })).body, heicFile('tile-0.heic'));
    assert.equal((await sent(heicFile('tile-0.heic'), { keepMetadata: true })).contentType, 'image/heic');
    await assert.rejects(sent(Buffer.from(LETTER_SVG), { keepMetadata: true }), { code: 'original_unreadable' });
    await assert.rejects(sent(Buffer.from('<html>')), { code: 'original_unreadable' });
  });

  it('is not on offer for an edited original', async () => {
    const original = await texture(32, 32).jpeg().toBuffer();
    await assert.rejects(sent(original, { edit: { rotate: 90 } }), { code: 'unknown_preset', status: 404 });
  });
});

describe('a preset of the format original', () => {
  it('needs no size and takes nothing that changes a picture', () => {
    assert.deepEqual([file.recipe.output, file.recipe.width], ['original', undefined]);
    for (const more of [
      { width: 100 },
      { quality: 70 },
      { background: '#ffffff' },
      { widths: [100] },
      { blur: 2 },
      { fit: 'cover' },
    ])
      assert.throws(
        () => presets({ file: { format: 'original', ...more } }),
        (error) => error instanceof PresetsError && error.message.includes(Object.keys(more)[0]!),
        JSON.stringify(more),
      );
    assert.doesNotThrow(() =>
      presets({ file: { format: 'original', keepCopyright: true, maxAge: 60, private: true } }),
    );
    assert.throws(() => presets({ card: { width: 100, keepMetadata: true } }), PresetsError);
  });

  it('has one size and one format, and an inline spelling', () => {
    const { resolve, canonicalSuffix } = presets({ file: { format: 'original' }, card: { width: 100 } });
    for (const [name, suffix] of [
      ['file', '@2x'],
      ['file', '.webp'],
      ['card', '.original'],
    ] as const)
      assert.throws(() => resolve(name, suffix, undefined), { code: 'unknown_preset' }, name + suffix);
    assert.equal(canonicalSuffix('file', '.original'), '');
    const inline = resolve('f_original,c_1,meta_1', '', undefined).recipe;
    assert.deepEqual([inline.output, inline.copyright, inline.keepMetadata], ['original', true, true]);
    assert.throws(() => resolve('f_original,w_100', '', undefined), { code: 'unknown_preset' });
  });

  it('stands in for no rendition, and none for it', () => {
    const { resolve } = presets({ file: { format: 'original' }, card: { width: 100, format: 'jpeg' } });
    assert.notEqual(familyOf('a', resolve('file', '', undefined)), familyOf('a', resolve('card', '', undefined)));
  });

  it('is one URL in markup', async () => {
    const options = { baseUrl: 'https://img.example', key: TEST_KEY, presets: { file: { format: 'original' } } };
    const { img, url } = createImageUrls(options);
    const markup = img('a.jpg', 'file', { meta: { width: 80, height: 60 } });
    assert.deepEqual([markup.srcset, markup.width, markup.height], [undefined, 80, 60]);
    assert.match(url('a.jpg', 'f_original'), /f_original\/a\.jpg$/);
  });
});

describe('an answer of the format original', () => {
  it('is kept, validated and refused as any other, and safe to open', async (t) => {
    const jpeg = await withPlace(photo().jpeg()).toBuffer();
    const store = createMemoryStore({ 'a.jpg': jpeg, 'a.heic': heicFile('tile-0.heic') });
    const results = createMemoryStore();
    const app = await startApp({
      originals: store.store,
      results: results.store,
      definitions: { file: { format: 'original' }, card: { width: 40 } },
    });
    t.after(() => app.dispose());
    // Pixels and proxy images of its siblings are nothing to it.
    await (await app.get(app.path('card', 'a.jpg'))).arrayBuffer();
    const first = await app.get(app.path('file', 'a.jpg'));
    const body = Buffer.from(await first.arrayBuffer());
    assert.deepEqual([first.status, first.headers.get('content-type')], [200, 'image/jpeg']);
    assert.equal((await sharp(body).metadata()).width, 80);
    assert.ok(!body.includes(SECRET));
    assert.equal(first.headers.get('content-security-policy'), "default-src 'none'; sandbox");
    const etag = first.headers.get('etag') ?? '';
    const again = await app.get(app.path('file', 'a.jpg'));
    assert.equal(again.headers.get('cache-status'), 'darkroom; hit; detail=memory');
    assert.deepEqual(Buffer.from(await again.arrayBuffer()), body);
    assert.equal((await app.get(app.path('file', 'a.jpg'), { headers: { 'if-none-match': etag } })).status, 304);
    const heic = await app.get(app.path('file', 'a.heic'));
    assert.equal(heic.status, 422);
    assert.match(await heic.text(), /HEIC originals are not sent as they are/);
  });
});
