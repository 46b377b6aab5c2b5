import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import type { Renderer } from '../../src/render/render.ts';
import { createRenditionCache } from '../../src/renditions/memory-cache.ts';
import { toRendition } from '../../src/renditions/rendition.ts';
import { createHttpOrigin } from '../../src/stores/http/http-origin.ts';
import { startApp, type TestApp, type TestAppOptions } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { behaviours, startOriginServer } from '../helpers/origin-server.ts';
import { rawGet } from '../helpers/raw-http.ts';
import { startServer } from '../helpers/server.ts';
import { until, untilAnswer } from '../helpers/turns.ts';

const photo = await sharp({ create: { width: 800, height: 600, channels: 3, background: '#3366aa' } })
  .jpeg()
  .toBuffer();
/** A picture that no format makes smaller. */
function noise(width: number, height: number): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3);
  let state = 1;
  for (let at = 0; at < pixels.length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pixels[at] = state >>> 24;
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

const started: TestApp[] = [];
const openings: (() => void)[] = [];
after(() => {
  for (const open of openings) open();
  return Promise.all(started.map((app) => app.dispose()));
});

/** An app whose renders wait for `open()`, and which counts renders and requests. */
async function startGated(options: Partial<TestAppOptions> = {}) {
  const ids = Array.from({ length: 300 }, (_, n) => [`photo-${n}.jpg`, photo] as const);
  const originals = createMemoryStore(Object.fromEntries(ids));
  const results = createMemoryStore();
  const gate = Promise.withResolvers<void>();
  openings.push(gate.resolve);
  const control = { closed: true, renders: 0, requests: 0, fault: undefined as Error | undefined };
  const wrapRenderer = (real: Renderer): Renderer => ({
    ...real,
    async render(...args) {
      control.renders += 1;
      if (control.closed) await gate.promise;
      if (control.fault) throw control.fault;
      return real.render(...args);
    },
  });
  const app = await startApp({ originals: originals.store, results: results.store, wrapRenderer, ...options });
  started.push(app);
  app.app.server.on('request', () => (control.requests += 1));
  const gauges = () => [
    app.flights.size,
    app.queue.running,
    app.queue.waiting,
    app.queue.inputBytes,
    app.saves.pending,
  ];
  const open = () => {
    control.closed = false;
    gate.resolve();
  };
  const sockets = () => new Promise<number>((resolve) => app.app.server.getConnections((_, count) => resolve(count)));
  return { ...app, control, originals, results, gauges, open, sockets };
}

/** A client on a connection of its own that can walk away at any moment. */
function visit(app: { baseUrl: string }, path: string) {
  const answered = Promise.withResolvers<IncomingMessage>();
  answered.promise.catch(() => {});
  const asking = request(app.baseUrl + path, { agent: false }, answered.resolve);
  asking.on('error', answered.reject);
  asking.end();
  return { answered: answered.promise, leave: () => asking.destroy() };
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('1,000 who want the same', () => {
  for (const moment of ['its original is read', 'it renders'] as const) {
    it(`get it though the one who came first leaves while ${moment}: one read, one lookup, one render, one save`, async (t) => {
      const app = await startGated();
      const reading = Promise.withResolvers<void>();
      const mayRead = Promise.withResolvers<void>();
      app.originals.hold.get = () => {
        reading.resolve();
        return moment === 'it renders' ? Promise.resolve() : mayRead.promise;
      };
      const target = app.path('medium', 'photo-1.jpg');
      const leader = visit(app, target);
      await (moment === 'it renders' ? until(() => app.control.renders === 1) : reading.promise);
      const others = Array.from({ length: 999 }, () => visit(app, target));
      await until(() => app.control.requests === 1000);
      leader.leave();
      await assert.rejects(leader.answered);
      mayRead.resolve();
      app.open();
      const answers = await Promise.all(others.map(({ answered }) => answered));
      const bodies = await Promise.all(answers.map(bodyOf));
      assert.deepEqual(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200]));
      assert.ok(bodies.every((body) => body.equals(bodies[0] ?? Buffer.of())) && bodies[0]?.length);
      await app.saves.drain(60_000);
      const lookups = app.results.calls.filter((call) => /^get .*\/medium-/.test(call)).length;
      assert.deepEqual(
        [app.originals.count('get'), lookups, app.control.renders, app.results.count('put')],
        [1, 1, 1, 1],
      );
      await until(() => app.gauges().every((gauge) => gauge === 0));
      t.diagnostic('999 answers of 999 who stayed, one render');
    });
  }

  for (const [what, id, status] of [
    ['crashes', 'photo-1.jpg', 500],
    ['meets no picture', 'broken.jpg', 422],
  ] as const) {
    it(`get the one error of a render that ${what}, and the next request tries again`, async () => {
      const app = await startGated();
      app.originals.objects.set('broken.jpg', {
        ...{ body: photo.subarray(0, 900), contentType: undefined, cacheControl: undefined, metadata: {} },
      });
      if (what === 'crashes') app.control.fault = new Error('vips is on fire');
      const target = app.path('medium', id);
      const all = Array.from({ length: 1000 }, () => visit(app, target));
      await until(() => app.control.requests === 1000 && app.control.renders === 1);
      app.open();
      const answers = await Promise.all(all.map(({ answered }) => answered));
      assert.deepEqual(new Set(answers.map(({ statusCode }) => statusCode)), new Set([status]));
      for (const answer of answers) answer.resume();
      assert.deepEqual([app.control.renders, app.originals.count('get'), app.results.count('put')], [1, 1, 0]);
      app.control.fault = undefined;
      const next = await app.get(target);
      assert.equal(next.status, what === 'crashes' ? 200 : 422);
      assert.equal(app.originals.count('get'), 2, 'it was tried anew');
    });
  }
});

