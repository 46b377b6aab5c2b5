import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createHttpOrigin, type HttpOriginOptions } from '../../src/stores/http-origin.ts';
import { type Behaviour, behaviours, startOriginServer } from '../helpers/origin-server.ts';
import { closedPort, startFaultyServer } from '../helpers/tcp-faults.ts';
import { until } from '../helpers/turns.ts';
import { readerConformance } from './conformance.ts';

const live = () => ({ signal: new AbortController().signal, maxBytes: 1_000_000 });
type Origin = Awaited<ReturnType<typeof startOriginServer>>;
const reading = (origin: Origin, more: Partial<HttpOriginOptions> = {}) =>
  createHttpOrigin({ baseUrl: origin.url, timeoutMs: 400, allowPrivate: true, maxConnections: 5, ...more });

readerConformance('an HTTP origin', async () => {
  const origin = await startOriginServer();
  const reader = reading(origin, { timeoutMs: 5000 });
  return {
    reader,
    seed: async (key, body) => origin.seed(key, body),
    async dispose() {
      await reader.close();
      await origin.dispose();
    },
  };
});

describe('an HTTP origin that misbehaves', () => {
  let origin: Origin;
  before(async () => {
    origin = await startOriginServer();
    origin.seed('good.jpg', Buffer.from('good'), 'image/jpeg');
  });
  after(() => origin.dispose());

  const faults: [what: string, behaviour: Behaviour, code: string][] = [
    ['never answers', behaviours.silent(), 'store_timeout'],
    ['stalls', behaviours.stalls(), 'store_timeout'],
    ['drips below every idle limit', behaviours.drips(), 'store_timeout'],
    ['never ends', behaviours.endless(), 'original_too_large'],
    ['announces too much', behaviours.stalls(5_000_000), 'original_too_large'],
    ['sends less than it said', behaviours.lies(100, Buffer.alloc(10)), 'store_failed'],
    ['cuts off', behaviours.cutsOff(), 'store_failed'],
    ['slams the door', behaviours.slams(), 'store_failed'],
    ['encodes', behaviours.encodes('gzip'), 'store_failed'],
    ['encodes in a chain', behaviours.encodes(Array(200).fill('gzip').join(', ')), 'store_failed'],
    ['redirects for ever', behaviours.redirects('/redirects%20for%20ever'), 'store_failed'],
    ['redirects nowhere', behaviours.redirects(''), 'store_failed'],
    ['redirects to a file', behaviours.redirects('file:///etc/passwd'), 'store_failed'],
    ['redirects with credentials', behaviours.redirects('http://user:pass@127.0.0.1/'), 'store_failed'],
    ...[204, 206, 304, 400, 401, 403, 429, 500, 503].map((status): [string, Behaviour, string] => [
      `says ${status}`,
      behaviours.says(status),
      'store_failed',
    ]),
  ];
  for (const [what, behaviour, code] of faults) {
    it(`${what}: ${code}`, async () => {
      origin.script(what, behaviour);
      const reader = reading(origin);
      await assert.rejects(reader.get(what, live()), { code });
      assert.equal((await reader.get('good.jpg', live()))?.body.toString(), 'good');
      await reader.close();
    });
  }

  it('sends more than it said: what was announced, or nothing', async () => {
    origin.script('longer', behaviours.lies(4, Buffer.from('good, and then some')));
    const reader = reading(origin);
    const found = await reader.get('longer', live()).catch((error) => error.code);
    assert.ok(found === 'store_failed' || found.body.toString() === 'good');
    assert.equal((await reader.get('good.jpg', live()))?.body.toString(), 'good');
    await reader.close();
  });

  it('is missing something: undefined for 404 and 410', async () => {
    origin.script('gone', behaviours.says(410));
    const reader = reading(origin);
    assert.equal(await reader.get('gone', live()), undefined);
    assert.equal(await reader.get('never-was', live()), undefined);
    await reader.close();
  });

  it('redirects up to three times', async () => {
    for (const [from, to] of [
      ['r1', '/good.jpg'],
      ['r2', '/r1'],
      ['r3', '/r2'],
      ['r4', '/r3'],
    ] as const) {
      origin.script(from, behaviours.redirects(to, from === 'r2' ? 307 : 301));
    }
    const reader = reading(origin);
    assert.equal((await reader.get('r3', live()))?.body.toString(), 'good');
    await assert.rejects(reader.get('r4', live()), { code: 'store_failed' });
    await reader.close();
  });

  it('passes its content type on as a claim', async () => {
    const reader = reading(origin);
    assert.equal((await reader.get('good.jpg', live()))?.contentType, 'image/jpeg');
    await reader.close();
  });

  it('closed an idle connection: asked once more on a new one', async () => {
    let asked = 0;
    origin.script('stale', (response) => {
      asked += 1;
      if (asked === 1) response.destroy();
      else response.end('fresh');
    });
    const reader = reading(origin);
    await reader.get('good.jpg', live());
    assert.equal((await reader.get('stale', live()))?.body.toString(), 'fresh');
    assert.equal(asked, 2);
    await reader.close();
  });

  it('is not there: store_failed at once', async () => {
    const reader = createHttpOrigin({
      baseUrl: `http://127.0.0.1:${await closedPort()}/`,
      timeoutMs: 5000,
      allowPrivate: true,
    });
    await assert.rejects(reader.get('good.jpg', live()), { code: 'store_failed' });
    await reader.close();
  });

  it('loses no connection over 200 faults with a pool of five', async () => {
    const reader = reading(origin, { timeoutMs: 150 });
    for (let round = 0; round < 200 / faults.length; round += 1) {
      await Promise.all(faults.map(([what]) => assert.rejects(reader.get(what, live()))));
    }
    assert.equal((await reader.get('good.jpg', live()))?.body.toString(), 'good');
    await reader.close();
    await until(() => origin.openSockets() === 0);
  });
});

describe('an HTTP origin on the public internet only', () => {
  it('connects to no private address, by number, by name or by redirect', async () => {
    const canary = await startFaultyServer(() => {});
    const refused = async (options: Partial<HttpOriginOptions>) => {
      const reader = createHttpOrigin({
        baseUrl: `https://127.0.0.1:${canary.port}/`,
        timeoutMs: 2000,
        allowPrivate: false,
        ...options,
      });
      await assert.rejects(reader.get('a.jpg', live()), { code: 'store_failed' });
      await reader.close();
    };
    const hosts = [
      '127.0.0.1',
      'localhost',
      '127.1',
      '2130706433',
      '0x7f.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '169.254.169.254',
      '10.0.0.1',
      '[fdaa::1]',
    ];
    for (const host of hosts) await refused({ baseUrl: `https://${host}:${canary.port}/` });
    await refused({ baseUrl: `http://127.0.0.1:${canary.port}/` });
    const [first = { address: '8.8.8.8', family: 4 }, second = { address: '127.0.0.1', family: 4 }] = [];
    await refused({ baseUrl: `https://mixed.example:${canary.port}/`, resolveName: async () => [first, second] });
    await refused({ baseUrl: `https://inside.example:${canary.port}/`, resolveName: async () => [second] });
    assert.equal(canary.connections(), 0);
    await canary.dispose();
  });
});
