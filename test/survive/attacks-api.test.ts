import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import { createFolderUploads } from '../../src/api/uploads/folder-upload-target.ts';
import { createHttpOrigin } from '../../src/stores/http/http-origin.ts';
import { startApp, TEST_KEY, type TestApp } from '../helpers/app.ts';
import { createFolderOriginals } from '../helpers/folder-originals.ts';
import { SAFE } from '../helpers/headers.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { startOriginServer } from '../helpers/origin-server.ts';
import { rawExchange, rawGet, splitAnswers } from '../helpers/raw-http.ts';
import { startFaultyServer } from '../helpers/tcp-faults.ts';

const TOKEN = 'a-token-of-the-tests';
const definitions = {
  thumb: { width: 40, height: 40, fit: 'cover', format: 'webp' },
  card: { width: 30, height: 30, fit: 'inside', format: 'auto', formats: ['avif', 'webp', 'jpeg', 'png'] },
};
const photo = await sharp({ create: { width: 60, height: 50, channels: 3, background: '#3366cc' } })
  .jpeg()
  .toBuffer();
const html = Buffer.from('<!doctype html><script>alert(1)</script>');
const originals = createMemoryStore({ 'a.jpg': photo, 'page.jpg': html, '<script>alert(1)</script>': photo });
let app: TestApp;
const folder = await createFolderOriginals();
before(async () => {
  app = await startApp({
    ...{ originals: originals.store, deletable: originals.store, receiver: folder.receiver },
    ...{ definitions, apiToken: TOKEN },
  });
});
after(async () => {
  await app.dispose();
  await folder.dispose();
});

const json = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
const post = (path: string, body: string, headers: Record<string, string> = json) =>
  app.get(path, { method: 'POST', headers, body });
const tried = (context: TestContext, count: number) => context.diagnostic(`${count} attacks`);

