import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { createPresets } from '../../src/presets/presets.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { nginxSkip, startNginx } from '../helpers/nginx.ts';
import { rawGet } from '../helpers/raw-http.ts';

const definitions = {
  ...BUILT_IN_PRESETS,
  card: { width: 200, height: 150, fit: 'cover', format: 'auto' },
  /** Over the size up to which the server makes AVIF. */
  wide: { width: 1500, height: 1500, format: 'auto' },
};
const ACCEPTS = [
  'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
  'image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/*;q=0.8,*/*;q=0.5',
  'IMAGE/AVIF;q=0.9 , image/webp',
  'image/webp,*/*',
  'image/avif;q=0,image/webp;q=0.1',
  'image/avif;q=0.0;v=1, image/webp;v=1;q=1',
  'image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5',
  'image/webp;q=0,*/*',
  'image/avifx,ximage/webp',
  '*/*',
  '',
];
const photo = await sharp({ create: { width: 900, height: 700, channels: 3, background: '#a06040' } })
  .jpeg()
  .toBuffer();

describe('behind nginx with the conf of the guide', { skip: nginxSkip }, () => {
  const store = createMemoryStore();
  let app: TestApp;
  let nginx: Awaited<ReturnType<typeof startNginx>>;
  const arrived: (string | undefined)[] = [];
  let fresh = 0;
  const newId = () => {
    fresh += 1;
    const id = `a//${fresh} é.jpg`;
    store.objects.set(id, { body: photo, contentType: undefined, cacheControl: undefined, metadata: {} });
    return id;
  };
  before(async () => {
    app = await startApp({ originals: store.store, definitions });
    app.app.server.on('request', ({ url }) => arrived.push(url));
    nginx = await startNginx(app.baseUrl);
  });
  after(async () => {
    await nginx?.stop();
    await app?.dispose();
  });

  const get = (path: string, headers: Record<string, string> = {}) => rawGet(nginx.baseUrl, path, { headers });
  /** How often a URL reached Darkroom. */
  const originAsked = (path: string) => arrived.filter((url) => url === path).length;

  it('gives every client what Darkroom would, of three copies that were asked for once each', async () => {
    const path = app.path('card', newId());
    for (const round of [1, 2])
      for (const accept of ACCEPTS) {
        const [edge, origin] = await Promise.all([
          get(path, { accept }),
          rawGet(app.baseUrl, path, { headers: { accept } }),
        ]);
        assert.deepEqual([edge.status, edge.headers['content-type']], [200, origin.headers['content-type']], accept);
        assert.deepEqual(edge.body, origin.body, accept);
        assert.deepEqual([edge.headers.vary, edge.headers.etag], ['Accept', origin.headers.etag]);
        if (round === 2) assert.match(String(edge.headers['cache-status']), /^darkroom; .*, nginx; hit$/);
      }
    // Less those that this test itself asked directly, to compare.
    assert.equal(originAsked(path) - 2 * ACCEPTS.length, 3);
  });

  it('lets nobody choose for the others of their kind', async () => {
    const path = app.path('wide', newId());
    // Asked as it is, Darkroom would send this one a JPEG, and all AVIF readers after it.
    await get(path, { accept: 'image/avif' });
    const second = await get(path, { accept: 'image/avif,image/webp' });
    assert.match(String(second.headers['cache-status']), /nginx; hit$/);
    assert.equal(second.headers['content-type'], 'image/webp');
  });

  it('keeps one copy where the format is fixed', async () => {
    const [id, other] = [newId(), newId()];
    for (const path of [app.path('thumb@2x', id), app.path('card.avif', id), app.path('card@2x.jpeg', other)]) {
      for (const accept of ACCEPTS) assert.equal((await get(path, { accept })).status, 200);
      assert.equal(originAsked(path), 1, path);
    }
  });

  it('knows the built-in presets that fix a format', () => {
    const conf = readFileSync(new URL('../../examples/nginx/darkroom.conf', import.meta.url), 'utf8');
    const [, listed = ''] = /\(\?:(thumb[^)]*)\)/.exec(conf) ?? [];
    const presets = createPresets({ definitions: BUILT_IN_PRESETS, inline: true, faces: true });
    assert.deepEqual(listed.split('|').sort(), presets.names.filter((name) => !presets.negotiates(name, '')).sort());
  });

  it('asks Darkroom once for a stampede', async () => {
    const path = app.path('medium', newId());
    const answers = await Promise.all(Array.from({ length: 200 }, () => get(path)));
    assert.deepEqual([...new Set(answers.map(({ status, body }) => `${status} ${body.length}`))].length, 1);
    assert.equal(answers[0]?.status, 200);
    assert.equal(originAsked(path), 1);
  });

  it('keeps a 4xx for its seconds and a 5xx not at all', async () => {
    const missing = app.path('thumb', `missing-${newId()}`);
    for (const _ of [1, 2]) {
      const answer = await get(missing);
      assert.deepEqual([answer.status, answer.headers['cache-control']], [404, 'public, max-age=10']);
    }
    assert.equal(originAsked(missing), 1);

    const path = app.path('thumb', newId());
    app.life.draining = true;
    assert.equal((await get(path)).status, 503);
    app.life.draining = false;
    assert.deepEqual([(await get(path)).status, originAsked(path)], [200, 2]);
  });

  it('is not fooled by crooked spellings of a URL that is not kept yet', async () => {
    const path = app.path('thumb', newId());
    const [, signature, preset] = path.split('/');
    for (const crooked of [`/${signature}%2F${preset}${path.slice(`/${signature}/${preset}`.length)}`, `/x/..${path}`])
      assert.notEqual((await get(crooked)).status, 200, crooked);
    assert.equal((await get(path)).status, 200);
  });

  it('answers HEAD and If-None-Match from what it keeps', async () => {
    const path = app.path('thumb', newId());
    const { headers, body } = await get(path);
    const head = await new Promise<number | undefined>((resolve) =>
      request(nginx.baseUrl + path, { method: 'HEAD' }, (answer) =>
        resolve(Number(answer.headers['content-length'])),
      ).end(),
    );
    assert.equal(head, body.length);
    assert.equal((await get(path, { 'if-none-match': String(headers.etag) })).status, 304);
    assert.equal(originAsked(path), 1);
  });

  it('forgets one original when the files with its tag are removed, as the guide says', async () => {
    const guide = readFileSync(new URL('../../docs/cdn.md', import.meta.url), 'utf8');
    const [, command = ''] = /```shell\n(grep -rlaZ[^\n]*)\n```/.exec(guide) ?? [];
    assert.match(command, /\/var\/cache\/nginx\/darkroom/);
    const [gone, kept] = [app.path('thumb', newId()), app.path('thumb', newId())];
    const { headers } = await get(gone);
    await get(kept);
    await promisify(execFile)('sh', ['-c', command.replace('/var/cache/nginx/darkroom', nginx.cacheFolder)], {
      env: { PATH: process.env.PATH, TAG: String(headers['cache-tag']) },
    });
    assert.match(String((await get(gone)).headers['cache-status']), /fwd=uri-miss$/);
    assert.match(String((await get(kept)).headers['cache-status']), /hit$/);
  });

  it('shows nothing of the API', async () => {
    assert.equal((await get('/v1/openapi.json')).status, 404);
  });
});
