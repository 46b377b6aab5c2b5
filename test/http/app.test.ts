import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { startApp, type TestApp } from '../helpers/app.ts';
import { definitions, originals, photo } from '../helpers/contract-originals.ts';
import { assertHeaders, SAFE } from '../helpers/headers.ts';
import { rawExchange } from '../helpers/raw-http.ts';

let app: TestApp;

before(async () => {
  app = await startApp({ originals: originals.store, definitions, maxPixels: 200_000 });
});
after(() => app.dispose());

describe('a picture', () => {
  it('comes with every header of the contract', async () => {
    const response = await app.get(app.path('thumb', 'a.jpg'));
    const body = Buffer.from(await response.arrayBuffer());
    assert.equal(response.status, 200);
    assertHeaders(response, {
      ...SAFE,
      'content-type': 'image/webp',
      'content-length': String(body.length),
      'cache-control': 'public, max-age=31536000, immutable',
      etag: /^"[A-Za-z0-9_-]{22}"$/,
      vary: null,
      'accept-ranges': 'none',
      'last-modified': /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/,
      'cache-status': 'darkroom; fwd=miss',
      'server-timing': /^queue;dur=[\d.]+, origin;dur=[\d.]+, decode;dur=[\d.]+, encode;dur=[\d.]+, total;dur=[\d.]+$/,
      'cache-tag': /^o-[0-9a-f]{32}$/,
      'x-request-id': /^[0-9a-f]{12}-[0-9a-z]+$/,
      'x-error': null,
      'set-cookie': null,
    });
    const { format, width, height } = await sharp(body).metadata();
    assert.deepEqual([format, width, height], ['webp', 150, 150]);
  });

  it('has a cache tag of its original, whatever the preset', async () => {
    const tag = async (target: string) => (await app.get(target)).headers.get('cache-tag');
    // What a purge names is found under each CDN's own header: Cloudflare's and CloudFront's, bunny.net's, Fastly's.
    const { headers } = await app.get(app.path('thumb', 'a.jpg'));
    for (const name of ['cdn-tag', 'surrogate-key']) assert.equal(headers.get(name), headers.get('cache-tag'), name);
    assert.equal(await tag(app.path('thumb', 'a.jpg')), await tag(app.path('card.jpeg', 'a.jpg')));
    assert.notEqual(await tag(app.path('thumb', 'a.jpg')), await tag(app.path('thumb', 'cutout.png')));
  });

  it('lasts as long as its URL', async () => {
    const soon = Math.floor(Date.now() / 1000) + 100;
    const response = await app.get(app.path('thumb', 'a.jpg', soon));
    assert.match(response.headers.get('cache-control') ?? '', /^public, max-age=(9\d|100), immutable$/);
  });

  it('answers HEAD as GET, without the body', async () => {
    const target = app.path('thumb', 'a.jpg');
    const get = await app.get(target);
    const head = await app.get(target, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal((await head.arrayBuffer()).byteLength, 0);
    const compared = (response: Response) =>
      Object.fromEntries(
        [...response.headers].filter(
          ([name]) =>
            !['x-request-id', 'server-timing', 'date', 'cache-status', 'connection', 'keep-alive'].includes(name),
        ),
      );
    assert.deepEqual(compared(head), compared(get));
  });

  it('answers HEAD on a miss and Range as a whole', async () => {
    const head = await app.get(app.path('thumb@2x', 'a.jpg'), { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('cache-status')], [200, 'darkroom; fwd=miss']);
    const ranged = await app.get(app.path('thumb', 'a.jpg'), { headers: { range: 'bytes=0-9' } });
    assert.equal(ranged.status, 200);
  });

  it('is the same whatever else a client sends', async () => {
    const target = app.path('thumb', 'a.jpg');
    const plain = Buffer.from(await (await app.get(target)).arrayBuffer());
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      'x-original-url': '/other',
      'x-http-method-override': 'DELETE',
      cookie: 'a=b',
      authorization: 'Bearer x',
      origin: 'https://evil.example',
      accept: 'text/html',
      'x-request-id': 'mine\tforged',
    };
    const response = await app.get(target, { headers });
    assert.equal(response.headers.get('cache-status'), 'darkroom; hit; detail=memory');
    assert.doesNotMatch(JSON.stringify([...response.headers]), /evil|forged/);
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(plain));
  });
});

describe('304', () => {
  it('is answered to any match where the plain answer would be that 200, from memory without store or render', async () => {
    const target = app.path('card', 'a.jpg');
    const etag = (await app.get(target)).headers.get('etag') ?? assert.fail();
    const before = originals.calls.length;
    for (const ifNoneMatch of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const response = await app.get(target, { headers: { 'if-none-match': ifNoneMatch } });
      assert.equal(response.status, 304);
      assertHeaders(response, {
        ...SAFE,
        etag,
        vary: 'Accept',
        'cache-control': 'public, max-age=31536000, immutable',
        'cache-tag': /^o-/,
      });
      assert.equal((await response.arrayBuffer()).byteLength, 0);
    }
    assert.equal(originals.calls.length, before);
    const forged = await app.get(target.replace(/^\/./, '/_'), { headers: { 'if-none-match': '*' } });
    assert.equal(forged.status, 403);
  });

  it('is not answered for what does not exist, cannot be read or does not match', async () => {
    for (const [id, ifNoneMatch, status] of [
      ['never-there.jpg', '*', 404],
      ['notes.txt', '*', 422],
      ['a.jpg', '"other"', 200],
    ] as const) {
      const response = await app.get(app.path('card', id), { headers: { 'if-none-match': ifNoneMatch } });
      assert.equal(response.status, status, id);
      if (status !== 200) assertHeaders(response, { etag: null, 'cache-control': /^public, max-age=\d\d$/ });
    }
  });
});

