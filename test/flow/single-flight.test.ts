import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSingleFlight, type Flight } from '../../src/flow/single-flight.ts';
import { turns } from '../helpers/turns.ts';

const staying = () => new AbortController().signal;
const late = () => new Error('late');

describe('single flight', () => {
  it('does the work once for 1,000 callers', async () => {
    const flights = createSingleFlight<number>();
    const gate = Promise.withResolvers<number>();
    let works = 0;
    const work = () => {
      works += 1;
      return gate.promise;
    };
    const joins = Array.from({ length: 1000 }, () => flights.join('k', staying(), work));
    assert.equal(flights.size, 1);
    gate.resolve(7);
    const landings = await Promise.all(joins);
    assert.equal(works, 1);
    assert.ok(landings.every(({ value }) => value === 7));
    assert.equal(landings.filter(({ collapsed }) => !collapsed).length, 1);
    assert.equal(flights.size, 0);
  });

  it('keeps keys apart', async () => {
    const flights = createSingleFlight<string>();
    const [a, b] = await Promise.all(['a', 'b'].map((key) => flights.join(key, staying(), async () => key)));
    assert.deepEqual([a?.value, b?.value], ['a', 'b']);
  });

  it('goes on when one of three waiters leaves, the first one included', async () => {
    const flights = createSingleFlight<number>();
    const gate = Promise.withResolvers<number>();
    const leader = new AbortController();
    let flight: Flight | undefined;
    const joins = [leader.signal, staying(), staying()].map((signal) =>
      flights.join('k', signal, (given) => {
        flight = given;
        return gate.promise;
      }),
    );
    const [first, ...others] = joins;
    await turns();
    leader.abort(new Error('gone'));
    await assert.rejects(first as Promise<unknown>, /gone/);
    assert.equal(flight?.signal.aborted, false);
    gate.resolve(1);
    assert.deepEqual(await Promise.all(others), [
      { value: 1, collapsed: true },
      { value: 1, collapsed: true },
    ]);
  });

  it('drops work that nobody waits for, and a newcomer starts afresh', async () => {
    const flights = createSingleFlight<string>();
    const client = new AbortController();
    const signals: AbortSignal[] = [];
    const work = (flight: Flight) => {
      signals.push(flight.signal);
      return new Promise<string>((resolve, reject) => {
        flight.signal.addEventListener('abort', () => reject(flight.signal.reason));
        if (signals.length === 2) resolve('second');
      });
    };
    const first = flights.join('k', client.signal, work);
    await turns();
    client.abort(new Error('gone'));
    await assert.rejects(first, /gone/);
    assert.equal(signals[0]?.aborted, true);
    assert.equal(flights.size, 0);
    assert.equal((await flights.join('k', staying(), work)).value, 'second');
  });

  it('does not take the key from a newcomer when dropped work ends late', async () => {
    const flights = createSingleFlight<string>();
    const client = new AbortController();
    const slow = Promise.withResolvers<string>();
    const second = Promise.withResolvers<string>();
    const first = flights.join('k', client.signal, () => slow.promise);
    await turns();
    client.abort(new Error('gone'));
    await assert.rejects(first);
    const newcomer = flights.join('k', staying(), () => second.promise);
    slow.resolve('too late');
    await turns();
    assert.equal(flights.size, 1);
    second.resolve('fresh');
    assert.equal((await newcomer).value, 'fresh');
  });

  it('finishes committed work whoever leaves', async () => {
    const flights = createSingleFlight<number>();
    const client = new AbortController();
    const gate = Promise.withResolvers<number>();
    let flight: Flight | undefined;
    const first = flights.join('k', client.signal, (given) => {
      flight = given;
      given.commit(60_000, late);
      return gate.promise;
    });
    await turns();
    client.abort(new Error('gone'));
    await assert.rejects(first, /gone/);
    assert.equal(flight?.signal.aborted, false);
    const second = flights.join('k', staying(), () => assert.fail('the work was started twice'));
    gate.resolve(5);
    assert.deepEqual(await second, { value: 5, collapsed: true });
  });

  it('tells waiters after the deadline and keeps the key until the work has ended', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const flights = createSingleFlight<number>();
    const gate = Promise.withResolvers<number>();
    const first = flights.join('k', staying(), (flight) => {
      flight.commit(100, late);
      return gate.promise;
    });
    await turns();
    context.mock.timers.tick(100);
    await assert.rejects(first, /late/);
    await assert.rejects(
      flights.join('k', staying(), () => assert.fail('started twice')),
      /late/,
    );
    assert.equal(flights.size, 1);
    gate.resolve(1);
    await turns();
    assert.equal(flights.size, 0);
  });

  it('gives one failure to all and remembers none', async () => {
    const flights = createSingleFlight<number>();
    let works = 0;
    const failing = async () => {
      works += 1;
      throw new Error('broken');
    };
    const joins = await Promise.allSettled(Array.from({ length: 50 }, () => flights.join('k', staying(), failing)));
    assert.equal(works, 1);
    assert.ok(joins.every(({ status }) => status === 'rejected'));
    assert.equal((await flights.join('k', staying(), async () => 2)).value, 2);
  });

  it('refuses a waiter that has already left', async () => {
    const flights = createSingleFlight<number>();
    await assert.rejects(
      flights.join('k', AbortSignal.abort(new Error('gone')), () => assert.fail()),
      /gone/,
    );
    assert.equal(flights.size, 0);
  });
});
