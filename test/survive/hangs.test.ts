import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createFaceFinder, type FaceFinder } from '../../src/faces/finder.ts';
import { startWatchdog } from '../../src/flow/watchdog.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { astronaut, workerThat } from '../helpers/faces.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { createTestBucket, s3Skip } from '../helpers/s3.ts';
import { startServer } from '../helpers/server.ts';
import { until, untilAnswer } from '../helpers/turns.ts';

const folder = await mkdtemp(join(tmpdir(), 'darkroom-hangs-'));
const apps: TestApp[] = [];
const finders: FaceFinder[] = [];
after(async () => {
  await Promise.all([...apps.map((app) => app.dispose()), ...finders.map((finder) => finder.close())]);
  await rm(folder, { recursive: true, force: true });
});

describe('a face detector that is ill', { concurrency: true }, () => {
  const A_FACE = '[{ left: 0.4, top: 0.1, width: 0.2, height: 0.2, score: 0.9, eyesY: 0.17 }]';
  /** What it does until it is cured, which is when the file `cure` appears; at its start, or at each task. */
  const illnesses: [what: string, atStart: string, atTask: string][] = [
    ['its model is missing', 'readFileSync(cure);', ''],
    ['it never starts', 'if (!existsSync(cure)) block();', ''],
    ['it never returns', '', 'if (!existsSync(cure)) block();'],
    ['it is killed', '', 'if (!existsSync(cure)) process.exit(137);'],
    ['it throws', '', 'readFileSync(cure);'],
    [
      'its WebAssembly is broken for good',
      '',
      'if (!existsSync(cure)) return parentPort.postMessage({ number: task.number, error: "unreachable" });',
    ],
    [
      'it tells of nonsense',
      '',
      'if (!existsSync(cure)) return answer(task, [{ left: NaN, top: 0, width: 2, height: -1, score: 7, eyesY: null }]);',
    ],
  ];
  for (const [at, [what, atStart, atTask]] of illnesses.entries()) {
    it(`${what}: every crop is 200, after three faults it is left alone, and once cured it is asked again`, async (t) => {
      const cure = join(folder, `cure-${at}`);
      const workerUrl = workerThat(`
        import { existsSync, readFileSync } from 'node:fs';
        const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        const cure = ${JSON.stringify(cure)};
        ${atStart}
        onTask((task) => { ${atTask} answer(task, ${A_FACE}); }); ready();`);
      const finder = createFaceFinder({
        look: { cpuMs: 1000, stillMs: 2000 },
        start: { cpuMs: 1000, stillMs: 1500 },
        waiting: 16,
        idleMs: 60_000,
        backOffMs: 6000,
        workerUrl,
      });
      const ids = Array.from({ length: 40 }, (_, n) => [`${n}.jpg`, astronaut] as const);
      const originals = createMemoryStore(Object.fromEntries(ids)).store;
      finders.push(finder);
      const app = await startApp({ originals, finder });
      apps.push(app);
      const ask = async (id: string) => {
        const answer = await app.get(app.path('og', id));
        assert.equal(answer.status, 200, id);
        await answer.arrayBuffer();
        const face = Number(/face;dur=([\d.]+)/.exec(answer.headers.get('server-timing') ?? '')?.[1]);
        return { keeps: answer.headers.get('cache-control'), etag: answer.headers.get('etag'), face };
      };

      const faulty = [];
      for (let n = 0; n < 3; n += 1) faulty.push(await ask(`${n}.jpg`));
      assert.equal(finder.running, false, 'no thread is begun any more');
      const alone = await ask('3.jpg');
      assert.equal(finder.running, false);
      for (const { keeps, etag } of [...faulty, alone]) assert.deepEqual([keeps, etag], ['public, max-age=60', null]);
      assert.deepEqual(app.looks, ['failed', 'failed', 'failed', 'failed']);
      assert.equal(app.cache.entries, 0, 'what was framed without faces is not kept');

      await writeFile(cure, '');
      let asked = 4;
      const another = () => {
        asked += 1;
        return ask(`${asked % 40}.jpg`);
      };
      const healthy = await untilAnswer(another, ({ etag }) => etag !== null, 100);
      assert.match(healthy.keeps ?? '', /immutable/);
      assert.equal(app.looks.at(-1), 'found');
      const [first] = faulty;
      t.diagnostic(`first fault ${first?.face} ms, left alone ${alone.face} ms, ${asked} crops, lost: 0`);
    });
  }
});