describe('negotiation', () => {
  const ask = async (target: string, accept: string) => app.get(target, { headers: { accept } });

  it('gives each class its own bytes, key and ETag, and says Vary', async () => {
    const etags = new Set<string | null>();
    for (const [accept, type] of [
      ['image/avif,image/webp,*/*', 'image/avif'],
      ['image/webp,*/*', 'image/webp'],
      ['*/*', 'image/jpeg'],
    ] as const) {
      const response = await ask(app.path('card', 'a.jpg'), accept);
      assertHeaders(response, { 'content-type': type, vary: 'Accept' });
      etags.add(response.headers.get('etag'));
    }
    assert.equal(etags.size, 3);
  });

  it('gives png as the base of an original with transparent parts', async () => {
    const response = await ask(app.path('card', 'cutout.png'), '*/*');
    assertHeaders(response, { 'content-type': 'image/png', vary: 'Accept' });
  });

  it('keeps at most three renditions whatever Accept says', async () => {
    const fresh = await startApp({ originals: originals.store, definitions });
    for (let n = 0; n < 50; n += 1) {
      const accept = [`image/x-${n}`, n % 2 ? 'image/avif' : 'text/html', n % 3 ? 'image/webp;q=0.5' : '*/*'].join(',');
      assert.equal((await fresh.get(fresh.path('card', 'a.jpg'), { headers: { accept } })).status, 200);
    }
    assert.equal(fresh.cache.entries, 3);
    await fresh.dispose();
  });

  it('says Vary on errors of such URLs too, and on no other answer', async () => {
    const vary = async (target: string) => (await app.get(target)).headers.get('vary');
    assert.equal(await vary(app.path('card', 'missing.jpg')), 'Accept');
    assert.equal(await vary(app.path('card', 'notes.txt')), 'Accept');
    assert.equal(await vary(app.path('card', 'a.jpg', 1)), 'Accept');
    assert.equal(await vary(app.path('card@9x', 'a.jpg')), 'Accept');
    assert.equal(await vary(app.path('card.webp', 'a.jpg')), null);
    assert.equal(await vary(app.path('card.webp', 'missing.jpg')), null);
    assert.equal(await vary(app.path('thumb', 'missing.jpg')), null);
    assert.equal(await vary('/health'), null);
  });
});

describe('beside the pictures', () => {
  it('health lives, ready follows the process', async () => {
    const before = originals.calls.length;
    assert.deepEqual(await (await app.get('/health')).json(), { status: 'ok', version: '0.0.0-test' });
    assert.equal((await app.get('/ready')).status, 200);
    app.life.ready = false;
    assert.equal((await app.get('/ready')).status, 503);
    app.life.ready = true;
    app.life.draining = true;
    const draining = await app.get('/ready');
    assert.deepEqual([draining.status, draining.headers.get('connection')], [503, 'close']);
    assert.equal((await app.get('/health')).status, 200);
    app.life.draining = false;
    assert.equal(originals.calls.length, before);
  });

  it('takes ids of 512 bytes, however long once encoded', async () => {
    const id = `${'é'.repeat(254)}.jpg`;
    originals.objects.set(id, { body: photo, contentType: undefined, cacheControl: undefined, metadata: {} });
    assert.equal((await app.get(app.path('thumb', id))).status, 200);
    const encoded = encodeURIComponent(id).replaceAll('.', '%2E').toLowerCase();
    const [, signature] = app.path('thumb', id).split('/');
    assert.equal((await app.get(`/${signature}/thumb/${encoded}`)).status, 200);
  });

  it('answers what is no HTTP in the same form, and closes', async () => {
    const asked: [text: string, status: string][] = [
      ['hello\r\n\r\n', '400'],
      [`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, '431'],
      ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', '400'],
      ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', '400'],
    ];
    for (const [text, status] of asked) {
      const answer = await rawExchange(app.port, text);
      assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer.slice(0, 60));
      assert.match(answer, /x-content-type-options: nosniff\r\n[\s\S]*"error":"bad_request"/);
    }
  });

  it('refuses methods before it looks at a body', async () => {
    const post = (path: string) =>
      app.get(path, { method: 'POST', body: 'x', headers: { 'content-type': 'text/odd' } });
    assert.equal((await post('/v1/images/upload-url')).status, 404);
    assert.equal((await post(app.path('thumb', 'a.jpg'))).status, 405);
  });
});
