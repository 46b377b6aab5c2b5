import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { createFolderUploads } from '../../src/api/uploads/folder-upload-target.ts';
import { REFUSAL_REASONS } from '../../src/errors.ts';
import { startApp, TEST_KEY, type TestApp } from '../helpers/app.ts';
import { astronaut, face, fixedFinder } from '../helpers/faces.ts';
import { assertHeaders, SAFE } from '../helpers/headers.ts';
import { createMemoryStore, receiverInto } from '../helpers/memory-store.ts';

const TOKEN = 'a-token-of-the-tests';
const auth = { authorization: `Bearer ${TOKEN}` };
const blue = await sharp({ create: { width: 300, height: 100, channels: 3, background: '#2040c0' } })
  .withMetadata({ orientation: 6 })
  .jpeg()
  .toBuffer();
const originals = createMemoryStore({
  'a/ü b.jpg': blue,
  'astronaut.jpg': astronaut,
  'bad.jpg': Buffer.from('<html>'),
  'worse.jpg': Buffer.from('<html>'),
});
const results = createMemoryStore();
let app: TestApp;
const finder = fixedFinder([face(0.3, 0.1, 0.2)]);

before(async () => {
  app = await startApp({
    ...{ originals: originals.store, deletable: originals.store, results: results.store },
    ...{ apiToken: TOKEN, finder },
  });
});
after(() => app.dispose());

const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = auth) =>
  app.get(path, {
    method,
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });

// biome-ignore lint/suspicious/noExplicitAny: the tests check the answers field by field
const jsonOf = async (answer: Response | Promise<Response>): Promise<any> => (await answer).json();

const expiredTicket = async () => {
  const uploads = createFolderUploads({ receiver: receiverInto(originals.store), signingKey: TEST_KEY, maxBytes: 1 });
  const terms = { key: 'product/a.jpg', contentType: 'image/jpeg', size: 1, expiresAt: 1000 };
  return (await uploads.ticket(terms, app.baseUrl)).url.split('/').at(-1);
};