describe('clients who leave', () => {
  const CROWD = 250;
  const crowd = (app: { baseUrl: string; path(preset: string, id: string): string }) =>
    Array.from({ length: CROWD }, (_, n) => visit(app, app.path('small', `photo-${n}.jpg`)));
  const left: Record<string, number> = {};
  const assertQuiet = async (app: Awaited<ReturnType<typeof startGated>>) => {
    await until(() => app.gauges().every((gauge) => gauge === 0));
    await untilAnswer(app.sockets, (open) => open === 0);
    assert.equal((await rawGet(app.baseUrl, app.path('thumb', 'photo-299.jpg'))).status, 200, 'the next good request');
  };

  it('while they wait: nothing is rendered for them', async () => {
    const app = await startGated({ slots: 1, waiting: CROWD + 10, waitTimeoutMs: 60_000 });
    const blocker = visit(app, app.path('small', 'photo-290.jpg'));
    await until(() => app.control.renders === 1);
    const clients = crowd(app);
    await until(() => app.queue.waiting === CROWD);
    for (const { leave } of clients) leave();
    await until(() => app.queue.waiting === 0 && app.flights.size === 1);
    app.open();
    const answer = await blocker.answered;
    assert.equal(answer.statusCode, 200);
    answer.resume();
    assert.equal(app.control.renders, 1);
    await assertQuiet(app);
    left.waiting = CROWD;
  });

  it('while originals are fetched: the origin’s connections are closed, nothing is rendered', async () => {
    const origin = await startOriginServer();
    for (let n = 0; n < CROWD; n += 1) origin.script(`photo-${n}.jpg`, behaviours.silent());
    origin.seed('photo-299.jpg', photo);
    const originals = createHttpOrigin({ baseUrl: origin.url, timeoutMs: 60_000, allowPrivate: true });
    const app = await startGated({ slots: CROWD, originals });
    app.open();
    const clients = crowd(app);
    await until(() => app.queue.waiting === CROWD);
    // As many as the adapter connects at a time; the others wait for a connection.
    await until(() => origin.requests.length > 0);
    for (const { leave } of clients) leave();
    await until(() => app.flights.size === 0 && origin.openSockets() === 0);
    assert.equal(app.control.renders, 0);
    await assertQuiet(app);
    left.fetching = CROWD;
  });

  it('while their pictures are rendered: what was begun is kept', async () => {
    const app = await startGated({ slots: CROWD });
    const clients = crowd(app);
    await until(() => app.control.renders === CROWD);
    for (const { leave } of clients) leave();
    app.open();
    await assertQuiet(app);
    assert.equal(app.control.renders, CROWD + 1);
    const kept = await app.get(app.path('small', 'photo-7.jpg'), { headers: { connection: 'close' } });
    assert.equal(kept.headers.get('cache-status'), 'darkroom; hit; detail=memory');
    left.rendering = CROWD;
  });

  it('while they are sent to: nothing is held', async (t) => {
    const app = await startGated();
    app.open();
    const large = { body: await noise(1100, 1100), contentType: undefined, cacheControl: undefined, metadata: {} };
    app.originals.objects.set('large.png', large);
    const target = app.path('w_1100,f_png', 'large.png');
    assert.ok((await rawGet(app.baseUrl, target)).body.length > 2_000_000);
    // Held back, so that most of it is still to be sent when they go.
    const clients = Array.from({ length: CROWD }, () => visit(app, target));
    const answers = await Promise.all(clients.map(({ answered }) => answered));
    for (const answer of answers) answer.on('error', () => {}).pause();
    for (const { leave } of clients) leave();
    await assertQuiet(app);
    left.sending = CROWD;
    t.diagnostic(`left: ${JSON.stringify(left)}; renders for nobody: 0; sockets, flights, places, bytes left: 0`);
  });

  it('or whose patience is shorter than the line: refused before a render begins', async () => {
    const app = await startGated({ slots: 1, waiting: 10, waitTimeoutMs: 150, nearest: false });
    const blocker = visit(app, app.path('small', 'photo-0.jpg'));
    await until(() => app.control.renders === 1);
    const waiting = Array.from({ length: 5 }, (_, n) => rawGet(app.baseUrl, app.path('small', `photo-${n + 1}.jpg`)));
    for (const { status, headers } of await Promise.all(waiting)) {
      assert.deepEqual([status, headers['x-error']], [503, 'busy']);
      assert.ok(Number(headers['retry-after']) >= 1);
    }
    app.open();
    (await blocker.answered).resume();
    await assertQuiet(app);
    assert.equal(app.control.renders, 2, 'the blocker and the good request at the end');
  });
});

