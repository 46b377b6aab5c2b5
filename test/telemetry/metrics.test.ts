import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { errors } from '../../src/errors.ts';
import { watchQueue } from '../../src/flow/watched-queue.ts';
import { createWorkQueue } from '../../src/flow/work-queue.ts';
import { measureStore, type StoreReport } from '../../src/stores/shared/measured-store.ts';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { originals, definitions as presets } from '../helpers/contract-originals.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { defaultRow, definitions, documentedRow, exposed, idleMetrics, seriesOf } from '../helpers/metrics.ts';
import { untilAnswer } from '../helpers/turns.ts';

describe('docs/metrics.md', () => {
  it('has a row for every metric, with type, labels, their values and what it says, and none for any other', async () => {
    const found = exposed(await idleMetrics().text());
    const rows = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8').match(/^\| `darkroom_.*$/gm);
    const expected = Array.from(found, ([name, metric]) => {
      const own = definitions[name];
      if (own) assert.deepEqual(metric, { type: own.type, help: own.help }, name);
      return own ? documentedRow(name, own) : defaultRow(name, metric);
    });
    assert.deepEqual(rows?.toSorted(), expected.toSorted());
    assert.deepEqual(
      Object.keys(definitions).filter((name) => !found.has(name)),
      [],
    );
  });
});

describe('label values', () => {
  it('are those that are documented, and a preset is never what a stranger wrote', async () => {
    const metrics = idleMetrics();
    metrics.observeRequest({ preset: 'thumb', negotiated: false, outcome: 'memory' }, 200, 1);
    metrics.observeRequest({ preset: 'w_300', negotiated: false, outcome: 'render' }, 200, 1);
    metrics.observeRequest({ preset: 'w_3', negotiated: false, outcome: 'unknown_preset' }, 404, 1);
    for (const preset of ['a', 'b', 'constructor'])
      metrics.observeRequest({ preset, outcome: 'bad_signature' }, 403, 1);
    metrics.observeRequest({}, 200, 1);
    const requests = Object.entries(seriesOf(await metrics.text())).filter(([series]) =>
      series.startsWith('darkroom_requests_total'),
    );
    assert.deepEqual(Object.fromEntries(requests), {
      'darkroom_requests_total{status="200",outcome="memory",preset="thumb"}': 1,
      'darkroom_requests_total{status="200",outcome="render",preset="inline"}': 1,
      'darkroom_requests_total{status="404",outcome="unknown_preset",preset="none"}': 1,
      'darkroom_requests_total{status="403",outcome="bad_signature",preset="none"}': 3,
      'darkroom_requests_total{status="200",outcome="other",preset="none"}': 1,
    });
  });

  it('count the steps of a flight once, however many waited for it', async () => {
    const metrics = idleMetrics();
    const timer = createStepTimer();
    timer.add('encode', 20);
    metrics.observeRequest({ outcome: 'render', timer }, 200, 1);
    metrics.observeRequest({ outcome: 'collapsed', timer }, 200, 1);
    assert.equal(seriesOf(await metrics.text())['darkroom_step_seconds_count{step="encode"}'], 1);
  });
});

describe('a running server', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp({ originals: originals.store, definitions: presets });
  });
  after(() => app.dispose());
  const read = async () => seriesOf(await app.metrics.text());

  it('counts hits, misses', async () => {
    const target = app.path('thumb', 'a.jpg');
    for (let time = 0; time < 3; time += 1) await (await app.get(target)).arrayBuffer();
    const found = await read();
    assert.equal(found['darkroom_cache_lookups_total{outcome="hit"}'], 2);
    assert.equal(found['darkroom_cache_lookups_total{outcome="miss"}'], 1);
    assert.equal(found.darkroom_cache_entries, 1);
    assert.equal(found['darkroom_requests_total{status="200",outcome="memory",preset="thumb"}'], 2);
    assert.equal(found['darkroom_request_seconds_count{outcome="memory"}'], 2);
    assert.equal(found['darkroom_step_seconds_count{step="encode"}'], 1);
    assert.equal(found['darkroom_memory_bytes{kind="cache"}'], found.darkroom_cache_bytes);
  });
});

