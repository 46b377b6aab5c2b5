import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import sharp from 'sharp';
import { CONNECTION_LIMITS, connectionsWithin } from '../../src/http/connections.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { definitions, originals } from '../helpers/contract-originals.ts';
import { fileLimit, startCrowd } from '../helpers/crowd.ts';
import type { CrowdOrder } from '../helpers/crowd-process.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { rawExchange, splitAnswers } from '../helpers/raw-http.ts';
import { startServer } from '../helpers/server.ts';
import { turns, until, untilAnswer } from '../helpers/turns.ts';

const MB = 1024 * 1024;
const TOKEN = 'a-token-of-the-tests';
/** The limits of production, shortened, so that a test sees them reached. */
const SHORT = { headersTimeoutMs: 400, bodyTimeoutMs: 400, requestTimeoutMs: 1200, checkEveryMs: 100 };
/** So that nothing but the limit of bodies, or that of headers, can be what ended a request. */
const LONG_REQUESTS = { ...SHORT, requestTimeoutMs: 240_000 };
/** For one answer; a test's clock comes to it. */
const SEND_LIMIT_MS = 60_000;
/** The good clients' own connections, both ends, which fetch keeps. */
const SPARE_FILES = 10;
const openFiles = () => readdirSync('/proc/self/fd').length;

/** A good client, one request after the other, until told to stop: how many were answered, and how slowly in ms. */
function goodClients(app: TestApp, path: string) {
  let going = true;
  const took: number[] = [];
  const done = (async () => {
    do {
      const since = performance.now();
      const answer = await app.get(path);
      assert.equal(answer.status, 200);
      assert.ok((await answer.arrayBuffer()).byteLength > 0);
      took.push(performance.now() - since);
      await setTimeout(5);
    } while (going);
    const p99 = took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? 0;
    return { answered: took.length, p99: Math.round(p99) };
  })();
  return {
    answered: () => took.length,
    stop() {
      going = false;
      return done;
    },
  };
}

async function startTestApp(context: TestContext | undefined, options: Partial<Parameters<typeof startApp>[0]> = {}) {
  const { store } = createMemoryStore();
  const app = await startApp({
    originals: originals.store,
    definitions,
    deletable: store,
    apiToken: TOKEN,
    ...options,
  });
  context?.after(() => app.dispose());
  return app;
}

describe('connection limits', () => {
  it('are set on purpose, every one', async (context) => {
    const app = await startTestApp(context);
    const server = app.app.server as Server;
    assert.deepEqual(
      {
        headersTimeoutMs: server.headersTimeout,
        requestTimeoutMs: server.requestTimeout,
        keepAliveTimeoutMs: server.keepAliveTimeout,
        maxConnections: server.maxConnections,
        silence: server.timeout,
      },
      {
        headersTimeoutMs: 10_000,
        requestTimeoutMs: 60_000,
        keepAliveTimeoutMs: 72_000,
        maxConnections: 16_384,
        silence: 0,
      },
    );
    assert.deepEqual(
      [256, 512, 1024, 65_536].map((mib) => connectionsWithin(mib * MB)),
      [1638, 3276, 6553, 16_384],
    );
  });

  it('end at the number that memory allows: the next is closed, those that are there go on', async (context) => {
    const app = await startTestApp(context, { connectionLimits: { maxConnections: 20 } });
    const path = app.path('thumb', 'a.jpg');
    const crowd = await startCrowd({ port: app.port, count: 30, text: `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n` });
    context.after(() => crowd.dispose());
    const { closed, statuses } = await untilAnswer(crowd.report, ({ closed, statuses }) => {
      return closed >= 10 && (statuses['200'] ?? 0) >= 20;
    });
    assert.deepEqual([closed, statuses], [10, { 200: 20 }]);
  });
});