describe('a machine that was suspended', { skip: s3Skip }, () => {
  it('wakes to dead connections and old timers, serves its next request and goes on', async (t) => {
    const bucket = await createTestBucket();
    const proxy = await startFaultProxy(bucket.endpoint);
    const ids = Array.from({ length: 30 }, (_, n) => `${n}.jpg`);
    await Promise.all(['held.jpg', ...ids].map((id) => bucket.put(`originals/${id}`, astronaut)));
    // A sleep of five seconds is longer than each of these and than the watchdog's four.
    const server = await startServer({
      ...{ DARKROOM_ORIGINALS: `s3://${bucket.bucket}/originals`, DARKROOM_RESULTS: `s3://${bucket.bucket}/results` },
      ...{ AWS_ENDPOINT_URL_S3: proxy.endpoint, DARKROOM_FACES: 'off' },
      ...{ DARKROOM_STORE_TIMEOUT: '2s', DARKROOM_QUEUE_TIMEOUT: '500ms', DARKROOM_RENDER_TIMEOUT: '500ms' },
    });
    /** A busy machine may need longer for a render than these short limits allow; then it is asked for again. */
    const ask = async (id: string) => {
      const once = async () => {
        const answer = await server.get(server.path('small', id), { headers: { connection: 'close' } });
        await answer.arrayBuffer();
        return answer.status;
      };
      return untilAnswer(once, (status) => status !== 503);
    };
    const before = await Promise.all(ids.slice(0, 4).map(ask));
    assert.deepEqual(new Set(before), new Set([200]));

    const held = Promise.withResolvers<void>();
    proxy.control.fault = ({ url = '' }) => {
      if (!url.includes('originals/held')) return undefined;
      held.resolve();
      return 'silence';
    };
    const inFlight = server.get(server.path('small', 'held.jpg')).then(({ status }) => status);
    await held.promise;
    server.child.kill('SIGSTOP');
    proxy.cutAll();
    await delay(5000);
    server.child.kill('SIGCONT');
    proxy.control.fault = () => undefined;

    const first = await ask('10.jpg');
    assert.equal(first, 200, server.output());
    // What was under way lost its connection to the bucket and has waited too long: an answer of the contract all the same.
    assert.ok([200, 502, 503, 504].includes(await inFlight));
    const later = [];
    for (const id of ids.slice(11, 21)) later.push(await ask(id));
    assert.deepEqual(new Set(later), new Set([200]), server.output());
    await delay(400);
    assert.equal(server.child.exitCode, null);
    assert.deepEqual(
      server.log().filter(({ msg }) => /never returned|left alone/.test(msg)),
      [],
    );
    assert.equal(await server.stop(), 0);
    t.diagnostic(`asleep 5 s with ${before.length} requests before and 11 after: failed 0`);
    await server.dispose();
    await proxy.dispose();
    await bucket.dispose();
  });
});

describe('the watchdog', () => {
  it('blames work that never ends, and no work that slept with the machine', async () => {
    const since = performance.now();
    let lostAfter = 0;
    const stop = startWatchdog({
      limitMs: 1000,
      longestMs: () => performance.now() - since,
      onLost: (ms) => (lostAfter = ms),
    });
    // Nothing of this process runs, as in a machine that sleeps.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
    await delay(200);
    assert.equal(lostAfter, 0);
    await until(() => lostAfter > 0);
    assert.ok(lostAfter >= 2500, String(lostAfter));
    stop();
  });
});

describe('a wall clock that jumps', () => {
  it('moves expiry and nothing else: neither waits nor renders notice', async () => {
    const server = await startServer(
      { DARKROOM_SLOTS: '1', DARKROOM_FACES: 'off', DARKROOM_QUEUE_TIMEOUT: '60s', DARKROOM_RENDER_TIMEOUT: '60s' },
      new URL('../helpers/jumping-clock.ts', import.meta.url),
    );
    const originals = join(server.folder, 'data/originals');
    await mkdir(originals, { recursive: true });
    await writeFile(join(originals, 'a.jpg'), astronaut);
    const inTenMinutes = Math.floor(Date.now() / 1000) + 600;
    const expiring = () => server.get(server.path('thumb', 'a.jpg', inTenMinutes));
    const crowd = () =>
      Promise.all(
        Array.from({ length: 12 }, (_, n) => server.get(server.path(`w_${100 + crowds * 20 + n},f_avif`, 'a.jpg'))),
      );
    let crowds = 0;
    const jump = async (offset: number) => {
      const waiting = crowd();
      crowds += 1;
      server.child.kill('SIGUSR2');
      await until(() => server.log().findLast(({ msg }) => msg === 'the clock jumped')?.offset === offset);
      for (const { status } of await waiting) assert.equal(status, 200);
    };

    assert.equal((await expiring()).status, 200);
    await jump(3_600_000);
    const late = await expiring();
    assert.deepEqual([late.status, late.headers.get('x-error')], [410, 'expired']);
    await jump(-3_600_000);
    const early = await expiring();
    const [, maxAge] = /max-age=(\d+)/.exec(early.headers.get('cache-control') ?? '') ?? [];
    assert.equal(early.status, 200);
    // By this server's clock there is more than an hour left.
    assert.ok(Number(maxAge) > 4100 && Number(maxAge) <= 4200, maxAge);
    await jump(3_600_000);
    assert.equal((await server.get('/health')).status, 200);
    assert.equal(await server.stop(), 0);
    await server.dispose();
  });
});
