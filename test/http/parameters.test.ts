import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { createImageUrls } from '../../src/url/sdk.ts';
import { startApp, TEST_KEY, type TestApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { rawGet } from '../helpers/raw-http.ts';
import { until } from '../helpers/turns.ts';

/** The signed parameters `dl`, `v` and `t.<name>`: what they change in an answer, and what they do not. */

const picture = (background: string) =>
  sharp({ create: { width: 400, height: 300, channels: 3, background } })
    .png()
    .toBuffer();
const [brown, blue] = [await picture('#884422'), await picture('#2244cc')];
const definitions = {
  thumb: { width: 150, height: 150, fit: 'cover', format: 'webp' },
  tiny: { width: 60, format: 'webp' },
  large: { width: 300, format: 'webp' },
};
const originals = createMemoryStore({ 'a.png': brown, 'x/é.png': brown });
const results = createMemoryStore();
let app: TestApp;
before(async () => {
  app = await startApp({ originals: originals.store, results: results.store, definitions, apiToken: 'a'.repeat(16) });
});
after(() => app.dispose());

const fetched = (id: string) => originals.calls.filter((call) => call === `get ${id}`).length;
const put = (id: string, body: Buffer) =>
  originals.objects.set(id, { body, contentType: undefined, cacheControl: undefined, metadata: {} });
async function ask(path: string, init: RequestInit = {}) {
  const answer = await app.get(path, { redirect: 'manual', ...init });
  return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) };
}
async function isBlue(body: Buffer): Promise<boolean> {
  const { dominant } = await sharp(body).stats();
  return dominant.b > dominant.r;
}

describe('dl', () => {
  it('has the same rendition saved under a name, from the same memory', async () => {
    const shown = await ask(app.path('thumb', 'a.png'));
    const saved = await ask(app.path('thumb', 'a.png', undefined, { download: 'Größe.webp' }));
    assert.equal(shown.headers.get('content-disposition'), null);
    assert.equal(
      saved.headers.get('content-disposition'),
      `attachment; filename="Gro_e.webp"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.webp`,
    );
    assert.equal(saved.headers.get('cache-status'), 'darkroom; hit; detail=memory');
    assert.deepEqual([saved.body, saved.headers.get('etag')], [shown.body, shown.headers.get('etag')]);
  });

  it('stands on no error and on no redirect', async () => {
    const missing = await ask(app.path('thumb', 'missing.png', undefined, { download: 'n.webp' }));
    const moved = await ask(app.path('thumb@1x', 'a.png', undefined, { download: 'n.webp' }));
    assert.deepEqual([missing.status, moved.status], [404, 301]);
    for (const { headers } of [missing, moved]) assert.equal(headers.get('content-disposition'), null);
  });

  it('cannot write headers', async () => {
    for (const name of ['a%0D%0ASet-Cookie:x=1', 'a%0a', '%00', 'a%C2%85b'])
      assert.equal((await rawGet(app.baseUrl, `/s/thumb/a.png?dl=${name}`)).status, 400, name);
    const name = 'a"; filename="evil.exe';
    const { headers } = await ask(app.path('thumb', 'a.png', undefined, { download: name }));
    assert.match(
      headers.get('content-disposition') ?? '',
      /^attachment; filename="a__ filename=_evil\.exe"; filename\*=/,
    );
  });
});

describe('v', () => {
  it('is another key and another read of the original, shared by its own presets only', async () => {
    put('s.png', brown);
    const versions = [undefined, '1', '2'].map((version) => (version === undefined ? {} : { version }));
    for (const [at, signed] of versions.entries()) {
      const first = await ask(app.path('large', 's.png', undefined, signed));
      assert.deepEqual([first.status, first.headers.get('cache-status')], [200, 'darkroom; fwd=miss']);
      assert.equal(fetched('s.png'), at + 1);
      const again = await ask(app.path('large', 's.png', undefined, signed));
      assert.equal(again.headers.get('cache-status'), 'darkroom; hit; detail=memory');
    }
    await app.saves.drain(60_000);
    const stored = [...results.objects.keys()].filter((key) => key.startsWith('s.png/large-'));
    assert.equal(stored.length, versions.length, stored.join());
  });

  it('shows the picture that the shop put there under an old id, and all other URLs follow', async () => {
    put('n.png', brown);
    assert.equal(await isBlue((await ask(app.path('large', 'n.png', undefined, { version: '1' }))).body), false);
    // Pixels and faces that are known of the old picture do not stand in for the new one.
    await ask(app.path('tiny', 'n.png', undefined, { version: '1' }));
    put('n.png', blue);
    for (const preset of ['tiny', 'large', 'thumb']) {
      const { status, body } = await ask(app.path(preset, 'n.png', undefined, { version: '2' }));
      assert.deepEqual([status, await isBlue(body)], [200, true], preset);
    }
    assert.equal(await isBlue((await ask(app.path('large', 'n.png', undefined, { version: '1' }))).body), true);
    assert.equal(await isBlue((await ask(app.path('large', 'n.png'))).body), true);
  });

  it('has one purge and one cache tag with all other versions', async () => {
    put('p.png', brown);
    const paths = [{}, { version: '1' }, { version: '1+2' }].map((signed) =>
      app.path('thumb', 'p.png', undefined, signed),
    );
    const tags = await Promise.all(paths.map(async (path) => (await ask(path)).headers.get('cache-tag')));
    assert.equal(new Set(tags).size, 1);
    await app.saves.drain(60_000);
    const stored = () => [...results.objects.keys()].filter((key) => key.startsWith('p.png/thumb-')).length;
    assert.equal(stored(), 3);
    assert.equal((await app.purge('p.png')).status, 200);
    await until(() => stored() === 0);
    const before = fetched('p.png');
    for (const path of paths) assert.equal((await ask(path)).headers.get('cache-status'), 'darkroom; fwd=miss');
    assert.equal(fetched('p.png'), before + 3);
  });

  it('shares one flight and one read among requests of one version, and none among versions', async () => {
    put('f.png', brown);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    originals.hold.get = async (key) => (key === 'f.png' ? held : undefined);
    const asked = ['1', '1', '2', '2'].map((version) => ask(app.path('thumb', 'f.png', undefined, { version })));
    await until(() => fetched('f.png') === 2);
    release();
    const statuses = (await Promise.all(asked)).map(({ headers }) => headers.get('cache-status'));
    delete originals.hold.get;
    assert.equal(fetched('f.png'), 2);
    assert.equal(statuses.filter((status) => status?.endsWith('collapsed')).length, 2);
  });
});

