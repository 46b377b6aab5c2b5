import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type VerifyOptions, verifyOriginals } from '../../../src/originals/records/verify.ts';
import type { ObjectStore } from '../../../src/stores/store.ts';
import { blue, green, machinesOver, red } from '../../helpers/machines.ts';

type Machines = ReturnType<typeof machinesOver>;

/** Walks the records that real machines wrote. */
const verify = ({ results, originals }: Machines, options: Partial<VerifyOptions> = {}) =>
  verifyOriginals({
    ...{ results: results.store, originals: originals.store, prefix: '', maxOriginalBytes: 1_000_000, force: false },
    ...{ signal: new AbortController().signal, ...options },
  });

/** Machines that have made a rendition of each of these. */
async function seen(ids: readonly string[]): Promise<Machines> {
  const machines = machinesOver(Object.fromEntries(ids.map((id) => [id, red])));
  const a = await machines.start();
  for (const id of ids) assert.equal(await a.see('thumb', id), 'red');
  await a.saved();
  return machines;
}

/** The same for so many that rendering them would take too long: records by the pattern of a real one. */
async function seenMany(count: number): Promise<Machines> {
  const machines = await seen(['0000.png']);
  const { originals, results } = machines;
  const [[key = '', real] = []] = [...results.objects].filter(([each]) => each.endsWith('/original.json'));
  const record = results.record('0000.png');
  const original = originals.objects.get('0000.png');
  for (let n = 1; n < count; n += 1) {
    const id = `${String(n).padStart(4, '0')}.png`;
    // Tags of a store are its own, so the bytes have the last word here.
    const body = Buffer.from(JSON.stringify({ ...record, id }));
    if (real) results.objects.set(key.replace('0000.png', id), { ...real, body });
    if (original) originals.objects.set(id, { ...original });
  }
  return machines;
}

const withMethods = (store: ObjectStore, methods: Partial<ObjectStore>): ObjectStore => ({ ...store, ...methods });

describe('a walk over the records', () => {
  it('says which originals were replaced and which are gone, and changes nothing', async () => {
    const machines = await seen(['a/same.png', 'a/copied.png', 'a/replaced.png', 'b/gone.png']);
    const { originals, results, replace } = machines;
    replace('a/copied.png', red, { copied: 'yes' });
    replace('a/replaced.png', blue);
    originals.objects.delete('b/gone.png');
    const before = [...results.objects];
    const report = await verify(machines);
    assert.deepEqual(report, {
      ...{ checked: 4, replaced: ['a/replaced.png'], gone: ['b/gone.png'], unknown: [] },
      stopped: false,
    });
    assert.deepEqual([...results.objects], before);
    assert.equal(results.count('put') + results.count('putIf'), 4 + results.made().length, 'those of the machine');
  });

  it('keeps to ids that begin with a prefix, however long both are', async () => {
    const long = `long/${'é'.repeat(240)}`;
    const machines = await seen(['a/1.png', 'ab/2.png', `${long}/1.png`, `${long}/2.png`, `${long}-3.png`]);
    machines.originals.objects.clear();
    const gone = async (prefix: string) => (await verify(machines, { prefix, force: true })).gone.toSorted();
    assert.deepEqual(await gone('a/'), ['a/1.png']);
    assert.deepEqual(await gone('a'), ['a/1.png', 'ab/2.png']);
    assert.deepEqual(await gone(`${long}/`), [`${long}/1.png`, `${long}/2.png`]);
    assert.deepEqual(await gone('nothing/'), []);
  });

  it('never takes a refusal or a failure for gone', async () => {
    const machines = await seen(['a.png', 'b.png', 'c.png', 'd.png']);
    const { store } = machines.originals;
    machines.replace('c.png', green);
    machines.replace('d.png', green);
    const originals = withMethods(store, {
      async head(key, limits) {
        if (key === 'a.png') return 'unknown';
        if (key === 'b.png') throw new Error('no route');
        return store.head(key, limits);
      },
      // As S3 denies to credentials without s3:ListBucket what is encrypted by a key that they may not use.
      get: async (key, limits) => (key === 'c.png' ? undefined : store.get(key, limits)),
    });
    const { checked, replaced, gone, unknown } = await verify(machines, { originals });
    assert.deepEqual([checked, replaced, gone], [4, ['d.png'], []]);
    assert.deepEqual(unknown.toSorted(), ['a.png', 'b.png', 'c.png']);
  });
});

describe('originals of which more than one in a hundred are gone', () => {
  it('end the walk early, unless it is forced: the bucket may be the wrong one', async () => {
    const machines = await seenMany(300);
    machines.originals.objects.clear();
    const early = await verify(machines);
    assert.ok(early.stopped && early.checked >= 100 && early.checked < 120, `${early.checked}`);
    assert.ok(machines.originals.count('head') < 120);
    const forced = await verify(machines, { force: true });
    assert.deepEqual([forced.checked, forced.gone.length, forced.stopped], [300, 300, false]);
  });

  it('are counted to the last one', async () => {
    const machines = await seenMany(400);
    const lose = (from: number, to: number) => {
      for (let n = from; n <= to; n += 1) machines.originals.objects.delete(`0${n}.png`);
    };
    lose(397, 399);
    const few = await verify(machines);
    assert.deepEqual([few.checked, few.gone.length, few.stopped], [400, 3, false]);
    lose(390, 396);
    const many = await verify(machines);
    assert.ok(many.stopped && many.checked > 390 && many.gone.length > 3, `${many.checked} ${many.gone}`);
  });

  it('are so in a small shop too, from the second one on', async () => {
    const machines = await seen(['a.png', 'b.png', 'c.png']);
    machines.originals.objects.delete('b.png');
    assert.equal((await verify(machines)).stopped, false);
    machines.originals.objects.delete('c.png');
    const { checked, gone, stopped } = await verify(machines);
    assert.deepEqual([checked, gone.length, stopped], [3, 2, true]);
    assert.equal((await verify(machines, { force: true })).stopped, false);
  });
});
