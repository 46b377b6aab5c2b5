import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collectGarbage, watchGarbage } from '../../src/process/gc.ts';
import { freeNow } from '../../src/render/pixels.ts';
import { turns } from '../helpers/turns.ts';

describe('buffers that were let go', () => {
  it('are collected once they are enough, and never before whoever let go has left', async () => {
    const collected: (string | undefined)[] = [];
    let bytes = 1000;
    const look = watchGarbage(
      { young: 8, all: 64 },
      (options) => collected.push(options?.type),
      () => bytes,
    );
    const lookAt = async (now: number) => {
      bytes = now;
      look();
      const before = collected.length;
      await turns();
      return collected.slice(before);
    };
    assert.deepEqual(await lookAt(1007), []);
    bytes = 1008;
    look();
    assert.deepEqual(collected, []);
    await turns();
    assert.deepEqual(collected, ['minor']);
    // The collection freed nothing: what is there is in use, and only what is new counts.
    assert.deepEqual(await lookAt(1010), []);
    assert.deepEqual(await lookAt(1016), ['minor']);
    assert.deepEqual(await lookAt(1063), ['minor']);
    assert.deepEqual(await lookAt(1064), [undefined]);
    assert.deepEqual(await lookAt(1071), []);
    assert.deepEqual(await lookAt(1072), ['minor']);
    // It freed much, some time after.
    assert.deepEqual(await lookAt(900), []);
    assert.deepEqual(await lookAt(907), []);
    assert.deepEqual(await lookAt(908), ['minor']);
    assert.deepEqual(await lookAt(964), [undefined]);
  });

  it('are freed at once by their last holder, but never what lies in the memory of others', () => {
    const before = process.memoryUsage().arrayBuffers;
    const own = Buffer.allocUnsafeSlow(64 * 1024 * 1024);
    freeNow(own);
    assert.ok(process.memoryUsage().arrayBuffers < before + 1024 * 1024);
    assert.equal(own.length, 0);
    const pool = Buffer.alloc(100, 7);
    for (const part of [pool.subarray(0, 50), pool.subarray(50)]) freeNow(part);
    assert.deepEqual(pool, Buffer.alloc(100, 7));
  });

  it('are really given back', () => {
    const before = process.memoryUsage().arrayBuffers;
    (() => Buffer.allocUnsafeSlow(64 * 1024 * 1024))();
    collectGarbage();
    assert.ok(process.memoryUsage().arrayBuffers < before + 1024 * 1024);
  });

  for (const mib of [32, 64])
    it(`stay few, though V8 is told not to look at them, and to wait (${mib} MiB)`, async () => {
      const MIB = 1024 * 1024;
      const look = watchGarbage({ young: 4 * MIB, all: mib * MIB });
      const before = process.memoryUsage().arrayBuffers;
      let most = 0;
      for (let n = 0; n < 500; n += 1) {
        (() => Buffer.allocUnsafeSlow(MIB))();
        look();
        await turns();
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
      assert.ok(most < 2 * mib * MIB, `${most / MIB} MiB`);
    });
});
