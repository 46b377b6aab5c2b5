import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { createWorkQueue, type QueuePermit } from '../../src/flow/work-queue.ts';
import { turns } from '../helpers/turns.ts';

const patient = () => new AbortController().signal;
const FREE = { ms: 1, bytes: 0 };

describe('work queue', () => {
  it('lets slots + waiting in and refuses the rest at once', async () => {
    const queue = createWorkQueue({ slots: 3, waiting: 6, waitTimeoutMs: 60_000 });
    const gate = Promise.withResolvers<void>();
    let most = 0;
    const jobs = Array.from({ length: 20 }, async () => {
      using permit = await queue.enter(1, patient());
      await permit.slot(FREE);
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
    const entered: QueuePermit[] = [];
    const jobs = Array.from({ length: 8 }, () => queue.enter(1, patient()).then((permit) => entered.push(permit)));
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
        using permit = await queue.enter(1, patient());
        await permit.slot(FREE);
        await turns(1);
        order.push(job);
      }),
    );
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('lets go of a job whose caller gave up, wherever it waits', async () => {
    const queue = createWorkQueue({ slots: 1, waiting: 5, waitTimeoutMs: 60_000 });
    const holder = await queue.enter(1, patient());
    await holder.slot(FREE);
    const ahead = new AbortController();
    const behind = new AbortController();
    const permit = await queue.enter(1, ahead.signal);
    const slot = permit.slot(FREE);
    const waiting = queue.enter(1, behind.signal);
    behind.abort(new Error('gave up'));
    await assert.rejects(waiting, /gave up/);
    ahead.abort(new Error('gave up too'));
    await assert.rejects(slot, /gave up too/);
    permit[Symbol.dispose]();
    assert.deepEqual([queue.running, queue.waiting], [1, 0]);
    holder[Symbol.dispose]();
    using next = await queue.enter(1, patient());
    await next.slot(FREE);
    assert.equal(queue.running, 1);
  });

  it('answers busy to whoever waited too long', async () => {
    const queue = createWorkQueue({ slots: 1, waiting: 5, waitTimeoutMs: 20 });
    using holder = await queue.enter(1, patient());
    await holder.slot(FREE);
    using second = await queue.enter(1, patient());
    await assert.rejects(second.slot(FREE), { code: 'busy' });
    assert.ok(second.waitedMs > 0);
  });

  it('lets small jobs overtake large ones, which start all the same in the end', async () => {
    const queue = createWorkQueue({ slots: 1, waiting: 50, waitTimeoutMs: 60_000 });
    const order: string[] = [];
    const job = async (name: string, ms: number) => {
      using permit = await queue.enter(ms, patient());
      await permit.slot({ ms, bytes: 0 });
      order.push(name);
      await turns(1);
    };
    const large = Array.from({ length: 4 }, (_, at) => job(`large ${at}`, 400));
    const small = Array.from({ length: 6 }, (_, at) => job(`small ${at}`, 1));
    await Promise.all([...large, ...small]);
    // One large job had the slot and one its input before the small ones came.
    assert.deepEqual(order.slice(0, 8).filter((name) => name.startsWith('small')).length, 6);
    assert.deepEqual(
      order.filter((name) => name.startsWith('large')),
      ['large 0', 'large 1', 'large 2', 'large 3'],
    );
  });

  it('does not starve a large job, however many small ones keep coming', async () => {
    const queue = createWorkQueue({ slots: 1, waiting: 50, waitTimeoutMs: 60_000 });
    let begun = false;
    const large = (async () => {
      using permit = await queue.enter(5, patient());
      await permit.slot({ ms: 5, bytes: 0 });
      begun = true;
    })();
    const deadline = performance.now() + 5000;
    const keepComing = async () => {
      while (!begun && performance.now() < deadline) {
        using permit = await queue.enter(0, patient());
        await permit.slot({ ms: 0, bytes: 0 });
        await turns(1);
      }
    };
    await Promise.all([large, ...Array.from({ length: 6 }, keepComing)]);
    assert.ok(begun);
    assert.ok(performance.now() < deadline);
  });

  it('lets no more work begin than memory allows, and what fits pass what does not', async () => {
    const seen: number[] = [];
    const queue = createWorkQueue({
      ...{ slots: 3, waiting: 20, waitTimeoutMs: 60_000, workBytes: 100 },
      onWorkBytes: (bytes) => seen.push(bytes),
    });
    const permits: QueuePermit[] = [];
    const begin = async (bytes: number, ms = 1000) => {
      const permit = await queue.enter(1, patient());
      await permit.slot({ ms, bytes });
      permits.push(permit);
    };
    await begin(70);
    const heavy = begin(60);
    await begin(30);
    await turns();
    assert.deepEqual([queue.running, queue.waiting, queue.workBytes], [2, 1, 100]);
    permits[0]?.[Symbol.dispose]();
    await heavy;
    assert.equal(queue.workBytes, 90);
    await assert.rejects(begin(101), { code: 'original_too_large' });
    for (const permit of permits) permit[Symbol.dispose]();
    assert.deepEqual([queue.running, queue.workBytes], [0, 0]);
    assert.deepEqual([Math.max(...seen), seen.at(-1)], [100, 0]);
  });

  it('lets nobody pass a heavy job whose time has come', async () => {
    const queue = createWorkQueue({ slots: 3, waiting: 20, waitTimeoutMs: 60_000, workBytes: 100 });
    const first = await queue.enter(0, patient());
    await first.slot({ ms: 0, bytes: 70 });
    using heavyPlace = await queue.enter(0, patient());
    const heavy = heavyPlace.slot({ ms: 0, bytes: 60 });
    using lightPlace = await queue.enter(0, patient());
    const light = lightPlace.slot({ ms: 1000, bytes: 10 });
    await turns();
    assert.equal(queue.running, 1);
    first[Symbol.dispose]();
    await Promise.all([heavy, light]);
    assert.equal(queue.running, 2);
  });

  it('counts inputs, refuses those that would be too many together, and tells how many there are', async () => {
    const told: number[] = [];
    const onInputBytes = (bytes: number) => told.push(bytes);
    const queue = createWorkQueue({ slots: 2, waiting: 5, waitTimeoutMs: 60_000, inputBytes: 100, onInputBytes });
    const permit = await queue.enter(1, patient());
    using other = await queue.enter(1, patient());
    permit.hold(60);
    assert.throws(() => other.hold(50), { code: 'busy' });
    permit.hold(50);
    other.hold(50);
    assert.equal(queue.inputBytes, 100);
    permit[Symbol.dispose]();
    assert.equal(queue.inputBytes, 50);
    assert.deepEqual(told, [60, 50, 100, 50]);
  });

  it('tells how long the oldest job has been in', async () => {
    const queue = createWorkQueue({ slots: 1, waiting: 5, waitTimeoutMs: 60_000 });
    assert.equal(queue.longestStayMs, 0);
    using permit = await queue.enter(1, patient());
    await permit.slot(FREE);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(queue.longestStayMs >= 15);
  });
});
