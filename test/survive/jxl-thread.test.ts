/** A decoder thread that dies while it encodes a JPEG XL: the request is told so, and the next one gets its picture. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { startApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { untilAnswer } from '../helpers/turns.ts';

/** CPU in microseconds that only an encode of noise takes, of a thread that has made a JPEG XL before. */
const UNDER_WAY_US = 300_000;
const SIDE = 1200;

it('a thread killed amid an encode of JPEG XL costs that request alone: 503 busy, uncached, and the next is served', async () => {
  const threads: Worker[] = [];
  const seen = (worker: Worker) => void threads.push(worker);
  process.on('worker', seen);
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
  const png = await sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: '#888', noise } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  const originals = createMemoryStore({ 'noise.png': png });
  const results = createMemoryStore();
  // Of two crops, so that neither stands in for the other.
  const definitions = {
    small: { width: 64, height: 32, fit: 'cover', format: 'jxl', formats: ['jxl'] },
    large: { width: SIDE, format: 'jxl', formats: ['jxl'], effort: 7, pixelRatios: [1] },
  };
  const app = await startApp({
    originals: originals.store,
    results: results.store,
    definitions,
    slots: 1,
    renderTimeoutMs: 100_000,
  });
  try {
    const warm = await app.get(app.path('small', 'noise.png'));
    assert.deepEqual([warm.status, warm.headers.get('content-type')], [200, 'image/jxl']);
    const [thread, ...others] = threads;
    assert.ok(thread && others.length === 0);
    const cpu = async () => {
      const { user, system } = await thread.cpuUsage();
      return user + system;
    };
    const before = await cpu();
    const asked = app.get(app.path('large', 'noise.png'));
    await untilAnswer(cpu, (used) => used - before > UNDER_WAY_US);
    await thread.terminate();
    const failed = await asked;
    assert.equal(failed.status, 503);
    assert.equal(failed.headers.get('x-error'), 'busy');
    assert.ok(Number(failed.headers.get('retry-after')) > 0);
    assert.equal(failed.headers.get('cache-control'), 'no-store');
    assert.equal(failed.headers.get('etag'), null);
    assert.equal(((await failed.json()) as { error: string }).error, 'busy');

    const next = await app.get(app.path('small@2x', 'noise.png'));
    assert.deepEqual([next.status, next.headers.get('content-type')], [200, 'image/jxl']);
    assert.equal(threads.length, 2);
    assert.equal((await app.get(app.path('small', 'noise.png'))).status, 200);
  } finally {
    process.off('worker', seen);
    await app.dispose();
  }
});