describe('a result store that takes no saves', () => {
  it('costs nobody an answer, and memory only up to its share', async (t) => {
    const app = await startGated({ saveBytes: 20_000 });
    app.open();
    const release = Promise.withResolvers<void>();
    app.results.hold.put = () => release.promise;
    for (let n = 0; n < 120; n += 1) {
      assert.equal((await rawGet(app.baseUrl, app.path('medium.jpeg', `photo-${n}.jpg`))).status, 200);
      assert.ok(app.saves.bytes <= 20_000, String(app.saves.bytes));
    }
    const pending = app.saves.pending;
    release.resolve();
    await app.saves.drain(60_000);
    assert.equal(app.results.objects.size, pending);
    assert.ok(pending > 0 && pending < 120, String(pending));
    t.diagnostic(`120 answers at once; ${pending} saved when it came back, ${120 - pending} given up`);
  });
});

describe('the memory cache', () => {
  it('stays within its bytes while three times as much goes through it, and tears nothing', () => {
    const limit = 1_000_000;
    const cache = createRenditionCache(limit);
    let read = 0;
    for (let n = 0; n < 600; n += 1) {
      const body = Buffer.alloc(1000 + ((n * 7919) % 9000), n % 251);
      const fresh = { body, contentType: 'image/webp', width: 1, height: 1 };
      cache.set(`p/${n}`, toRendition(fresh, '0', 0), `family ${n % 7}`);
      assert.ok(cache.bytes <= limit);
      for (let back = 0; back < 400; back += 37) {
        const kept = cache.get(`p/${n - back}`, '0');
        if (!kept) continue;
        read += 1;
        assert.ok(kept.body.length === 1000 + (((n - back) * 7919) % 9000) && kept.body.at(-1) === (n - back) % 251);
      }
    }
    assert.ok(read > 600 && cache.entries < 600);
  });
});

