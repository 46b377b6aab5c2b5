import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWriteBehind } from '../../../src/flow/write-behind.ts';
import type { SourceVersion } from '../../../src/originals/records/record.ts';
import { createOriginalRecords, type RecordsOptions } from '../../../src/originals/records/records.ts';
import { recordKey } from '../../../src/renditions/keys.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';

const ID = 'seller/42/a.jpg';
const KEY = recordKey(ID);
const never = new AbortController().signal;
const source = (letter: string): SourceVersion => ({
  ...{ sha256: letter.repeat(64), etags: [`"${letter}"`], bytes: 3, lastModified: undefined },
});

/** One machine over the store, with a clock of its own. */
function machine(shared: ReturnType<typeof createMemoryStore>, options: Partial<RecordsOptions> = {}) {
  const clock = { ms: 1_700_000_000_000 };
  const [epochs, warnings] = [[] as string[], [] as string[]];
  const saves = createWriteBehind({ maxBytes: 1e6, concurrency: 8, attempts: 2, retryDelayMs: 1 });
  const records = createOriginalRecords({
    ...{ results: shared.store, saves, windowMs: 30_000, graceMs: 600_000 },
    onEpoch: (id) => epochs.push(id),
    warn: (what) => warnings.push(what),
    now: () => clock.ms,
    ...options,
  });
  const json = () => JSON.parse(shared.objects.get(KEY)?.body.toString() ?? 'null');
  return { records, clock, epochs, warnings, saves, json };
}

