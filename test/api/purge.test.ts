import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { type CdnTarget, createCdnPurge } from '../../src/api/cdn-purge.ts';
import { QUARANTINE } from '../../src/originals/quarantine.ts';
import type { Renderer } from '../../src/render/render.ts';
import type { ObjectStore } from '../../src/stores/store.ts';
import { startApp, type TestApp, type TestAppOptions } from '../helpers/app.ts';
import { face, fixedFinder, saw } from '../helpers/faces.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { until } from '../helpers/turns.ts';

const TOKEN = 'a-token-of-the-tests';
const colour = (background: string) =>
  sharp({ create: { width: 400, height: 300, channels: 3, background } })
    .png()
    .toBuffer();
const [red, green] = await Promise.all([colour('#d01010'), colour('#10d010')]);
const html = Buffer.from('<!doctype html>');
const isGreen = async (answer: Response) => {
  const { channels } = await sharp(Buffer.from(await answer.arrayBuffer())).stats();
  return (channels[1]?.mean ?? 0) > 150;
};

const apps: TestApp[] = [];
after(() => Promise.all(apps.map((app) => app.dispose())));

async function start(options: Partial<TestAppOptions> = {}) {
  const originals = createMemoryStore({ 'a/b.png': red, 'a/b.png2': red });
  const results = createMemoryStore();
  const app = await startApp({
    ...{ originals: originals.store, deletable: originals.store, results: results.store, apiToken: TOKEN },
    ...options,
  });
  apps.push(app);
  const purge = async (id: string, query = '') => {
    const answer = await app.purge(id, query);
    // biome-ignore lint/suspicious/noExplicitAny: what a server answers is checked field by field
    return { status: answer.status, ...((await answer.json()) as any) };
  };
  const replace = (id: string, body: Buffer) => originals.objects.set(id, { ...originals.objects.get(id)!, body });
  return { app, originals, results, purge, replace };
}

