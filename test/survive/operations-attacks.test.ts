import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { createAssets } from '../../src/assets/assets.ts';
import { startApp, TEST_KEY, type TestApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

/**
 * Operations under attack, over real connections. What values are cleaned to, and what the schema refuses, is in
 * test/presets/overlays.test.ts; bodies of PATCH that are wrong, and several at once, in test/api/edits.test.ts.
 */

const TOKEN = 'a-token-of-the-tests';
const flat = (background: string, width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
const definitions = {
  plain: { width: 60, format: 'png' },
  named: { width: 100, format: 'png', overlays: [{ text: 'by {seller}', size: 12 }] },
  huge: {
    ...{ width: 100, format: 'png' },
    overlays: Array.from({ length: 4 }, (_, at) => ({ image: 'huge.png', width: 100, rotate: at * 20, opacity: 0.5 })),
  },
  tight: { width: 100, format: 'jpeg', maxBytes: 1 },
};
let app: TestApp;
let untouched: Buffer;

before(async () => {
  const originals = createMemoryStore({
    'a.png': await flat('#3366cc', 200, 150),
    'b.png': await flat('#cc3366', 90, 90),
  });
  const shop = createMemoryStore({
    'huge.png': await flat('#ffcc00', 2048, 2048),
    'logo.png': await flat('#000000', 20, 20),
  });
  const assets = createAssets({ store: shop.store, maxBytes: 1e9, warn: () => {} });
  await assets.load();
  app = await startApp({
    ...{ originals: originals.store, deletable: originals.store, results: createMemoryStore().store },
    ...{ definitions, assets, apiToken: TOKEN },
  });
  untouched = await picture(app.path('plain', 'b.png'));
});
after(() => app.dispose());

async function answer(path: string, init?: RequestInit) {
  const told = await app.get(path, init);
  return { status: told.status, body: Buffer.from(await told.arrayBuffer()) };
}
async function picture(path: string): Promise<Buffer> {
  const { status, body } = await answer(path);
  assert.equal(status, 200, body.toString('utf8', 0, 200));
  return body;
}
/** Right pictures have the size of their preset; all other answers are a 4xx with a code. */
async function isClear(what: string, path: string, size?: [number, number]) {
  const { status, body } = await answer(path);
  if (status === 200 && size) {
    const { width, height } = await sharp(body).metadata();
    assert.deepEqual([width, height], size, what);
    return;
  }
  assert.ok(status >= 400 && status < 500, `${what}: ${status}`);
  assert.match(JSON.parse(body.toString()).error, /^[a-z_]+$/, what);
}
/** Of a signer that looks at nothing: the text is section 2 of the URL's own, whatever the value holds. */
function signedAnyhow(seller: string): string {
  const text = `darkroom:v2\nnamed\na.png\nt.seller=${seller}`;
  const signature = createHmac('sha256', TEST_KEY).update(text).digest().subarray(0, 16).toString('base64url');
  return `/${signature}/named/a.png?t.seller=${encodeURIComponent(seller)}`;
}
const b64 = (text: string) => Buffer.from(text).toString('base64url');
const patch = (body: string, id = 'a.png') =>
  answer(`/v1/images/${encodeURIComponent(id)}`, {
    ...{ method: 'PATCH', body },
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
  });

describe('operations under attack', () => {
  it('print names that mean harm as text, or refuse them', async () => {
    const names = [
      ...['<span size="999999">x</span>', '&amp;&#x202e;', '<!--', '</markup>', '\u202eevil\u202c', '\u2066\u2067x'],
      ...['{seller}', '{', '%s%n', '$x', '__proto__', '\ufffd', '\u200b', ' ', `x${'\u0301'.repeat(60)}`],
      ...['x'.repeat(200), '\u{1f468}\u200d\u{1f469}'.repeat(10)],
    ];
    assert.equal(signedAnyhow('Ann'), app.path('named', 'a.png', undefined, { variables: { seller: 'Ann' } }));
    for (const seller of names)
      await isClear(
        JSON.stringify(seller),
        app.path('named', 'a.png', undefined, { variables: { seller } }),
        [100, 75],
      );
    for (const seller of ['a\u0000b', 'a\nb', '\u001b[2J', '\u0085', 'x'.repeat(5000), `x${'\u0301'.repeat(10_000)}`]) {
      await isClear(JSON.stringify(seller.slice(0, 9)), signedAnyhow(seller));
    }
  });

  it('take exactly the variables of a preset', async () => {
    for (const variables of [{}, { seller: 'a', other: 'b' }, { other: 'b' }, { constructor: 'x' }, { seler: 'a' }])
      await isClear(JSON.stringify(variables), app.path('named', 'a.png', undefined, { variables }));
    await isClear('one for a preset without', app.path('plain', 'a.png', undefined, { variables: { seller: 'a' } }));
  });

  it('answer inline recipes that climb, nest or name what objects are made of with a 4xx', async () => {
    const image = (name: string) => `w_60,o_image:${b64(name)}`;
    const recipes = [
      ...['../huge.png', '..', '/etc/passwd', 'a/../../x', 'huge.png\0', '.hidden', 'file:///etc/passwd'].map(image),
      ...['w_60,__proto___1', 'w_60,constructor_1', 'w_60,toString_1', 'w_60,o_constructor:1', 'w_60,o___proto__:1'],
      ...[
        `w_60,o_text:${b64('x')}:__proto__:1`,
        `w_60,o_text:${b64('x\u0000y')}:size:1e9`,
        'w_60,crop_:::',
        'w_60,crop_NaN:0:1:1',
      ],
      ...[
        `w_60,o_${'text:eA::'.repeat(5)}text:eA`,
        `w_60,o_${':'.repeat(900)}`,
        `w_60,redact_boxes:${'0p1:'.repeat(200)}0p1`,
      ],
      ...[
        'w_60,blur_Infinity',
        'w_60,brightness_1e9',
        'w_60,radius_-1',
        'w_60,pad_30:30:30',
        'w_60,max_0',
        'w_60,max_1p5',
      ],
      ...['w_8192,h_8192,fit_contain,en_1,rot_45', `w_60,sepia_${'9'.repeat(900)}`, 'w_60,page_-1', 'w_60,ar_0:0'],
    ];
    for (const recipe of recipes) await isClear(recipe.slice(0, 60), app.path(recipe, 'a.png'));
  });

  it('refuse an asset of 8,192 pixels, draw four of the largest, and send what a limit of one byte cannot hold', {
    timeout: 240_000,
  }, async () => {
    const { store } = createMemoryStore({ 'wide.png': await flat('#ffcc00', 8192, 8192) });
    await assert.rejects(
      createAssets({ store, maxBytes: 1e9, warn: () => {} }).load(),
      /wide\.png has 8192 × 8192 pixels/,
    );
    const { data, info } = await sharp(await picture(app.path('huge', 'a.png')))
      .raw()
      .toBuffer({ resolveWithObject: true });
    assert.deepEqual([info.width, info.height], [100, 75]);
    const [red = 0, , blue = 0] = data.subarray((37 * 100 + 50) * info.channels);
    assert.ok(red > 200 && blue < 60, `${red} ${blue}`);
    await isClear('maxBytes 1', app.path('tight', 'a.png'), [100, 75]);
    await isClear('maxBytes 1, inline', app.path('w_60,max_1,f_webp', 'a.png'), [60, 45]);
  });

  it('keep one of two edits that come at once, whole, and refuse those that are none', async () => {
    const both = await Promise.all([patch('{"rotate":90}'), patch('{"rotate":270}')]);
    for (const { status } of both) assert.ok(status === 200 || status === 409 || status === 412, String(status));
    const { width, height } = await sharp(await picture(app.path('plain', 'a.png'))).metadata();
    assert.deepEqual([width, height], [60, 80]);
    for (const body of ['{"rotate":NaN}', '{"focus":{"x":1e999,"y":0}}', '{"constructor":{"prototype":{"rotate":90}}}'])
      assert.equal((await patch(body)).status, 400, body);
    assert.equal((await patch('{"rotate":90}', 'nowhere.png')).status, 404);
    const large = await patch(`{"alt":"${'x'.repeat(2_000_000)}"}`).catch(() => ({ status: 400 }));
    assert.ok(large.status === 400 || large.status === 413, String(large.status));
  });

  it('change no other picture', async () => {
    assert.deepEqual(await picture(app.path('plain', 'b.png')), untouched);
    const fresh = await sharp(await picture(app.path('w_30,f_png', 'b.png'))).stats();
    assert.deepEqual([fresh.dominant.r > fresh.dominant.b, fresh.isOpaque], [true, true]);
  });
});
