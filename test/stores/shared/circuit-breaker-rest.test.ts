import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errors } from '../../../src/errors.ts';
import { withCircuitBreaker } from '../../../src/stores/shared/circuit-breaker.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';
import { untilAnswer } from '../../helpers/turns.ts';

describe('the rest of a circuit breaker', () => {
  it('grows to its limit and no further, however long the store stays down', async () => {
    const { store, hold, calls } = createMemoryStore();
    hold.get = () => Promise.reject(errors.storeFailed(new Error('down')));
    const guarded = withCircuitBreaker(store, { failures: 1, restMs: 1, mostRestMs: 4 });
    const ask = async () => {
      await guarded.get('here', { signal: new AbortController().signal, maxBytes: 1 }).catch(() => {});
      return calls.length;
    };
    // Doubled each time, the last of these rests would take nine hours.
    await untilAnswer(ask, (probes) => probes >= 26, 1);
    assert.ok(calls.length >= 26);
  });
});