describe('what a browser could run', () => {
  it('is nowhere: every answer is inert, and none repeats what was sent', async (context) => {
    const hostile = encodeURIComponent('<script>alert(1)</script>');
    const good = app.path('thumb', 'a.jpg');
    const [, signature] = good.split('/');
    const accept = (type: string) => ({ headers: { accept: type } });
    const rows: [what: string, type: string | null, status: number, () => Promise<Response>][] = [
      ['webp', 'image/webp', 200, () => app.get(good)],
      ['jpeg', 'image/jpeg', 200, () => app.get(app.path('card.jpeg', 'a.jpg'))],
      ['png', 'image/png', 200, () => app.get(app.path('card.png', 'a.jpg'))],
      ['avif', 'image/avif', 200, () => app.get(app.path('card', 'a.jpg'), accept('image/avif'))],
      ['a picture for a page', 'image/jpeg', 200, () => app.get(app.path('card', 'a.jpg'), accept('text/html'))],
      ['a name that is a script', 'image/webp', 200, () => app.get(app.path('thumb', '<script>alert(1)</script>'))],
      ['304', null, 304, () => app.get(good, { headers: { 'if-none-match': '*' } })],
      ['HEAD', 'image/webp', 200, () => app.get(good, { method: 'HEAD' })],
      ['HTML as an original', 'application/json', 422, () => app.get(app.path('thumb', 'page.jpg'))],
      ['a script for an id', 'application/json', 403, () => app.get(`/${signature}/thumb/${hostile}`)],
      ['a script for a preset', 'application/json', 403, () => app.get(`/${signature}/${hostile}/a.jpg`)],
      [
        'a script for a suffix',
        'application/json',
        404,
        () => app.get(`/${signature}/thumb.${hostile.replaceAll('%2F', '')}/a.jpg`),
      ],
      ['a script for a signature', 'application/json', 403, () => app.get(`/${hostile}/thumb/a.jpg`)],
      ['a script for a query', 'application/json', 400, () => app.get(`${good}?x=${hostile}`)],
      ['a script for a path', 'application/json', 404, () => app.get(`/${hostile}`)],
      ['a script that does not decode', 'application/json', 400, () => app.get(`/%zz${hostile}`)],
      ['an expired URL', 'application/json', 410, () => app.get(app.path('thumb', 'a.jpg', 1))],
      ['no original', 'application/json', 404, () => app.get(app.path('thumb', hostile))],
      ['the front door', 'application/json', 404, () => app.get('/')],
      ['favicon.ico', 'application/json', 404, () => app.get('/favicon.ico')],
      ['robots.txt', 'application/json', 404, () => app.get('/robots.txt')],
      ['crossdomain.xml', 'application/json', 404, () => app.get('/crossdomain.xml')],
      ['service worker', 'application/json', 404, () => app.get('/sw.js', { headers: { 'service-worker': 'script' } })],
      ['health', 'application/json', 200, () => app.get('/health')],
      ['ready', 'application/json', 200, () => app.get('/ready')],
      ['another method', 'application/json', 405, () => app.get(good, { method: 'DELETE' })],
      ['a preflight', 'application/json', 405, () => app.get(good, { method: 'OPTIONS' })],
      ['the API’s description', 'application/json', 200, () => app.get('/v1/openapi.json', { headers: json })],
      ['the API without a token', 'application/json', 401, () => post('/v1/images/meta', '{}', {})],
      [
        'the API with another token',
        'application/json',
        403,
        () => post('/v1/images/meta', '{}', { authorization: 'Bearer x' }),
      ],
      ['meta', 'application/json', 200, () => post('/v1/images/meta', JSON.stringify({ ids: ['a.jpg', hostile] }))],
      ['a script in JSON', 'application/json', 400, () => post('/v1/images/meta', '{"<script>alert(1)</script>":1}')],
      ['no JSON', 'application/json', 400, () => post('/v1/images/meta', '<script>alert(1)</script>')],
      [
        'a form',
        'application/json',
        400,
        () => post('/v1/images/meta', 'a=1', { ...json, 'content-type': 'text/plain' }),
      ],
      [
        'a purge',
        'application/json',
        200,
        () => app.get('/v1/images/none.jpg', { method: 'DELETE', headers: { authorization: json.authorization } }),
      ],
      [
        'a forged ticket',
        'application/json',
        403,
        () => app.get(`/v1/uploads/${hostile}`, { method: 'PUT', body: 'x' }),
      ],
      ['an upload’s preflight', null, 204, () => app.get('/v1/uploads/x.y', { method: 'OPTIONS' })],
    ];
    for (const [what, type, status, ask] of rows) {
      const answer = await ask();
      const body = Buffer.from(await answer.arrayBuffer());
      assert.equal(answer.status, status, `${what}: ${body}`);
      for (const [name, value] of Object.entries(SAFE))
        assert.equal(answer.headers.get(name), value, `${what}: ${name}`);
      assert.equal(answer.headers.get('content-type')?.split(';')[0] ?? null, type, what);
      assert.equal(answer.headers.get('set-cookie'), null);
      assert.equal(answer.headers.get('server'), null);
      assert.equal(answer.headers.get('x-powered-by'), null);
      assert.ok(!body.includes('<script'), what);
      assert.doesNotMatch(JSON.stringify([...answer.headers]), /<script/, what);
      if (type?.startsWith('image/') && status === 200 && body.length > 0)
        assert.equal((await sharp(body).metadata()).format?.replace('heif', 'avif'), type.slice(6), what);
    }
    const raw = [
      '<script>alert(1)</script>\r\n\r\n',
      `GET /${'<script>'.repeat(3000)} HTTP/1.1\r\n\r\n`,
      'GET /<script>alert(1)</script> HTTP/1.1\r\n\r\n',
      'GET /<script>alert(1)</script> HTTP/1.1\r\nHost: x\r\nExpect: <script>\r\n\r\n',
      'CONNECT <script>:1 HTTP/1.1\r\nHost: x\r\n\r\n',
    ];
    for (const text of raw) {
      const { answers } = splitAnswers(await rawExchange(app.port, text));
      assert.equal(answers.length, 1, text.slice(0, 40));
      assert.match(
        answers[0]?.head ?? '',
        /x-content-type-options: nosniff[\s\S]*content-security-policy: default-src 'none'; sandbox/i,
      );
      assert.match(answers[0]?.head ?? '', /content-type: application\/json/i);
      assert.ok(!answers[0]?.body.includes('<script'));
    }
    tried(context, rows.length + raw.length);
  });
});

