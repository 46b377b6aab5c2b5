import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createAssets } from '../../src/assets/assets.ts';
import { errors } from '../../src/errors.ts';
import { startApp, type TestAppOptions } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { patch, pixelsOf } from '../helpers/pictures.ts';

const flat = (background: string, width = 200, height = 100) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
const [red, blue] = [await flat('#ff0000'), await flat('#0000ff')];
const definitions = {
  shown: { width: 60, format: 'png', fallback: 'none.png', fallbackStatus: 200 },
  missing: { width: 60, format: 'auto', fallback: 'none.png', private: true },
  quick: { width: 60, format: 'png', fallback: 'none.png', maxAge: 4 },
  plain: { width: 60, format: 'png' },
};

async function start(files: Readonly<Record<string, Buffer>> = {}, options: Partial<TestAppOptions> = {}) {
  const originals = createMemoryStore(files);
  const results = createMemoryStore();
  const warn = () => {};
  const shop = createMemoryStore({ 'none.png': red });
  const assets = createAssets({ store: shop.store, maxBytes: 1e7, warn });
  await assets.load();
  let renders = 0;
  const app = await startApp({
    ...{ originals: originals.store, results: results.store, definitions, assets },
    wrapRenderer: (real) => ({
      ...real,
      render(...args) {
        renders += 1;
        return real.render(...args);
      },
    }),
    ...options,
  });
  const close = () => app.dispose();
  return { ...app, originals, results, shop, assets, renders: () => renders, [Symbol.asyncDispose]: close };
}

const errorOf = async (answer: Response) => ((await answer.json()) as { error?: string }).error;
const isRed = async (answer: Response) => {
  const picture = await pixelsOf(Buffer.from(await answer.arrayBuffer()));
  assert.deepEqual([picture.width, picture.height], [60, 30]);
  assert.deepEqual(patch(picture, 30, 15), [255, 0, 0]);
};

