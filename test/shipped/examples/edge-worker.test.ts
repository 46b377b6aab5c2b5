import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type DispatchFetch, Miniflare, fetch as outside, type Request, Response } from 'miniflare';
import sharp from 'sharp';
import presets from '../../../examples/presets.json' with { type: 'json' };
import { startApp, TEST_KEY, type TestApp } from '../../helpers/app.ts';
import { bundleForEdge } from '../../helpers/edge.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';
import { closedPort } from '../../helpers/tcp-faults.ts';
import { until } from '../../helpers/turns.ts';

const OLD_KEY = Buffer.alloc(32, 9);
const AVIF = 'image/avif,image/webp,image/apng,image/*,*/*;q=0.8';
const ACCEPTS = [AVIF, 'image/avif;q=0.9, image/webp', 'image/webp,*/*', 'image/webp;q=1', 'image/*', '*/*', ''];
const ID = 'listings/7/front left.jpg';
const photo = await sharp({ create: { width: 900, height: 700, channels: 3, background: '#4060a0' } })
  .jpeg()
  .toBuffer();
const originals = createMemoryStore({ [ID]: photo });

let app: TestApp;
let worker: Miniflare;
/** What reached the origin. */
const asked: string[] = [];
/** Awaited before the origin is asked. */
let gate: Promise<void> | undefined;
let originUrl: string;

before(async () => {
  app = await startApp({ originals: originals.store, definitions: presets, keys: [TEST_KEY, OLD_KEY] });
  originUrl = app.baseUrl;
  worker = new Miniflare(await options());
  await worker.ready;
});
beforeEach(() => {
  asked.length = 0;
  gate = undefined;
});
after(async () => {
  await worker.dispose();
  await app.dispose();
});

/** Settings as the example's own wrangler.toml has them, with a Darkroom on loopback behind it. */
async function options() {
  const wrangler = readFileSync(new URL('../../../examples/edge-worker/wrangler.toml', import.meta.url), 'utf8');
  const [, compatibilityDate = ''] = /^compatibility_date = "([\d-]+)"$/m.exec(wrangler) ?? [];
  assert.match(wrangler, /^main = "worker\.ts"$/m);
  assert.match(wrangler, /^ORIGIN_URL = /m);
  return {
    modules: true,
    script: await bundleForEdge(`export { default } from './examples/edge-worker/worker.ts';`, { minify: false }),
    compatibilityDate,
    bindings: {
      ORIGIN_URL: originUrl,
      DARKROOM_SIGNING_KEYS: `${TEST_KEY.toString('hex')}, ${OLD_KEY.toString('hex')}`,
    },
    outboundService: async (request: Request) => {
      asked.push(new URL(request.url).pathname.replace(/^\/[^/]+/, ''));
      await gate;
      const answer = await outside(request);
      // As Cloudflare does before a worker sees the answer.
      answer.headers.delete('cache-tag');
      return answer;
    },
  };
}

/** As a browser asks the edge. Each test has paths of its own, so that none finds another's answers. */
const get = (path: string, accept = AVIF, init: Parameters<DispatchFetch>[1] = {}) =>
  worker.dispatchFetch(`https://img.example.com${path}`, { ...init, headers: { accept, ...init.headers } });
const bodyOf = async (answer: Awaited<ReturnType<DispatchFetch>>) => Buffer.from(await answer.arrayBuffer());
let fresh = 0;
/** An original that nobody asked for yet. */
function newId(): string {
  fresh += 1;
  const id = `fresh/${fresh} é.jpg`;
  originals.objects.set(id, { body: photo, contentType: undefined, cacheControl: undefined, metadata: {} });
  return id;
}