describe('the API', () => {
  it('opens to its token alone, however it is dressed', async (context) => {
    const wrong = [
      ...['', 'Bearer', 'Bearer ', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(0, -1)}`, `Bearer ${TOKEN.toUpperCase()}`],
      ...[`Basic ${btoa(`:${TOKEN}`)}`, `Bearer ${btoa(TOKEN)}`, `Token ${TOKEN}`, TOKEN, `Bearer "${TOKEN}"`],
      ...[`Bearer ${TOKEN}, Bearer x`, `Bearer x ${TOKEN}`, `Bearer\t${TOKEN}`, 'Bearer null', 'Bearer undefined'],
    ];
    const before = originals.calls.length;
    for (const authorization of wrong) {
      const { status } = await post('/v1/images/meta', '{"ids":["a.jpg"]}', { ...json, authorization });
      assert.ok(status === 401 || status === 403, `${authorization}: ${status}`);
    }
    const { authorization, ...bare } = json;
    for (const [path, headers] of [
      [`/v1/images/meta?token=${TOKEN}`, bare],
      [`/v1/images/meta?access_token=${TOKEN}`, bare],
      ['/v1/images/meta', { ...bare, cookie: `authorization=${authorization}` }],
      ['/v1/images/meta', { ...bare, 'x-api-key': TOKEN, 'x-forwarded-authorization': authorization }],
    ] as const)
      assert.equal((await post(path, '{"ids":["a.jpg"]}', headers)).status, 401);
    const two = `POST /v1/images/meta HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer x\r\nAuthorization: ${authorization}\r\nContent-Length: 0\r\n\r\n`;
    assert.equal(splitAnswers(await rawExchange(app.port, two)).answers[0]?.status, 403);
    assert.equal(originals.calls.length, before);
    tried(context, wrong.length + 5);
  });

  it('takes no ids that climb and no JSON that does more than say', async (context) => {
    const before = originals.calls.length;
    const ids = [
      '..%2Fx',
      '%2Fetc%2Fpasswd',
      'a%2F..%2Fb',
      '%00',
      'a%0Ab',
      '%252e%252e%252fx',
      'i'.repeat(513),
      '..%5Cx',
      '.',
    ];
    for (const id of ids) {
      for (const [method, path] of [
        ['POST', `/v1/images/${id}/complete`],
        ['DELETE', `/v1/images/${id}?original=true`],
      ] as const) {
        const { headers } = { headers: { authorization: json.authorization } };
        const { status } = await app.get(path, { method, headers });
        assert.ok(status === 400 || status === 404, `${method} ${path}: ${status}`);
      }
    }
    const bodies = [
      ...[
        '{"__proto__":{"ids":["a.jpg"]}}',
        '{"ids":["a.jpg"],"__proto__":{"x":1}}',
        '{"constructor":{"prototype":{}},"ids":["a.jpg"]}',
      ],
      ...[
        '[]',
        'null',
        '1',
        '"a.jpg"',
        '{"ids":"a.jpg"}',
        '{"ids":{}}',
        '{"ids":[]}',
        '{"ids":[["a.jpg"]]}',
        '{"ids":["../x"]}',
      ],
      ...[
        '{"ids":["a\\u0000b"]}',
        `{"ids":${'['.repeat(20_000)}`,
        `{"ids":[${'"a",'.repeat(300)}"a"]}`,
        `{"ids":["${'i'.repeat(600)}"]}`,
      ],
      ...['{"ids":["a.jpg"]', '\ufeff{"ids":["a.jpg"],}', `{"ids":["a.jpg"],"x":"${'x'.repeat(70_000)}"}`],
    ];
    for (const body of bodies) {
      const { status } = await post('/v1/images/meta', body);
      assert.equal(status, 400, body.slice(0, 60));
    }
    assert.equal(({} as { x?: number }).x, undefined);
    assert.equal(originals.count('put') + originals.count('delete'), 0);
    assert.ok(originals.calls.slice(before).every((call) => !call.includes('..')));
    tried(context, ids.length * 2 + bodies.length);
  });

  it('is not led astray by what proxies say of its address', async (context) => {
    const ask = { filename: '../../etc/passwd', contentType: 'image/jpeg', size: 100 };
    const spoofs = [
      { 'x-forwarded-host': 'evil.example' },
      { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' },
      { forwarded: 'host=evil.example;proto=https' },
      { 'x-original-host': 'evil.example' },
    ];
    for (const spoof of spoofs) {
      const answer = await post('/v1/images/upload-url', JSON.stringify(ask), { ...json, ...spoof });
      const text = await answer.text();
      assert.equal(answer.status, 200);
      assert.doesNotMatch(text, /evil\.example|passwd|\.\.\//);
      assert.ok(JSON.parse(text).uploadUrl.startsWith(`http://127.0.0.1:${app.port}/v1/uploads/`));
    }
    tried(context, spoofs.length);
  });
});

describe('upload tickets', () => {
  it('are worth what they were signed for and nothing else', async (context) => {
    const expiresAt = Math.floor(Date.now() / 1000) + 100;
    const terms = { key: 'product/x.jpg', contentType: 'image/jpeg', size: photo.length, expiresAt };
    const uploadsSignedBy = (signingKey: Uint8Array) =>
      createFolderUploads({ receiver: folder.receiver, signingKey, maxBytes: 1024 * 1024 });
    const ticketOf = async (key: Uint8Array) =>
      new URL((await uploadsSignedBy(key).ticket(terms, app.baseUrl)).url).pathname.split('/').at(-1) ?? '';
    const good = await ticketOf(TEST_KEY);
    const [payload = '', mac = ''] = good.split('.');
    const written = (changed: object) => Buffer.from(JSON.stringify({ ...terms, ...changed })).toString('base64url');
    const imageMac = createHmac('sha256', TEST_KEY).update(`darkroom:v1\n${payload}`).digest('base64url');
    const forged = [
      ...[{ key: '../x' }, { key: 'product/y.jpg' }, { key: '.quarantine/x' }, { key: '/etc/passwd' }].map(written),
      ...[{ contentType: 'text/html' }, { size: 10 ** 9 }, { expiresAt: expiresAt + 10_000 }, { expiresAt: null }].map(
        written,
      ),
    ].map((each) => `${each}.${mac}`);
    forged.push(
      ...[
        `${payload}.`,
        `.${mac}`,
        payload,
        mac,
        `${mac}.${payload}`,
        `${payload}.${mac.slice(0, -1)}`,
        `${payload}.${mac}A`,
      ],
      ...[
        `${payload}.${mac}=`,
        `${payload}.${mac.toLowerCase()}`,
        `${payload}.${mac}.${mac}`,
        `${good}.x`,
        `${payload}=.${mac}`,
      ],
      ...[
        `${payload}A.${mac}`,
        `${payload.slice(0, -1)}.${mac}`,
        `${payload}.${imageMac}`,
        await ticketOf(Buffer.alloc(32, 9)),
        'e30.e30',
      ],
    );
    const put = (ticket: string, body: Buffer, headers: Record<string, string> = {}) =>
      app.get(`/v1/uploads/${ticket}`, {
        method: 'PUT',
        headers: { 'content-type': 'image/jpeg', ...headers },
        body: new Uint8Array(body),
      });
    for (const ticket of forged) assert.equal((await put(ticket, photo)).status, 403, ticket);
    const wrong: [what: string, send: () => Promise<Response>][] = [
      ['HTML', () => put(good, html)],
      ['a byte more', () => put(good, Buffer.concat([photo, Buffer.alloc(1)]))],
      ['a byte less', () => put(good, photo.subarray(1))],
      ['nothing', () => put(good, Buffer.alloc(0))],
      ['another type', () => put(good, photo, { 'content-type': 'text/html' })],
      ['a type with more', () => put(good, photo, { 'content-type': 'image/jpeg; charset=utf-8' })],
      ['SVG', () => put(good, photo, { 'content-type': 'image/svg+xml' })],
    ];
    for (const [what, send] of wrong) assert.equal((await send()).status, 400, what);
    const chunked = `PUT /v1/uploads/${good} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    assert.equal(splitAnswers(await rawExchange(app.port, chunked)).answers[0]?.status, 400);
    assert.deepEqual(await folder.files(), []);
    assert.equal((await put(good, photo)).status, 201);
    for (const body of [photo, Buffer.alloc(photo.length)]) assert.equal((await put(good, body)).status, 412);
    const { signal } = new AbortController();
    const stored = await folder.originals.get(terms.key, { signal, maxBytes: 1024 * 1024 });
    assert.ok(stored?.body.equals(photo));
    tried(context, forged.length + wrong.length + 3);
  });
});

describe('server-side request forgery', () => {
  it('reaches no address that is not public, by number, in disguise or by name', async (context) => {
    const canary = await startFaultyServer((socket) => socket.end());
    context.after(() => canary.dispose());
    const addresses = [
      ...[
        '0.0.0.0',
        '0',
        '127.0.0.1',
        '127.1',
        '127.0.1',
        '2130706433',
        '0x7f.1',
        '0x7f000001',
        '0177.0.0.1',
        '017700000001',
      ],
      ...['127.0.0.1.', '127.255.255.254', '①②⑦.⓪.⓪.①', '127。0。0。1', '%31%32%37.0.0.1'],
      ...[
        '[::]',
        '[::1]',
        '[0:0:0:0:0:0:0:1]',
        '[::ffff:127.0.0.1]',
        '[::ffff:7f00:1]',
        '[::127.0.0.1]',
        '[::ffff:0:127.0.0.1]',
      ],
      ...[
        '[64:ff9b::127.0.0.1]',
        '[64:ff9b:1::7f00:1]',
        '[2002:7f00:1::]',
        '[2001:0:7f00:1::]',
        '[2001::7f00:1]',
        '[fe80::1]',
        '[fec0::1]',
      ],
      ...[
        '[fdaa::1]',
        '[fdaa:0:1::3]',
        '[fc00::1]',
        '[ff02::1]',
        '[2001:db8::1]',
        '[3fff::1]',
        '[5f00::1]',
        '[100::1]',
      ],
      ...[
        '10.0.0.1',
        '172.16.0.1',
        '172.31.255.255',
        '192.168.0.1',
        '100.64.0.1',
        '100.127.255.255',
        '169.254.169.254',
        '192.0.0.192',
      ],
      ...[
        '192.88.99.1',
        '198.18.0.1',
        '192.0.2.1',
        '198.51.100.1',
        '203.0.113.1',
        '224.0.0.1',
        '240.0.0.1',
        '255.255.255.255',
      ],
      ...['localhost', 'LOCALHOST'],
    ];
    const resolved = (address: string) => ({ address, family: address.includes(':') ? 6 : 4 });
    const names: [what: string, answers: string[]][] = [
      ['loopback', ['127.0.0.1']],
      ['public and private', ['8.8.8.8', '127.0.0.1']],
      ['private and public', ['10.0.0.1', '8.8.8.8']],
      ['IPv6 loopback', ['::1']],
      ['mapped', ['::ffff:127.0.0.1']],
      ['NAT64', ['64:ff9b::7f00:1']],
      ['6to4', ['2002:7f00:1::1']],
      ['Teredo', ['2001:0:7f00:1::1']],
      ['carrier-grade NAT', ['100.64.0.1']],
      ['Fly’s own network', ['fdaa:0:1::3']],
      ['metadata', ['169.254.169.254']],
      ['nothing', []],
    ];
    const answers = new Set<string>();
    const refused = async (what: string, options: Partial<Parameters<typeof createHttpOrigin>[0]>) => {
      const origin = createHttpOrigin({
        baseUrl: 'https://name.example/',
        timeoutMs: 2000,
        allowPrivate: false,
        ...options,
      });
      const limits = { signal: new AbortController().signal, maxBytes: 1000 };
      await assert.rejects(origin.get('a.jpg', limits), (error: Error & { code?: string; publicMessage?: string }) => {
        assert.equal(error.code, 'store_failed', what);
        const reasons = [];
        for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) reasons.push(cause.message);
        assert.match(reasons.join(' < '), /not public|is refused|ENOTFOUND|EAI_AGAIN/, what);
        answers.add(String(error.publicMessage));
        return true;
      });
      await origin.close();
    };
    for (const address of addresses) await refused(address, { baseUrl: `https://${address}:${canary.port}/` });
    for (const [what, found] of names) {
      const resolveName = async () => found.map(resolved);
      await refused(what, { baseUrl: `https://name.example:${canary.port}/`, resolveName });
    }
    assert.equal(canary.connections(), 0);
    // One message for all, so that an answer says nothing about an address.
    assert.equal(answers.size, 1);
    tried(context, addresses.length + names.length);
  });

  it('through ids: whatever an id reads like, it is a path below the origin', async (context) => {
    const [origin, canary] = await Promise.all([startOriginServer(), startFaultyServer((socket) => socket.end())]);
    const reader = createHttpOrigin({ baseUrl: `${origin.url}photos/`, timeoutMs: 2000, allowPrivate: true });
    const fetching = await startApp({ originals: reader, definitions });
    context.after(async () => {
      await Promise.all([fetching.dispose(), origin.dispose(), canary.dispose()]);
    });
    const place = `127.0.0.1:${canary.port}`;
    const ids = [
      ...[
        `http://${place}/x.jpg`,
        `https://${place}/`,
        `//${place}/x`,
        `\\\\${place}\\x`,
        `@${place}/x`,
        `:80@${place}/`,
      ],
      ...[
        `http:${place}/x`,
        'file:///etc/passwd',
        'gopher://x/_',
        'data:image/png;base64,AAAA',
        `x?url=http://${place}/`,
        `x#@${place}/`,
      ],
      ...[
        '%2e%2e/secret',
        '..;/secret',
        '.%2e/secret',
        `x\u2044..\u2044y`,
        `%0d%0aHost:%20${place}`,
        `x HTTP/1.1 Host: ${place}`,
      ],
    ];
    for (const id of ids) {
      const [, signature] = fetching.path('thumb', id).split('/');
      const { status } = await rawGet(fetching.baseUrl, `/${signature}/thumb/${encodeURIComponent(id)}`);
      assert.ok(status === 404 || status === 400, `${id}: ${status}`);
    }
    assert.equal(canary.connections(), 0);
    for (const { url } of origin.requests) assert.match(url, /^\/photos\/[^?#]*$/);
    tried(context, ids.length);
  });
});
