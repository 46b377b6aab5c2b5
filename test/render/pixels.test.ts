import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freeNow } from '../../src/render/pixels.ts';

describe('a buffer that is freed by its last holder', () => {
  it('is gone at once', () => {
    const before = process.memoryUsage().arrayBuffers;
    const own = Buffer.allocUnsafeSlow(64 * 1024 * 1024);
    freeNow(own);
    assert.ok(process.memoryUsage().arrayBuffers < before + 1024 * 1024);
    assert.equal(own.length, 0);
  });

  it('is left alone when it lies in the memory of others', () => {
    const pool = Buffer.alloc(100, 7);
    for (const part of [pool.subarray(0, 50), pool.subarray(50)]) freeNow(part);
    assert.deepEqual(pool, Buffer.alloc(100, 7));
  });
});
