import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { readRecord } from '../../src/originals/records/record.ts';
import { fromStoredObject } from '../../src/renditions/rendition.ts';
import { createFolderStore } from '../../src/stores/folder/folder-store.ts';
import { createS3Store } from '../../src/stores/s3/s3-store.ts';
import { CHECK_FOLDER } from '../../src/stores/shared/check.ts';
import type { ObjectStore } from '../../src/stores/store.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { rawGet } from '../helpers/raw-http.ts';
import { createTestBucket, s3Skip } from '../helpers/s3.ts';
import { startServer } from '../helpers/server.ts';
import { until } from '../helpers/turns.ts';

/** What cannot be compressed, so that its renditions are large and their saves take a while. */
let seed = 20261124;
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
const noise = Buffer.from(Array.from({ length: 500 * 400 * 3 }, () => random() * 256));
const photo = await sharp(noise, { raw: { width: 500, height: 400, channels: 3 } })
  .jpeg({ quality: 90 })
  .toBuffer();
const work = await mkdtemp(join(tmpdir(), 'darkroom-loss-'));
after(() => rm(work, { recursive: true, force: true }));

const originals = join(work, 'originals');
await mkdir(originals);
const ROUNDS = 6;
/** Each round has originals of its own, and nobody is killed over the last one. */
const idsOf = (round: number) => [`${round}-a.jpg`, `${round}-b.jpg`, `${round}-c.jpg`];
const rounds = Array.from({ length: ROUNDS }, (_, round) => round);
const ids = [...rounds.flatMap(idsOf), 'calm.jpg'];
await Promise.all(ids.map((id) => writeFile(join(originals, id), photo)));
const PRESETS = ['small', 'large.jpeg', 'w_600,f_png', 'og'];
/** Without the engine, whose bytes of a first rendition are not those of one that is made from pixels in memory. */
const QUIET = {
  ...{
    DARKROOM_FACES: 'off',
    DARKROOM_ENGINE: 'off',
    DARKROOM_ORIGINALS: `file:${originals}`,
    DARKROOM_SLOTS: '2',
    DARKROOM_QUEUE: '200',
  },
};
const digest = (body: Buffer) => createHash('sha256').update(body).digest('hex');
const isRendition = (key: string) => !key.endsWith('.json');
const limits = () => ({ signal: new AbortController().signal, maxBytes: 50_000_000 });

interface Results {
  readonly settings: Record<string, string>;
  readonly store: ObjectStore;
  keys(): Promise<string[]>;
}