describe('a client that leaves', () => {
  it('is counted', async (t) => {
    const held = createMemoryStore({ 'a.jpg': Buffer.from('no picture') });
    const app = await startApp({ originals: held.store });
    const asked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    t.after(() => {
      release.resolve();
      return app.dispose();
    });
    held.hold.get = () => {
      asked.resolve();
      return release.promise;
    };
    const leaver = new AbortController();
    const request = app.get(app.path('thumb', 'a.jpg'), { signal: leaver.signal });
    await asked.promise;
    leaver.abort();
    await assert.rejects(request);
    const counted = async () =>
      seriesOf(await app.metrics.text())['darkroom_requests_total{status="499",outcome="client_left",preset="thumb"}'];
    await untilAnswer(counted, (count) => count === 1);
  });
});

describe('a watched queue', () => {
  function watched(options: {
    slots: number;
    waiting: number;
    waitTimeoutMs: number;
    inputBytes?: number;
    workBytes?: number;
  }) {
    const waits: string[] = [];
    const refusals: string[] = [];
    const queue = watchQueue(createWorkQueue(options), {
      permits: options.slots + options.waiting,
      onWait: ({ outcome }) => waits.push(outcome),
      onRefusal: (reason) => refusals.push(reason),
    });
    return { queue, waits, refusals };
  }
  const { signal } = new AbortController();
  const cost = { ms: 1, bytes: 10 };

  it('says who was served, who was refused and why, and keeps the numbers of the queue', async () => {
    const { queue, waits, refusals } = watched({
      slots: 1,
      waiting: 1,
      waitTimeoutMs: 1,
      inputBytes: 100,
      workBytes: 50,
    });
    const first = await queue.enter(1, signal);
    await first.slot(cost);
    const second = await queue.enter(1, signal);
    assert.deepEqual([queue.running, queue.waiting, queue.workBytes], [1, 1, 10]);
    await assert.rejects(queue.enter(1, signal), { code: 'busy' });
    assert.throws(() => second.hold(101), { code: 'busy' });
    await assert.rejects(second.slot({ ms: 1, bytes: 51 }), { code: 'original_too_large' });
    await assert.rejects(second.slot(cost), { code: 'busy' });
    assert.deepEqual(refusals, ['queue_full', 'input_memory', 'work_memory', 'wait_timeout']);
    assert.deepEqual(waits, ['served', 'refused', 'refused', 'refused']);
    first[Symbol.dispose]();
    second[Symbol.dispose]();
    assert.deepEqual([queue.running, queue.waiting], [0, 0]);
  });

  it('says who left', async () => {
    const { queue, waits, refusals } = watched({ slots: 1, waiting: 1, waitTimeoutMs: 10_000 });
    const first = await queue.enter(1, signal);
    await first.slot(cost);
    const leaver = new AbortController();
    const second = await queue.enter(1, leaver.signal);
    const waiting = second.slot(cost);
    leaver.abort(new Error('gone'));
    await assert.rejects(waiting, /gone/);
    assert.deepEqual([waits, refusals], [['served', 'left'], []]);
  });
});

describe('a measured store', () => {
  it('says of each call what it was and how it ended, and changes nothing', async () => {
    const inner = createMemoryStore({ 'a.jpg': Buffer.from('a') });
    const calls: StoreReport[] = [];
    const store = measureStore(inner.store, 'results', (call) => calls.push(call));
    const limits = { signal: new AbortController().signal, maxBytes: 100 };
    assert.equal((await store.get('a.jpg', limits))?.body.toString(), 'a');
    assert.equal(await store.get('b.jpg', limits), undefined);
    await store.put(
      'c.jpg',
      { body: Buffer.from('c'), contentType: undefined, cacheControl: undefined, metadata: {} },
      limits,
    );
    await store.delete('c.jpg', limits);
    await store.deleteAll('folder', limits);
    const thrown: [unknown, string][] = [
      [errors.storeFailed(new Error('no')), 'failed'],
      [errors.storeTimeout(), 'timeout'],
      [AbortSignal.abort(new DOMException('slow', 'TimeoutError')).reason, 'timeout'],
      [errors.originalTooLarge('too large'), 'too_large'],
      [new Error('the client left'), 'aborted'],
    ];
    for (const [reason] of thrown) {
      inner.hold.get = async () => {
        throw reason;
      };
      await assert.rejects(store.get('a.jpg', limits), (error) => error === reason);
    }
    assert.deepEqual(
      calls.map(({ call, outcome }) => `${call} ${outcome}`),
      [
        'get ok',
        'get missing',
        'put ok',
        'delete ok',
        'delete_all ok',
        ...thrown.map(([, outcome]) => `get ${outcome}`),
      ],
    );
    assert.ok(calls.every(({ store: name, ms }) => name === 'results' && ms >= 0));
  });
});
