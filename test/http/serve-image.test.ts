import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import type { Renderer } from '../../src/render/render.ts';
import { startApp, TEST_KEY, type TestApp, type TestAppOptions } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { turns, until } from '../helpers/turns.ts';

const photo = await sharp({ create: { width: 800, height: 600, channels: 3, background: '#3366aa' } })
  .jpeg()
  .toBuffer();
const started: TestApp[] = [];
after(() => Promise.all(started.map((app) => app.dispose())));

async function start(options: Partial<TestAppOptions> = {}) {
  const originals = createMemoryStore(
    Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`photo-${n}.jpg`, photo])),
  );
  const results = createMemoryStore();
  let renders = 0;
  const renderGate: { wait?: Promise<void> } = {};
  const wrapRenderer = (real: Renderer): Renderer => ({
    ...real,
    async render(...args) {
      renders += 1;
      await renderGate.wait;
      return real.render(...args);
    },
  });
  const app = await startApp({ originals: originals.store, results: results.store, wrapRenderer, ...options });
  started.push(app);
  return { ...app, originals, results, renderGate, renders: () => renders };
}

/** Closes the gate for renders; open it to let them go on. */
function closeGate(app: { renderGate: { wait?: Promise<void> } }) {
  const gate = Promise.withResolvers<void>();
  app.renderGate.wait = gate.promise;
  return gate.resolve;
}

describe('a stampede', () => {
  it('costs one original read, one render, one lookup each, one save and one write of the record for 1,000 answers', async () => {
    const app = await start();
    const open = closeGate(app);
    const target = app.path('medium', 'photo-1.jpg');
    const asking = Array.from({ length: 1000 }, async () => {
      const response = await app.get(target);
      return {
        status: response.status,
        cacheStatus: response.headers.get('cache-status'),
        body: Buffer.from(await response.arrayBuffer()),
      };
    });
    await until(() => app.renders() === 1);
    open();
    const answers = await Promise.all(asking);
    await app.saves.drain(60_000);

    assert.deepEqual([app.originals.count('get'), app.renders()], [1, 1]);
    const calls = app.results.calls.map((call) => call.replace('IfChanged', '').replace(/-[0-9a-f]{16}/, ''));
    const record = 'photo-1.jpg/original.json';
    assert.deepEqual(calls.sort(), [
      'get +darkroom/prefixes.json',
      'get photo-1.jpg/medium.webp',
      // Before the answer, and before and after the save.
      ...Array(3).fill(`get ${record}`),
      'get photo-1.jpg/working.jpg',
      'put photo-1.jpg/medium.webp',
      `putIf ${record}`,
    ]);
    const [first] = answers;
    assert.ok(answers.every(({ status, body }) => status === 200 && body.equals(first?.body as Buffer)));
    assert.equal(answers.filter((answer) => answer.cacheStatus === 'darkroom; fwd=miss').length, 1);
    const rest = new Set(answers.map((answer) => answer.cacheStatus));
    rest.delete('darkroom; fwd=miss');
    for (const cacheStatus of rest)
      assert.match(cacheStatus ?? '', /^darkroom; (fwd=miss; collapsed|hit; detail=memory)$/);
    assert.deepEqual([app.flights.size, app.queue.running, app.queue.waiting], [0, 0, 0]);
  });

  it('is not disturbed when one of three waiters leaves', async () => {
    const app = await start();
    const open = closeGate(app);
    const target = app.path('small', 'photo-2.jpg');
    const leaver = new AbortController();
    const first = app.get(target, { signal: leaver.signal });
    await until(() => app.renders() === 1);
    const others = [app.get(target), app.get(target)];
    leaver.abort();
    await assert.rejects(first);
    open();
    for (const response of await Promise.all(others)) assert.equal(response.status, 200);
    assert.equal(app.renders(), 1);
  });

  it('is dropped when all have left while it was still queued', async () => {
    const app = await start({ slots: 1, waiting: 5 });
    const open = closeGate(app);
    const busy = app.get(app.path('small', 'photo-3.jpg'));
    await until(() => app.renders() === 1);
    const leaver = new AbortController();
    const queued = [0, 1].map(() => app.get(app.path('small', 'photo-4.jpg'), { signal: leaver.signal }));
    await until(() => app.queue.waiting === 1);
    leaver.abort();
    for (const request of queued) await assert.rejects(request);
    await until(() => app.queue.waiting === 0);
    assert.equal(app.flights.size, 1);
    open();
    assert.equal((await busy).status, 200);
    await turns();
    assert.equal(app.renders(), 1);
    assert.equal(app.results.calls.filter((call) => call.startsWith('put ') && call.includes('photo-4')).length, 0);
  });

  it('is told of one failure, which nobody remembers', async () => {
    const app = await start();
    app.originals.hold.get = async () => {
      await turns(20);
      throw new Error('disk on fire');
    };
    const target = app.path('small', 'photo-5.jpg');
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.get(target)));
    assert.ok(answers.every(({ status }) => status === 500));
    delete app.originals.hold.get;
    const retried = await app.get(target);
    assert.equal(retried.status, 200);
    assert.equal(retried.headers.get('cache-status'), 'darkroom; fwd=miss');
  });
});

