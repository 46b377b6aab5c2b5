import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { createWorkQueue } from '../../src/flow/work-queue.ts';
import { turns, until } from '../helpers/turns.ts';

const patient = () => new AbortController().signal;
const FREE = { ms: 1, bytes: 0 };

describe('the time limit of the work queue', () => {
  it('is one for both waits: what a job waited to be let in, it does not wait for its slot', async (context) => {
    const [limitMs, waitedMs] = [60_000, 50];
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const queue = createWorkQueue({ slots: 1, waiting: 9, waitTimeoutMs: limitMs });
    const working = await queue.enter(1, patient());
    await working.slot(FREE);
    const ahead = await queue.enter(1, patient());
    const entering = queue.enter(1, patient());
    const since = performance.now();
    await until(() => performance.now() - since > waitedMs);
    ahead[Symbol.dispose]();
    using permit = await entering;
    assert.ok(permit.waitedMs > waitedMs);
    let refusal: unknown;
    const turn = permit.slot(FREE).catch((reason) => (refusal = reason));
    context.mock.timers.tick(limitMs - waitedMs);
    await turns();
    assert.ok(refusal instanceof DarkroomError && refusal.code === 'busy', String(refusal));
    await turn;
    working[Symbol.dispose]();
  });
});

describe('a job that leaves the queue', () => {
  it('lets those go that it held up, at once', async () => {
    const queue = createWorkQueue({ slots: 3, waiting: 9, waitTimeoutMs: 60_000, workBytes: 100 });
    const [first, small] = await Promise.all([1, 2].map(() => queue.enter(1, patient())));
    await first?.slot({ ms: 1, bytes: 60 });
    // Its time has come as soon as it waits, so nothing may pass it.
    const leaver = new AbortController();
    const leaving = await queue.enter(1, leaver.signal);
    const left = assert.rejects(leaving.slot({ ms: 0, bytes: 80 }), /gone/);
    let gone = false;
    const going = small?.slot({ ms: 1, bytes: 10 }).then(() => (gone = true));
    await turns();
    assert.equal(gone, false);
    leaver.abort(new Error('gone'));
    await left;
    await turns();
    assert.equal(gone, true);
    await going;
    for (const permit of [first, small, leaving]) permit?.[Symbol.dispose]();
    assert.deepEqual([queue.running, queue.workBytes], [0, 0]);
  });
});
