import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { until } from '../helpers/turns.ts';

const originals = createMemoryStore();
const results = createMemoryStore();
const app = await startApp({ originals: originals.store, results: results.store });
after(() => app.dispose());

describe('a client that leaves while the result store is asked', () => {
  it('is no failure of the store, and nothing is read for it afterwards', async () => {
    const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    results.hold.get = () => {
      asked.resolve();
      return held.promise;
    };
    const client = new AbortController();
    const request = app.get(app.path('small', 'a.png'), { signal: client.signal });
    await asked.promise;
    client.abort();
    await assert.rejects(request);
    await until(() => app.flights.size === 0);
    held.resolve();
    await until(() => app.queue.running + app.queue.waiting === 0);
    assert.deepEqual(app.warnings, []);
    // The rendition, the record, and the index of purged folders.
    assert.deepEqual([originals.count('get'), results.count('get')], [0, 3]);
  });
});
