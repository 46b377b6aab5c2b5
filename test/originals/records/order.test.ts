import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWriteBehind } from '../../../src/flow/write-behind.ts';
import { createOriginalRecords } from '../../../src/originals/records/records.ts';
import { createReplacements } from '../../../src/originals/records/replacements.ts';
import { recordKey } from '../../../src/renditions/keys.ts';
import type { ObjectStore } from '../../../src/stores/store.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';
import { until } from '../../helpers/turns.ts';

/** What machines say and hear of one original in another order than it happened. Found by `npm run fuzz:purge`. */

const ID = 'seller/42/a.jpg';
const KEY = recordKey(ID);
const never = new AbortController().signal;
const body = (picture: string) => Buffer.from(picture);
const version = (tag: string, { length }: Buffer) => ({ etag: tag, bytes: length, lastModified: undefined });

function machine(results: ObjectStore) {
  const clock = { ms: 1_700_000_000_000 };
  const replaced: string[] = [];
  const saves = createWriteBehind({ maxBytes: 1e6, concurrency: 8, attempts: 2, retryDelayMs: 1 });
  const now = () => clock.ms;
  const warn = () => {};
  const records = createOriginalRecords({
    ...{ results, saves, windowMs: 30_000, graceMs: 600_000, warn, now, onEpoch: () => {} },
    onContradiction: (id, epoch) => void replacements.contradicted(id, epoch),
  });
  const onReplaced = (id: string) => void replaced.push(id);
  const replacements = createReplacements({ records, windowMs: 30_000, onReplaced, warn, now });
  const notice = (epoch: string, picture: string) =>
    replacements.notice(ID, epoch, body(picture), version(`"${picture}"`, body(picture)));
  return { records, notice, clock, replaced, saved: () => saves.drain(60_000) };
}

describe('an epoch that has begun', () => {
  it('is not undone by the answer to an earlier question that arrives after it', async () => {
    const store = createMemoryStore();
    const { records, clock } = machine(store.store);
    const [writing, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    store.hold.put = async () => {
      writing.resolve();
      await held.promise;
    };
    const raising = records.raise(ID, never);
    await writing.promise;
    // Asked and answered while the write is on its way, which is no longer trusted by then.
    clock.ms += 31_000;
    assert.equal((await records.see(ID)).epoch, '0');
    held.resolve();
    assert.equal(await raising, '1');
    assert.equal(records.of(ID), '1');
  });

  it('is over for no machine that knows it when the store loses its record', async () => {
    const store = createMemoryStore();
    const { records, clock } = machine(store.store);
    await records.raise(ID, never);
    await records.raise(ID, never);
    store.objects.delete(KEY);
    clock.ms += 31_000;
    assert.equal((await records.see(ID)).epoch, '2');
    assert.equal(await records.raise(ID, never), '3');
    assert.equal(store.record(ID).epoch, 3);
  });

  it('is not that of bytes that were read before it', async () => {
    const store = createMemoryStore();
    const [a, b] = [machine(store.store), machine(store.store)];
    const { epoch } = await a.records.see(ID);
    assert.equal(await a.notice(epoch, 'red'), '0');
    await a.saved();
    // Read by A: a picture that replaced the red one. Then B takes it down.
    await b.records.raise(ID, never);
    assert.equal(await a.notice(epoch, 'blue'), undefined);
    await a.saved();
    assert.deepEqual([store.record(ID).epoch, store.record(ID).source, a.replaced], [1, undefined, []]);
  });

  it('is not that of bytes that were read before it, nor is one of their folder', async () => {
    const store = createMemoryStore();
    const { records, notice, saved } = machine(store.store);
    const { epoch } = await records.see(ID);
    await notice(epoch, 'red');
    await saved();
    store.hold.put = async (key) => {
      if (key !== KEY) return;
      delete store.hold.put;
      await records.raiseFolder('seller/42/', never);
    };
    assert.deepEqual([await notice(epoch, 'blue'), records.of(ID)], ['1', '1+1']);
  });

  it('of a folder ends what was learned before, on every machine, and what is learned after it stays', async () => {
    const store = createMemoryStore();
    const [a, b] = [machine(store.store), machine(store.store)];
    const picture = { width: 4, height: 3, format: 'png', frames: 1, dominantColor: '#ffffff', thumbhash: 'x' };
    await Promise.all([a.records.see(ID), b.records.see(ID)]);
    a.records.learn(ID, '0', { picture, uploaded: 'a'.repeat(64) });
    await a.saved();
    await a.records.raiseFolder('seller/42/', never);
    assert.deepEqual([a.records.known(ID).picture, a.records.known(ID).uploaded], [undefined, undefined]);
    b.clock.ms += 31_000;
    assert.equal((await b.records.see(ID)).epoch, '0+1');
    assert.equal(b.records.known(ID).picture, undefined);
    b.records.learn(ID, '0+1', { faces: { tiles: [] } });
    await b.saved();
    assert.deepEqual([store.record(ID).picture, store.record(ID).faces, store.record(ID).folder], [undefined, [], 1]);
    const later = machine(store.store);
    await later.records.see(ID);
    assert.deepEqual(later.records.known(ID).faces, { tiles: [] });
  });
});

describe('two machines that read different pictures in one epoch', () => {
  it('begin a new one, which knows neither', async () => {
    const store = createMemoryStore();
    const [a, b] = [machine(store.store), machine(store.store)];
    await Promise.all([a.records.see(ID), b.records.see(ID)]);
    // B read it before it was replaced, and A after that. Neither knew of the other.
    assert.deepEqual([await b.notice('0', 'red'), await a.notice('0', 'blue')], ['0', '0']);
    await a.saved();
    await b.saved();
    await until(() => a.replaced.length + b.replaced.length === 1);
    assert.deepEqual([store.record(ID).epoch, store.record(ID).source], [1, undefined]);
  });

  it('do so too when they are one machine', async () => {
    const store = createMemoryStore();
    const { records, notice, replaced, saved } = machine(store.store);
    await records.see(ID);
    assert.deepEqual(await Promise.all([notice('0', 'red'), notice('0', 'blue')]), ['0', '1']);
    await saved();
    assert.deepEqual([store.record(ID).epoch, replaced], [1, [ID]]);
  });
});
