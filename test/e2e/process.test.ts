import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { TEST_KEY } from '../helpers/app.ts';
import { type Behaviour, startOriginServer } from '../helpers/origin-server.ts';
import { rawGet } from '../helpers/raw-http.ts';
import { startServer } from '../helpers/server.ts';
import { closedPort, startFaultyServer } from '../helpers/tcp-faults.ts';
import { until } from '../helpers/turns.ts';

const photo = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#336699' } })
  .jpeg()
  .toBuffer();

/** An origin that keeps its answer back until told, and a server that reads from it. */
async function serverWithHeldOrigin(body: Buffer, settings: Record<string, string> = {}) {
  const origin = await startOriginServer();
  const asked = Promise.withResolvers<void>();
  const sent = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const held: Behaviour = async (response) => {
    asked.resolve();
    await release.promise;
    response.end(body, () => sent.resolve());
  };
  origin.script('held.jpg', held);
  origin.seed('photo.jpg', photo);
  const server = await startServer({
    // A look for faces that comes too late, on a busy machine, would keep the rendition out of the store.
    ...{ DARKROOM_ORIGINALS: origin.url, DARKROOM_ORIGIN_PRIVATE: 'on', DARKROOM_FACES: 'off', ...settings },
  });
  return { origin, server, asked: asked.promise, sent: sent.promise, release: release.resolve };
}

const resultsOf = (folder: string, id: string) => readdir(join(folder, 'data/results', id));