describe('when slots and queue are full', () => {
  it('answers exactly 9 of 20 at 3 slots and 6 waiting places, and hits and health at once', async () => {
    const app = await start({ slots: 3, waiting: 6 });
    const warm = app.path('thumb', 'photo-0.jpg');
    await (await app.get(warm)).arrayBuffer();
    const open = closeGate(app);
    let answered = 0;
    const asking = Array.from({ length: 20 }, async (_, n) => {
      const answer = await app.get(app.path('thumb', `photo-${n + 1}.jpg`));
      answered += 1;
      return answer;
    });
    // All of them have come: none takes a place that a render has just left.
    await until(() => app.queue.running === 3 && app.queue.waiting === 6 && answered === 11);

    const hit = await app.get(warm);
    assert.deepEqual([hit.status, hit.headers.get('cache-status')], [200, 'darkroom; hit; detail=memory']);
    assert.equal((await app.get('/health')).status, 200);
    const etag = hit.headers.get('etag') as string;
    assert.equal((await app.get(warm, { headers: { 'if-none-match': etag } })).status, 304);

    open();
    const answers = await Promise.all(asking);
    const refused = answers.filter(({ status }) => status === 503);
    assert.equal(answers.filter(({ status }) => status === 200).length, 9);
    assert.equal(refused.length, 11);
    for (const response of refused) {
      assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d?$/);
      assert.equal(response.headers.get('cache-control'), 'no-store');
      assert.equal(((await response.json()) as { error: string }).error, 'busy');
    }
  });

  it('holds at most twice as many originals as it has slots', async () => {
    const app = await start({ slots: 2, waiting: 20 });
    const open = closeGate(app);
    const asking = Array.from({ length: 12 }, (_, n) => app.get(app.path('thumb', `photo-${n}.jpg`)));
    await until(() => app.queue.running === 2 && app.queue.waiting === 10);
    await turns(20);
    assert.equal(app.originals.count('get'), 4);
    open();
    for (const response of await Promise.all(asking)) assert.equal(response.status, 200);
  });
});

describe('a render that takes too long', () => {
  it('answers 503, keeps its slot until it has ended, is not started twice, and is kept once done', async () => {
    const app = await start({ slots: 1, waiting: 3, renderTimeoutMs: 50 });
    const open = closeGate(app);
    const target = app.path('thumb', 'photo-1.jpg');
    const late = await app.get(target);
    assert.equal(late.status, 503);
    assert.equal(late.headers.get('x-error'), 'render_timeout');
    assert.ok(late.headers.get('retry-after'));
    assert.equal((await app.get(target)).headers.get('x-error'), 'render_timeout');
    assert.deepEqual([app.queue.running, app.renders()], [1, 1]);
    open();
    await until(() => app.queue.running === 0);
    const kept = await app.get(target);
    assert.deepEqual([kept.status, kept.headers.get('cache-status')], [200, 'darkroom; hit; detail=memory']);
    assert.equal(app.renders(), 1);
  });
});