describe('a real process', () => {
  it('with every slot encoding: hits, 304s, health and errors wait for none of them', async (t) => {
    const server = await startServer({ DARKROOM_SLOTS: '2', DARKROOM_QUEUE: '8', DARKROOM_FACES: 'off' });
    const folder = join(server.folder, 'data/originals');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'large.png'), await noise(1600, 1200));
    await writeFile(join(folder, 'photo.jpg'), photo);
    const hit = server.path('small', 'photo.jpg');
    const first = await rawGet(server.baseUrl, hit);
    const etag = String(first.headers.etag);
    const kinds: [kind: string, status: number, path: string, headers: Record<string, string>][] = [
      ['hit', 200, hit, {}],
      ['304', 304, hit, { 'if-none-match': etag }],
      ['health', 200, '/health', {}],
      ['403', 403, `/${'x'.repeat(22)}/small/photo.jpg`, {}],
      ['404', 404, server.path('nope', 'photo.jpg'), {}],
    ];
    let stop = false;
    let renders = 0;
    let width = 500;
    const renderer = async () => {
      while (!stop) {
        width += 1;
        const { status } = await rawGet(server.baseUrl, server.path(`w_${width},f_avif,e_2`, 'large.png'));
        assert.equal(status, 200);
        renders += 1;
      }
    };
    const rendering = Array.from({ length: 4 }, renderer);
    await until(() => renders >= 2);
    const rendersBefore = renders;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const times = new Map<string, number[]>(kinds.map(([kind]) => [kind, []]));
    for (let round = 0; round < 150; round += 1) {
      for (const [kind, status, path, headers] of kinds) {
        const since = performance.now();
        assert.equal((await rawGet(server.baseUrl, path, { agent, headers })).status, status, kind);
        times.get(kind)?.push(performance.now() - since);
      }
    }
    const meanwhile = renders - rendersBefore;
    stop = true;
    await Promise.all(rendering);
    for (const [kind, taken] of times) {
      const [p50 = 0, p99 = 0] = [0.5, 0.99].map(
        (part) => taken.toSorted((a, b) => a - b)[Math.floor(part * taken.length)],
      );
      t.diagnostic(`${kind}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms of ${taken.length}`);
    }
    t.diagnostic(`${meanwhile} AVIF renders meanwhile in 2 slots`);
    // What waits for a slot waits for a render: one after the other, each of these would have seen one end.
    assert.ok(meanwhile < (150 * kinds.length) / 2, `${meanwhile} renders`);
    agent.destroy();
    await server.dispose();
  });

  it('with 200 readers of a kilobyte a second: one copy of what they read, and everybody else is served', async (t) => {
    const server = await startServer({ DARKROOM_SLOTS: '1', DARKROOM_FACES: 'off' });
    const folder = join(server.folder, 'data/originals');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'large.png'), await noise(1600, 1100));
    const target = server.path('w_1600,f_png', 'large.png');
    const { body } = await rawGet(server.baseUrl, target);
    assert.ok(body.length > 5_000_000, String(body.length));
    const rss = async () => {
      const status = await readFile(`/proc/${server.child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
    };
    const before = await rss();
    const readers = Array.from({ length: 200 }, () => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
      const begun = new Promise<void>((resolve) => socket.once('readable', () => resolve()));
      const reads = { count: 0 };
      const timer = setInterval(() => {
        if (socket.read(Math.min(1024, socket.readableLength))) reads.count += 1;
      }, 1000);
      return { socket, timer, begun, reads };
    });
    await Promise.all(readers.map(({ begun }) => begun));
    await until(() => readers.every(({ reads }) => reads.count > 0));
    const during = await rss();
    for (let n = 0; n < 5; n += 1) assert.equal((await rawGet(server.baseUrl, target)).body.length, body.length);
    for (const { socket, timer } of readers) {
      clearInterval(timer);
      socket.destroy();
    }
    t.diagnostic(
      `RSS ${before.toFixed(0)} MiB before, ${during.toFixed(0)} with 200 readers of ${(body.length / 1e6).toFixed(1)} MB`,
    );
    // 200 copies would be a gigabyte; what is owed is one of them, and what the allocators keep of its making.
    assert.ok((during - before) * 1024 ** 2 < (200 * body.length) / 5, `${before} to ${during} MiB`);
    assert.equal(await server.stop(), 0);
    await server.dispose();
  });
});
