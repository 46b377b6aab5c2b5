import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, mock } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { formatImagePath } from '../../src/url/image-path.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { startApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { type RawAnswer, rawGet } from '../helpers/raw-http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const photo = await sharp({ create: { width: 400, height: 300, channels: 3, background: '#3366aa' } })
  .jpeg()
  .toBuffer();
const work = await mkdtemp(join(tmpdir(), 'darkroom-keys-'));
after(() => rm(work, { recursive: true, force: true }));

/** Requests a second while servers are replaced. */
const RATE = 50;
const [A, B] = [Buffer.alloc(32, 0xa1), Buffer.alloc(32, 0xb2)];
const pathBy = (key: Buffer, preset: string, id: string) => {
  const signature = createSignatures([key]).sign({ preset, id, expiresAt: undefined });
  return formatImagePath({ signature, preset, suffix: '', id, expiresAt: undefined });
};

/** Two servers and what stands before them: a load balancer that asks in turn, and the other one where nobody listens. */
function createPair() {
  const servers: (TestServer | undefined)[] = [undefined, undefined];
  const agents = servers.map(() => new Agent({ keepAlive: true, maxSockets: 4 }));
  const counts = { requests: 0, moved: 0 };
  let turn = 0;

  async function ask(path: string): Promise<RawAnswer> {
    counts.requests += 1;
    turn += 1;
    for (let tries = 0; ; tries += 1) {
      const at = (turn + tries) % servers.length;
      const server = servers[at];
      if (!server) continue;
      try {
        const answer = await rawGet(server.baseUrl, path, { agent: agents[at] as Agent });
        // It said so politely: the request was not begun.
        if (answer.headers['x-error'] !== 'draining' || tries > 3) return answer;
      } catch (error) {
        // Only what happens before an answer begins may be asked elsewhere; an answer cut off is an answer lost.
        if (tries > 3 || !/ECONNREFUSED|ECONNRESET|socket hang up/.test((error as Error).message)) throw error;
      }
      counts.moved += 1;
    }
  }

  /** One after the other gets new settings, as in every rolling restart. */
  async function roll(settings: Record<string, string>): Promise<void> {
    for (const at of servers.keys()) {
      const old = servers[at];
      // The port is new, as on a new machine. The old one is asked to go while it is still being sent requests.
      const fresh = await startServer(settings);
      if (old) assert.equal(await old.stop(), 0);
      servers[at] = fresh;
      await old?.dispose();
    }
  }

  return {
    ...{ ask, roll, counts },
    one: () => servers[0] as TestServer,
    async dispose() {
      for (const agent of agents) agent.destroy();
      await Promise.all(servers.map((server) => server?.dispose()));
    },
  };
}

