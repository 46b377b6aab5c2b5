import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createInputBuffers } from '../../src/originals/buffer-pool.ts';

const MB = 1024 * 1024;

describe('memory for originals', () => {
  it('is of just the length that was asked for, and used again', () => {
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

  it('is nobody else’s before it is given back, and given back once', () => {
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

  it('is the smallest that fits, and none that would be wasted', () => {
    const buffers = createInputBuffers(100 * MB);
    const sizes = [8, 3, 5].map((size) => buffers.take(size * MB));
    for (const buffer of sizes) buffers.giveBack(buffer);
    assert.equal(buffers.take(2.5 * MB).buffer, sizes[1]?.buffer);
    assert.equal(buffers.take(4 * MB).buffer, sizes[2]?.buffer);
    assert.notEqual(buffers.take(1 * MB).buffer, sizes[0]?.buffer);
  });

  it('lies idle within its limit, which others may lower: what was used last stays', () => {
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

  it('of others, and what is small, is left to V8', () => {
    const buffers = createInputBuffers(10 * MB);
    buffers.giveBack(Buffer.alloc(MB));
    buffers.giveBack(buffers.take(1000));
    assert.equal(buffers.idleBytes, 0);
    assert.equal(buffers.take(0).length, 0);
  });

  it('never holds what was longer before: lengths around every step', () => {
    const buffers = createInputBuffers(100 * MB);
    for (let bytes = 65_530; bytes < 20 * MB; bytes = Math.ceil(bytes * 1.07)) {
      const buffer = buffers.take(bytes);
      assert.equal(buffer.length, bytes);
      assert.ok(buffer.buffer.byteLength < bytes * 2.01);
      buffers.giveBack(buffer);
    }
  });
});
