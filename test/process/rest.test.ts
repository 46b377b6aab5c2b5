import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { describe, it, mock } from 'node:test';
import { Script } from 'node:vm';
import { collectAtRest, collectGarbage, youngGeneration } from '../../src/process/idle/rest.ts';

const MIB = 1024 * 1024;

/** An event emitter in place of a server, mocked time, and a young generation of so many bytes. */
function watched(t: { after(end: () => void): void }, young: number) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const server = new EventEmitter();
  const state = { young, collected: 0 };
  collectAtRest(server as Server, {
    young: () => state.young,
    collect: () => {
      state.collected += 1;
    },
  });
  const ask = (url: string) => {
    const response = new EventEmitter();
    server.emit('request', { url }, response);
    return () => response.emit('close');
  };
  return { state, ask, wait: (seconds: number) => mock.timers.tick(seconds * 1000) };
}

describe('rest', () => {
  it('comes ten seconds after the last answer, once, whatever health checks ask', (t) => {
    const { state, ask, wait } = watched(t, 40 * MIB);
    const first = ask('/signature/thumb/a.jpg');
    wait(60);
    first();
    for (let second = 0; second < 9; second += 1) {
      wait(1);
      ask('/health')();
    }
    assert.equal(state.collected, 0);
    wait(2);
    assert.equal(state.collected, 1);
    wait(600);
    assert.equal(state.collected, 1, 'nothing was asked since');
    ask('/signature/thumb/a.jpg')();
    wait(11);
    assert.equal(state.collected, 2);
  });

  it('does not come while requests do', (t) => {
    const { state, ask, wait } = watched(t, 40 * MIB);
    for (let n = 0; n < 20; n += 1) {
      ask('/signature/thumb/a.jpg')();
      wait(9);
    }
    assert.equal(state.collected, 0);
  });

  it('costs nothing where little was left behind', (t) => {
    const { state, ask, wait } = watched(t, 8 * MIB);
    ask('/signature/thumb/a.jpg')();
    wait(60);
    assert.equal(state.collected, 0);
  });

  it('gives the young generation back, and leaves compiled code good', () => {
    const source = 'function twice(x) { return 2 * x; } twice(21)';
    const cachedData = new Script(source).createCachedData();
    const kept: object[][] = [];
    // Live while it is collected, so that it grows; on a machine of little memory it stays smaller.
    for (let n = 0; n < 400 && youngGeneration() < 20 * MIB; n += 1) {
      kept.push(Array.from({ length: 10_000 }, (_, at) => ({ at })));
      if (kept.length > 40) kept.shift();
    }
    const before = youngGeneration();
    kept.length = 0;
    collectGarbage();
    const after = youngGeneration();
    assert.ok(after < 4 * MIB, `${after} of ${before} bytes`);
    assert.equal(new Script(source, { cachedData }).cachedDataRejected, false);
  });
});
