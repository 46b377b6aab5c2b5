import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { watchWork } from '../../src/flow/thread-watch.ts';
import { until } from '../helpers/turns.ts';

/** A thread that uses all the CPU time it is asked for. */
function busy() {
  const thread = {
    asked: 0,
    async cpuUsage() {
      thread.asked += 1;
      return { user: thread.asked * 50_000, system: 0 };
    },
  };
  return thread;
}

describe('the watch over a thread', () => {
  it('asks a thread nothing about a task that ends soon', async () => {
    const thread = busy();
    watchWork(thread, { cpuMs: 100, stillMs: 100_000 }, () => assert.fail('no limit is reached'))();
    const end = watchWork(thread, { cpuMs: 1e9, stillMs: 1000 }, () => {}, 0);
    await until(() => thread.asked > 0);
    end();
    assert.equal(thread.asked, 1);
  });

  it('tells once of a task that goes on, by what the thread used since it was first seen at it', async () => {
    const thread = busy();
    const told: string[] = [];
    watchWork(thread, { cpuMs: 100, stillMs: 100 }, (reason) => told.push(reason));
    await until(() => told.length > 0);
    assert.deepEqual([told, thread.asked], [['used more than 100 ms of CPU'], 4]);
  });
});
