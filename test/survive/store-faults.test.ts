import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import type { FaceFinder } from '../../src/faces/finder.ts';
import { createS3Store, type S3StoreOptions } from '../../src/stores/s3/s3-store.ts';
import { withCircuitBreaker } from '../../src/stores/shared/circuit-breaker.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { saw } from '../helpers/faces.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts';
import { createTestBucket, s3Skip } from '../helpers/s3.ts';
import { closedPort } from '../helpers/tcp-faults.ts';
import { until } from '../helpers/turns.ts';

/** What hangs is given up after this. Room for all else on a busy machine, the one retry included. */
const STORE_TIMEOUT_MS = 4000;
const gradient = Buffer.from(Array.from({ length: 900 * 600 * 3 }, (_, at) => (at * 7 + (at >> 9)) % 256));
const photo = await sharp(gradient, { raw: { width: 900, height: 600, channels: 3 } })
  .jpeg()
  .toBuffer();
/** Finds nothing, but makes the journey ask the sidecar. */
const finder: FaceFinder = { find: async () => saw([]), prepare: () => {}, running: false, close: async () => {} };

let bucket: Awaited<ReturnType<typeof createTestBucket>>;
let proxy: FaultProxy;
let app: TestApp;
let injected = 0;

const storeOptions = (more: Partial<S3StoreOptions> = {}): S3StoreOptions => ({
  ...{ bucket: bucket.bucket, prefix: '', region: bucket.region, endpoint: proxy.endpoint, pathStyle: true },
  ...{ timeoutMs: STORE_TIMEOUT_MS, maxSockets: 5 },
  ...more,
});

/** The moments of a request at which a store can fail, and how the proxy knows them. */
const STAGES: Record<string, (method: string, path: string) => boolean> = {
  'result get': (method, path) => method === 'GET' && path.includes('/results/') && !path.endsWith('original.json'),
  'sidecar get': (method, path) => method === 'GET' && path.endsWith('original.json'),
  'original get': (method, path) => method === 'GET' && path.includes('/originals/'),
  'result put': (method, path) => method === 'PUT' && path.includes('/results/'),
};

/** What a client hears when the original's store does this each time it is asked; all other stages never show. */
const ORIGINAL: Record<Fault, number> = {
  silence: 504,
  'stalled body': 504,
  'dripping body': 504,
  reset: 502,
  'reset in the body': 502,
  'cut short': 502,
  // HTTP ends a body where its length says, so what comes after is nobody's.
  'too long': 200,
  // No picture's bytes tell on their own that they were altered; libvips refuses what does not decode.
  altered: 200,
  'web page': 422,
  gzip: 502,
  '403 AccessDenied': 502,
  '403 RequestTimeTooSkewed': 502,
  '404 NoSuchKey': 404,
  '404 NoSuchBucket': 502,
  '500 InternalError': 502,
  '503 SlowDown': 502,
};
const FAULTS = Object.keys(ORIGINAL) as Fault[];

function inject(fault: Fault | undefined, stage: keyof typeof STAGES, times = Number.POSITIVE_INFINITY): void {
  let left = times;
  proxy.control.fault = ({ method = '', url = '' }: IncomingMessage) => {
    if (!fault || left <= 0 || !STAGES[stage]?.(method, decodeURIComponent(url.split('?')[0] ?? ''))) return undefined;
    left -= 1;
    injected += 1;
    return fault;
  };
}
const heal = () => inject(undefined, 'original get');

