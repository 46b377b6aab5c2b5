import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWorkLimit, threadCpuMs } from '../../src/faces/work-limit.ts';

describe('a limit of work', () => {
  it('is reached by the CPU time since it was made', () => {
    let now = 5000;
    const limit = createWorkLimit(100, () => now);
    now = 5099;
    assert.equal(limit.left(), true);
    now = 5100;
    assert.equal(limit.left(), false);
  });

  it('does not count what is done aside, even where that fails', async () => {
    let now = 0;
    const limit = createWorkLimit(100, () => now);
    const aside = async () => {
      now += 500;
      return 'done';
    };
    assert.equal(await limit.without(aside), 'done');
    const fails = limit.without(async () => {
      now += 500;
      throw new Error('no model');
    });
    await assert.rejects(fails, /no model/);
    now += 99;
    assert.equal(limit.left(), true);
    now += 1;
    assert.equal(limit.left(), false);
  });

  it('counts the CPU of its thread', () => {
    const before = threadCpuMs();
    while (threadCpuMs() === before);
    assert.ok(threadCpuMs() > before);
  });
});