describe('a rolling restart of two servers under load', () => {
  it('takes key A to B, and one presets file to the next, without one failed request', async (t) => {
    const originals = join(work, 'originals');
    await mkdir(originals);
    for (let n = 0; n < 20; n += 1) await writeFile(join(originals, `${n}.jpg`), photo);
    const presetsFile = async (name: string, presets: Record<string, unknown>) => {
      await writeFile(join(work, name), JSON.stringify(presets));
      return join(work, name);
    };
    const card = { width: 200, height: 150, fit: 'cover', format: 'webp' };
    const before = await presetsFile('before.json', { card });
    const afterwards = await presetsFile('after.json', { card, tile: { width: 120, format: 'webp' } });
    const settings = (keys: Buffer[], presets: string) => ({
      ...{ DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_RESULTS: `file:${join(work, 'results')}` },
      ...{ DARKROOM_FACES: 'off', DARKROOM_PRESETS: presets, DARKROOM_SLOTS: '2', DARKROOM_QUEUE: '200' },
      DARKROOM_SIGNING_KEYS: keys.map((key) => key.toString('hex')).join(),
    });
    const pair = createPair();
    await pair.roll(settings([A], before));

    // What pages carry: URLs by A first, and by both once both are known.
    let signers = [A];
    const failures: string[] = [];
    const statuses = new Map<number, number>();
    const underWay = new Set<Promise<void>>();
    let stop = false;
    let sent = 0;
    const load = (async () => {
      while (!stop) {
        const key = signers[sent % signers.length] ?? A;
        const path = pathBy(key, 'card', `${sent % 20}.jpg`);
        sent += 1;
        const asked = pair
          .ask(path)
          .then(({ status, headers }) => {
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
            if (status !== 200) failures.push(`${status} ${headers['x-error']}`);
          })
          .catch((error) => void failures.push(String(error)))
          .finally(() => underWay.delete(asked));
        underWay.add(asked);
        await delay(1000 / RATE);
      }
    })();

    assert.equal((await pair.ask(pathBy(B, 'card', '1.jpg'))).status, 403);
    await pair.roll(settings([B, A], before));
    signers = [A, B];
    for (let n = 0; n < 4; n += 1) assert.equal((await pair.ask(pathBy(B, 'card', '1.jpg'))).status, 200);
    assert.equal((await pair.ask(pathBy(B, 'tile', '1.jpg'))).status, 404);
    signers = [B];
    await Promise.all(underWay);
    await pair.roll(settings([B], afterwards));
    // Both of them.
    for (let n = 0; n < 4; n += 1) {
      const old = await pair.ask(pathBy(A, 'card', '1.jpg'));
      assert.deepEqual([old.status, old.headers['x-error']], [403, 'bad_signature']);
      assert.equal((await pair.ask(pathBy(B, 'tile', '1.jpg'))).status, 200);
    }
    stop = true;
    await load;
    await Promise.all(underWay);
    assert.deepEqual(failures, []);

    // The key is no part of what results are found by: nothing was made again for B.
    const renders = pair
      .one()
      .log()
      .filter(({ preset, outcome }) => preset === 'card' && outcome === 'render');
    assert.deepEqual(renders, []);
    assert.ok(
      pair
        .one()
        .log()
        .some(({ preset, outcome }) => preset === 'card' && outcome === 'store'),
    );
    const { requests, moved } = pair.counts;
    t.diagnostic(`${requests} requests (${sent} by the load) through 6 restarts, ${moved} asked elsewhere, failed: 0`);
    await pair.dispose();
  });
});

describe('the second in which a URL ends', () => {
  // There is one tolerance, and it is none: `exp` is over at its second by this server's own clock. Whoever signs for
  // servers whose clocks differ by s seconds adds s to what the URL shall last.
  const EXPIRES = 2_000_000_000;
  const cases: [what: string, clock: number, status: number, maxAge: string][] = [
    ['an hour before', EXPIRES - 3600, 200, '3600'],
    ['by a clock 30 s late', EXPIRES - 30, 200, '30'],
    ['a second before', EXPIRES - 1, 200, '1'],
    ['a millisecond before', EXPIRES - 0.001, 200, '0'],
    ['at it', EXPIRES, 410, '60'],
    ['a second after', EXPIRES + 1, 410, '60'],
    ['by a clock 30 s early', EXPIRES + 30, 410, '60'],
    ['an hour after', EXPIRES + 3600, 410, '60'],
  ];
  for (const [what, clock, status, maxAge] of cases) {
    it(`${what}: ${status}, and no cache outlives it`, async () => {
      const app = await startApp({ originals: createMemoryStore({ 'a.jpg': photo }).store });
      const path = app.path('thumb', 'a.jpg', EXPIRES);
      const time = mock.method(Date, 'now', () => clock * 1000);
      try {
        const answer = await rawGet(app.baseUrl, path);
        assert.equal(answer.status, status);
        assert.match(answer.headers['cache-control'] ?? '', new RegExp(`^public, max-age=${maxAge}\\b`));
        // A client that holds it already is told the same.
        const again = await rawGet(app.baseUrl, path, { headers: { 'if-none-match': '*' } });
        assert.equal(again.status, status === 200 ? 304 : 410);
      } finally {
        time.mock.restore();
      }
      await app.dispose();
    });
  }
});
