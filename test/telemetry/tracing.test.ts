import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { createRequestIds, traceIdOf } from '../../src/http/request-ids.ts';
import { attribute, type ReceivedSpan, startCollector } from '../helpers/collector.ts';
import { astronaut } from '../helpers/faces.ts';
import { type Behaviour, startOriginServer } from '../helpers/origin-server.ts';
import { type LogLine, startServer, type TestServer } from '../helpers/server.ts';
import { untilAnswer } from '../helpers/turns.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const MODULES = new URL('../helpers/tell-modules.ts', import.meta.url);
/** Nothing but the shutdown sends spans. */
const ONLY_AT_THE_END = { OTEL_BSP_SCHEDULE_DELAY: '600000' };

/** Lookups in memory that found nothing. */
async function missesOf({ startUp }: TestServer): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${startUp.metricsPort}/metrics`)).text();
  return Number(/^darkroom_cache_lookups_total\{outcome="miss"\} (\d+)$/m.exec(text)?.[1]);
}

describe('tracing', () => {
  const ids: Record<string, string> = {};
  let spans: ReceivedSpan[] = [];
  let lines: LogLine[] = [];
  let text = '';
  let services: unknown[] = [];
  let signature = '';
  const requests = () => spans.filter(({ name }) => name === 'GET /*');
  const of = (id: string | undefined) => requests().find(({ traceId }) => id?.startsWith(traceId));

  before(async () => {
    const collector = await startCollector();
    const origin = await startOriginServer();
    const asked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const held: Behaviour = async (response) => {
      asked.resolve();
      await release.promise;
      response.end(astronaut);
    };
    origin.seed('astronaut.jpg', astronaut);
    origin.script('held.jpg', held);
    const server = await startServer(
      {
        ...{ ...ONLY_AT_THE_END, OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_SERVICE_NAME: 'shop-images' },
        DARKROOM_LOG_LEVEL: 'debug',
        ...{ DARKROOM_ORIGINALS: origin.url, DARKROOM_ORIGIN_PRIVATE: 'on', DARKROOM_METRICS_PORT: '0' },
      },
      MODULES,
    );
    const ask = async (name: string, target: string, headers: Record<string, string> = {}) => {
      const response = await server.get(target, { headers });
      await response.arrayBuffer();
      ids[name] = response.headers.get('x-request-id') ?? '';
    };
    // Cut, so that its faces matter.
    const good = server.path('og', 'astronaut.jpg');
    signature = good.split('/')[1] ?? '';
    await ask('miss', good, { traceparent: `00-${TRACE}-${PARENT}-01`, 'x-request-id': 'of-the-client' });
    await ask('again', good);
    await ask('forged', `/${'Z'.repeat(22)}/og/astronaut.jpg`);
    await ask('health', '/health');
    const missesBefore = await missesOf(server);
    const leading = ask('leader', server.path('small', 'held.jpg'));
    await asked.promise;
    const following = ask('follower', server.path('small', 'held.jpg'));
    // Both have looked in memory, so both wait for the same flight.
    await untilAnswer(
      () => missesOf(server),
      (misses) => misses >= missesBefore + 2,
    );
    release.resolve();
    await Promise.all([leading, following]);
    assert.equal(collector.asked(), 0);
    assert.equal(await server.stop(), 0);
    assert.match(server.output(), /module asked for: @opentelemetry/);
    [spans, text, services, lines] = [collector.spans(), collector.text(), collector.services(), server.log()];
    await Promise.all([server.dispose(), origin.dispose()]);
  });

  it('has a span for the request, below the one that the client named', () => {
    const request = of(ids.miss);
    assert.deepEqual([request?.traceId, request?.parentSpanId], [TRACE, PARENT]);
    assert.equal(attribute(request as ReceivedSpan, 'darkroom.preset'), 'og');
    assert.equal(attribute(request as ReceivedSpan, 'darkroom.outcome'), 'render');
    assert.equal(attribute(request as ReceivedSpan, 'url.path'), '/-/og/astronaut.jpg');
  });

  it('has a span for each step, below the request and within its time', () => {
    const request = of(ids.miss) as ReceivedSpan;
    const steps = spans.filter(({ parentSpanId }) => parentSpanId === request.spanId);
    assert.deepEqual([...new Set(steps.map(({ name }) => name))].sort(), [
      'decode',
      'encode',
      'face',
      'origin',
      'queue',
      'store',
    ]);
    for (const step of steps) {
      assert.equal(step.traceId, TRACE);
      assert.ok(BigInt(step.startTimeUnixNano) >= BigInt(request.startTimeUnixNano), step.name);
      assert.ok(BigInt(step.endTimeUnixNano) <= BigInt(request.endTimeUnixNano), step.name);
    }
  });

  it('puts the trace into log line and X-Request-Id, and never what the client calls its request', () => {
    assert.match(ids.miss ?? '', new RegExp(`^${TRACE}-[0-9a-f]{12}-[0-9a-z]+$`));
    for (const name of ['miss', 'again', 'forged', 'leader', 'follower']) {
      const line = lines.find(({ msg, reqId }) => msg === 'request' && reqId === ids[name]);
      assert.equal(line?.traceId, of(ids[name])?.traceId, name);
      assert.match(String(line?.traceId), /^[0-9a-f]{32}$/, name);
    }
    assert.equal(new Set(Object.values(ids)).size, Object.keys(ids).length);
  });

  it('links whoever waited to the request that did the work', () => {
    const leader = of(ids.leader) as ReceivedSpan;
    const follower = of(ids.follower) as ReceivedSpan;
    assert.deepEqual(
      follower.links.map(({ traceId, spanId }) => [traceId, spanId]),
      [[leader.traceId, leader.spanId]],
    );
    assert.deepEqual(leader.links, []);
    assert.equal(spans.filter(({ parentSpanId }) => parentSpanId === follower.spanId).length, 0);
    // The engine decodes and encodes in one step.
    assert.ok(spans.some(({ parentSpanId, name }) => parentSpanId === leader.spanId && /^(de|en)code$/.test(name)));
  });

  it('blames nobody here for what a stranger sent wrong, and traces no health check', () => {
    assert.equal(of(ids.forged)?.status.code, 1);
    assert.equal(of(ids.health), undefined);
  });

  it('is called as the operator says, and holds no signature', () => {
    assert.deepEqual([...new Set(services)], ['shop-images']);
    assert.ok(text.length > 0 && !text.includes(signature) && !text.includes('Z'.repeat(22)));
  });
});

describe('without a collector', () => {
  it('no module of OpenTelemetry is looked for', async () => {
    const server = await startServer({}, MODULES);
    assert.equal((await server.get('/nowhere')).status, 404);
    assert.equal(await server.stop(), 0);
    assert.ok(!server.output().includes('module asked for'), server.output());
    await server.dispose();
  });

  it('that answers, the process still ends in time', async () => {
    const collector = await startCollector({ silent: true });
    const server = await startServer({
      ...{ ...ONLY_AT_THE_END, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.endpoint}/v1/traces` },
      ...{ OTEL_EXPORTER_OTLP_TIMEOUT: '60000', OTEL_BSP_EXPORT_TIMEOUT: '60000', DARKROOM_SHUTDOWN_TIMEOUT: '8s' },
    });
    assert.equal((await server.get('/nowhere')).status, 404);
    assert.equal(await server.stop(), 0);
    assert.equal(collector.asked(), 1);
    await server.dispose();
  });
});

