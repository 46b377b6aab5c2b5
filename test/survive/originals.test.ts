import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createFolderStore } from '../../src/stores/folder/folder-store.ts';
import { createHttpOrigin } from '../../src/stores/http/http-origin.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { type Behaviour, behaviours, startOriginServer } from '../helpers/origin-server.ts';
import { rawGet } from '../helpers/raw-http.ts';
import { closedPort } from '../helpers/tcp-faults.ts';
import { until } from '../helpers/turns.ts';

const plain = (background: string) =>
  sharp({ create: { width: 800, height: 600, channels: 3, background } })
    .jpeg()
    .toBuffer();
const [red, blue] = await Promise.all([plain('#cc0000'), plain('#0000cc')]);
const apps: TestApp[] = [];
after(() => Promise.all(apps.map((app) => app.dispose())));

async function startOn(...[options]: Parameters<typeof startApp>): Promise<TestApp> {
  const app = await startApp(options);
  apps.push(app);
  return app;
}
const quiet = (app: TestApp) =>
  until(() => app.flights.size + app.queue.running + app.queue.waiting + app.queue.inputBytes === 0);

describe('the store of the originals', () => {
  /** Not waited for: `store_failed` says that it was not, `store_timeout` would say that it was. */
  const timeoutMs = 60_000;
  for (const [what, down] of [
    ['hangs up', behaviours.slams()],
    ['says 500', behaviours.says(500)],
    ['says 503', behaviours.says(503)],
  ] as [string, Behaviour][]) {
    it(`${what}: 502 soon for what is not there yet, 200 for all else, and 200 again once it is back`, async (t) => {
      const origin = await startOriginServer();
      let broken = false;
      for (let n = 0; n < 30; n += 1) {
        origin.script(`${n}.jpg`, (response, request) => (broken ? down(response, request) : void response.end(red)));
      }
      const results = createMemoryStore();
      const originals = createHttpOrigin({ baseUrl: origin.url, timeoutMs, allowPrivate: true });
      const app = await startOn({ originals, results: results.store });
      for (const id of ['0.jpg', '1.jpg']) assert.equal((await rawGet(app.baseUrl, app.path('small', id))).status, 200);
      await app.saves.drain(60_000);
      app.cache.deleteBelow('1.jpg/');

      broken = true;
      const sources = [];
      for (const id of ['0.jpg', '1.jpg'])
        sources.push((await rawGet(app.baseUrl, app.path('small', id))).headers['cache-status']);
      assert.deepEqual(sources, ['darkroom; hit; detail=memory', 'darkroom; hit; detail=store']);
      const since = performance.now();
      const misses = Array.from({ length: 20 }, (_, n) => rawGet(app.baseUrl, app.path('small', `${n + 5}.jpg`)));
      for (const { status, headers } of await Promise.all(misses))
        assert.deepEqual([status, headers['x-error'], headers['cache-control']], [502, 'store_failed', 'no-store']);
      const took = performance.now() - since;
      // The process is well, and another one could do no better: it stays in the rotation.
      for (const path of ['/health', '/ready']) assert.equal((await rawGet(app.baseUrl, path)).status, 200);
      await quiet(app);
      broken = false;
      assert.equal((await rawGet(app.baseUrl, app.path('small', '5.jpg'))).status, 200);
      t.diagnostic(`20 refusals in ${Math.round(took)} ms, hits failed: 0`);
      await origin.dispose();
    });
  }

  it('is not there at all: 502 at once', async (t) => {
    const baseUrl = `http://127.0.0.1:${await closedPort()}/`;
    const app = await startOn({ originals: createHttpOrigin({ baseUrl, timeoutMs, allowPrivate: true }) });
    const since = performance.now();
    const { status, headers } = await rawGet(app.baseUrl, app.path('small', 'a.jpg'));
    assert.deepEqual([status, headers['x-error']], [502, 'store_failed']);
    t.diagnostic(`${Math.round(performance.now() - since)} ms`);
    await quiet(app);
  });

  it('lies about lengths and types: 502 and nothing kept for lengths; types are not believed', async () => {
    const origin = await startOriginServer();
    origin.script('short.jpg', behaviours.lies(red.length + 100, red));
    origin.script('long.jpg', behaviours.lies(red.length - 100, red));
    origin.script('encoded.jpg', behaviours.encodes('gzip'));
    origin.seed('page.jpg', red, 'text/html');
    origin.seed('nothing.jpg', red, '');
    const results = createMemoryStore();
    const originals = createHttpOrigin({ baseUrl: origin.url, timeoutMs: 2000, allowPrivate: true });
    const app = await startOn({ originals, results: results.store });
    const statuses: Record<string, number> = {};
    for (const id of ['short', 'long', 'encoded', 'page', 'nothing'])
      statuses[id] = (await rawGet(app.baseUrl, app.path('small', `${id}.jpg`))).status;
    await app.saves.drain(60_000);
    // What is longer than announced ends, for HTTP, where it was announced: then it is half a picture.
    assert.ok(statuses.long === 502 || statuses.long === 422, String(statuses.long));
    assert.deepEqual({ ...statuses, long: 0 }, { short: 502, long: 0, encoded: 502, page: 200, nothing: 200 });
    assert.deepEqual([app.cache.entries, results.made().length], [2, 2]);
    await quiet(app);
    await origin.dispose();
  });
});

