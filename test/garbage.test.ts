import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collectAfter, collectGarbage } from '../src/garbage.ts';
import { turns } from './helpers/turns.ts';

describe('buffers that were let go', () => {
  it('are collected once they are enough, all ages after a large one, and never before whoever let go has left', async () => {
    const collected: (string | undefined)[] = [];
    const letGo = collectAfter(8, 64, (options) => collected.push(options?.type));
    letGo(7);
    await turns();
    assert.deepEqual(collected, []);
    letGo(1);
    assert.deepEqual(collected, []);
    await turns();
    assert.deepEqual(collected, ['minor']);
    letGo(64);
    await turns();
    assert.deepEqual(collected, ['minor', undefined]);
    letGo(7);
    await turns();
    assert.equal(collected.length, 2);
  });

  it('are really given back', () => {
    const before = process.memoryUsage().arrayBuffers;
    (() => Buffer.allocUnsafeSlow(64 * 1024 * 1024))();
    collectGarbage();
    assert.ok(process.memoryUsage().arrayBuffers < before + 1024 * 1024);
  });
});