describe('the fallback of a preset', () => {
  it('stands for an original that is missing, with the status that the preset says and the error', async () => {
    await using app = await start();
    const shown = await app.get(app.path('shown', 'a.png'));
    const headers = (answer: Response, ...names: string[]) => names.map((name) => answer.headers.get(name));
    assert.equal(shown.status, 200);
    assert.deepEqual(
      headers(shown, 'x-error', 'cache-control', 'access-control-allow-origin', 'content-type', 'vary'),
      [...['original_not_found', 'public, max-age=10', '*', 'image/png', null]],
    );
    assert.match(shown.headers.get('etag') ?? '', /^"[\w-]+"$/);
    assert.deepEqual(headers(shown, 'cache-tag', 'cdn-tag', 'surrogate-key', 'content-disposition'), [
      null,
      null,
      null,
      null,
    ]);
    await isRed(shown);
    const missing = await app.get(app.path('missing', 'a.png'));
    assert.equal(missing.status, 404);
    assert.deepEqual(headers(missing, 'x-error', 'cache-control', 'vary', 'etag', 'last-modified'), [
      ...['original_not_found', 'private, max-age=10', 'Accept', null, null],
    ]);
    assert.equal(headers(await app.get(app.path('quick', 'a.png')), 'cache-control')[0], 'public, max-age=4');
    const plain = await app.get(app.path('plain', 'a.png'));
    assert.deepEqual([plain.status, await errorOf(plain)], [404, 'original_not_found']);
  });

  it('is answered to HEAD, and 304 where it is a 200', async () => {
    await using app = await start();
    const whole = await app.get(app.path('shown', 'a.png'));
    const { byteLength } = await whole.arrayBuffer();
    const head = await app.get(app.path('shown', 'a.png'), { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(byteLength)]);
    assert.equal((await head.arrayBuffer()).byteLength, 0);
    const etag = whole.headers.get('etag') ?? '';
    const known = { headers: { 'if-none-match': etag } };
    const same = await app.get(app.path('shown', 'b.png'), known);
    assert.deepEqual(
      [same.status, same.headers.get('etag'), same.headers.get('cache-control')],
      [304, etag, 'public, max-age=10'],
    );
    assert.equal((await app.get(app.path('quick', 'a.png'), known)).status, 404);
  });

  it('stands for what is broken, too large or taken down, and for nothing else', async () => {
    await using app = await start(
      {
        'broken.png': red.subarray(0, 100),
        'text.png': Buffer.from('text'),
        'heavy.png': Buffer.alloc(5000),
        'ok.png': blue,
      },
      { maxOriginalBytes: 4000, apiToken: 'a-token-of-the-tests' },
    );
    for (const [id, code] of [
      ['broken.png', 'original_unreadable'],
      ['text.png', 'original_unreadable'],
      ['heavy.png', 'original_too_large'],
    ] as const) {
      const answer = await app.get(app.path('shown', id));
      assert.deepEqual([answer.status, answer.headers.get('x-error')], [200, code], id);
      assert.equal(answer.headers.get('cache-control'), 'public, max-age=60');
      await isRed(answer);
    }
    assert.equal((await app.get(app.path('shown', 'ok.png'))).headers.get('x-error'), null);
    app.originals.objects.delete('ok.png');
    await app.purge('ok.png');
    await isRed(await app.get(app.path('shown', 'ok.png')));
    const forged = await app.get(app.path('shown', 'a.png').replace('/shown/', '/quick/'));
    assert.deepEqual([forged.status, await errorOf(forged)], [403, 'bad_signature']);
    const expired = await app.get(app.path('shown', 'a.png', 5));
    assert.deepEqual([expired.status, await errorOf(expired)], [410, 'expired']);
    app.originals.hold.get = async () => {
      throw errors.storeFailed(new Error('down'));
    };
    const failed = await app.get(app.path('shown', 'c.png'));
    assert.deepEqual([failed.status, await errorOf(failed)], [502, 'store_failed']);
  });

  it('is kept in memory alone, once for all originals, and is gone with the first answer after an upload', async () => {
    await using app = await start();
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((id) => app.get(app.path('shown', id))));
    for (const answer of answers) await isRed(answer);
    assert.equal(app.renders(), 1);
    await app.saves.drain(60_000);
    assert.deepEqual([...app.results.objects.keys()], []);
    app.originals.objects.set('a', { body: blue, contentType: undefined, cacheControl: undefined, metadata: {} });
    const uploaded = await app.get(app.path('shown', 'a'));
    assert.equal(uploaded.headers.get('x-error'), null);
    assert.match(uploaded.headers.get('cache-tag') ?? '', /^o-/);
    const picture = await pixelsOf(Buffer.from(await uploaded.arrayBuffer()));
    assert.deepEqual(patch(picture, 30, 15), [0, 0, 255]);
    assert.equal(uploaded.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  });

  it('follows its asset, for URLs that were asked for before too', async () => {
    await using app = await start();
    await isRed(await app.get(app.path('shown', 'a.png')));
    const green = await flat('#00ff00');
    app.shop.objects.set('none.png', { body: green, contentType: undefined, cacheControl: undefined, metadata: {} });
    await app.assets.refresh();
    const changed = await app.get(app.path('shown', 'a.png'));
    const picture = await pixelsOf(Buffer.from(await changed.arrayBuffer()));
    assert.deepEqual(patch(picture, 30, 15), [0, 255, 0]);
  });

  it('never outlives the URL', async () => {
    await using app = await start();
    const soon = Math.floor(Date.now() / 1000) + 6;
    const answer = await app.get(app.path('shown', 'a.png', soon));
    const [, seconds] = /max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '') ?? [];
    assert.ok(answer.status === 410 || Number(seconds) <= 6, `${seconds}`);
  });
});

describe('the texts of URLs', () => {
  it('are printed, or refused with a 4xx, and never a 500', { timeout: 240_000 }, async () => {
    const overlays = [{ text: 'by {seller}', size: 20 }];
    await using app = await start({ 'a.png': blue }, { definitions: { by: { width: 100, format: 'png', overlays } } });
    const status = async (variables: Record<string, string>) => {
      const answer = await app.get(app.path('by', 'a.png', undefined, { variables }));
      await answer.arrayBuffer();
      return answer.status;
    };
    for (const seller of [
      'Ann',
      '',
      '\u202eAnn',
      '<b>&',
      'a\u0301\u0301\u0301\u0301\u0301',
      'שלום',
      '日本',
      '\u{1f600}',
      'x'.repeat(256),
    ])
      assert.equal(await status({ seller }), 200, JSON.stringify(seller));
    const signed = (name: string, value: string) => status({ [name]: value });
    assert.equal(await signed('city', 'Ulm'), 404);
    assert.equal(await status({}), 404);
    assert.equal(await status({ seller: 'a', city: 'b' }), 404);
    for (const seller of ['a\u0007', 'a\nb', 'x'.repeat(257), `a${'\u0301'.repeat(200)}`])
      assert.equal(await status({ seller }), 400, JSON.stringify(seller.slice(0, 9)));
    // More than Node's parser takes for the head of a request (RFC 6585, 5).
    assert.equal(await status({ seller: `a${'\u0301'.repeat(10_000)}` }), 431);
  });
});
