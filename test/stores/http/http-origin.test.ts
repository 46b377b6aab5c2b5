import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createHttpOrigin, type HttpOriginOptions } from '../../../src/stores/http/http-origin.ts';
import { type Behaviour, behaviours, startOriginServer } from '../../helpers/origin-server.ts';
import { closedPort } from '../../helpers/tcp-faults.ts';
import { until } from '../../helpers/turns.ts';
import { readerConformance } from '../conformance.ts';

const live = () => ({ signal: new AbortController().signal, maxBytes: 1_000_000 });
const _resolved = (address: string) => ({ address, family: isIP(address) });
const OK = 'HTTP/1.1 200 OK\r\n';
type Origin = Awaited<ReturnType<typeof startOriginServer>>;
const reading = (origin: Origin, more: Partial<HttpOriginOptions> = {}) =>
  createHttpOrigin({ baseUrl: origin.url, timeoutMs: 400, allowPrivate: true, maxConnections: 5, ...more });

readerConformance('an HTTP origin', async () => {
  const origin = await startOriginServer();
  const reader = reading(origin, { timeoutMs: 5000 });
  return {
    reader,
    seed: async (key, body) => origin.seed(key, body),
    async dispose() {
      await reader.close();
      await origin.dispose();
    },
  };
});

describe('an HTTP origin that misbehaves', () => {
  let origin: Origin;
  before(async () => {
    origin = await startOriginServer();
    origin.seed('good.jpg', Buffer.from('good'), 'image/jpeg');
  });
  after(() => origin.dispose());

  const faults: [what: string, behaviour: Behaviour, code: string][] = [
    ['never answers', behaviours.silent(), 'store_timeout'],
    ['stalls', behaviours.stalls(), 'store_timeout'],
    ['drips below every idle limit', behaviours.drips(), 'store_timeout'],
    ['never ends', behaviours.endless(), 'original_too_large'],
    ['announces too much', behaviours.stalls(5_000_000), 'original_too_large'],
    ['sends less than it said', behaviours.lies(100, Buffer.alloc(10)), 'store_failed'],
    ['cuts off', behaviours.cutsOff(), 'store_failed'],
    ['slams the door', behaviours.slams(), 'store_failed'],
    ['encodes', behaviours.encodes('gzip'), 'store_failed'],
    ['encodes in a chain', behaviours.encodes(Array(200).fill('gzip').join(', ')), 'store_failed'],
    [
      'encodes the transfer',
      behaviours.sendsRaw(`${OK}Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`),
      'store_failed',
    ],
    ['hangs up within the head', behaviours.hangsUpAfter('HTTP/1.1 200 O'), 'store_failed'],
    ['speaks no HTTP', behaviours.hangsUpAfter('220 mail.example ESMTP\r\n'), 'store_failed'],
    ['redirects 20 times', behaviours.redirectsTimes(20, '/good.jpg'), 'store_failed'],
    ['redirects for ever', behaviours.redirects('/redirects%20for%20ever'), 'store_failed'],
    ['redirects nowhere', behaviours.redirects(''), 'store_failed'],
    ['redirects to a file', behaviours.redirects('file:///etc/passwd'), 'store_failed'],
    ['redirects with credentials', behaviours.redirects('http://user:pass@127.0.0.1/'), 'store_failed'],
    ...[204, 206, 304, 400, 401, 403, 429, 500, 503].map((status): [string, Behaviour, string] => [
      `says ${status}`,
      behaviours.says(status),
      'store_failed',
    ]),
  ];
  for (const [what, behaviour, code] of faults) {
    it(`${what}: ${code}`, async () => {
      origin.script(what, behaviour);
      // The limit is reached by what hangs only, however busy the machine is.
      const reader = reading(origin, code === 'store_timeout' ? {} : { timeoutMs: 60_000 });
      await assert.rejects(reader.get(what, live()), { code });
      assert.equal((await reader.get('good.jpg', live()))?.body.toString(), 'good');
      await reader.close();
    });
  }

  it("sends more than it said: what was announced, and the surplus is nobody's answer", async () => {
    // RFC 9112, 6.3: the announced length ends the body. What follows would be the answer to the next request.
    origin.script(
      'longer',
      behaviours.sendsRaw(`${OK}Content-Length: 4\r\n\r\ngood${OK}Content-Length: 4\r\n\r\nevil`),
    );
    const reader = reading(origin, { maxConnections: 1 });
    const answers = await Promise.allSettled(
      ['longer', 'good.jpg', 'longer', 'good.jpg'].map((key) => reader.get(key, live())),
    );
    for (const answer of answers) {
      if (answer.status === 'fulfilled') assert.equal(answer.value?.body.toString(), 'good');
      else assert.equal(answer.reason.code, 'store_failed');
    }
    await reader.close();
  });

  it('is missing something: undefined for 404 and 410', async () => {
    origin.script('gone', behaviours.says(410));
    const reader = reading(origin);
    assert.equal(await reader.get('gone', live()), undefined);
    assert.equal(await reader.get('never-was', live()), undefined);
    await reader.close();
  });

  it('answers a HEAD: the version where it is told, unknown where it is refused, a failure where it stumbles', async () => {
    const of: [what: string, behaviour: Behaviour, expected: object | string][] = [
      ...[401, 403, 405, 501].map((status): [string, Behaviour, string] => [
        `head ${status}`,
        behaviours.says(status),
        'unknown',
      ]),
      ...[404, 410].map((status): [string, Behaviour, string] => [
        `head ${status}`,
        behaviours.says(status),
        'missing',
      ]),
      ['head without length', behaviours.sendsRaw(`${OK}ETag: "e"\r\n\r\n`), 'unknown'],
      [
        'head weak',
        behaviours.says(200, { 'content-length': '4', etag: 'W/"e"' }),
        {
          ...{ etag: 'W/"e"', bytes: 4, lastModified: undefined },
        },
      ],
      [
        'head bare',
        behaviours.says(200, { 'content-length': '4', 'last-modified': 'yesterday' }),
        {
          ...{ etag: undefined, bytes: 4, lastModified: undefined },
        },
      ],
    ];
    const reader = reading(origin);
    for (const [what, behaviour, expected] of of) {
      origin.script(what, behaviour);
      assert.deepEqual(await reader.head(what, live()), expected, what);
    }
    for (const [what, code] of [
      ['says 503', 'store_failed'],
      ['never answers', 'store_timeout'],
      ['redirects for ever', 'store_failed'],
    ] as const)
      await assert.rejects(reader.head(what, live()), { code }, what);
    origin.script('moved', behaviours.redirects('/good.jpg'));
    const moved = await reader.head('moved', live());
    assert.equal(typeof moved === 'object' && moved.bytes, 4);
    const since = origin.requests.length;
    assert.equal(await reader.head('../good.jpg', live()), 'missing');
    assert.equal(origin.requests.length, since);
    assert.ok(origin.requests.slice(-3).every(({ method }) => method === 'HEAD'));
    await reader.close();
  });

  it('is checked by a key that does not exist', async (context) => {
    const checked = async (behaviour: Behaviour, more: Partial<HttpOriginOptions> = {}) => {
      const own = await startOriginServer();
      context.after(() => own.dispose());
      own.fallback(behaviour, '.darkroom-check/');
      const reader = reading(own, more);
      const found = await reader.check(live());
      await reader.close();
      assert.ok(own.requests.every(({ url }) => /^\/\.darkroom-check\/[0-9a-f-]{36}$/.test(url)));
      return JSON.stringify(found).replace(String(own.port), 'PORT');
    };
    const answers = (status: number) => `the origin 127.0.0.1:PORT answers ${status} for a key that does not exist`;
    for (const status of [404, 410]) assert.equal(await checked(behaviours.says(status)), '{"usable":true}');
    for (const status of [200, 403])
      assert.deepEqual(JSON.parse(await checked(behaviours.says(status))), { usable: true, note: answers(status) });
    for (const status of [401, 500])
      assert.deepEqual(JSON.parse(await checked(behaviours.says(status))), { usable: false, why: answers(status) });
    assert.match(await checked(behaviours.silent()), /"the origin 127.0.0.1:PORT did not answer within 400 ms"/);
    assert.match(await checked(behaviours.redirects('')), /cannot be used: the origin redirects more than 3 times"/);
    assert.match(await checked(behaviours.silent(), { allowPrivate: false }), /cannot be used: .* it is not https"/);
    const port = await closedPort();
    const nobody = reading(origin, { baseUrl: `http://127.0.0.1:${port}/` });
    const why = `the origin 127.0.0.1:${port} cannot be used: nothing listens there (ECONNREFUSED)`;
    assert.deepEqual(await nobody.check(live()), { usable: false, why });
    await nobody.close();
  });

  it('redirects up to three times', async () => {
    for (const times of [1, 3, 4]) origin.script(`r${times}`, behaviours.redirectsTimes(times, '/good.jpg'));
    const reader = reading(origin);
    assert.equal((await reader.get('r1', live()))?.body.toString(), 'good');
    assert.equal((await reader.get('r3', live()))?.body.toString(), 'good');
    const before = origin.requests.length;
    await assert.rejects(reader.get('r4', live()), { code: 'store_failed' });
    assert.equal(origin.requests.length - before, 4);
    await reader.close();
  });

  it('is asked plainly: no cookies, no credentials, nothing to negotiate', async () => {
    const asked = Promise.withResolvers<object>();
    origin.script('plainly', (response, { headers }) => {
      asked.resolve(headers);
      response.end('body');
    });
    const reader = reading(origin);
    await reader.get('plainly', live());
    const { host: _, connection: __, ...rest } = (await asked.promise) as Record<string, string>;
    assert.deepEqual(rest, { 'accept-encoding': 'identity', 'user-agent': 'darkroom' });
    await reader.close();
  });

  it('is not asked for keys that a URL cannot carry', async () => {
    const reader = reading(origin);
    const before = origin.requests.length;
    for (const key of ['', '.', '..', '../good.jpg', 'a/./b', 'a/..', 'lone \ud800']) {
      assert.equal(await reader.get(key, live()), undefined, key);
    }
    assert.equal(origin.requests.length, before);
    await reader.close();
  });

  it('has a path, with or without a slash at its end, and no query', async () => {
    origin.seed('folder/in.jpg', Buffer.from('inside'));
    for (const baseUrl of [`${origin.url}folder`, `${origin.url}folder/`]) {
      const reader = reading(origin, { baseUrl });
      assert.equal((await reader.get('in.jpg', live()))?.body.toString(), 'inside');
      await reader.close();
    }
    assert.throws(() => reading(origin, { baseUrl: `${origin.url}folder?token=1` }), /query/);
  });

  it('passes its content type on as a claim', async () => {
    const reader = reading(origin);
    assert.equal((await reader.get('good.jpg', live()))?.contentType, 'image/jpeg');
    await reader.close();
  });

  it('closed every idle connection: asked once more, on a new one', async () => {
    const known = new Set<unknown>();
    const all = Promise.withResolvers<void>();
    origin.script('together', async (response) => {
      if (known.add(response.socket).size === 3) all.resolve();
      await all.promise;
      response.end('ok');
    });
    let asked = 0;
    origin.script('stale', (response, { headers }) => {
      asked += 1;
      // The second time comes from no pool, where the next socket may be as dead.
      assert.equal(headers.connection, asked === 1 ? 'keep-alive' : 'close');
      if (known.has(response.socket)) response.destroy();
      else response.end('fresh');
    });
    const reader = reading(origin, { timeoutMs: 5000, maxConnections: 3 });
    await Promise.all([1, 2, 3].map(() => reader.get('together', live())));
    assert.equal((await reader.get('stale', live()))?.body.toString(), 'fresh');
    assert.equal(asked, 2);
    await reader.close();
  });

  it('is asked twice at most, and once when any of the answer has come', async () => {
    const reader = reading(origin);
    for (const [key, times] of [
      ['slams the door', 2],
      ['hangs up within the head', 1],
      ['cuts off', 1],
      ['says 503', 2],
    ] as const) {
      const before = origin.requests.length;
      await assert.rejects(reader.get(key, live()), { code: 'store_failed' });
      assert.equal(origin.requests.length - before, times, key);
    }
    await reader.close();
  });

  it('runs out of time by the deadline of the call, never by an earlier timer of undici', async () => {
    // Over a second undici counts coarsely; only timers that start between its ticks show it.
    const reader = reading(origin, { timeoutMs: 1100, maxConnections: 20 });
    const readings: Promise<void>[] = [];
    for (let n = 0; n < 12; n += 1) {
      readings.push(assert.rejects(reader.get('never answers', live()), { code: 'store_timeout' }));
      await setTimeout(50);
    }
    await Promise.all(readings);
    await reader.close();
  });

  it('ends a read that is under way with the reason of the caller', async () => {
    const reader = reading(origin, { timeoutMs: 5000 });
    const asked = Promise.withResolvers<void>();
    origin.script('asked', () => asked.resolve());
    for (const key of ['asked', 'stalls']) {
      const controller = new AbortController();
      const reason = new Error('gave up');
      const read = reader.get(key, { ...live(), signal: controller.signal });
      if (key === 'asked') await asked.promise;
      controller.abort(reason);
      await assert.rejects(read, reason);
    }
    await until(() => origin.openSockets() === 0);
    await reader.close();
  });

  it('keeps its connections over misses, and gives up one that stalls', async () => {
    const reader = reading(origin);
    const before = origin.connections();
    // The body comes after the answer was given: only reading it keeps the connection.
    const held: { end(body: string): unknown }[] = [];
    origin.script('late miss', (response) => {
      held.push(response);
      response.writeHead(404, { 'content-length': 4 }).flushHeaders();
    });
    for (let n = 0; n < 40; n += 1) {
      assert.equal(await reader.get('late miss', live()), undefined);
      held.pop()?.end('late');
    }
    assert.ok(origin.connections() - before <= 5, `${origin.connections() - before} connections for 40 misses`);
    origin.script('stalling miss', (response) => response.writeHead(404, { 'content-length': 10 }).write('part'));
    assert.equal(await reader.get('stalling miss', live()), undefined);
    const pooled = origin.openSockets();
    await until(() => origin.openSockets() < pooled);
    await reader.close();
  });

  it('gives up a connection on which a miss never ends, long before the deadline', async () => {
    origin.script('endless miss', (response, request) => {
      response.writeHead(404);
      behaviours.pours()(response, request);
    });
    const reader = reading(origin, { timeoutMs: 60_000 });
    assert.equal(await reader.get('endless miss', live()), undefined);
    await until(() => origin.openSockets() === 0);
    await reader.close();
  });

  it('is left alone once closed', async () => {
    for (const used of [true, false]) {
      const reader = reading(origin);
      if (used) await reader.get('good.jpg', live());
      await reader.close();
      await reader.close();
      const before = origin.connections();
      await assert.rejects(reader.get('good.jpg', live()), { code: 'store_failed' });
      assert.equal(origin.connections(), before);
    }
  });

  it('is not there: store_failed at once', async () => {
    const reader = createHttpOrigin({
      baseUrl: `http://127.0.0.1:${await closedPort()}/`,
      timeoutMs: 5000,
      allowPrivate: true,
    });
    await assert.rejects(reader.get('good.jpg', live()), { code: 'store_failed' });
    await reader.close();
  });

  it('loses no connection over 200 faults with a pool of five', async () => {
    const reader = reading(origin, { timeoutMs: 150 });
    for (let round = 0; round < 200 / faults.length; round += 1) {
      await Promise.all(faults.map(([what]) => assert.rejects(reader.get(what, live()))));
    }
    assert.equal((await reader.get('good.jpg', live()))?.body.toString(), 'good');
    await until(() => origin.openSockets() <= 5);
    await reader.close();
    await until(() => origin.openSockets() === 0);
  });
});