describe('the record of an original', () => {
  it('begins at epoch 0 without an object, and a purge on one machine is seen by another after the window', async () => {
    const store = createMemoryStore();
    const [a, b] = [machine(store), machine(store)];
    assert.deepEqual([(await a.records.see(ID)).epoch, (await b.records.see(ID)).epoch], ['0', '0']);
    assert.equal(await a.records.raise(ID, never), '1');
    assert.equal(b.records.trusted(ID)?.epoch, '0');
    b.clock.ms += 30_001;
    assert.equal(b.records.trusted(ID), undefined);
    assert.equal((await b.records.see(ID)).epoch, '1');
    assert.deepEqual(b.epochs, [ID]);
  });

  it('is asked once for all who wait, and conditionally', async () => {
    const store = createMemoryStore();
    const { records, clock } = machine(store);
    await records.raise(ID, never);
    clock.ms += 31_000;
    const before = store.calls.length;
    await Promise.all(Array.from({ length: 100 }, () => records.see(ID)));
    const calls = store.calls.slice(before).filter((call) => call.endsWith(KEY));
    assert.deepEqual(calls, [`getIfChanged ${KEY}`]);
  });

  it('is not trusted either when the clock was set back', async () => {
    const { records, clock } = machine(createMemoryStore());
    await records.see(ID);
    clock.ms -= 3_600_000;
    assert.equal(records.trusted(ID), undefined);
  });

  it('keeps what two machines learn at the same time', async () => {
    const store = createMemoryStore();
    const [a, b] = [machine(store), machine(store)];
    await Promise.all([a.records.see(ID), b.records.see(ID)]);
    a.records.learn(ID, '0', { faces: { tiles: [] } });
    b.records.learn(ID, '0', { source: source('b'), uploaded: 'b'.repeat(64) });
    await Promise.all([a.saves.drain(10_000), b.saves.drain(10_000)]);
    assert.deepEqual([a.json().faces, a.json().sha256, a.json().source.bytes], [[], 'b'.repeat(64), 3]);
  });

  it('saves once what is learned before the save begins, and once more what comes while it is under way', async () => {
    const store = createMemoryStore();
    const { records, saves, json } = machine(store);
    const [writing, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    store.hold.put = async () => {
      writing.resolve();
      await held.promise;
    };
    records.learn(ID, '0', { faces: { tiles: [] } });
    records.learn(ID, '0', { source: source('a') });
    await writing.promise;
    records.learn(ID, '0', { uploaded: 'c'.repeat(64) });
    held.resolve();
    await saves.drain(10_000);
    assert.equal(store.count('putIf'), 2);
    assert.deepEqual([json().faces, json().source.sha256, json().sha256], [[], 'a'.repeat(64), 'c'.repeat(64)]);
  });

  it('takes nothing that was learned of the picture before', async () => {
    const store = createMemoryStore();
    const { records, saves, json } = machine(store);
    await records.see(ID);
    records.learn(ID, '0', { source: source('a') });
    await records.raise(ID, never);
    records.learn(ID, '0', { faces: { tiles: [] } });
    await saves.drain(10_000);
    assert.deepEqual([json().epoch, json().faces, json().source], [1, undefined, undefined]);
    assert.equal(records.known(ID).source, undefined);
  });

  it('loses no purge when 20 machines purge at once', async () => {
    const store = createMemoryStore();
    const machines = Array.from({ length: 20 }, () => machine(store));
    await Promise.all(machines.map(({ records }) => records.raise(ID, never)));
    assert.equal(machines[0]?.json().epoch, 20);
  });

  it('keeps fields of later versions, drops faces of another detector, and knows records of before', async () => {
    const picture = { width: 4, height: 3, format: 'png', frames: 1, dominantColor: '#ffffff', thumbhash: 'x' };
    const old = { version: 1, detector: 'other', faces: [], picture, sha256: 'd'.repeat(64), edits: { rotate: 90 } };
    const store = createMemoryStore({ [KEY]: Buffer.from(JSON.stringify(old)) });
    const { records, json } = machine(store);
    await records.see(ID);
    const { faces, uploaded, epoch } = records.known(ID);
    assert.deepEqual([faces, uploaded, epoch, records.known(ID).picture], [undefined, 'd'.repeat(64), 0, picture]);
    await records.raise(ID, never);
    assert.deepEqual([json().edits, json().picture, json().epoch, json().id], [{ rotate: 90 }, undefined, 1, ID]);
  });

  for (const [what, body] of [
    ['no JSON', 'x'],
    ['cut off', '{"version":1,"epoch":4'],
    ['of another version', '{"version":2,"epoch":4}'],
    ['of another id', '{"version":1,"id":"other","epoch":4}'],
    ['with a negative epoch', '{"version":1,"epoch":-1}'],
    ['with an epoch that is no count', '{"version":1,"epoch":"9"}'],
    ['with faces that can be none', '{"version":1,"detector":"blazeface-1","faces":[{"left":7}]}'],
    ['null', 'null'],
  ] as const)
    it(`counts as purged now when it is ${what}`, async () => {
      const store = createMemoryStore({ [KEY]: Buffer.from(body) });
      const [a, b] = [machine(store), machine(store)];
      const { epoch } = await a.records.see(ID);
      assert.equal(epoch, String(a.clock.ms));
      assert.equal((await b.records.see(ID)).epoch, epoch);
      assert.equal(a.warnings.length, 1);
    });

  it('of a folder that was purged is over for ids without a record too, on every machine, and for good', async () => {
    const store = createMemoryStore();
    const [a, b] = [machine(store), machine(store)];
    await Promise.all([a.records.see(ID), b.records.see(ID), b.records.see('seller/7/a.jpg')]);
    await a.records.raiseFolder('seller/42/', never);
    assert.equal(a.records.of(ID), '0+1');
    b.clock.ms += 30_001;
    assert.equal((await b.records.see(ID)).epoch, '0+1');
    assert.equal((await b.records.see('seller/7/a.jpg')).epoch, '0');
    await b.records.raiseFolder('seller/', never);
    assert.deepEqual(
      [b.records.of(ID), b.records.of('seller/7/a.jpg'), b.records.of('seller.jpg')],
      ['0+2', '0+2', '0'],
    );
    // A new process.
    assert.equal((await machine(store).records.see(ID)).epoch, '0+2');
  });
});

describe('while the record cannot be asked', () => {
  function outage(store: ReturnType<typeof createMemoryStore>) {
    store.hold.get = () => Promise.reject(new Error('the bucket is down'));
    store.hold.put = store.hold.get;
  }

  it('memory serves for the grace since the record was seen, and then only what was read just now', async () => {
    const store = createMemoryStore();
    const { records, clock } = machine(store);
    await records.see(ID);
    await records.raise(ID, never);
    outage(store);
    clock.ms += 31_000;
    const view = await records.see(ID);
    assert.deepEqual([view.current, view.epoch, records.mayServe(view, 0)], [false, '1', true]);
    clock.ms += 600_000;
    const late = await records.see(ID);
    assert.deepEqual([late.current, records.mayServe(late, 0)], [false, false]);
    assert.equal(records.mayServe(late, clock.ms - 1000), true);
  });

  it('an id that was never seen has no trust at all', async () => {
    const store = createMemoryStore();
    outage(store);
    const { records } = machine(store);
    const view = await records.see(ID);
    assert.deepEqual([view.current, view.seenAt, records.mayServe(view, 0)], [false, 0, false]);
  });

  it('a purge fails, and this process trusts its memory no more', async () => {
    const store = createMemoryStore();
    const { records, epochs } = machine(store);
    const { epoch } = await records.see(ID);
    outage(store);
    await assert.rejects(records.raise(ID, never), /down/);
    assert.notEqual(records.of(ID), epoch);
    assert.deepEqual(epochs, [ID]);
    delete store.hold.get;
    await records.see(ID);
    assert.equal(records.of(ID), '0');
  });
});

describe('an id that a peer says is purged', () => {
  it('is asked for anew, and a reading that began before does not count', async () => {
    const store = createMemoryStore();
    const [a, b] = [machine(store), machine(store)];
    await b.records.see(ID);
    b.clock.ms += 31_000;
    const [reading, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let stale = store.objects.get(KEY);
    store.hold.get = async () => {
      stale = store.objects.get(KEY);
      reading.resolve();
      await held.promise;
    };
    const early = b.records.see(ID);
    await reading.promise;
    delete store.hold.get;
    await a.records.raise(ID, never);
    b.records.distrust(ID);
    held.resolve();
    assert.equal(stale, undefined);
    assert.equal((await early).epoch, '1');
    assert.equal(b.records.trusted(ID)?.epoch, '1');
  });

  it('or lies in a folder of which a peer says so, is asked for anew like all others, those being read included', async () => {
    const store = createMemoryStore();
    const { records, clock } = machine(store);
    const others = Array.from({ length: 50 }, (_, at) => `seller/42/${at}.jpg`);
    for (const id of others) await records.see(id);
    records.distrustAll();
    assert.equal(records.trusted(others[0] ?? ''), undefined);
    await records.see(ID);
    clock.ms += 31_000;
    const [reading, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    store.hold.get = async () => {
      reading.resolve();
      await held.promise;
    };
    const early = records.see(ID);
    await reading.promise;
    const asked = () => store.calls.filter((call) => call.endsWith('/prefixes.json')).length;
    const before = asked();
    records.distrustAll();
    held.resolve();
    // What was being read when the word came does not count: it is read again.
    assert.equal((await early).current, true);
    assert.equal(asked() - before, 1);
  });
});
