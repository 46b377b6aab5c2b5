import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { createWorkQueue, type Place } from '../../src/flow/work-queue.ts';
import { turns } from '../helpers/turns.ts';

const patient = () => new AbortController().signal;

describe('work queue', () => {
  it('lets slots + waiting in and refuses the rest at once', async () => {
    const queue = createWorkQueue({ slots: 3, waiting: 6, waitTimeoutMs: 60_000 });
    const gate = Promise.withResolvers<void>();
    let most = 0;
    const jobs = Array.from({ length: 20 }, async () => {
      using place = await queue.enter(patient());
      await place.slot();
      most = Math.max(most, queue.running);
      await gate.promise;
    });
    const settling = Promise.allSettled(jobs);
    await turns();
    assert.deepEqual([queue.running, queue.waiting], [3, 6]);
    gate.resolve();
    const settled = await settling;
    const refusals = settled.flatMap((job) => (job.status === 'rejected' ? [job.reason] : []));
    assert.equal(settled.length - refusals.length, 9);
    assert.equal(refusals.length, 11);
    for (const refusal of refusals) {
      assert.ok(refusal instanceof DarkroomError && refusal.code === 'busy');
      assert.ok(Number.isInteger(refusal.retryAfter) && (refusal.retryAfter as number) >= 1);
    }
    assert.equal(most, 3);
    assert.deepEqual([queue.running, queue.waiting], [0, 0]);
  });

  it('lets as many jobs hold input as twice its slots', async () => {
    const queue = createWorkQueue({ slots: 2, waiting: 10, waitTimeoutMs: 60_000 });
    const entered: Place[] = [];
    const jobs = Array.from({ length: 8 }, () => queue.enter(patient()).then((place) => entered.push(place)));
    await turns();
    assert.equal(entered.length, 4);
    entered[0]?.[Symbol.dispose]();
    await turns();
    assert.equal(entered.length, 5);
    // Giving back twice gives nothing twice.
    entered[0]?.[Symbol.dispose]();
    await turns();
    assert.equal(entered.length, 5);
    for (let at = 1; at < 8; at += 1) {
      entered[at]?.[Symbol.dispose]();
      await turns();
    }
    await Promise.all(jobs);
    assert.deepEqual([queue.running, queue.waiting], [0, 0]);
  });

  it('serves in order', async () => {
    const queue = createWorkQueue({ slots: 1, waiting: 9, waitTimeoutMs: 60_000 });
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 10 }, async (_, job) => {
        using place = await queue.enter(patient());
        await place.slot();
        await turns(1);
        order.push(job);
      }),
    );
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('lets go of a job whose caller gave up, wherever it waits', async () => {
    const queue = createWorkQueue({ slots: 1, waiting: 5, waitTimeoutMs: 60_000 });
    const holder = await queue.enter(patient());
    await holder.slot();
    const ahead = new AbortController();
    const behind = new AbortController();
    const place = await queue.enter(ahead.signal);
    const slot = place.slot();
    const waiting = queue.enter(behind.signal);
    behind.abort(new Error('gave up'));
    await assert.rejects(waiting, /gave up/);
    ahead.abort(new Error('gave up too'));
    await assert.rejects(slot, /gave up too/);
    place[Symbol.dispose]();
    assert.deepEqual([queue.running, queue.waiting], [1, 0]);
    holder[Symbol.dispose]();
    using next = await queue.enter(patient());
    await next.slot();
    assert.equal(queue.running, 1);
  });

  it('answers busy to whoever waited too long', async () => {
    const queue = createWorkQueue({ slots: 1, waiting: 5, waitTimeoutMs: 20 });
    using holder = await queue.enter(patient());
    await holder.slot();
    using second = await queue.enter(patient());
    await assert.rejects(second.slot(), { code: 'busy' });
    assert.ok(second.waitedMs > 0);
  });
});
