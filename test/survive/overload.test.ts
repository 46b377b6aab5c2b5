import assert from 'node:assert/strict';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import type { Renderer } from '../../src/render/render.ts';
import { startApp, type TestApp, type TestAppOptions } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { startServer } from '../helpers/server.ts';
import { until } from '../helpers/turns.ts';

const plain = { create: { width: 800, height: 600, channels: 3, background: '#3366aa' } } as const;
const photo = await sharp(plain).jpeg().toBuffer();
const started: TestApp[] = [];
const openings: (() => void)[] = [];
after(() => {
  for (const open of openings) open();
  return Promise.all(started.map((app) => app.dispose()));
});

/** An app whose renders wait for `open()`, and which counts them. */
async function startGated(options: Partial<TestAppOptions> = {}) {
  const ids = Array.from({ length: 600 }, (_, n) => [`photo-${n}.jpg`, photo] as const);
  const originals = createMemoryStore(Object.fromEntries(ids));
  const gate = Promise.withResolvers<void>();
  openings.push(gate.resolve);
  const control = { closed: false, widths: [] as (number | undefined)[] };
  const wrapRenderer = (real: Renderer): Renderer => ({
    ...real,
    async render(original, recipe, ...rest) {
      control.widths.push(recipe.width);
      if (control.closed) await gate.promise;
      return real.render(original, recipe, ...rest);
    },
  });
  const app = await startApp({ originals: originals.store, wrapRenderer, ...options });
  started.push(app);
  return { ...app, control, originals, open: gate.resolve };
}

describe('overload', () => {
  it('500 different renditions at 2 slots and 32 places: 34 answers, 466 refusals that say when to come back', async (t) => {
    const app = await startGated({ slots: 2, waiting: 32, nearest: false });
    app.control.closed = true;
    const refused: number[] = [];
    const retries = new Set<string | null>();
    let most = 0;
    const before = process.memoryUsage().rss;
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const since = performance.now();
    const asking = Array.from({ length: 500 }, async (_, n) => {
      const response = await app.get(app.path('small', `photo-${n}.jpg`));
      await response.arrayBuffer();
      most = Math.max(most, app.queue.waiting);
      if (response.status === 503) {
        refused.push(performance.now() - since);
        retries.add(response.headers.get('retry-after'));
        assert.equal(response.headers.get('cache-control'), 'no-store');
      }
      return response.status;
    });
    await until(() => refused.length === 466);
    // A memory hit, a 304 and health while every slot and every place is taken.
    const quick = await Promise.all([
      app.get('/health'),
      app.get('/nonsense'),
      app.get(app.path('nope', 'photo-1.jpg')),
    ]);
    assert.deepEqual(
      quick.map(({ status }) => status),
      [200, 404, 404],
    );
    app.open();
    const statuses = await Promise.all(asking);
    assert.equal(statuses.filter((status) => status === 200).length, 34);
    assert.ok(most <= 32, String(most));
    for (const retry of retries) assert.ok(Number(retry) >= 1 && Number(retry) <= 30, String(retry));
    assert.deepEqual([app.flights.size, app.queue.running, app.queue.waiting, app.queue.inputBytes], [0, 0, 0, 0]);
    delay.disable();
    // With the 500 clients in the same process.
    const [p50, p99] = [50, 99].map((share) => (delay.percentile(share) / 1e6).toFixed(0));
    const more = Math.round((process.memoryUsage().rss - before) / 1024 ** 2);
    t.diagnostic(`answered 34, refused ${refused.length}, lost 0`);
    t.diagnostic(`event loop p50 ${p50} ms, p99 ${p99} ms, RSS ${more} MiB more, clients included`);
  });

  it('an avatar overtakes retina renders that came first, and they come all the same', async () => {
    const app = await startGated({ slots: 1, waiting: 40 });
    app.control.closed = true;
    const blocker = app.get(app.path('small', 'photo-0.jpg'));
    await until(() => app.control.widths.length === 1);
    const large = Array.from({ length: 5 }, (_, n) => app.get(app.path('retina', `photo-${n + 1}.jpg`)));
    await until(() => app.queue.waiting === 5);
    const small = Array.from({ length: 5 }, (_, n) => app.get(app.path('avatar-small', `photo-${n + 1}.jpg`)));
    await until(() => app.queue.waiting === 10);
    app.open();
    const answers = await Promise.all([blocker, ...large, ...small]);
    for (const answer of answers) assert.equal(answer.status, 200);
    // One of the large ones may have had its original in memory already.
    assert.ok(app.control.widths.slice(1, 7).filter((width) => width === 48).length === 5, app.control.widths.join());
  });

  it('serves the nearest size in memory instead of a refusal, to be kept by nobody', async () => {
    const app = await startGated({ slots: 1, waiting: 0 });
    for (const preset of ['medium', 'thumb'])
      assert.equal((await app.get(app.path(preset, 'photo-1.jpg'))).status, 200);
    app.control.closed = true;
    const blocker = app.get(app.path('small', 'photo-0.jpg'));
    await until(() => app.queue.running === 1);

    const near = await app.get(app.path('small', 'photo-1.jpg'));
    assert.equal(near.status, 200);
    assert.equal(near.headers.get('cache-control'), 'no-store');
    assert.equal(near.headers.get('cache-status'), 'darkroom; hit; detail=nearest');
    assert.equal(near.headers.get('etag'), null);
    const { width, format } = await sharp(Buffer.from(await near.arrayBuffer())).metadata();
    assert.deepEqual([width, format], [600, 'webp']);
    // Another crop, another original, another format: refused as before.
    for (const target of [
      app.path('og', 'photo-1.jpg'),
      app.path('small', 'photo-2.jpg'),
      app.path('small.jpeg', 'photo-1.jpg'),
    ])
      assert.equal((await app.get(target)).status, 503);
    app.open();
    assert.equal((await blocker).status, 200);
    // What stood in was not kept under the other's key.
    const own = await app.get(app.path('small', 'photo-1.jpg'));
    assert.equal((await sharp(Buffer.from(await own.arrayBuffer())).metadata()).width, 300);
  });

  it('serves no size in a format that the client refuses', async () => {
    const definitions = { card: { width: 100, format: 'auto' } };
    const app = await startGated({ slots: 1, waiting: 0, definitions });
    const ask = (preset: string, accept: string) => app.get(app.path(preset, 'photo-1.jpg'), { headers: { accept } });
    assert.equal((await ask('card@2x', 'image/avif')).headers.get('content-type'), 'image/avif');
    app.control.closed = true;
    const blocker = app.get(app.path('card', 'photo-0.jpg'));
    await until(() => app.queue.running === 1);
    const near = await ask('card', 'image/avif,image/webp');
    assert.deepEqual([near.status, near.headers.get('content-type')], [200, 'image/avif']);
    for (const accept of ['image/avif;q=0,image/webp', 'image/webp', '*/*'])
      assert.equal((await ask('card', accept)).status, 503, accept);
    app.open();
    await blocker;
  });

  it('refuses when nearest is off', async () => {
    const app = await startGated({ slots: 1, waiting: 0, nearest: false });
    await app.get(app.path('medium', 'photo-1.jpg'));
    app.control.closed = true;
    const blocker = app.get(app.path('small', 'photo-0.jpg'));
    await until(() => app.queue.running === 1);
    assert.equal((await app.get(app.path('small', 'photo-1.jpg'))).status, 503);
    app.open();
    await blocker;
  });
});