describe('the edge worker', () => {
  it('keeps signed parameters in its key and on the way, and knows the secret of the origin', async () => {
    const secret = 's'.repeat(32);
    const guarded = await startApp({ originals: originals.store, definitions: presets, originSecrets: [secret] });
    const own = await options();
    const bindings = { ...own.bindings, ORIGIN_URL: guarded.baseUrl, DARKROOM_ORIGIN_SECRET: secret };
    const inFront = new Miniflare({ ...own, bindings });
    try {
      const id = newId();
      const ask = async (others: { download?: string; version?: string }) => {
        const url = `https://img.example.com${app.path('thumb', id, undefined, others)}`;
        const answer = await inFront.dispatchFetch(url, { headers: { accept: AVIF } });
        await answer.arrayBuffer();
        const { status, headers } = answer;
        return [status, headers.get('content-disposition'), headers.get('cache-status')?.split(', ').at(-1)];
      };
      const saved = { download: "it's.webp", version: '1+2' };
      for (const state of ['edge; fwd=miss', 'edge; hit']) {
        assert.deepEqual(await ask(saved), [200, 'attachment; filename="it\'s.webp"', state]);
        assert.deepEqual(await ask({}), [200, null, state]);
        assert.deepEqual(await ask({ version: '1+3' }), [200, null, state]);
      }
      const moved = await inFront.dispatchFetch(
        `https://img.example.com${app.path('thumb@1x', id, undefined, saved)}`,
        { redirect: 'manual' },
      );
      assert.deepEqual([moved.status, moved.headers.get('location')], [301, app.path('thumb', id, undefined, saved)]);
    } finally {
      await Promise.all([inFront.dispose(), guarded.dispose()]);
    }
  });

  it('refuses what is forged, malformed, expired or not offered, as the server does, without asking it', async () => {
    const good = app.path('card', ID);
    const forged = `/${'A'.repeat(22)}/card/a.jpg`;
    const past = app.path('card', ID, 1_000_000);
    const rows: [path: string, status: number, error: string][] = [
      [forged, 403, 'bad_signature'],
      [good.replace('front', 'back'), 403, 'bad_signature'],
      [good.replace('/card/', '/thumb/'), 403, 'bad_signature'],
      [`${good}?exp=9999999999`, 403, 'bad_signature'],
      [`${good}?x=1`, 400, 'bad_request'],
      [app.path('card', ID).replace('front%20left', '%zz'), 400, 'bad_request'],
      [app.path('card', ID).replace('front', 'fr%6Fnt'), 400, 'bad_request'],
      [app.path('card', ID).replace('listings/7', 'listings%2F7'), 400, 'bad_request'],
      ['/', 404, 'not_found'],
      ['/health', 404, 'not_found'],
      [past, 410, 'expired'],
      [app.path('card@201w', ID), 404, 'unknown_preset'],
      [app.path('card@0200w', ID), 404, 'unknown_preset'],
      [app.path('card@9x', ID), 404, 'unknown_preset'],
      [app.path('card.gif', ID), 404, 'unknown_preset'],
    ];
    for (const [path, status, error] of rows) {
      const answer = await get(path);
      const { error: said } = (await answer.json()) as { error: string };
      assert.deepEqual([answer.status, said, answer.headers.get('x-error')], [status, error, error], path);
      // `/health` is a route of the server's own, closed at the edge.
      if (path !== '/health') assert.equal((await app.get(path)).headers.get('x-error'), error, path);
    }
    assert.deepEqual((await get(good, AVIF, { method: 'POST' })).status, 405);
    assert.deepEqual(asked, []);
  });

  it('has three cache keys for any number of Accepts, and asks the origin once for each', async () => {
    const id = newId();
    const path = app.path('card@200w', id);
    for (const round of [1, 2])
      for (const accept of ACCEPTS) {
        const [edge, origin] = await Promise.all([get(path, accept), app.get(path, { headers: { accept } })]);
        assert.equal(edge.headers.get('content-type'), origin.headers.get('content-type'), accept);
        assert.deepEqual(await bodyOf(edge), Buffer.from(await origin.arrayBuffer()), accept);
        assert.deepEqual([edge.status, edge.headers.get('vary')], [200, 'Accept']);
        assert.equal(edge.headers.get('etag'), origin.headers.get('etag'));
        assert.equal(edge.headers.get('cache-control'), 'public, max-age=31536000, immutable');
        if (round === 2) assert.match(edge.headers.get('cache-status') ?? '', /edge; hit$/);
      }
    const rest = `/${encodeURIComponent(id).replaceAll('%2F', '/')}`;
    assert.deepEqual(
      asked.sort(),
      ['card@200w.avif', 'card@200w.webp', 'card@200w'].map((preset) => `/${preset}${rest}`),
    );
  });

  it('finds one picture under every spelling of its URL, and under both keys', async () => {
    const id = newId();
    const path = app.path('thumb', id);
    const [, signature, preset, ...rest] = path.split('/');
    const spelled = `/${signature}/${preset}/${rest.join('%2F').replaceAll('.', '%2E')}`;
    assert.equal((await get(path)).status, 200);
    const second = await get(spelled);
    assert.match(second.headers.get('cache-status') ?? '', /edge; hit$/);
    assert.equal(second.headers.get('vary'), null);
    assert.equal(asked.length, 1);
  });

  it('redirects by itself what the server redirects', async () => {
    const soon = Math.floor(Date.now() / 1000) + 1000;
    for (const [preset, exp] of [
      ['thumb@1x'],
      ['thumb.webp'],
      ['thumb@2x.webp', soon],
      ['card@1x'],
      ['card@1x.avif'],
    ] as const) {
      const path = app.path(preset, ID, exp);
      const [edge, origin] = [
        await get(path, AVIF, { redirect: 'manual' }),
        await app.get(path, { redirect: 'manual' }),
      ];
      assert.deepEqual([edge.status, origin.status], [301, 301], preset);
      for (const name of ['location', 'vary', 'access-control-allow-origin', 'content-security-policy'])
        assert.equal(edge.headers.get(name), origin.headers.get(name), `${preset} ${name}`);
      assert.match(
        edge.headers.get('cache-control') ?? '',
        exp ? /^public, max-age=(9\d\d|1000)$/ : /^public, max-age=86400$/,
      );
    }
    assert.deepEqual(asked, []);
  });

  it('keeps the cache tag that a purge names', async () => {
    const path = app.path('thumb', newId());
    const tag = (await app.get(path)).headers.get('cache-tag');
    await (await get(path)).arrayBuffer();
    const kept = await get(path);
    assert.match(kept.headers.get('cache-status') ?? '', /edge; hit$/);
    assert.equal(kept.headers.get('cache-tag'), tag);
  });

  it('asks the origin once for a crowd, even when the first of them leaves', async () => {
    const path = app.path('card', newId());
    const open = Promise.withResolvers<void>();
    gate = open.promise;
    const base = await worker.ready;
    const leaver = new AbortController();
    const first = fetch(new URL(path, base), { headers: { accept: AVIF }, signal: leaver.signal });
    await until(() => asked.length === 1);
    const crowd = Array.from({ length: 40 }, () => get(path));
    leaver.abort();
    await assert.rejects(first, { name: 'AbortError' });
    open.resolve();
    const bodies = await Promise.all(
      crowd.map(async (answer) => [(await answer).status, (await bodyOf(await answer)).length]),
    );
    assert.deepEqual(new Set(bodies.map(String)).size, 1);
    assert.equal(bodies[0]?.[0], 200);
    assert.equal(asked.length, 1);
  });

  it('keeps no errors', async () => {
    const missing = app.path('card', `missing/${newId()}`);
    for (const round of [1, 2]) {
      const answer = await get(missing);
      assert.deepEqual([answer.status, answer.headers.get('x-error')], [404, 'original_not_found']);
      assert.equal(answer.headers.get('cache-control'), 'public, max-age=10');
      assert.equal(asked.length, round);
    }
    const draining = app.path('card', newId());
    app.life.draining = true;
    try {
      assert.deepEqual([(await get(draining)).status, asked.length], [503, 3]);
    } finally {
      app.life.draining = false;
    }
    assert.equal((await get(draining)).status, 200);
  });

  it('says so when the origin cannot be reached', async () => {
    const { bindings, outboundService: _, ...same } = await options();
    const nowhere = `http://127.0.0.1:${await closedPort()}`;
    const alone = new Miniflare({ ...same, bindings: { ...bindings, ORIGIN_URL: nowhere } });
    try {
      const answer = await alone.dispatchFetch(`https://img.example.com${app.path('card', newId())}`);
      assert.deepEqual([answer.status, answer.headers.get('cache-control')], [502, 'no-store']);
    } finally {
      await alone.dispose();
    }
  });

  it('answers HEAD and If-None-Match from what it keeps', async () => {
    const path = app.path('card', newId());
    const head = await get(path, AVIF, { method: 'HEAD' });
    assert.deepEqual([head.status, (await bodyOf(head)).length], [200, 0]);
    const etag = head.headers.get('etag') ?? '';
    const full = await get(path);
    assert.equal(Number(head.headers.get('content-length')), (await bodyOf(full)).length);
    for (const ifNoneMatch of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const answer = await get(path, AVIF, { headers: { 'if-none-match': ifNoneMatch } });
      assert.deepEqual([answer.status, (await bodyOf(answer)).length], [304, 0], ifNoneMatch);
      assert.deepEqual([answer.headers.get('etag'), answer.headers.get('vary')], [etag, 'Accept']);
    }
    assert.equal((await get(path, 'image/webp', { headers: { 'if-none-match': etag } })).status, 200);
    assert.deepEqual(asked.length, 2);
  });

  it('never lets a browser keep a picture longer than its URL lives', async () => {
    const expiresAt = Math.floor(Date.now() / 1000) + 500;
    const path = app.path('card', newId(), expiresAt);
    for (const status of [/fwd=miss$/, /hit$/]) {
      const answer = await get(path);
      assert.match(answer.headers.get('cache-status') ?? '', status);
      const [, age] = /max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '') ?? [];
      assert.ok(Number(age) > 0 && Number(age) <= expiresAt - Date.now() / 1000 + 1, age);
    }
    assert.equal(asked.length, 1);
  });

  it('takes off what an answer has aged in the cache', async () => {
    const expiresAt = Math.floor(Date.now() / 1000) + 500;
    const path = app.path('thumb', newId(), expiresAt);
    const caches = (await worker.getCaches()) as unknown as {
      default: { put(url: string, answer: Response): Promise<void> };
    };
    // As it was kept 500 seconds ago.
    await caches.default.put(
      `https://img.example.com${path}`,
      new Response('kept', { headers: { 'cache-control': 'public, max-age=1000' } }),
    );
    const answer = await get(path);
    assert.equal(await answer.text(), 'kept');
    const [, age] = /max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '') ?? [];
    assert.ok(Number(age) > 400 && Number(age) <= 500, age);
  });
});
