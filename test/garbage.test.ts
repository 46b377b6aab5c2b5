import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collectAfter } from '../src/garbage.ts';
import { until } from './helpers/turns.ts';

const MIB = 1024 * 1024;

describe('buffers that were let go', () => {
  it('are collected once they are many enough, and not before', async () => {
    const held = () => process.memoryUsage().arrayBuffers;
    const letGo = collectAfter(8 * MIB);
    const before = held();
    (() => Buffer.allocUnsafeSlow(16 * MIB))();
    letGo(7 * MIB);
    // Everything that was to happen in this turn has happened.
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(held() >= before + 15 * MIB);
    letGo(MIB);
    await until(() => held() < before + MIB);
  });
});