describe('the id of a trace', () => {
  it('is read from a traceparent that is one, and from nothing else', () => {
    assert.equal(traceIdOf(`00-${TRACE}-${PARENT}-00`), TRACE);
    assert.equal(traceIdOf(`cc-${TRACE}-${PARENT}-01-what-comes-later`), TRACE);
    const wrong = [
      ...[undefined, '', TRACE, `00-${TRACE}-${PARENT}`, `ff-${TRACE}-${PARENT}-01`, `00-${TRACE}-${PARENT}-01-more`],
      ...[
        `00-${TRACE.toUpperCase()}-${PARENT}-01`,
        `00-${'0'.repeat(32)}-${PARENT}-01`,
        `00-${TRACE}-${'0'.repeat(16)}-01`,
      ],
      ...[`00-${TRACE}-${PARENT}-01\n`, [`00-${TRACE}-${PARENT}-01`], `00-${TRACE}x-${PARENT}-01`],
    ];
    for (const value of wrong) assert.equal(traceIdOf(value), undefined, String(value));
  });

  it('stands before an id of the request alone', () => {
    const next = createRequestIds();
    assert.match(next(), /^[0-9a-f]{12}-1$/);
    assert.match(next(TRACE), new RegExp(`^${TRACE}-[0-9a-f]{12}-2$`));
  });
});