describe('memory', () => {
  it('413 for an original that this server could never hold, 200 for one it can', async () => {
    const app = await startGated({ workBytes: 30 * 1024 * 1024 });
    const large = { create: { ...plain.create, width: 6000, height: 4000 } };
    app.originals.objects.set('passes.jpg', objectOf(await sharp(large).jpeg({ progressive: true }).toBuffer()));
    app.originals.objects.set('plain.jpg', objectOf(await sharp(plain).jpeg().toBuffer()));
    const refused = await app.get(app.path('small', 'passes.jpg'));
    assert.equal(refused.status, 413);
    assert.match(await refused.text(), /original_too_large.*more memory/);
    assert.equal((await app.get(app.path('small', 'plain.jpg'))).status, 200);
    assert.equal(app.queue.workBytes, 0);
  });

  it('503 for originals that would be too many at a time', async () => {
    const app = await startGated({ slots: 2, inputBytes: photo.length + 10 });
    app.control.closed = true;
    const first = app.get(app.path('small', 'photo-1.jpg'));
    await until(() => app.queue.running === 1);
    const second = await app.get(app.path('small', 'photo-2.jpg'));
    assert.deepEqual([second.status, second.headers.get('x-error')], [503, 'busy']);
    app.open();
    assert.equal((await first).status, 200);
    assert.equal(app.queue.inputBytes, 0);
  });
});

describe('a render that never returns', () => {
  it('is noticed; the process finishes what it can, then ends with an error, though one of its threads hangs', async () => {
    const server = await startServer(
      {
        ...{ DARKROOM_SLOTS: '2', DARKROOM_RENDER_TIMEOUT: '3s', DARKROOM_QUEUE_TIMEOUT: '3s' },
        ...{ DARKROOM_STORE_TIMEOUT: '3s', DARKROOM_FACES: 'off', DARKROOM_SHUTDOWN_TIMEOUT: '5s' },
      },
      new URL('../helpers/hang.ts', import.meta.url),
    );
    const folder = join(server.folder, 'data/originals');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'a.jpg'), photo);
    const hung = await server.get(server.path('w_13', 'a.jpg'));
    assert.deepEqual([hung.status, hung.headers.get('x-error')], [503, 'render_timeout']);
    assert.equal((await server.get(server.path('small', 'a.jpg'))).status, 200);
    assert.notEqual(await server.exited, 0);
    const log = server.log().map(({ msg }) => msg);
    assert.ok(
      log.some((line) => line.startsWith('a render never returned')),
      log.join(),
    );
    assert.ok(log.includes('drained'), log.join());
    // What was answered was saved all the same.
    await access(join(server.folder, 'data/results/a.jpg'));
    await server.dispose();
  });
});

function objectOf(body: Buffer) {
  return { body, contentType: undefined, cacheControl: undefined, metadata: {} };
}
