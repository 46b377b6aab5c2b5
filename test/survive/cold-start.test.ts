import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startServer } from '../helpers/server.ts';
import { untilAnswer } from '../helpers/turns.ts';

const SAMPLE = new URL('../../samples/astronaut.jpg', import.meta.url).pathname;

describe('the first request after a start from zero', () => {
  it('is answered 200 without waiting for the face models, which the first crop that needs them loads', async (t) => {
    const since = performance.now();
    const server = await startServer({ DARKROOM_METRICS_PORT: '0' });
    const up = performance.now() - since;
    const folder = join(server.folder, 'data/originals');
    await mkdir(folder, { recursive: true });
    await copyFile(SAMPLE, join(folder, 'a.jpg'));
    const ask = async (preset: string) => {
      const from = performance.now();
      const answer = await server.get(server.path(preset, 'a.jpg'));
      await answer.arrayBuffer();
      return { status: answer.status, ms: performance.now() - from, timing: answer.headers.get('server-timing') ?? '' };
    };
    const looks = async () => {
      const answer = await fetch(`http://127.0.0.1:${server.startUp.metricsPort}/metrics`);
      const counts = (await answer.text()).matchAll(/^darkroom_face_looks_total\{[^}]*\} (\d+)/gm);
      return Array.from(counts, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0);
    };
    const first = await ask('small');
    assert.equal(first.status, 200);
    assert.doesNotMatch(first.timing, /face/);
    assert.equal(await looks(), 0);
    const second = await ask('avatar-medium');
    assert.equal(second.status, 200);
    assert.match(second.timing, /face/);
    // On a busy machine it may end behind the answer; it is one all the same.
    assert.equal(await untilAnswer(looks, (count) => count > 0), 1);
    t.diagnostic(
      `up ${up.toFixed(0)} ms after the spawn, first picture after ${first.ms.toFixed(0)} ms, first one with faces after ${second.ms.toFixed(0)} ms`,
    );
    await server.dispose();
  });
});

describe('an image engine that is not the one that keys promise', () => {
  it('ends the process with an error, and no picture is served', async () => {
    const server = await startServer({ DARKROOM_FACES: 'off' }, new URL('../helpers/other-sharp.ts', import.meta.url));
    const folder = join(server.folder, 'data/originals');
    await mkdir(folder, { recursive: true });
    await copyFile(SAMPLE, join(folder, 'a.jpg'));
    const answer = await server.get(server.path('thumb', 'a.jpg')).catch(() => undefined);
    assert.ok(answer === undefined || answer.status >= 500, `${answer?.status}`);
    assert.equal(await server.exited, 1);
    assert.match(server.output(), /no picture can be rendered here/);
    assert.match(server.output(), /sharp 0\.1\.0 with libvips 8\.0\.0 is installed, but keys promise/);
    await server.dispose();
  });
});