/** Kills servers at moments of the seed's choice, then sees what they left and what another one makes of it. */
async function killOften({ settings, store, keys }: Results) {
  const counts = { killed: 0, answered: 0, whole: 0, refused: 0, served: 0, rendered: 0 };
  const answers: [preset: string, digest: string][] = [];
  for (const round of rounds) {
    const server = await startServer({ ...QUIET, ...settings });
    const enough = Promise.withResolvers<void>();
    const wanted = answers.length + Math.floor(random() * idsOf(round).length * PRESETS.length);
    const asking = idsOf(round).flatMap((id) =>
      PRESETS.map(async (preset) => {
        const answer = await rawGet(server.baseUrl, server.path(preset, id)).catch(() => undefined);
        if (answer?.status === 200) answers.push([preset, digest(answer.body)]);
        if (answers.length >= wanted) enough.resolve();
      }),
    );
    // Between the first read of an original and the last save.
    if (answers.length < wanted) await enough.promise;
    await delay(random() * 30);
    server.child.kill('SIGKILL');
    await Promise.all([server.exited, ...asking]);
    await server.dispose();
    counts.killed += 1;
  }
  counts.answered = answers.length;
  for (const key of (await keys()).filter(isRendition)) {
    const object = await store.get(key, limits());
    if (object && fromStoredObject(object)) counts.whole += 1;
    else counts.refused += 1;
  }

  const calm = await startServer({ ...QUIET, ...settings });
  const right = new Map<string, string>();
  for (const preset of PRESETS) {
    const { body } = await rawGet(calm.baseUrl, calm.path(preset, 'calm.jpg'));
    right.set(preset, digest(body));
  }
  const targets = rounds.flatMap(idsOf).flatMap((id) => PRESETS.map((preset) => ({ preset, id })));
  const served = targets.map(async ({ preset, id }) => {
    const { status, body } = await rawGet(calm.baseUrl, calm.path(preset, id));
    assert.equal(status, 200);
    assert.equal(digest(body), right.get(preset), `${preset} of ${id}`);
  });
  await Promise.all(served);
  counts.served = served.length;
  for (const [preset, body] of answers) assert.equal(body, right.get(preset), `${preset}, answered before the kill`);
  assert.equal(await calm.stop(), 0);
  const outcomes = calm.log().filter(({ msg }) => msg === 'request');
  counts.rendered = outcomes.filter(({ outcome }) => outcome === 'render').length - PRESETS.length;
  // What was whole was not made again; everything else once.
  assert.equal(counts.rendered, targets.length - counts.whole);
  await calm.dispose();
  for (const key of await keys()) {
    const object = await store.get(key, limits());
    const { id } = isRendition(key) ? { id: undefined } : JSON.parse(object?.body.toString() ?? '');
    assert.ok(object && (isRendition(key) ? fromStoredObject(object) : readRecord(object.body, id)), key);
  }
  return counts;
}

describe('kill -9', { concurrency: true }, () => {
  it('leaves nothing half in a folder that is ever served, and costs a second render at most', async (t) => {
    const folder = join(work, 'results');
    const store = createFolderStore({ root: folder, timeoutMs: 5000, metadataIn: 'trailer' });
    const keys = async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
      const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'));
      const names = files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
      return names.filter((name) => !name.startsWith('.tmp'));
    };
    const settings = { DARKROOM_RESULTS: `file:${folder}` };
    const counts = await killOften({ settings, store, keys });
    t.diagnostic(JSON.stringify(counts));
  });

  it('leaves nothing half in a bucket', { skip: s3Skip }, async (t) => {
    const bucket = await createTestBucket();
    const store = createS3Store({
      ...{ bucket: bucket.bucket, prefix: '', region: bucket.region, endpoint: bucket.endpoint },
      ...{ pathStyle: true, timeoutMs: 5000 },
    });
    const settings = { DARKROOM_RESULTS: `s3://${bucket.bucket}`, AWS_ENDPOINT_URL_S3: bucket.endpoint };
    // A server that is killed in its start check leaves the key that this wrote.
    const keys = async () => (await bucket.listKeys()).filter((key) => !key.startsWith(CHECK_FOLDER));
    const counts = await killOften({ settings, store, keys });
    assert.equal(counts.refused, 0, 'a bucket takes whole objects only');
    t.diagnostic(JSON.stringify(counts));
    await store.close();
    await bucket.dispose();
  });
});

