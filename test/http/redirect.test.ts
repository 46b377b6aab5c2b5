import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startApp, type TestApp } from '../helpers/app.ts';
import { originals } from '../helpers/contract-originals.ts';
import { assertHeaders, SAFE } from '../helpers/headers.ts';
import { rawGet } from '../helpers/raw-http.ts';

const definitions = {
  thumb: { width: 150, height: 150, fit: 'cover', format: 'webp' },
  card: { width: 60, format: 'auto', widths: [60, 120] },
  odd: { width: 40, format: 'png', pixelRatios: [2], widths: [40] },
};
let app: TestApp;
before(async () => {
  app = await startApp({ originals: originals.store, definitions });
});
after(() => app.dispose());

const inUnixSeconds = (more: number) => Math.floor(Date.now() / 1000) + more;
const ask = (path: string, init: RequestInit = {}) => app.get(path, { redirect: 'manual', ...init });

describe('a URL with a suffix that says nothing', () => {
  it('is moved to the URL without it', async () => {
    for (const [from, to] of [
      ['thumb@1x', 'thumb'],
      ['thumb.webp', 'thumb'],
      ['thumb@1x.webp', 'thumb'],
      ['thumb@2x.webp', 'thumb@2x'],
      ['thumb@1x.avif', 'thumb.avif'],
      ['odd@40w.png', 'odd@40w'],
      ['card@1x', 'card'],
      ['card@1x.webp', 'card.webp'],
      ['w_30,f_webp@1x.webp', 'w_30,f_webp'],
    ] as const) {
      const answer = await ask(app.path(from, 'a.jpg'));
      assert.deepEqual([answer.status, answer.headers.get('location')], [301, app.path(to, 'a.jpg')], from);
      assert.equal((await ask(answer.headers.get('location') ?? '')).status, 200, to);
    }
  });

  it('is moved by the headers of the contract, without a body', async () => {
    const answer = await ask(app.path('thumb.webp', 'a.jpg'));
    assertHeaders(answer, {
      ...SAFE,
      location: app.path('thumb', 'a.jpg'),
      'cache-control': 'public, max-age=86400',
      'content-length': '0',
      'cache-tag': /^o-/,
      vary: null,
      etag: null,
      'x-error': null,
    });
    assert.equal(await answer.text(), '');
    const head = await ask(app.path('thumb.webp', 'a.jpg'), { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('location')], [301, app.path('thumb', 'a.jpg')]);
    assertHeaders(await ask(app.path('card@1x', 'a.jpg')), { vary: 'Accept' });
  });

  it('keeps its expiry, and is kept no longer than that', async () => {
    const soon = inUnixSeconds(100);
    for (let round = 0; round < 2; round += 1) {
      const answer = await ask(app.path('thumb@1x', 'a.jpg', soon));
      assert.deepEqual([answer.status, answer.headers.get('location')], [301, app.path('thumb', 'a.jpg', soon)]);
      assert.match(answer.headers.get('cache-control') ?? '', /^public, max-age=(\d\d|100)$/);
    }
    const late = await ask(app.path('thumb@1x', 'a.jpg', inUnixSeconds(1_000_000)));
    assert.equal(late.headers.get('cache-control'), 'public, max-age=86400');
  });

  it('is moved in one step from any spelling of the id', async () => {
    const { status, headers } = await rawGet(app.baseUrl, app.path('thumb@1x', 'x/é a.jpg').replace('@', '%40'));
    assert.deepEqual([status, headers.location], [301, app.path('thumb', 'x/é a.jpg')]);
  });

  it('is moved whatever the client holds, and costs no store call', async () => {
    const before = originals.calls.length;
    const answer = await ask(app.path('thumb@1x', 'never-there.jpg'), { headers: { 'if-none-match': '*' } });
    assert.equal(answer.status, 301);
    assert.equal(originals.calls.length, before);
  });

  it('is refused first where it is forged, expired or not declared', async () => {
    const good = app.path('thumb@1x', 'a.jpg');
    const forged = good.replace(/^\/./, good.startsWith('/_') ? '/-' : '/_');
    const codes = [forged, app.path('thumb@1x', 'a.jpg', inUnixSeconds(-5)), app.path('odd@1x', 'a.jpg')].map(
      async (path) => (await ask(path)).status,
    );
    assert.deepEqual(await Promise.all(codes), [403, 410, 404]);
    assert.equal((await ask(app.path('card.auto', 'a.jpg'))).status, 404);
  });
});

describe('a URL with a suffix that says something', () => {
  it('stays: an own width, another format, a negotiated preset', async () => {
    for (const preset of ['card@60w', 'odd@40w', 'card.webp', 'card.jpeg', 'thumb.avif', 'thumb@2x'])
      assert.equal((await ask(app.path(preset, 'a.jpg'))).status, 200, preset);
  });
});
