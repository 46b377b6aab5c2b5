import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { describe, it, mock } from 'node:test';
import sharp from 'sharp';
import { exitWhenIdle } from '../../src/process/idle/idle-exit.ts';
import { startOriginServer } from '../helpers/origin-server.ts';
import { startServer } from '../helpers/server.ts';
import { until } from '../helpers/turns.ts';

const MINUTE = 60_000;

/** An event emitter in place of a server, and mocked time. */
function watched(t: { after(end: () => void): void }) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const server = new EventEmitter();
  const state = { saves: 0, exits: 0 };
  exitWhenIdle(server as Server, {
    ...{ afterMs: 5 * MINUTE, underWay: () => ({ flights: 0, saves: state.saves }) },
    onIdle: () => (state.exits += 1),
  });
  const ask = (url: string) => {
    const response = new EventEmitter();
    server.emit('request', { url }, response);
    return () => response.emit('close');
  };
  return { state, ask, wait: (minutes: number) => mock.timers.tick(minutes * MINUTE) };
}

describe('idle exit', () => {
  it('comes after the time without a request, once', (t) => {
    const { state, wait } = watched(t);
    wait(4.9);
    assert.equal(state.exits, 0);
    wait(0.2);
    assert.equal(state.exits, 1);
    wait(60);
    assert.equal(state.exits, 1);
  });

  it('counts from the end of the last answer, and health checks not at all', (t) => {
    const { state, ask, wait } = watched(t);
    wait(4);
    const first = ask('/signature/thumb/a.jpg');
    const second = ask('/v1/images/meta');
    wait(30);
    first();
    wait(30);
    assert.equal(state.exits, 0, 'one is open');
    second();
    for (const url of ['/health', '/ready', '/health?', '/ready?a=1']) {
      wait(1);
      ask(url)();
    }
    assert.equal(state.exits, 0);
    wait(1);
    assert.equal(state.exits, 1);
  });

  it('takes no path for a health check that is none', (t) => {
    const { state, ask, wait } = watched(t);
    for (const url of ['/healthy', '/x/health', '/ready/thumb/a.jpg']) {
      wait(4);
      ask(url)();
    }
    wait(4);
    assert.equal(state.exits, 0);
  });

  it('waits for saves', (t) => {
    const { state, wait } = watched(t);
    state.saves = 1;
    wait(5);
    wait(5);
    state.saves = 0;
    assert.equal(state.exits, 0);
    wait(5);
    assert.equal(state.exits, 1);
  });
});

describe('a process with DARKROOM_IDLE_EXIT', () => {
  it('ends politely though its health is asked all the time', async () => {
    const server = await startServer({ DARKROOM_IDLE_EXIT: '3s' });
    let asked = 0;
    while (server.child.exitCode === null)
      await server.get('/ready').then(
        () => (asked += 1),
        () => {},
      );
    assert.equal(await server.exited, 0);
    assert.ok(asked > 0);
    assert.ok(server.log().some(({ msg, signal }) => msg === 'draining' && signal === 'idle'));
    assert.ok(server.log().some(({ msg }) => msg === 'drained'));
    await server.dispose();
  });

  it('answers and saves first what was asked', async () => {
    const origin = await startOriginServer();
    const release = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const photo = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#336699' } })
      .jpeg()
      .toBuffer();
    origin.script('held.jpg', async (response) => {
      asked.resolve();
      await release.promise;
      response.end(photo);
    });
    const settings = { DARKROOM_ORIGINALS: origin.url, DARKROOM_ORIGIN_PRIVATE: 'on', DARKROOM_IDLE_EXIT: '3s' };
    const server = await startServer({ ...settings, DARKROOM_STORE_TIMEOUT: '60s', DARKROOM_FACES: 'off' });
    const answer = server.get(server.path('thumb', 'held.jpg'));
    await asked.promise;
    const since = performance.now();
    await until(() => performance.now() - since > 3500);
    assert.equal(server.child.exitCode, null);
    release.resolve();
    assert.equal((await answer).status, 200);
    assert.equal(await server.exited, 0);
    assert.match((await readdir(join(server.folder, 'data/results/held.jpg'))).join(), /thumb-/);
    await server.dispose();
    await origin.dispose();
  });
});