describe('a purge', () => {
  it('removes renditions from memory and store and what the record says of the picture, and nothing of other images', async () => {
    const { app, results, purge, replace } = await start({ finder: fixedFinder([face(0.1, 0.1, 0.3)]) });
    for (const id of ['a/b.png', 'a/b.png2'])
      for (const preset of ['thumb', 'small', 'og']) assert.equal((await app.get(app.path(preset, id))).status, 200);
    await app.saves.drain(1000);
    assert.equal(results.objects.size, 8);
    replace('a/b.png', green);
    const report = await purge('a/b.png');
    assert.deepEqual(
      [report.status, report.removed, report.cdn],
      [200, { memory: 3, results: 3, original: false }, 'none'],
    );
    assert.match(report.cacheTag, /^o-[0-9a-f]{32}$/);
    // Three renditions and a record of the other image, the record of this one, and the job of the second round.
    assert.deepEqual([results.made().length, results.objects.size], [3, 6]);
    assert.deepEqual(results.record('a/b.png'), { version: 1, id: 'a/b.png', epoch: 1 });
    assert.ok(await isGreen(await app.get(app.path('small', 'a/b.png'))));
    assert.match((await app.get(app.path('small', 'a/b.png2'))).headers.get('cache-status') ?? '', /memory/);
  });

  it('is idempotent, and finds nothing of an id that never was', async () => {
    const { app, purge } = await start();
    await app.get(app.path('small', 'a/b.png'));
    await app.saves.drain(1000);
    assert.deepEqual((await purge('a/b.png')).removed, { memory: 1, results: 1, original: false });
    for (const id of ['a/b.png', 'never/was.jpg'])
      assert.deepEqual((await purge(id)).removed, { memory: 0, results: 0, original: false });
  });

  it('removes the original on request only, and then there is nothing to serve', async () => {
    const { app, originals, purge } = await start();
    await app.get(app.path('small', 'a/b.png'));
    await purge('a/b.png');
    assert.equal((await app.get(app.path('small', 'a/b.png'))).status, 200);
    assert.equal((await purge('a/b.png', '?original=true')).removed.original, true);
    assert.equal(originals.objects.has('a/b.png'), false);
    assert.equal((await app.get(app.path('small', 'a/b.png'))).status, 404);
    assert.equal((await purge('a/b.png', '?original=true')).status, 200);
  });

  it('during a render leaves nothing of the old picture: not in the answer, the cache or the store', async () => {
    const { wrapRenderer, rendering, held } = holdFirstRender();
    const { app, results, purge, replace } = await start({ wrapRenderer });
    const answer = app.get(app.path('small', 'a/b.png'));
    await rendering.promise;
    replace('a/b.png', green);
    await purge('a/b.png');
    // Whoever comes now does not join the flight with the old copy.
    assert.ok(await isGreen(await app.get(app.path('small', 'a/b.png'))));
    held.resolve();
    assert.ok(await isGreen(await answer));
    await app.saves.drain(1000);
    const [key = '', ...others] = results.made();
    assert.deepEqual(others, []);
    assert.ok(((await sharp(results.objects.get(key)?.body).stats()).channels[1]?.mean ?? 0) > 150);
  });

  it('of the original during a render ends in 404, not in its picture', async () => {
    const rendering = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const { app, results, purge } = await start({
      wrapRenderer: (real) => ({
        ...real,
        async render(...job) {
          rendering.resolve();
          await held.promise;
          return real.render(...job);
        },
      }),
    });
    const answer = app.get(app.path('small', 'a/b.png'));
    await rendering.promise;
    await purge('a/b.png', '?original=true');
    held.resolve();
    assert.equal((await answer).status, 404);
    await app.saves.drain(1000);
    assert.deepEqual([app.cache.entries, results.made()], [0, []]);
  });

  it('during a save removes what the save leaves behind', async () => {
    const { app, results, purge } = await start();
    const saving = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    results.hold.put = async (key) => {
      if (key.endsWith('.json')) return;
      saving.resolve();
      await held.promise;
    };
    await app.get(app.path('small', 'a/b.png'));
    await saving.promise;
    await purge('a/b.png', '?original=true');
    held.resolve();
    await app.saves.drain(1000);
    assert.deepEqual(results.made(), []);
  });

  it('during a save that fails late removes it all the same: the store may have kept it', async () => {
    const results = createMemoryStore();
    const [saving, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const timingOut: ObjectStore = {
      ...results.store,
      async put(...what) {
        saving.resolve();
        await held.promise;
        await results.store.put(...what);
        throw new Error('no answer in time');
      },
    };
    const { app, purge } = await start({ results: timingOut });
    await app.get(app.path('small', 'a/b.png'));
    await saving.promise;
    await purge('a/b.png');
    held.resolve();
    await app.saves.drain(1000);
    assert.deepEqual([results.count('put'), results.made()], [1, []]);
  });

  it('during a lookup in the store does not bring back what was found there', async () => {
    const results = createMemoryStore();
    const looking = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    let hold = false;
    const slow: ObjectStore = {
      ...results.store,
      async get(key, options) {
        const found = await results.store.get(key, options);
        if (!hold || key.endsWith('.json')) return found;
        hold = false;
        looking.resolve();
        await held.promise;
        return found;
      },
    };
    const { app, purge, replace } = await start({ results: slow });
    await app.get(app.path('small', 'a/b.png'));
    await app.saves.drain(1000);
    app.cache.deleteBelow('a%2Fb.png/');
    hold = true;
    const answer = app.get(app.path('small', 'a/b.png'));
    await looking.promise;
    replace('a/b.png', green);
    assert.equal((await purge('a/b.png')).removed.results, 1);
    held.resolve();
    assert.ok(await isGreen(await answer));
    assert.ok(await isGreen(await app.get(app.path('small', 'a/b.png'))));
  });

  it('before the look at an original that was read leaves what is seen in it to nobody who comes after', async () => {
    const { wrapRenderer, rendering, held } = holdFirstRender();
    const [looking, red] = [[] as boolean[], Promise.withResolvers<void>()];
    const { app, results, purge, replace } = await start({
      finder: {
        ...fixedFinder([]),
        async find({ data }) {
          const isRed = (data[0] ?? 0) > (data[1] ?? 0);
          looking.push(isRed);
          if (isRed) await red.promise;
          return saw(isRed ? [face(0.1, 0.1, 0.3)] : []);
        },
      },
      wrapRenderer,
    });
    const first = app.get(app.path('thumb', 'a/b.png'));
    await rendering.promise;
    replace('a/b.png', green);
    await purge('a/b.png');
    held.resolve();
    await until(() => looking.length === 1);
    // Looks for itself rather than wait for what is seen in the old one.
    const next = app.get(app.path('og', 'a/b.png'));
    await until(() => looking.length === 2);
    assert.ok(await isGreen(await next));
    red.resolve();
    assert.ok(await isGreen(await first));
    await app.saves.drain(1000);
    assert.deepEqual(looking, [true, false]);
    assert.deepEqual(results.record('a/b.png').faces, []);
  });

  it('before the description of an original that was read leaves nothing of it', async () => {
    const { app, results, purge, read, held } = await startReading();
    const answer = app.meta(['a/b.png']);
    await read.promise;
    await purge('a/b.png', '?original=true');
    held.resolve();
    assert.equal((await answer).status, 200);
    await app.saves.drain(1000);
    assert.deepEqual(results.made(), []);
    const { epoch, ...learned } = results.record('a/b.png');
    assert.ok(epoch > 0);
    assert.deepEqual(learned, { version: 1, id: 'a/b.png' });
  });

  it('says so when a store cannot be emptied', async () => {
    const { errors } = await import('../../src/errors.ts');
    const store: ObjectStore = {
      ...createMemoryStore().store,
      deleteAll: () => Promise.reject(errors.storeFailed(new Error('503'))),
    };
    const { purge } = await start({ results: store });
    const report = await purge('a/b.png');
    assert.deepEqual([report.status, report.error], [502, 'store_failed']);
  });
});

/** Holds the first render back until it is let go; says when it has begun. */
function holdFirstRender() {
  const [rendering, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let renders = 0;
  const wrapRenderer = (real: Renderer): Renderer => ({
    ...real,
    async render(...job) {
      renders += 1;
      if (renders === 1) {
        rendering.resolve();
        await held.promise;
      }
      return real.render(...job);
    },
  });
  return { wrapRenderer, rendering, held };
}

/** Holds originals back that were read. */
async function startReading() {
  const started = await start();
  const [read, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { store } = started.originals;
  const { get } = store;
  store.get = async (...what) => {
    const found = await get(...what);
    read.resolve();
    await held.promise;
    return found;
  };
  return { ...started, read, held };
}

describe('a purge while an upload is looked at', () => {
  const QUARANTINED = `${QUARANTINE}a/b.png`;

  it('leaves nothing of it, and the next one is not taken for a changed one', async () => {
    const { app, results, originals, purge, replace, read, held } = await startReading();
    const answer = app.complete('a/b.png');
    await read.promise;
    replace('a/b.png', green);
    await purge('a/b.png');
    held.resolve();
    assert.equal((await answer).status, 200);
    await app.saves.drain(1000);
    assert.deepEqual(results.made(), []);
    const { epoch, ...learned } = results.record('a/b.png');
    assert.ok(epoch > 0);
    assert.deepEqual(learned, { version: 1, id: 'a/b.png' });
    assert.equal((await app.complete('a/b.png')).status, 200);
    assert.ok(originals.objects.has('a/b.png'));
  });

  it('does not take away with a bad one what came after it', async () => {
    const { app, originals, purge, replace, read, held } = await startReading();
    replace('a/b.png', html);
    const answer = app.complete('a/b.png');
    await read.promise;
    replace('a/b.png', green);
    await purge('a/b.png');
    held.resolve();
    assert.equal((await answer).status, 503);
    assert.equal(originals.objects.get('a/b.png')?.body, green);
    // What was purged comes back nowhere.
    assert.ok(!originals.objects.has(QUARANTINED));
    assert.equal((await app.complete('a/b.png')).status, 200);
  });

  it('does not do so either when the bad one is on its way into quarantine', async () => {
    const { app, originals, purge, replace } = await start();
    const [saving, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    originals.hold.put = () => {
      saving.resolve();
      return held.promise;
    };
    replace('a/b.png', html);
    const answer = app.complete('a/b.png');
    await saving.promise;
    replace('a/b.png', green);
    await purge('a/b.png');
    held.resolve();
    assert.equal((await answer).status, 503);
    assert.equal(originals.objects.get('a/b.png')?.body, green);
    assert.equal((await app.complete('a/b.png')).status, 200);
  });
});

describe('a purge at the CDN', () => {
  /** A CDN's API that answers as told and remembers what it was asked. */
  async function startCdn(statuses: number[]) {
    const calls: { method: string; url: string; headers: Record<string, unknown>; body: string }[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      calls.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      response.writeHead(statuses[Math.min(calls.length, statuses.length) - 1] ?? 200).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    after(() => server.close());
    return { calls, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }
  const signal = new AbortController().signal;

  const rows: [CdnTarget, path: string, header: [string, string], body: string][] = [
    [
      { kind: 'cloudflare', target: 'z1' },
      '/client/v4/zones/z1/purge_cache',
      ['authorization', 'Bearer t'],
      '{"tags":["o-1"]}',
    ],
    [{ kind: 'fastly', target: 's1' }, '/service/s1/purge/o-1', ['fastly-key', 't'], ''],
    [{ kind: 'bunny', target: '42' }, '/pullzone/42/purgeCache', ['accesskey', 't'], '{"CacheTag":"o-1"}'],
  ];
  for (const [target, path, [header, value], body] of rows) {
    it(`by ${target.kind}'s own call`, async () => {
      const cdn = await startCdn([200]);
      const purge = createCdnPurge({ ...target, token: 't', apiUrl: cdn.url, warn: () => {} });
      assert.equal(await purge('a.jpg', 'o-1', signal), 'purged');
      const [call] = cdn.calls;
      assert.deepEqual([call?.method, call?.url, call?.headers[header], call?.body], ['POST', path, value, body]);
    });
  }

  it('by a webhook, tried again, through the whole app', async () => {
    const cdn = await startCdn([500, 429, 204]);
    const warnings: string[] = [];
    const target = { kind: 'webhook' as const, target: `${cdn.url}/hook` };
    const { purge } = await start({
      cdn: createCdnPurge({ ...target, token: undefined, retryDelayMs: 1, warn: (what) => warnings.push(what) }),
    });
    const report = await purge('a/b.png');
    assert.equal(report.cdn, 'purged');
    assert.equal(cdn.calls.length, 3);
    assert.deepEqual(JSON.parse(cdn.calls[2]?.body ?? ''), { id: 'a/b.png', cacheTag: report.cacheTag });
    assert.deepEqual(warnings, []);
  });

  it('that fails is reported, and the purge is done all the same', async () => {
    const cdn = await startCdn([500]);
    const warnings: string[] = [];
    const target = { kind: 'webhook' as const, target: `${cdn.url}/hook` };
    const { app, purge } = await start({
      cdn: createCdnPurge({ ...target, token: 't', retryDelayMs: 1, warn: (what) => warnings.push(what) }),
    });
    await app.get(app.path('small', 'a/b.png'));
    await app.saves.drain(1000);
    const report = await purge('a/b.png');
    assert.deepEqual([report.status, report.cdn, report.removed.results], [200, 'failed', 1]);
    assert.deepEqual([cdn.calls.length, warnings], [3, ['the CDN could not be told of a purge']]);
  });
});
