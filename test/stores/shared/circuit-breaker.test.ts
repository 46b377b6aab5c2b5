import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { errors } from '../../../src/errors.ts';
import { withCircuitBreaker } from '../../../src/stores/shared/circuit-breaker.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';
import { turns } from '../../helpers/turns.ts';

const live = () => ({ signal: new AbortController().signal, maxBytes: 1000 });

/** A store that does what the test says, behind a breaker that probes every 30 ms of the test's own time. */
function setUp(context: TestContext) {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { store, hold, calls } = createMemoryStore({ here: Buffer.from('body') });
  const changes: boolean[] = [];
  const options = { failures: 5, probeEveryMs: 30, onChange: (open: boolean) => changes.push(open) };
  const guarded = withCircuitBreaker(store, options);
  const down = async () => {
    throw errors.storeFailed(new Error('down'));
  };
  const failTimes = async (times: number) => {
    hold.get = down;
    for (let n = 0; n < times; n += 1) await assert.rejects(guarded.get('here', live()), { code: 'store_failed' });
  };
  const pass = async (ms: number) => {
    context.mock.timers.tick(ms);
    await turns();
  };
  return { pass, guarded, hold, calls, changes, down, failTimes };
}

describe('the circuit breaker', () => {
  it('leaves a store alone after five failures in a row, and notices by itself that it is back', async (context) => {
    const { pass, guarded, hold, calls, changes, failTimes } = setUp(context);
    await failTimes(25);
    assert.equal(calls.length, 5, '20 calls cost nothing');
    assert.deepEqual(changes, [true]);
    delete hold.get;
    await pass(29);
    await assert.rejects(guarded.get('here', live()), /store_failed/);
    await pass(1);
    assert.deepEqual(changes, [true, false], 'without a call');
    assert.equal((await guarded.get('here', live()))?.body.toString(), 'body');
    await failTimes(4);
    assert.deepEqual(changes, [true, false], 'counts from nought again');
  });

  it('probes one at a time for as long as the store is down, and no call waits for a probe', async (context) => {
    const { pass, guarded, hold, calls, changes, down, failTimes } = setUp(context);
    await failTimes(5);
    const gate = Promise.withResolvers<void>();
    hold.get = () => gate.promise.then(down);
    await pass(30);
    assert.deepEqual(calls.slice(5), ['get .darkroom-check/probe']);
    await assert.rejects(guarded.get('here', live()), /store_failed/);
    await assert.rejects(guarded.put('x', { body: Buffer.alloc(0) } as never, live()), /store_failed/);
    await pass(300);
    assert.equal(calls.length, 6, 'the first is not over');
    gate.resolve();
    await turns();
    for (let n = 0; n < 50; n += 1) await pass(30);
    assert.equal(calls.length, 56);
    assert.deepEqual(changes, [true]);
  });

  it('is closed by a call from before that succeeds, and a probe that fails late does not go on', async (context) => {
    const { pass, guarded, hold, calls, changes, down, failTimes } = setUp(context);
    const first = Promise.withResolvers<void>();
    hold.get = () => first.promise;
    const early = guarded.get('here', live());
    await failTimes(5);
    const gate = Promise.withResolvers<void>();
    hold.get = () => gate.promise.then(down);
    await pass(30);
    first.resolve();
    assert.equal((await early)?.body.toString(), 'body');
    assert.deepEqual(changes, [true, false]);
    gate.resolve();
    await turns();
    await pass(300);
    assert.equal(calls.length, 7);
  });

  it('probes no more once it is closed', async (context) => {
    const { pass, guarded, calls, failTimes } = setUp(context);
    await failTimes(5);
    await guarded.close();
    await pass(300);
    assert.equal(calls.length, 5);
  });

  it('is not opened by what is missing, too large or given up for other reasons', async (context) => {
    const { guarded, hold, changes } = setUp(context);
    for (let n = 0; n < 10; n += 1) assert.equal(await guarded.get('missing', live()), undefined);
    hold.get = async () => {
      throw errors.originalTooLarge('large');
    };
    for (let n = 0; n < 10; n += 1) await assert.rejects(guarded.get('here', live()), /too_large/);
    hold.get = () => new Promise(() => {});
    for (let n = 0; n < 10; n += 1) {
      const client = new AbortController();
      const asking = guarded.get('here', { ...live(), signal: client.signal });
      client.abort(new Error('left'));
      await assert.rejects(asking, /left/);
    }
    assert.deepEqual(changes, []);
  });

  it('counts a caller who waited too long', async (context) => {
    const { guarded, hold, changes } = setUp(context);
    hold.get = () => new Promise(() => {});
    for (let n = 0; n < 5; n += 1)
      await assert.rejects(guarded.get('here', { ...live(), signal: AbortSignal.timeout(5) }), {
        name: 'TimeoutError',
      });
    assert.deepEqual(changes, [true]);
  });
});
