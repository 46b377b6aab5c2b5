import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createInputBuffers } from '../../src/originals/buffer-pool.ts';

const MB = 1024 * 1024;

describe('the pool of memory for originals', () => {
  it('gives buffers of exactly the requested length, and reuses memory', () => {
    const buffers = createInputBuffers(10 * MB);
    const first = buffers.take(3 * MB);
    assert.equal(first.length, 3 * MB);
    buffers.giveBack(first);
    assert.equal(buffers.idleBytes, first.buffer.byteLength);
    const second = buffers.take(2.5 * MB);
    assert.equal(second.buffer, first.buffer);
    assert.equal(second.length, 2.5 * MB);
    assert.equal(buffers.idleBytes, 0);
  });

  it('never shares memory before it is given back, and takes it back once', () => {
    const buffers = createInputBuffers(10 * MB);
    const [first, second] = [buffers.take(MB), buffers.take(MB)];
    assert.notEqual(first.buffer, second.buffer);
    buffers.giveBack(first);
    buffers.giveBack(first);
    const [third, fourth] = [buffers.take(MB), buffers.take(MB)];
    assert.equal(third.buffer, first.buffer);
    assert.notEqual(fourth.buffer, first.buffer);
    assert.notEqual(fourth.buffer, second.buffer);
  });

  it('takes the smallest memory that fits, and none that is much too large', () => {
    const buffers = createInputBuffers(100 * MB);
    const sizes = [8, 3, 5].map((size) => buffers.take(size * MB));
    for (const buffer of sizes) buffers.giveBack(buffer);
    assert.equal(buffers.take(2.5 * MB).buffer, sizes[1]?.buffer);
    assert.equal(buffers.take(4 * MB).buffer, sizes[2]?.buffer);
    assert.notEqual(buffers.take(1 * MB).buffer, sizes[0]?.buffer);
  });

  it('keeps idle memory within its limit, which can be lowered: the most recently used stays', () => {
    const buffers = createInputBuffers(5 * MB);
    const [a, b, c] = [2, 2, 2].map((size) => buffers.take(size * MB));
    for (const buffer of [a, b, c]) if (buffer) buffers.giveBack(buffer);
    assert.equal(buffers.idleBytes, 4 * MB);
    buffers.leaveIdle(3 * MB);
    assert.equal(buffers.idleBytes, 2 * MB);
    assert.equal(buffers.take(2 * MB).buffer, c?.buffer);
    buffers.leaveIdle(1000 * MB);
    for (const size of [2, 2, 2]) buffers.giveBack(buffers.take(size * MB));
    assert.equal(buffers.idleBytes, 2 * MB);
    buffers.leaveIdle(0);
    assert.equal(buffers.idleBytes, 0);
    const late = buffers.take(2 * MB);
    buffers.giveBack(late);
    assert.equal(buffers.idleBytes, 0);
  });

  it('leaves small buffers and those from elsewhere to V8', () => {
    const buffers = createInputBuffers(10 * MB);
    buffers.giveBack(Buffer.alloc(MB));
    buffers.giveBack(buffers.take(1000));
    assert.equal(buffers.idleBytes, 0);
    assert.equal(buffers.take(0).length, 0);
  });

  it('gives exact lengths around every step', () => {
    const buffers = createInputBuffers(100 * MB);
    for (let bytes = 65_530; bytes < 20 * MB; bytes = Math.ceil(bytes * 1.07)) {
      const buffer = buffers.take(bytes);
      assert.equal(buffer.length, bytes);
      assert.ok(buffer.buffer.byteLength < bytes * 2.01);
      buffers.giveBack(buffer);
    }
  });
});