describe('a polite stop under load', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal}: no answered rendition is lost, no answer is cut, exit code 0 within the limit`, async (t) => {
      const server = await startServer({ ...QUIET, DARKROOM_SHUTDOWN_TIMEOUT: '100s' });
      const store = createFolderStore({
        root: join(server.folder, 'data/results'),
        timeoutMs: 5000,
        metadataIn: 'trailer',
      });
      const agents = Array.from({ length: 12 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
      const answered: string[] = [];
      const counts = { answered: 0, closing: 0, draining: 0, refused: 0 };
      let signalled: number | undefined;
      let next = 0;
      // Different widths, so that nearly each request is a render and a save; each client on a connection of its own.
      const client = async (agent: Agent) => {
        for (;;) {
          const preset = `w_${200 + (next % 400)},f_jpeg`;
          const id = ids[next % ids.length] ?? '';
          next += 1;
          const answer = await rawGet(server.baseUrl, server.path(preset, id), { agent }).catch((error) => error);
          if (answer instanceof Error) {
            // Nobody listens any more; what had begun to be answered would fail as "aborted".
            assert.match(answer.message, /ECONNREFUSED|ECONNRESET|socket hang up/);
            assert.ok(signalled !== undefined, answer.message);
            counts.refused += 1;
            return;
          }
          if (answer.status === 503) {
            assert.equal(answer.headers['x-error'], 'draining');
            counts.draining += 1;
            return;
          }
          assert.equal(answer.status, 200);
          counts.answered += 1;
          answered.push(`${id}/${preset}`);
          if (answer.headers.connection === 'close') {
            assert.ok(signalled !== undefined, 'closed before it was told to stop');
            counts.closing += 1;
          }
        }
      };
      const clients = agents.map(client);
      await until(() => answered.length >= 40);
      signalled = performance.now();
      server.child.kill(signal);
      assert.equal(await server.exited, 0);
      const took = performance.now() - signalled;
      await Promise.all(clients);
      const drained = server.log().find(({ msg }) => msg === 'drained');
      assert.equal(drained?.lost, 0);
      for (const rendition of new Set(answered)) {
        const [id = '', preset = ''] = rendition.split('/');
        const names = await readdir(join(server.folder, 'data/results', id));
        const name = names.find((file) => file.startsWith(`${preset}-`));
        const object = name && (await store.get(`${id}/${name}`, limits()));
        assert.ok(object && fromStoredObject(object), rendition);
      }
      assert.deepEqual(await readdir(join(server.folder, 'data/results/.tmp')), []);
      t.diagnostic(`${JSON.stringify(counts)}, exit after ${Math.round(took)} ms, lost: 0`);
      for (const agent of agents) agent.destroy();
      await server.dispose();
    });
  }
});

describe('a polite stop while saves hang', { skip: s3Skip }, () => {
  for (const [what, hangs, lost] of [
    ['once: they are tried again and done before the exit', 1, 0],
    ['for good: they are given up within the limit, and counted', Number.POSITIVE_INFINITY, 3],
  ] as const) {
    it(what, async (t) => {
      const bucket = await createTestBucket();
      const proxy = await startFaultProxy(bucket.endpoint);
      const server = await startServer({
        ...{ ...QUIET, DARKROOM_RESULTS: `s3://${bucket.bucket}`, AWS_ENDPOINT_URL_S3: proxy.endpoint },
        ...{ DARKROOM_STORE_TIMEOUT: lost ? '60s' : '1s', DARKROOM_SHUTDOWN_TIMEOUT: lost ? '2s' : '20s' },
      });
      const asked = new Map<string, number>();
      const allHang = Promise.withResolvers<void>();
      proxy.control.fault = ({ method, url = '' }) => {
        const path = url.split('?')[0] ?? '';
        // Neither the record nor what the server tries of the bucket at its start.
        if (method !== 'PUT' || !path.includes('/small-')) return undefined;
        const times = (asked.get(path) ?? 0) + 1;
        asked.set(path, times);
        if (asked.size === 3) allHang.resolve();
        return times <= hangs ? 'silence' : undefined;
      };
      const saved = ids.slice(0, 3);
      for (const id of saved) assert.equal((await rawGet(server.baseUrl, server.path('small', id))).status, 200);
      await allHang.promise;
      const since = performance.now();
      assert.equal(await server.stop(), 0);
      const took = performance.now() - since;
      assert.equal(server.log().find(({ msg }) => msg === 'drained')?.lost, lost);
      const kept = (await bucket.listKeys()).filter((key) => key.includes('/small-'));
      assert.equal(kept.length, saved.length - lost);
      t.diagnostic(`exit after ${Math.round(took)} ms, lost: ${lost} of ${saved.length}`);
      await Promise.all([server.dispose(), proxy.dispose()]);
      await bucket.dispose();
    });
  }
});