describe('results', () => {
  it('are looked up before anything is rendered, by whoever comes next', async () => {
    const first = await start();
    const target = first.path('medium', 'photo-1.jpg');
    const rendered = await first.get(target);
    const body = Buffer.from(await rendered.arrayBuffer());
    await first.saves.drain(60_000);

    const second = await start({ results: first.results.store });
    const stored = await second.get(target);
    assert.equal(stored.headers.get('cache-status'), 'darkroom; hit; detail=store');
    assert.equal(stored.headers.get('etag'), rendered.headers.get('etag'));
    assert.equal(stored.headers.get('content-type'), 'image/webp');
    assert.ok(Buffer.from(await stored.arrayBuffer()).equals(body));
    assert.deepEqual([second.renders(), second.originals.count('get')], [0, 0]);
    assert.equal((await second.get(target)).headers.get('cache-status'), 'darkroom; hit; detail=memory');
  });

  it('are saved after the answer, under the documented key and headers', async () => {
    const app = await start();
    const gate = Promise.withResolvers<void>();
    app.results.hold.put = () => gate.promise;
    const response = await app.get(app.path('medium@2x.avif', 'photo-1.jpg'));
    assert.equal(response.status, 200);
    await response.arrayBuffer();
    assert.equal(app.results.objects.size, 0);
    gate.resolve();
    await app.saves.drain(60_000);
    const [key = assert.fail('nothing was saved'), ...others] = app.results.made();
    assert.deepEqual(others, []);
    assert.match(key, /^photo-1\.jpg\/medium@2x-[0-9a-f]{16}\.avif$/);
    const object = app.results.objects.get(key) ?? assert.fail();
    assert.equal(object.contentType, 'image/avif');
    assert.equal(object.cacheControl, 'public, max-age=31536000, immutable');
    const { width, height, epoch, 'rendered-at': renderedAt } = object.metadata;
    assert.deepEqual([width, height, epoch], ['800', '600', '0']);
    const modified = new Date(Number(renderedAt) * 1000).toUTCString();
    assert.equal(response.headers.get('last-modified'), modified);
  });

  it('that fail never stop an answer', async () => {
    const app = await start();
    app.results.hold.get = app.results.hold.put = async () => {
      throw new Error('the bucket is gone');
    };
    const response = await app.get(app.path('medium', 'photo-1.jpg'));
    assert.equal(response.status, 200);
    await response.arrayBuffer();
    await app.saves.drain(60_000);
    assert.deepEqual([...new Set(app.warnings)].sort(), [
      'the record of an original cannot be asked',
      'the result store cannot be read',
    ]);
  });

  it('that were damaged are rendered again and replaced', async () => {
    const app = await start();
    const target = app.path('medium', 'photo-1.jpg');
    await (await app.get(target)).arrayBuffer();
    await app.saves.drain(60_000);
    const [key = assert.fail()] = app.results.made();
    const whole = app.results.objects.get(key) ?? assert.fail();
    const damages = [
      { ...whole, body: whole.body.subarray(0, 100) },
      { ...whole, body: Buffer.alloc(whole.body.length) },
      { ...whole, contentType: 'text/html' },
      { ...whole, metadata: {} },
      { ...whole, metadata: { ...whole.metadata, epoch: '' } },
    ];
    for (const damaged of damages) {
      app.results.objects.set(key, damaged);
      const fresh = await start({ results: app.results.store });
      const response = await fresh.get(target);
      assert.equal(response.headers.get('cache-status'), 'darkroom; fwd=miss');
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(whole.body));
      await fresh.saves.drain(60_000);
      const { metadata, ...rest } = app.results.objects.get(key) ?? assert.fail();
      assert.deepEqual({ ...rest, metadata: { ...metadata, 'rendered-at': whole.metadata['rendered-at'] } }, whole);
    }
  });
});

describe('an edited preset', () => {
  it('has another key and ETag, and serves nothing old', async () => {
    const definitions = (quality: number) => ({
      card: { width: 200, height: 200, fit: 'cover', format: 'webp', quality },
    });
    const before = await start({ definitions: definitions(80) });
    const target = before.path('card', 'photo-1.jpg');
    const old = await before.get(target);
    await before.saves.drain(60_000);
    const edited = await start({ definitions: definitions(40), results: before.results.store });
    const fresh = await edited.get(target, { headers: { 'if-none-match': old.headers.get('etag') as string } });
    assert.equal(fresh.status, 200);
    assert.equal(fresh.headers.get('cache-status'), 'darkroom; fwd=miss');
    assert.notEqual(fresh.headers.get('etag'), old.headers.get('etag'));
    await edited.saves.drain(60_000);
    assert.equal(before.results.made().length, 2);
    // The same recipe under the same name is the same rendition again.
    const restored = await start({ definitions: definitions(80), results: before.results.store });
    assert.equal((await restored.get(target)).headers.get('cache-status'), 'darkroom; hit; detail=store');
  });
});

describe('keys', () => {
  it('verify in any order while they are rotated', async () => {
    const [a, b] = [TEST_KEY, Buffer.alloc(32, 8)];
    const old = await start({ keys: [a] });
    const both = await start({ keys: [b, a] });
    const fresh = await start({ keys: [b] });
    const target = old.path('thumb', 'photo-1.jpg');
    assert.equal((await both.get(target)).status, 200);
    assert.equal((await fresh.get(target)).status, 403);
    assert.equal(both.path('thumb', 'photo-1.jpg'), fresh.path('thumb', 'photo-1.jpg'));
  });
});
