import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { errors } from '../../../src/errors.ts';
import { withCircuitBreaker } from '../../../src/stores/shared/circuit-breaker.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';

const live = () => ({ signal: new AbortController().signal, maxBytes: 1000 });

/** A store that does what the test says, behind a breaker that rests 30 ms. */
function setUp(context: TestContext) {
  let now = 1000;
  context.mock.method(performance, 'now', () => now);
  const pass = (ms: number) => {
    now += ms;
  };
  const { store, hold, calls } = createMemoryStore({ here: Buffer.from('body') });
  const changes: boolean[] = [];
  const options = { failures: 5, restMs: 30, mostRestMs: 60, onChange: (open: boolean) => changes.push(open) };
  const guarded = withCircuitBreaker(store, options);
  const down = async () => {
    throw errors.storeFailed(new Error('down'));
  };
  const failTimes = async (times: number) => {
    hold.get = down;
    for (let n = 0; n < times; n += 1) await assert.rejects(guarded.get('here', live()), { code: 'store_failed' });
  };
  return { pass, guarded, hold, calls, changes, down, failTimes };
}

describe('the circuit breaker', () => {
  it('leaves a store alone after five failures in a row, and comes back when it is up again', async (context) => {
    const { pass, guarded, hold, calls, changes, failTimes } = setUp(context);
    await failTimes(25);
    assert.equal(calls.length, 5, '20 calls cost nothing');
    assert.deepEqual(changes, [true]);
    delete hold.get;
    await assert.rejects(guarded.get('here', live()), /store_failed/, 'still resting');
    pass(35);
    assert.equal((await guarded.get('here', live()))?.body.toString(), 'body');
    assert.deepEqual(changes, [true, false]);
    await failTimes(4);
    assert.deepEqual(changes, [true, false], 'counts from nought again');
  });

  it('lets one probe through at a time, and rests longer after each that fails', async (context) => {
    const { pass, guarded, hold, calls, down, failTimes } = setUp(context);
    await failTimes(5);
    pass(35);
    const gate = Promise.withResolvers<void>();
    hold.get = () => gate.promise.then(down);
    const probe = guarded.get('here', live());
    await assert.rejects(guarded.get('here', live()), /store_failed/);
    gate.resolve();
    await assert.rejects(probe, /store_failed/);
    assert.equal(calls.length, 6);
    pass(35);
    await assert.rejects(guarded.put('x', { body: Buffer.alloc(0) } as never, live()), /store_failed/);
    assert.equal(calls.length, 6, 'its rest is 60 ms now');
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
