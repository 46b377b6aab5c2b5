import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errors } from '../../src/errors.ts';
import { createSharedRead } from '../../src/originals/shared-read.ts';
import { turns } from '../helpers/turns.ts';

describe('a read that all sessions of an original share', () => {
  function start() {
    const released: string[] = [];
    const reads: PromiseWithResolvers<string>[] = [];
    const shared = createSharedRead<string>((value) => released.push(value));
    const enter = () => {
      const session = shared.openSession();
      const value = session.read(() => {
        const reading = Promise.withResolvers<string>();
        reads.push(reading);
        return reading.promise;
      });
      return { value, leave: () => session[Symbol.dispose]() };
    };
    return { released, reads, enter };
  }

  it('is released once, when the last session that holds it closes', async () => {
    const { released, reads, enter } = start();
    const [first, second] = [enter(), enter()];
    reads[0]?.resolve('bytes');
    assert.deepEqual(await Promise.all([first.value, second.value]), ['bytes', 'bytes']);
    second.leave();
    await turns();
    assert.deepEqual(released, []);
    first.leave();
    await turns();
    assert.deepEqual([reads.length, released], [1, ['bytes']]);
  });

  it('is joined after it has ended, but not after the session that began it has closed', async () => {
    const { released, reads, enter } = start();
    const first = enter();
    reads[0]?.resolve('bytes');
    await first.value;
    const second = enter();
    assert.equal(await second.value, 'bytes');
    first.leave();
    await turns();
    assert.deepEqual([reads.length, released], [1, []]);
    const third = enter();
    reads[1]?.resolve('bytes again');
    assert.equal(await third.value, 'bytes again');
    third.leave();
    await turns();
    assert.deepEqual(released, ['bytes again']);
    second.leave();
    await turns();
    assert.deepEqual(released, ['bytes again', 'bytes']);
  });

  it('is not released when it failed, and is started again by the next session', async () => {
    const { released, reads, enter } = start();
    const [first, second] = [enter(), enter()];
    reads[0]?.reject(new Error('its client left'));
    await assert.rejects(first.value, /left/);
    await turns();
    // Closes while the second session reads: what that one began stays shared.
    first.leave();
    const third = enter();
    reads[1]?.resolve('bytes');
    assert.deepEqual(await Promise.all([second.value, third.value]), ['bytes', 'bytes']);
    assert.equal(reads.length, 2);
    for (const { leave } of [second, third]) leave();
    await turns();
    assert.deepEqual(released, ['bytes']);
  });

  it('fails for all its sessions when the original is at fault', async () => {
    const { released, reads, enter } = start();
    const sessions = [enter(), enter()];
    reads[0]?.reject(errors.originalNotFound());
    for (const { value } of sessions) await assert.rejects(value, { code: 'original_not_found' });
    for (const { leave } of sessions) leave();
    await turns();
    assert.deepEqual([reads.length, released], [1, []]);
  });
});