describe('an original that changes under our hands', () => {
  it('replaced over and over while it is read and rendered: each answer is of one of the two, none of both', async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'darkroom-originals-'));
    const app = await startOn({
      originals: createFolderStore({ root, timeoutMs: 5000, metadataIn: 'sidecar' }),
      slots: 2,
      waiting: 100,
    });
    let stop = false;
    let replaced = 0;
    await writeFile(join(root, 'a.jpg'), red);
    const replacing = (async () => {
      for (; !stop; replaced += 1) {
        await writeFile(join(root, 'next'), replaced % 2 ? red : blue);
        await rename(join(root, 'next'), join(root, 'a.jpg'));
      }
    })();
    const seen = { red: 0, blue: 0 };
    const renders = Array.from({ length: 80 }, async (_, n) => {
      const { status, body } = await rawGet(app.baseUrl, app.path(`w_${100 + n},f_png`, 'a.jpg'));
      assert.equal(status, 200);
      const { channels } = await sharp(body).stats();
      const [r, , b] = channels.map(({ min, max }) => (min > 150 ? 'full' : max < 50 ? 'none' : 'mixed'));
      assert.ok((r === 'full' && b === 'none') || (r === 'none' && b === 'full'), `${r} ${b}`);
      seen[r === 'full' ? 'red' : 'blue'] += 1;
    });
    await Promise.all(renders);
    stop = true;
    await replacing;
    t.diagnostic(`replaced ${replaced} times: ${JSON.stringify(seen)}, mixed: 0`);
    await rm(root, { recursive: true, force: true });
  });

  it('vanished: 404 for ten seconds, what was rendered before stays, and it is there again when it is', async () => {
    const root = await mkdtemp(join(tmpdir(), 'darkroom-originals-'));
    const app = await startOn({ originals: createFolderStore({ root, timeoutMs: 5000, metadataIn: 'sidecar' }) });
    await writeFile(join(root, 'a.jpg'), red);
    const ask = (preset: string) => rawGet(app.baseUrl, app.path(preset, 'a.jpg'));
    assert.equal((await ask('small')).status, 200);
    await rm(join(root, 'a.jpg'));
    const gone = await ask('medium');
    assert.deepEqual([gone.status, gone.headers['cache-control']], [404, 'public, max-age=10']);
    assert.equal((await ask('small')).status, 200);
    await rm(root, { recursive: true });
    assert.equal((await ask('medium')).status, 404);
    await quiet(app);
    await mkdir(root);
    await writeFile(join(root, 'a.jpg'), red);
    assert.equal((await ask('medium')).status, 200);
    await rm(root, { recursive: true, force: true });
  });
});