describe('a polite stop', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`on ${signal}: what was asked is answered and saved, what comes is refused, exit code 0`, async () => {
      const { origin, server, asked, release } = await serverWithHeldOrigin(photo);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const idle = new Agent({ keepAlive: true, maxSockets: 1 });
      assert.equal((await rawGet(server.baseUrl, server.path('thumb', 'photo.jpg'), { agent })).status, 200);
      assert.equal((await rawGet(server.baseUrl, '/ready', { agent: idle })).status, 200);

      const answering = rawGet(server.baseUrl, server.path('thumb', 'held.jpg'), { agent });
      await asked;
      server.child.kill(signal);
      await until(() => server.log().some(({ msg }) => msg === 'draining'));
      await assert.rejects(rawGet(server.baseUrl, '/health'), /ECONNREFUSED|ECONNRESET/);
      release();
      const answer = await answering;
      assert.deepEqual([answer.status, answer.headers.connection], [200, 'close']);
      assert.equal(await server.exited, 0);
      assert.match((await resultsOf(server.folder, 'held.jpg')).join(), /thumb-/);
      assert.ok(server.log().some(({ msg, lost }) => msg === 'drained' && lost === 0));
      agent.destroy();
      idle.destroy();
      await Promise.all([server.dispose(), origin.dispose()]);
    });
  }

  it('in the middle of a render: the client gets its picture, the store too', async () => {
    const side = 4000;
    const noise = Buffer.alloc(side * side * 3, 90);
    for (let at = 0; at < noise.length; at += 7) noise[at] = (at * 2654435761) % 256;
    const large = await sharp(noise, { raw: { width: side, height: side, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    const { origin, server, asked, sent, release } = await serverWithHeldOrigin(large);
    const answering = rawGet(server.baseUrl, server.path('w_1400,f_avif', 'held.jpg'));
    await asked;
    release();
    await sent;
    // The original has left the origin, and 16 megapixels take longer than a signal.
    server.child.kill('SIGTERM');
    await until(() => server.log().some(({ msg }) => msg === 'draining'));
    assert.equal(server.log().filter(({ msg }) => msg === 'request').length, 0);
    const answer = await answering;
    assert.deepEqual(
      [answer.status, answer.headers.connection, answer.headers['content-type']],
      [200, 'close', 'image/avif'],
    );
    assert.equal(await server.exited, 0);
    assert.match((await resultsOf(server.folder, 'held.jpg')).join(), /w_1400.*\.avif/);
    await Promise.all([server.dispose(), origin.dispose()]);
  });

  it('needs nobody who reads its output', async () => {
    const server = await startServer();
    server.child.stdout?.destroy();
    server.child.stderr?.destroy();
    for (let n = 0; n < 50; n += 1) assert.equal((await server.get('/s/thumb/a.jpg')).status, 403);
    assert.equal(await server.stop(), 0);
    await server.dispose();
  });

  it('comes from no failure that no code handles: it is logged, and the process goes on', async () => {
    const failing = "process.on('SIGUSR2', () => void Promise.reject(new Error('left alone')));";
    const server = await startServer({}, new URL(`data:text/javascript,${encodeURIComponent(failing)}`));
    server.child.kill('SIGUSR2');
    await until(
      () => server.child.exitCode !== null || server.log().some(({ msg }) => msg === 'a failure was not handled'),
    );
    const line = server.log().find(({ msg }) => msg === 'a failure was not handled');
    assert.equal((line?.err as { message?: string } | undefined)?.message, 'left alone', server.output());
    assert.equal((await server.get('/health')).status, 200);
    assert.equal(await server.stop(), 0);
    await server.dispose();
  });

  it('ends at once on a second signal', async () => {
    const { origin, server, asked } = await serverWithHeldOrigin(photo);
    rawGet(server.baseUrl, server.path('thumb', 'held.jpg')).catch(() => {});
    await asked;
    server.child.kill('SIGTERM');
    await until(() => server.log().some(({ msg }) => msg === 'draining'));
    server.child.kill('SIGTERM');
    assert.notEqual(await server.exited, 0);
    await Promise.all([server.dispose(), origin.dispose()]);
  });

  it('ends within its limit when something never ends', async () => {
    const { origin, server, asked } = await serverWithHeldOrigin(photo, {
      DARKROOM_SHUTDOWN_TIMEOUT: '300ms',
      DARKROOM_STORE_TIMEOUT: '60s',
    });
    rawGet(server.baseUrl, server.path('thumb', 'held.jpg')).catch(() => {});
    await asked;
    assert.equal(await server.stop(), 1);
    assert.ok(server.log().some(({ msg }) => msg === 'the shutdown took too long'));
    await Promise.all([server.dispose(), origin.dispose()]);
  });
});

describe('the start', () => {
  it('says once what is running', async () => {
    const server = await startServer({ DARKROOM_SLOTS: '3', DARKROOM_MEMORY_CACHE: '5MiB', MALLOC_ARENA_MAX: '2' });
    const { version, node, renderVersion, slots, queue, memory, allocator, threadPool, originals, results } =
      server.startUp;
    assert.match(`${version} ${node}`, /^\d+\.\d+\.\d+ 24\./);
    assert.match(String(renderVersion), /sharp \d.* vips \d/);
    assert.deepEqual(
      [slots, queue, (memory as { cache: number }).cache, allocator, threadPool],
      [3, 48, 5_242_880, 'glibc, 2 arenas', 16],
    );
    assert.deepEqual([originals, results], ['folder', 'folder']);
    assert.equal(server.log().filter(({ msg }) => msg === 'darkroom is up').length, 1);
    await server.dispose();
  });

  it('warns of a thread pool that encodes would fill', async () => {
    const server = await startServer({ UV_THREADPOOL_SIZE: '4', DARKROOM_SLOTS: '2' });
    await until(() => server.output().includes('UV_THREADPOOL_SIZE is 4; set it to at least 6'));
    await server.dispose();
  });

  it('makes a key once and keeps it to itself', async () => {
    const server = await startServer({ DARKROOM_SIGNING_KEYS: undefined as unknown as string });
    const file = join(server.folder, 'data/signing-key');
    assert.match(await readFile(file, 'utf8'), /^[0-9a-f]{64}\n$/);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.ok(!server.output().includes((await readFile(file, 'utf8')).trim()));
    await server.dispose();
  });

  it('stops with a sentence when a setting is wrong', async () => {
    const cases: [Record<string, string>, RegExp][] = [
      [{ DARKROOM_SLOTS: 'lots' }, /DARKROOM_SLOTS=lots cannot be used: expected a whole number/],
      [{ DARKROOM_TYPO: '1' }, /DARKROOM_TYPO is not a setting/],
      [{ DARKROOM_SIGNING_KEYS: 'abcd' }, /DARKROOM_SIGNING_KEYS=\(hidden\)/],
      [{ DARKROOM_SIGNING_KEYS: '' }, /DARKROOM_SIGNING_KEYS/],
      [
        { NODE_ENV: 'production', DARKROOM_SIGNING_KEYS: undefined as unknown as string },
        /DARKROOM_SIGNING_KEYS is not set/,
      ],
      [{ DARKROOM_PRESETS: '/nowhere/presets.json' }, /DARKROOM_PRESETS=\/nowhere\/presets\.json cannot be used/],
    ];
    for (const [settings, message] of cases) {
      await assert.rejects(
        startServer(settings),
        (error: Error) =>
          /ended with 1/.test(error.message) && message.test(error.message) && !/\bat .*\.ts:\d/.test(error.message),
      );
    }
  });

  it('stops with a sentence when a port is taken', async () => {
    const taken = await startFaultyServer(() => {});
    for (const setting of ['PORT', 'DARKROOM_METRICS_PORT']) {
      const why = new RegExp(`cannot listen on 127\\.0\\.0\\.1:${taken.port} \\(EADDRINUSE\\)`);
      await assert.rejects(startServer({ [setting]: String(taken.port) }), why);
    }
    await taken.dispose();
  });

  it('names the preset and the field of a presets file', async () => {
    const folder = await promisify(execFile)('mktemp', ['-d']).then(({ stdout }) => stdout.trim());
    await writeFile(join(folder, 'presets.json'), '{"card": {"width": 0}}');
    await assert.rejects(startServer({ DARKROOM_PRESETS: join(folder, 'presets.json') }), /card\.width/);
    await writeFile(join(folder, 'presets.json'), '{"card": {"width": 40, "format": "png"}}');
    const server = await startServer({ DARKROOM_PRESETS: join(folder, 'presets.json') });
    assert.equal((await server.get(server.path('thumb', 'a.jpg'))).headers.get('x-error'), 'unknown_preset');
    assert.equal((await server.get(server.path('card', 'a.jpg'))).headers.get('x-error'), 'original_not_found');
    await server.dispose();
  });
});

describe('the log', () => {
  it('has one line a request with its steps, and neither signature nor key', async () => {
    const origin = await startOriginServer();
    origin.seed('photo.jpg', photo);
    const server = await startServer({
      DARKROOM_ORIGINALS: origin.url,
      DARKROOM_ORIGIN_PRIVATE: 'on',
      DARKROOM_LOG_LEVEL: 'trace',
    });
    // A preset that needs no face: a look at one may come too late on a busy machine.
    const good = server.path('medium', 'photo.jpg');
    const [, signature = ''] = good.split('/');
    const forged = `/${'Z'.repeat(22)}/thumb/photo.jpg`;
    const targets = [good, good, `${good}?x=1`, forged, '/nowhere', `${good}%zz`, server.path('thumb', 'missing.jpg')];
    const ids: (string | undefined)[] = [];
    for (const target of targets) ids.push((await rawGet(server.baseUrl, target)).headers['x-request-id'] as string);
    await until(() => server.log().filter(({ msg }) => msg === 'request').length >= 5);
    await server.stop();

    const lines = server.log().filter(({ msg }) => msg === 'request');
    const [miss, hit, bad, wrong] = lines;
    assert.deepEqual(
      [miss?.reqId, miss?.preset, miss?.id, miss?.outcome, miss?.status],
      [ids[0], 'medium', 'photo.jpg', 'render', 200],
    );
    assert.deepEqual(miss?.steps, { store: 'miss', origin: 'ok', decode: 'ok', encode: 'ok' });
    assert.deepEqual(Object.keys(miss?.ms as object), ['store', 'origin', 'decode', 'encode', 'queue', 'total']);
    assert.deepEqual(
      [hit?.outcome, bad?.outcome, wrong?.outcome, wrong?.preset],
      ['memory', 'bad_request', 'bad_signature', 'thumb'],
    );
    for (const id of ids.filter((_, at) => at !== 5))
      assert.equal(lines.filter(({ reqId }) => reqId === id).length, 1, id);
    for (const secret of [signature, 'Z'.repeat(22), TEST_KEY.toString('hex')])
      assert.ok(!server.output().includes(secret));
    await Promise.all([server.dispose(), origin.dispose()]);
  });
});

describe('metrics', () => {
  it('stand on a port of their own', async () => {
    const metricsPort = await closedPort();
    const server = await startServer({ DARKROOM_METRICS_PORT: String(metricsPort) });
    await server.get('/s/thumb/a.jpg');
    const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    const text = await response.text();
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    assert.match(text, /^darkroom_requests_total\{status="403",outcome="bad_signature",preset="thumb"\} 1$/m);
    assert.match(text, /^darkroom_slots_running 0$/m);
    assert.equal((await server.get('/metrics')).status, 404);
    assert.equal((await fetch(`http://127.0.0.1:${metricsPort}/`)).status, 404);
    await server.dispose();
  });
});
