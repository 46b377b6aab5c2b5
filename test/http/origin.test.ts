import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PEER_HEADER, PEER_PATH, peerSignature } from '../../src/api/peers.ts';
import { createVerifier } from '../../src/url/verify.ts';
import { startApp, TEST_KEY, type TestApp } from '../helpers/app.ts';
import { definitions, originals } from '../helpers/contract-originals.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

/** Pictures below a path prefix, and pictures for the CDN alone. */

const [NEW, OLD] = ['n'.repeat(32), 'o'.repeat(32)];

describe('a path prefix', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp({
      ...{ originals: originals.store, definitions, pathPrefix: '/shop/images', apiToken: 'a'.repeat(16) },
      deletable: createMemoryStore().store,
    });
  });
  after(() => app.dispose());
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await app.get(path, { redirect: 'manual', ...init });
    await answer.arrayBuffer();
    return answer;
  };

  it('stands before every picture, and nothing is a picture without it', async () => {
    const path = app.path('thumb', 'a.jpg');
    assert.match(path, /^\/shop\/images\//);
    assert.equal((await ask(path)).status, 200);
    const before = originals.calls.length;
    const bare = path.slice('/shop/images'.length);
    for (const wrong of [bare, `/shop${bare}`, `/SHOP/images${bare}`, `/shop%2Fimages${bare}`]) {
      const answer = await ask(wrong);
      assert.deepEqual([answer.status, answer.headers.get('x-error')], [404, 'not_found'], wrong);
    }
    assert.equal(originals.calls.length, before);
  });

  it('is kept by redirects, signed by nobody, and checked by the verifier', async () => {
    const moved = await ask(app.path('thumb@1x', 'a.jpg', undefined, { version: '1' }));
    assert.equal(moved.headers.get('location'), app.path('thumb', 'a.jpg', undefined, { version: '1' }));
    const verify = createVerifier({ keys: [TEST_KEY], pathPrefix: '/shop/images' });
    const path = app.path('thumb', 'a.jpg');
    assert.equal((await verify(path)).ok, true);
    assert.equal((await verify(`https://shop.example${path}`)).ok, true);
    assert.equal((await createVerifier({ keys: [TEST_KEY] })(path.slice('/shop/images'.length))).ok, true);
    const bare = await verify(path.slice('/shop/images'.length));
    assert.deepEqual([bare.ok, !bare.ok && bare.status], [false, 404]);
  });

  it('has the health checks below it too, and leaves the API where it is', async () => {
    for (const path of ['/health', '/ready', '/shop/images/health', '/shop/images/ready'])
      assert.equal((await ask(path)).status, 200, path);
    assert.equal((await app.meta(['a.jpg'])).status, 200);
    assert.equal((await ask('/shop/images/v1/openapi.json')).status, 404);
  });

  it('stands in the URLs that the API signs, and not in those of uploads', async () => {
    const answer = await app.get('/v1/images/upload-url', {
      method: 'POST',
      headers: { authorization: `Bearer ${'a'.repeat(16)}`, 'content-type': 'application/json' },
      body: JSON.stringify({ filename: 'a.jpg', contentType: 'image/jpeg', size: 9, category: 'product' }),
    });
    const { urls, uploadUrl } = (await answer.json()) as { urls: Record<string, string>; uploadUrl: string };
    assert.ok(urls.thumb?.startsWith(`${app.baseUrl}/shop/images/`), urls.thumb);
    assert.ok(uploadUrl.startsWith(`${app.baseUrl}/v1/uploads/`), uploadUrl);
  });
});

describe('an origin secret', () => {
  let app: TestApp;
  const lines: string[] = [];
  before(async () => {
    app = await startApp({
      ...{ originals: originals.store, definitions, originSecrets: [NEW, OLD], apiToken: 'a'.repeat(16) },
      log: (line) => lines.push(line),
    });
  });
  after(() => app.dispose());
  const ask = async (path: string, secret?: string) => {
    const answer = await app.get(path, secret === undefined ? {} : { headers: { 'x-origin-secret': secret } });
    await answer.arrayBuffer();
    return answer;
  };

  it('opens pictures, the new one and the old one', async () => {
    for (const secret of [NEW, OLD]) assert.equal((await ask(app.path('thumb', 'a.jpg'), secret)).status, 200);
  });

  it('is needed before any work: forged, broken and good URLs are refused alike, and no cache keeps that', async () => {
    await ask(app.path('thumb', 'a.jpg'), NEW);
    const before = [originals.calls.length, app.cache.hits];
    const wrong = [undefined, '', 'x', NEW.slice(1), `${NEW}n`, `${NEW}, ${OLD}`, `${NEW},${NEW}`, NEW.toUpperCase()];
    for (const path of [app.path('thumb', 'a.jpg'), '/forged/thumb/a.jpg', '/s/thumb/%00', '/favicon.ico'])
      for (const secret of wrong) {
        const answer = await ask(path, secret);
        assert.deepEqual(
          [answer.status, answer.headers.get('x-error'), answer.headers.get('cache-control')],
          [403, 'forbidden', 'no-store'],
          `${path} ${secret}`,
        );
        assert.equal(answer.headers.get('vary'), null);
      }
    assert.deepEqual([originals.calls.length, app.cache.hits], before);
  });

  it('is not needed for health and the API', async () => {
    for (const path of ['/health', '/ready']) assert.equal((await ask(path)).status, 200);
    assert.equal((await app.meta(['a.jpg'])).status, 200);
    const body = JSON.stringify({ ids: ['a.jpg'] });
    const headers = { 'content-type': 'application/json', [PEER_HEADER]: peerSignature(body, TEST_KEY) };
    assert.equal((await app.get(PEER_PATH, { method: 'POST', headers, body })).status, 200);
  });

  it('is in no log line', () => {
    assert.ok(lines.length > 0);
    for (const line of lines) assert.ok(!line.includes(NEW) && !line.includes(OLD), line);
  });
});