describe('t.<name>', () => {
  it('is 404 where the preset declares no such variable, and costs nothing', async () => {
    const before = originals.calls.length;
    const answer = await ask(app.path('thumb', 'a.png', undefined, { variables: { seller: 'Anna' } }));
    assert.deepEqual([answer.status, answer.headers.get('x-error')], [404, 'unknown_preset']);
    assert.equal(originals.calls.length, before);
  });
});

describe('signed parameters', () => {
  const all = { download: "it's/a b.webp", version: '7+1' };

  it('are covered by the signature, each of them', async () => {
    const good = app.path('thumb', 'a.png', undefined, all);
    assert.equal((await ask(good)).status, 200);
    const forged = [
      good.replace('v=7', 'v=8'),
      good.replace('dl=it', 'dl=at'),
      good.replace(/&v=.*/, ''),
      good.replace(/\?.*/, ''),
      good.replace('?dl', '?dl=x&exp=9999999999&dl').replace('dl=x&exp=9999999999&dl', 'dl'),
      app.path('thumb', 'a.png') + good.replace(/^.*\?/, '?'),
    ];
    const statuses = await Promise.all(forged.map(async (path) => (await ask(path)).status));
    assert.deepEqual(statuses, [403, 403, 403, 403, 200, 403]);
  });

  it('are kept by a redirect, and a plus stays a plus', async () => {
    const later = Math.floor(Date.now() / 1000) + 1000;
    const { status, headers } = await ask(app.path('thumb@1x', 'x/é.png', later, all));
    assert.deepEqual([status, headers.get('location')], [301, app.path('thumb', 'x/é.png', later, all)]);
    assert.equal((await ask(headers.get('location') ?? '')).status, 200);
    assert.equal((await ask((headers.get('location') ?? '').replace('%2B', '+'))).status, 200);
    assert.equal((await ask((headers.get('location') ?? '').replace('%2B', '%20'))).status, 403);
  });

  it('end with exp', async () => {
    const gone = await ask(app.path('thumb', 'a.png', 1, all));
    assert.deepEqual([gone.status, gone.headers.get('x-error')], [410, 'expired']);
  });

  it('come from the storefront in one call', async () => {
    const images = createImageUrls({ baseUrl: app.baseUrl, key: TEST_KEY, presets: definitions });
    const url = images.url('a.png', 'thumb', { download: 'chair.webp', version: '9' });
    const answer = await fetch(url);
    assert.equal(answer.headers.get('content-disposition'), 'attachment; filename="chair.webp"');
    await answer.arrayBuffer();
    for (const [options, message] of [
      [{ download: '' }, /dl is no text of 1 to 200 bytes/],
      [{ download: 'a\nb' }, /dl is no text/],
      [{ version: 7 as never }, /v is no text/],
      [{ version: '\ud800' }, /v is no text/],
      [{ version: 'x'.repeat(129) }, /v is no text of 1 to 128 bytes/],
      [{ variables: { Seller: 'x' } }, /names of a-z/],
      [{ variables: { seller: 'x'.repeat(257) } }, /t\.seller is no text of 0 to 256 bytes/],
      [{ variables: Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`a${at}`, ''])) }, /at most 8/],
    ] as const) {
      assert.throws(() => images.url('a.png', 'thumb', options), { name: 'TypeError', message });
    }
    assert.match(images.srcset('a.png', 'thumb', { version: '9' }), /\?v=9 1x, .*@2x\/a\.png\?v=9 2x/);
  });
});