describe('slow clients', () => {
  let app: TestApp;
  let uploading: TestApp;
  before(async () => {
    app = await startTestApp(undefined, { connectionLimits: LONG_REQUESTS });
    uploading = await startTestApp(undefined, { connectionLimits: SHORT });
  });
  after(() => Promise.all([app.dispose(), uploading.dispose()]));

  const ticket = async () => {
    const body = JSON.stringify({ filename: 'a.jpg', contentType: 'image/jpeg', size: 1000 });
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const answer = await app.get('/v1/images/upload-url', { method: 'POST', headers, body });
    const { uploadUrl } = (await answer.json()) as { uploadUrl: string };
    return new URL(uploadUrl).pathname;
  };
  const cases: [what: string, count: number, status: string | undefined, order: () => Promise<Partial<CrowdOrder>>][] =
    [
      ['say nothing', 500, undefined, async () => ({ text: '' })],
      [
        'send one header byte at a time',
        500,
        '408',
        async () => ({ text: 'GET / HTTP/1.1\r\nX: ', drip: { text: 'x', everyMs: 50 } }),
      ],
      [
        'send one header line at a time',
        300,
        '408',
        async () => ({ text: 'GET / HTTP/1.1\r\nHost: x\r\n', drip: { text: 'X: y\r\n', everyMs: 50 } }),
      ],
      [
        'send a slow body to the API',
        300,
        '408',
        async () => ({
          text: `POST /v1/images/meta HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
          drip: { text: ' ', everyMs: 50 },
        }),
      ],
      [
        'send a slow chunked body to the API',
        300,
        '408',
        async () => ({
          text: `POST /v1/images/meta HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
          drip: { text: '1\r\n \r\n', everyMs: 50 },
        }),
      ],
      [
        // With one ticket: only one of them is read at a time.
        'send a slow upload',
        300,
        '408,409',
        async () => ({
          port: uploading.port,
          text: `PUT ${await ticket()} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\n`,
          drip: { text: 'x', everyMs: 50 },
        }),
      ],
      [
        'send a slow body where none is read',
        300,
        '405',
        async () => ({
          text: `POST ${app.path('thumb', 'a.jpg')} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n`,
          drip: { text: 'x', everyMs: 50 },
        }),
      ],
    ];
  for (const [what, count, status, order] of cases) {
    it(`that ${what}: closed, and good ones are served meanwhile`, async (context) => {
      const before = openFiles();
      const good = goodClients(app, app.path('thumb', 'a.jpg'));
      const crowd = await startCrowd({ port: app.port, count, ...{ text: '', ...(await order()) } });
      context.after(() => crowd.dispose());
      assert.equal(crowd.start.opened, count);
      const { statuses, failures } = await crowd.allClosed();
      const { answered, p99 } = await good.stop();
      context.diagnostic(
        `${count} slow clients closed, answers ${JSON.stringify(statuses)}; good: ${answered}, p99 ${p99} ms`,
      );
      assert.deepEqual(Object.keys(statuses).sort(), status?.split(',') ?? []);
      // A byte that was on its way when the server closed comes back as a reset.
      assert.deepEqual(
        Object.keys(failures).filter((code) => code !== 'ECONNRESET' && code !== 'EPIPE'),
        [],
      );
      await until(() => openFiles() <= before + SPARE_FILES);
    });
  }

  it('that take 1 KB now and then: buffers are shared, and they are closed', async (context: TestContext) => {
    const noise = Buffer.alloc(1400 * 1400 * 3);
    for (let at = 0, state = 1; at < noise.length; at += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      noise[at] = state >>> 16;
    }
    const large = await sharp(noise, { raw: { width: 1400, height: 1400, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    const { store } = createMemoryStore({ 'large.png': large });
    const slow = await startTestApp(context, { originals: store, connectionLimits: { sendTimeoutMs: SEND_LIMIT_MS } });
    const path = slow.path('w_1400,h_1400,f_png', 'large.png');
    const { body } = await slow.app.inject(path);
    assert.ok(body.length > 4 * MB, `${body.length}`);
    const memory = process.memoryUsage().rss;
    const before = openFiles();
    // The server's clock stands still until every reader is there, however long that takes.
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const crowd = await startCrowd({
      ...{ port: slow.port, count: 200, text: `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`, readEveryMs: 1000 },
    });
    context.after(() => crowd.dispose());
    // Their own ends are not looked at: they would see the close only once they had read all that came before it.
    while ((await crowd.report()).begun < 200);
    const most = process.memoryUsage().rss - memory;
    context.mock.timers.tick(SEND_LIMIT_MS - 1);
    await turns();
    assert.ok(openFiles() >= before + 200, 'all of them still open');
    context.mock.timers.tick(1);
    await until(() => openFiles() <= before + SPARE_FILES);
    const size = Math.round(body.length / MB);
    context.diagnostic(`200 readers of ${size} MB at 1 KB/s: RSS at most ${Math.round(most / MB)} MB more, all closed`);
    // A copy for each would be 200 bodies; what is owed is one of them, and what the allocators keep of its making.
    assert.ok(most < (200 * body.length) / 5, `${Math.round(most / MB)} MB more`);
  });
});

describe('the end of the process', () => {
  it('waits for nobody who says nothing: exit code 0 with silent, half-spoken and idle connections open', async (context) => {
    const server = await startServer({ DARKROOM_FACES: 'off', DARKROOM_SHUTDOWN_TIMEOUT: '20s' });
    context.after(() => server.dispose());
    const whole = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';
    const closed: Promise<unknown>[] = [];
    for (const text of ['', 'GET / HTTP/1.1\r\nX: ', whole, `${whole}GET / HT`]) {
      const socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      closed.push(once(socket, 'close'));
      socket.on('error', () => {});
      socket.write(text);
      if (text.includes(whole)) await once(socket, 'data');
      socket.resume();
    }
    // One more whole request, so that the server has read what came before it.
    assert.equal((await server.get('/health')).status, 200);
    assert.equal(await server.stop(), 0);
    await Promise.all(closed);
  });
});

describe('many clients', () => {
  it('10,000 idle connections from eight addresses: good ones are served, and all files come back', async (context) => {
    const count = Math.min(10_000, fileLimit() - 500);
    assert.ok(count >= 2000, `only ${count} files allowed`);
    const unhurried = { headersTimeoutMs: 240_000, requestTimeoutMs: 240_000 };
    const app = await startTestApp(context, { connectionLimits: unhurried });
    const path = app.path('thumb', 'a.jpg');
    await (await app.get(path)).arrayBuffer();
    const before = openFiles();
    const memory = process.memoryUsage().rss;
    const crowd = await startCrowd({ port: app.port, count, text: '' });
    context.after(() => crowd.dispose());
    assert.deepEqual([crowd.start.opened, crowd.start.closed, crowd.start.failures], [count, 0, {}]);
    await until(() => openFiles() - before >= count);
    const more = process.memoryUsage().rss - memory;
    const good = goodClients(app, path);
    await until(() => good.answered() >= 20);
    const { answered, p99 } = await good.stop();
    assert.equal((await crowd.report()).closed, 0);
    context.diagnostic(
      `${count} idle connections: ${Math.round(more / MB)} MB; ${answered} good answers, p99 ${p99} ms`,
    );
    assert.ok(more < count * 40 * 1024, `${Math.round(more / MB)} MB`);
    await crowd.dispose();
    await until(() => openFiles() <= before + SPARE_FILES);
  });

  it('10,010 requests down one connection, 50 at a time: each its own answer in order, then it ends', async (context) => {
    const app = await startTestApp(context);
    const paths = [app.path('thumb', 'a.jpg'), app.path('thumb@2x', 'a.jpg'), '/nothing'];
    const expected = await Promise.all(paths.map(async (path) => (await app.get(path)).headers.get('etag')));
    const asked = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const memory = process.memoryUsage().rss;
    const socket = connect(app.port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    // The last ten may meet a connection that has ended, with all answers there are received.
    socket.on('error', ({ code }: NodeJS.ErrnoException) => assert.match(code ?? '', /^(EPIPE|ECONNRESET)$/));
    let [sent, answered, unread, last] = [0, 0, '', ''];
    const more = () => {
      for (; sent < 10_010 && sent < answered + 50; sent += 1) socket.write(asked[sent % 3] ?? '');
    };
    socket.on('data', (chunk) => {
      const { answers, rest } = splitAnswers(unread + chunk.toString('latin1'));
      unread = rest;
      for (const { head } of answers) {
        const [, etag = null] = /\r\netag: (\S+)/i.exec(head) ?? [];
        assert.equal(etag, expected[answered % 3]);
        answered += 1;
        last = head;
      }
      if (unread === '' && answered === sent) more();
    });
    more();
    await closed;
    const grown = Math.round((process.memoryUsage().rss - memory) / MB);
    context.diagnostic(`${answered} of 10010 pipelined requests answered in order, RSS ${grown} MB more`);
    assert.deepEqual([answered, unread], [CONNECTION_LIMITS.maxRequestsPerSocket, '']);
    assert.match(last, /connection: close/i);
  });

  it('10,000 requests down one connection at once: closed long before they are all begun', async (context) => {
    const app = await startTestApp(context);
    const path = app.path('thumb', 'a.jpg');
    /** Every request that is begun takes the next number. */
    const begunSoFar = async () => {
      const [, count = ''] = (await app.get('/health')).headers.get('x-request-id')?.split('-') ?? [];
      return Number.parseInt(count, 36);
    };
    const before = await begunSoFar();
    const good = goodClients(app, path);
    for (let connections = 0; connections < 10; connections += 1) {
      const burst = `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(10_000);
      // Closing with bytes unread resets the connection.
      await rawExchange(app.port, burst).catch(() => {});
    }
    const { answered, p99 } = await good.stop();
    const begun = (await begunSoFar()) - before;
    context.diagnostic(`${begun - answered} of 100000 pipelined requests begun; good: ${answered}, p99 ${p99} ms`);
    assert.ok(begun - answered <= 10 * 101, `${begun}`);
    assert.deepEqual([app.flights.size, app.queue.running, app.queue.waiting], [0, 0, 0]);
  });

  it('floods of headers and huge URLs: 431, and 15 KB pass', async (context) => {
    const app = await startTestApp(context);
    const path = app.path('thumb', 'a.jpg');
    const lines = (count: number) => Array.from({ length: count }, (_, n) => `x-${n}: y\r\n`).join('');
    const floods: [what: string, target: string, headers: string, status: number][] = [
      ['a header of 15 KB', path, `X: ${'a'.repeat(15_000)}\r\n`, 200],
      ['a header of 17 KB', path, `X: ${'a'.repeat(17_000)}\r\n`, 431],
      ['a header of 1 MB', path, `X: ${'a'.repeat(MB)}\r\n`, 431],
      ['a name of 17 KB', path, `${'a'.repeat(17_000)}: x\r\n`, 431],
      ['98 header lines', path, lines(98), 200],
      ['101 header lines', path, lines(101), 431],
      ['900 header lines', path, 'a:\r\n'.repeat(900), 431],
      ['5,000 header lines', path, lines(5000), 431],
      ['5,000 empty header lines', path, 'a:\r\n'.repeat(5000), 431],
      ['a URL of 15 KB', `/${'a'.repeat(15_000)}`, '', 404],
      ['a URL of 17 KB', `/${'a'.repeat(17_000)}`, '', 431],
      ['a URL of 1 MB', `/${'a'.repeat(MB)}`, '', 431],
      ['a query of 10,000 parameters', `${path}?${'a=1&'.repeat(10_000)}`, '', 431],
    ];
    for (const [what, target, headers, status] of floods) {
      const text = `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`;
      // Once refused, the rest of a flood meets a closed port, and the reset may swallow the answer.
      const answer = await rawExchange(app.port, text).catch((error) => `HTTP/1.1 431 ${error.message}`);
      assert.equal(Number(answer.slice(9, 12)), status, what);
      if (status === 431 && answer.includes('\r\n')) assert.match(answer, /cache-control: no-store/i, what);
    }
    context.diagnostic(`${floods.length} floods`);
  });
});

describe('request smuggling', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp(undefined);
  });
  after(() => app.dispose());
  const get = () => `GET ${app.path('thumb', 'a.jpg')} HTTP/1.1\r\n`;
  const post = () => `POST ${app.path('thumb', 'a.jpg')} HTTP/1.1\r\nHost: x\r\n`;
  const chunked = (te: string, body = '0\r\n\r\n') => `${post()}${te}\r\n\r\n${body}`;
  const withBody = (headers: string) => `${post()}${headers}\r\n\r\nhello`;
  const head = (lines: string) => `${get()}${lines}\r\n\r\n`;

  const forms: [what: string, request: () => string][] = [
    ['two different lengths', () => withBody('Content-Length: 5\r\nContent-Length: 6')],
    ['two equal lengths', () => withBody('Content-Length: 5\r\nContent-Length: 5')],
    ['a list of lengths', () => withBody('Content-Length: 5, 5')],
    ['a length with a plus', () => withBody('Content-Length: +5')],
    ['a negative length', () => withBody('Content-Length: -5')],
    ['a hexadecimal length', () => withBody('Content-Length: 0x5')],
    ['an octal-looking length with a letter', () => withBody('Content-Length: 5a')],
    ['a length beyond all numbers', () => withBody(`Content-Length: ${'9'.repeat(30)}`)],
    ['an empty length', () => withBody('Content-Length:')],
    ['a space before the colon of the length', () => withBody('Content-Length : 5')],
    ['a length, then chunked', () => chunked('Content-Length: 5\r\nTransfer-Encoding: chunked')],
    ['chunked, then a length', () => chunked('Transfer-Encoding: chunked\r\nContent-Length: 5')],
    ['chunked with a length of 0', () => chunked('Content-Length: 0\r\nTransfer-Encoding: chunked')],
    ['the encoding identity', () => withBody('Transfer-Encoding: identity')],
    ['the encoding xchunked', () => chunked('Transfer-Encoding: xchunked')],
    ['the encoding "chunked" in quotes', () => chunked('Transfer-Encoding: "chunked"')],
    ['the encoding behind a vertical tab', () => chunked('Transfer-Encoding: \x0bchunked')],
    ['chunked and then identity', () => chunked('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity')],
    ['chunked twice', () => chunked('Transfer-Encoding: chunked, chunked')],
    ['chunked and then gzip', () => chunked('Transfer-Encoding: chunked, gzip')],
    ['a space before the colon of the encoding', () => chunked('Transfer-Encoding : chunked')],
    ['a folded encoding', () => chunked('Transfer-Encoding:\r\n chunked')],
    ['a GET with a length', () => `${get()}Host: x\r\nContent-Length: 5\r\n\r\nhello`],
    ['a GET with chunks', () => `${get()}Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a negative chunk', () => chunked('Transfer-Encoding: chunked', '-1\r\n\r\n')],
    ['a chunk size with 0x', () => chunked('Transfer-Encoding: chunked', '0x5\r\nhello\r\n0\r\n\r\n')],
    [
      'a chunk size beyond all numbers',
      () => chunked('Transfer-Encoding: chunked', `${'f'.repeat(17)}\r\nhello\r\n0\r\n\r\n`),
    ],
    ['a chunk size that ends in a bare LF', () => chunked('Transfer-Encoding: chunked', '5\nhello\r\n0\r\n\r\n')],
    ['a space behind the chunk size', () => chunked('Transfer-Encoding: chunked', '5 \r\nhello\r\n0\r\n\r\n')],
    ['a chunk extension with a bare LF', () => chunked('Transfer-Encoding: chunked', '5;a\nb\r\nhello\r\n0\r\n\r\n')],
    ['a chunk extension with a bare CR', () => chunked('Transfer-Encoding: chunked', '5;a\rb\r\nhello\r\n0\r\n\r\n')],
    [
      'a chunk extension of 30 KB',
      () => chunked('Transfer-Encoding: chunked', `5;${'a'.repeat(30_000)}\r\nhello\r\n0\r\n\r\n`),
    ],
    ['a folded header', () => head('Host: x\r\nX-A: b\r\n c')],
    ['a folded first header', () => head(' X-A: b\r\nHost: x')],
    ['bare LFs throughout', () => get().replace('\r\n', '\nHost: x\n\n')],
    ['a bare LF after a header', () => head('X-A: b\nHost: x')],
    ['a bare LF at the end', () => `${get()}Host: x\r\n\n`],
    ['a bare CR in a header', () => head('X-A: b\rX-B: c\r\nHost: x')],
    ['a NUL in a header', () => head('X-A: b\0c\r\nHost: x')],
    ['a header without a name', () => head(': b\r\nHost: x')],
    ['a header name with a bracket', () => head('X(A: b\r\nHost: x')],
    ['a header without a colon', () => head('XA\r\nHost: x')],
    ['a space before a colon', () => head('X-A : b\r\nHost: x')],
    ['no host', () => `${get()}\r\n`],
    ['two hosts', () => head('Host: x\r\nHost: y')],
    ['HTTP/0.9', () => `GET ${app.path('thumb', 'a.jpg')}\r\n\r\n`],
    ['HTTP/1.2', () => head('Host: x').replace('HTTP/1.1', 'HTTP/1.2')],
    ['HTTP/2.0 without its preface', () => head('Host: x').replace('HTTP/1.1', 'HTTP/2.0')],
    ['HTTP/2 with prior knowledge', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['chunks over HTTP/1.0', () => chunked('Transfer-Encoding: chunked').replace('HTTP/1.1', 'HTTP/1.0')],
    ['a tab for a space', () => head('Host: x').replace('GET ', 'GET\t')],
    ['a method in small letters', () => head('Host: x').replace('GET', 'get')],
    ['bytes that are no ASCII in the target', () => 'GET /\xc3\xa9/thumb/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a TLS hello', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ];

  it('is refused in every form, and what follows on that connection is not answered', async (context) => {
    const intruder = app.path('thumb@2x', 'a.jpg');
    const theirs = (await app.get(intruder)).headers.get('etag') ?? 'none';
    for (const [what, request] of forms) {
      const follows = `GET ${intruder} HTTP/1.1\r\nHost: x\r\n\r\n`;
      const text = await rawExchange(app.port, request() + follows);
      const { answers, rest } = splitAnswers(text);
      assert.equal(rest, '', what);
      assert.ok(!text.includes(theirs), `${what}: the request behind it was answered`);
      assert.ok(answers.length <= 1, what);
      for (const { status, head } of answers) {
        assert.ok([400, 405, 431, 505].includes(status), `${what}: ${status}`);
        // What is refused by its headers alone may be answered before its body turns out to be none.
        if (status !== 405) assert.match(head, /connection: close/i, what);
        assert.match(head, /cache-control: no-store/i, what);
        assert.match(head, /x-content-type-options: nosniff/i, what);
      }
    }
    assert.equal((await app.get(intruder)).status, 200);
    assert.deepEqual([app.flights.size, app.queue.running, app.queue.waiting], [0, 0, 0]);
    context.diagnostic(`${forms.length} forms refused`);
  });

  it('is refused though NODE_OPTIONS asks for a lenient parser', async (context) => {
    const server = await startServer({ DARKROOM_FACES: 'off', NODE_OPTIONS: '--insecure-http-parser' });
    context.after(() => server.dispose());
    const health = 'GET /health HTTP/1.1\r\nHost: x\r\n';
    const [good] = splitAnswers(await rawExchange(server.port, `${health}Connection: close\r\n\r\n`)).answers;
    assert.equal(good?.status, 200);
    const both = `${health}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    for (const text of [`${health}X-A: b\0c\r\n\r\n`, both]) {
      const { answers } = splitAnswers(await rawExchange(server.port, text));
      assert.deepEqual(
        answers.map(({ status, head }) => [status, /connection: close/i.test(head)]),
        [[400, true]],
      );
    }
  });

  it('in a body that was refused never becomes a request', async () => {
    const inner = `GET ${app.path('thumb@2x', 'a.jpg')} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const last = 'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const length = `${post()}Content-Length: ${inner.length}\r\n\r\n${inner}${last}`;
    const chunks = chunked(
      'Transfer-Encoding: chunked',
      `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n${last}`,
    );
    const tab = chunked('Transfer-Encoding:\tchunked', `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n${last}`);
    for (const text of [length, chunks, tab]) {
      const { answers, rest } = splitAnswers(await rawExchange(app.port, text));
      assert.deepEqual([answers.map(({ status }) => status), rest], [[405, 404], '']);
    }
  });

  it('answers no earlier request with the refusal of a later one', async () => {
    const held = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const { store, hold } = createMemoryStore();
    hold.get = () => {
      asked.resolve();
      return held.promise;
    };
    const slow = await startTestApp(undefined, { originals: store });
    const answer = Promise.withResolvers<string>();
    let received = '';
    const socket = connect(slow.port, '127.0.0.1', () =>
      socket.write(`GET ${slow.path('thumb', 'a.jpg')} HTTP/1.1\r\nHost: x\r\n\r\n`),
    );
    socket.on('data', (chunk) => (received += chunk));
    socket.on('close', () => answer.resolve(received));
    await asked.promise;
    socket.write('no HTTP\r\n\r\n');
    assert.equal(await answer.promise, '');
    held.resolve();
    await slow.dispose();
  });
});