describe('S3 that fails', { skip: s3Skip }, () => {
  before(async () => {
    bucket = await createTestBucket();
    proxy = await startFaultProxy(bucket.endpoint);
    const originals = createS3Store(storeOptions({ prefix: 'originals/' }));
    const results = createS3Store(storeOptions({ prefix: 'results/' }));
    app = await startApp({ originals, results, finder, slots: 4 });
  });
  after(async () => {
    heal();
    await app.dispose();
    await proxy.dispose();
    await bucket.dispose();
  });

  let ids = 0;
  async function newOriginal(): Promise<string> {
    ids += 1;
    await bucket.put(`originals/p${ids}.jpg`, photo);
    return `p${ids}.jpg`;
  }

  async function assertQuiet(): Promise<void> {
    await until(() => app.flights.size + app.queue.running + app.queue.waiting + app.queue.inputBytes === 0);
    heal();
    const healthy = await app.get(app.path('thumb', await newOriginal()));
    assert.equal(healthy.status, 200, 'the next good request');
    await healthy.arrayBuffer();
    assert.ok(proxy.open() <= 10, `${proxy.open()} sockets for two pools of 5`);
  }

  for (const [stage] of Object.entries(STAGES)) {
    for (const fault of FAULTS) {
      const expected = stage === 'original get' ? ORIGINAL[fault] : 200;
      it(`${stage}, ${fault}: ${expected}`, async () => {
        const id = await newOriginal();
        // There is something to read, so that bodies can go wrong.
        if (stage === 'result get' || stage === 'sidecar get') {
          await (await app.get(app.path('og', id))).arrayBuffer();
          await app.saves.drain(60_000);
          app.cache.deleteBelow(`${id}/`);
        }
        inject(fault, stage);
        const preset = stage === 'sidecar get' ? 'avatar-large' : 'og';
        const answer = await app.get(app.path(preset, id));
        const body = Buffer.from(await answer.arrayBuffer());
        const statuses = fault === 'altered' && stage === 'original get' ? [200, 422] : [expected];
        assert.ok(statuses.includes(answer.status), `${answer.status} ${answer.headers.get('x-error')}`);
        if (answer.status === 200)
          assert.equal((await sharp(body).metadata()).format, preset === 'og' ? 'jpeg' : 'webp');
        else
          assert.deepEqual(
            [answer.headers.get('etag'), JSON.parse(String(body)).error],
            [null, answer.headers.get('x-error')],
          );
        await assertQuiet();
      });
    }
  }

  for (const fault of ['503 SlowDown', '500 InternalError', 'reset'] as const) {
    it(`is asked once more after one ${fault}`, async () => {
      const id = await newOriginal();
      inject(fault, 'original get', 1);
      assert.equal((await app.get(app.path('small', id))).status, 200);
      await assertQuiet();
    });
  }

  it('corrects its clock once when the server says that it is wrong', async () => {
    const id = await newOriginal();
    inject('403 RequestTimeTooSkewed', 'original get', 1);
    assert.equal((await app.get(app.path('small', id))).status, 200);
    await assertQuiet();
  });

  it('deletes a stored rendition that was altered, though the render that follows fails', async () => {
    const id = await newOriginal();
    const first = await app.get(app.path('og', id));
    await first.arrayBuffer();
    await app.saves.drain(60_000);
    app.cache.deleteBelow(`${id}/`);
    const [key = ''] = (await bucket.listKeys()).filter((name) => name.startsWith(`results/${id}/og`));
    await bucket.put(key, Buffer.from('<html>'));
    inject('500 InternalError', 'original get');
    assert.equal((await app.get(app.path('og', id))).status, 502);
    assert.ok(!(await bucket.listKeys()).includes(key));
    await assertQuiet();
  });

  it('loses no socket: 200 faults of each kind through a pool of 5, then a good request', async (t) => {
    await bucket.put('pool.jpg', photo);
    const limits = () => ({ signal: new AbortController().signal, maxBytes: 50_000_000 });
    const before = injected;
    for (const fault of FAULTS) {
      const store = createS3Store(storeOptions({ timeoutMs: 60 }));
      proxy.control.fault = () => {
        injected += 1;
        return fault;
      };
      const enough = injected + 200;
      let calls = 0;
      const ask = async () => {
        for (; injected < enough && calls < 1000; calls += 1) await store.get('pool.jpg', limits()).catch(() => {});
      };
      await Promise.all(Array.from({ length: 5 }, ask));
      heal();
      const patient = createS3Store(storeOptions({ timeoutMs: 5000 }));
      assert.equal((await patient.get('pool.jpg', limits()))?.body.length, photo.length, fault);
      await store.close();
      await patient.close();
    }
    assert.ok(injected - before >= FAULTS.length * 200, String(injected - before));
    t.diagnostic(`${injected - before} faults through a pool of 5 sockets; ${injected} in all; lost sockets: 0`);
  });

  // The SDK retries a hundred times at first, then as often as calls succeed.
  it('asks a store that is down hardly more often than it is asked for', async (t) => {
    const store = createS3Store(storeOptions({ timeoutMs: 2000 }));
    proxy.control.fault = () => '503 SlowDown';
    const asked = proxy.control.requests;
    const calls = 800;
    const ask = async () => {
      for (let n = 0; n < calls / 20; n += 1)
        await store.get('pool.jpg', { signal: new AbortController().signal, maxBytes: 1 }).catch(() => {});
    };
    await Promise.all(Array.from({ length: 20 }, ask));
    heal();
    const factor = (proxy.control.requests - asked) / calls;
    t.diagnostic(`${factor.toFixed(2)} requests a call`);
    assert.ok(factor <= 1.2, `${factor}`);
    await store.close();
  });

  it('wakes up with dead connections and serves its next request', async () => {
    for (let n = 0; n < 5; n += 1) assert.equal((await app.get(app.path('small', await newOriginal()))).status, 200);
    proxy.cutAll();
    assert.equal((await app.get(app.path('small', await newOriginal()))).status, 200);
  });
});

describe('a result store that is down', { skip: s3Skip }, () => {
  it('costs no picture, and after five failures no time', async () => {
    const endpoint = `http://127.0.0.1:${await closedPort()}`;
    const own = await createTestBucket();
    const at = { bucket: own.bucket, prefix: '', region: own.region, pathStyle: true, timeoutMs: 2000 };
    const changes: boolean[] = [];
    const results = withCircuitBreaker(createS3Store({ ...at, endpoint }), { onChange: (open) => changes.push(open) });
    const originals = createS3Store({ ...at, endpoint: own.endpoint });
    const broken = await startApp({ originals, results });
    for (let n = 0; n < 8; n += 1) {
      await own.put(`${n}.jpg`, photo);
      const answer = await broken.get(broken.path('small', `${n}.jpg`));
      assert.equal(answer.status, 200);
      await answer.arrayBuffer();
    }
    assert.deepEqual(changes, [true]);
    assert.equal(
      (await broken.get(broken.path('small', '0.jpg'))).headers.get('cache-status'),
      'darkroom; hit; detail=memory',
    );
    await broken.dispose();
    await own.dispose();
  });
});