describe('the API', () => {
  const routes: [string, string, unknown?][] = [
    ['GET', '/v1/openapi.json'],
    ['POST', '/v1/images/meta', { ids: ['astronaut.jpg'] }],
    ['DELETE', '/v1/images/nothing'],
    ['POST', '/v1/purge', { prefix: 'nothing/', dryRun: true }],
  ];
  for (const [method, path, body] of routes) {
    it(`${method} ${path}: 401 without a token, 403 with a wrong one, 200 with the right one`, async () => {
      const without = await call(method, path, body, {});
      assert.equal(without.status, 401);
      assert.equal(without.headers.get('www-authenticate'), 'Bearer');
      assert.equal((await jsonOf(without)).error, 'unauthorized');
      for (const authorization of ['Bearer ', `Basic ${TOKEN}`, TOKEN])
        assert.equal((await call(method, path, body, { authorization })).status, 401, authorization);
      for (const wrong of ['x', `${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase()]) {
        const answer = await call(method, path, body, { authorization: `Bearer ${wrong}` });
        assert.equal(answer.status, 403, wrong);
        assert.equal((await jsonOf(answer)).error, 'forbidden');
      }
      const right = await call(method, path, body);
      assert.equal(right.status, 200);
      assert.equal(right.headers.get('cache-control'), 'no-store');
      assertHeaders(right, SAFE);
    });
  }

  it('is not there without a token', async () => {
    const closed = await startApp({ originals: createMemoryStore().store });
    for (const [method, path] of routes)
      assert.equal((await closed.get(path, { method, headers: auth })).status, 404, `${method} ${path}`);
    await closed.dispose();
  });

  const wrong: [what: string, body: unknown, message: RegExp][] = [
    ['no body', undefined, /ids/],
    ['no JSON', '{', /cannot be read/],
    ['another type', '"ids"', /body|ids/],
    ['no list', { ids: 'a.jpg' }, /ids: /],
    ['an empty list', { ids: [] }, /ids: /],
    ['201 ids', { ids: Array.from({ length: 201 }, (_, at) => `${at}`) }, /ids: /],
    ['an id that is no text', { ids: ['a', 7] }, /ids\.1: /],
    ['an id that leaves its folder', { ids: ['../a'] }, /dot segments/],
    ['an unknown field', { ids: ['a'], size: 3 }, /size/],
  ];
  for (const [what, body, message] of wrong) {
    it(`POST /v1/images/meta: 400 for ${what}, naming it`, async () => {
      const answer = await call('POST', '/v1/images/meta', body);
      assert.equal(answer.status, 400);
      assert.match((await jsonOf(answer)).message, message);
    });
  }

  it('takes a call without a body whose type says JSON', async () => {
    const headers = { ...auth, 'content-type': 'application/json' };
    for (const body of [undefined, '']) {
      const init = (method: string) => ({ method, headers, ...(body === undefined ? {} : { body }) });
      const completed = await app.get('/v1/images/a%2F%C3%BC%20b.jpg/complete', init('POST'));
      assert.deepEqual([completed.status, (await jsonOf(completed)).format], [200, 'jpeg']);
      assert.equal((await app.get('/v1/images/nothing', init('DELETE'))).status, 200);
      const asked = await app.get('/v1/images/meta', init('POST'));
      assert.deepEqual([asked.status, /ids: /.test((await jsonOf(asked)).message)], [400, true]);
    }
    for (const body of ['{', '{"__proto__":{}}', ' '])
      assert.equal((await app.get('/v1/images/missing.jpg/complete', { method: 'POST', headers, body })).status, 400);
  });

  it('DELETE: 400 for bad ids and queries', async () => {
    for (const path of [
      '/v1/images/..%2Fa',
      '/v1/images/a%00',
      '/v1/images/%ff',
      `/v1/images/${'x'.repeat(513)}`,
      '/v1/images/a?original=yes',
      '/v1/images/a?orginal=true',
    ])
      assert.equal((await call('DELETE', path)).status, 400, path);
  });

  it('is kept by no cache, errors included', async () => {
    const { authorization } = auth;
    const upload = { method: 'PUT', body: 'x' };
    const rows: [status: number, path: string, init?: RequestInit][] = [
      [401, '/v1/openapi.json'],
      [403, '/v1/openapi.json', { headers: { authorization: 'Bearer x' } }],
      [400, '/v1/images/meta', { method: 'POST', headers: { authorization } }],
      [400, '/v1/images/a%00', { method: 'DELETE', headers: { authorization } }],
      [400, '/v1/images/%ff', { method: 'DELETE', headers: { authorization } }],
      [404, '/v1/images/missing.jpg/complete', { method: 'POST', headers: { authorization } }],
      [422, '/v1/images/worse.jpg/complete', { method: 'POST', headers: { authorization } }],
      [404, '/v1/images', { method: 'POST', headers: { authorization } }],
      [403, '/v1/uploads/x.y', upload],
      [410, `/v1/uploads/${await expiredTicket()}`, upload],
      [404, '/v1/uploads/a/b', upload],
    ];
    for (const [status, path, init] of rows) {
      const answer = await app.get(path, init);
      assert.deepEqual([path, answer.status, answer.headers.get('cache-control')], [path, status, 'no-store']);
    }
    assert.equal((await app.get('/x/thumb/a.jpg')).headers.get('cache-control'), 'public, max-age=60');
  });

  it('takes no body over 64 KiB', async () => {
    const answer = await call('POST', '/v1/images/meta', { ids: [`${'x'.repeat(70_000)}`] });
    assert.equal(answer.status, 400);
  });

  it('describes itself', async () => {
    const document = await jsonOf(call('GET', '/v1/openapi.json'));
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(Object.keys(document.paths), [
      '/v1/images/meta',
      '/v1/images/upload-url',
      '/v1/images/{id}/complete',
      '/v1/images/{id}',
      '/v1/purge',
      '/v1/purge/{job}',
    ]);
    const { schema } = document.paths['/v1/images/meta'].post.requestBody.content['application/json'];
    assert.equal(schema.properties.ids.maxItems, 200);
    for (const [path, status] of [
      ['/v1/images/upload-url', 400],
      ['/v1/images/{id}/complete', 413],
      ['/v1/images/{id}/complete', 422],
    ] as const) {
      const refusal = document.paths[path].post.responses[status].content['application/json'].schema;
      assert.deepEqual(refusal.properties.reason.enum, [...REFUSAL_REASONS]);
      assert.deepEqual(refusal.required, ['error', 'message', 'requestId']);
    }
  });
});

describe('placeholders', () => {
  it('tell size, colours and what failed, in the order asked for', async () => {
    const ids = ['missing.jpg', 'a/ü b.jpg', 'bad.jpg', 'a/ü b.jpg'];
    const { images } = await jsonOf(call('POST', '/v1/images/meta', { ids }));
    assert.deepEqual(
      images.map(({ id }: { id: string }) => id),
      ids,
    );
    assert.deepEqual([images[0].error, images[2].error], ['original_not_found', 'original_unreadable']);
    const { width, height, format, frames, dominantColor, thumbhash } = images[1];
    assert.deepEqual([width, height, format, frames], [100, 300, 'jpeg', 1]);
    const [red = 0, green = 0, blueish = 0] = dominantColor
      .match(/[0-9a-f]{2}/g)
      .map((hex: string) => Number.parseInt(hex, 16));
    assert.ok(Math.abs(red - 0x20) < 16 && Math.abs(green - 0x40) < 16 && Math.abs(blueish - 0xc0) < 16, dominantColor);
    assert.ok(Buffer.from(thumbhash, 'base64').length > 4);
    assert.deepEqual(images[3], images[1]);
  });

  it('take transparent parts for white and deep colours for what they look like', async () => {
    const stamp = await sharp({ create: { width: 30, height: 30, channels: 3, background: '#c03020' } })
      .png()
      .toBuffer();
    const cutout = await sharp({ create: { width: 200, height: 200, channels: 4, background: '#00000000' } })
      .composite([{ input: stamp }])
      .png()
      .toBuffer();
    const deep = await sharp({ create: { width: 200, height: 200, channels: 3, background: '#c03020' } })
      .withIccProfile('p3')
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    for (const [id, body] of Object.entries({ 'cutout.png': cutout, 'deep.png': deep }))
      originals.objects.set(id, { body, contentType: undefined, cacheControl: undefined, metadata: {} });
    const { images } = await jsonOf(call('POST', '/v1/images/meta', { ids: ['cutout.png', 'deep.png'] }));
    const colours = images.map(({ dominantColor }: { dominantColor: string }) =>
      [1, 3, 5].map((at) => Number.parseInt(dominantColor.slice(at, at + 2), 16)),
    );
    for (const [index, wanted] of [
      [255, 255, 255],
      [0xc0, 0x30, 0x20],
    ].entries())
      for (const [channel, value] of wanted.entries())
        assert.ok(Math.abs(colours[index][channel] - value) <= 16, `${images[index].dominantColor}`);
  });

  it('are computed once, kept in the sidecar beside the faces, and known to another process', async () => {
    await call('POST', '/v1/images/meta', { ids: ['astronaut.jpg'] });
    await app.get(app.path('og', 'astronaut.jpg'));
    await app.saves.drain(1000);
    const reads = originals.calls.filter((each) => each === 'get astronaut.jpg').length;
    const again = await jsonOf(call('POST', '/v1/images/meta', { ids: ['astronaut.jpg'] }));
    assert.equal(originals.calls.filter((each) => each === 'get astronaut.jpg').length, reads);
    assert.deepEqual(again.images[0].faces, [face(0.3, 0.1, 0.2)]);

    const nobody = createMemoryStore();
    const second = await startApp({ originals: nobody.store, results: results.store, apiToken: TOKEN });
    const answer = await second.get('/v1/images/meta', {
      method: 'POST',
      headers: { ...auth, 'content-type': 'application/json' },
      body: JSON.stringify({ ids: ['astronaut.jpg'] }),
    });
    assert.deepEqual(await jsonOf(answer), again);
    assert.equal(nobody.calls.length, 0);
    await second.dispose();
  });
});
