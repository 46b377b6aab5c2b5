import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CdnPurge } from '../../../src/api/cdn-purge.ts';
import type { ObjectStore } from '../../../src/stores/store.ts';
import { blue, type Machine, machinesOver, red } from '../../helpers/machines.ts';
import { turns, until } from '../../helpers/turns.ts';

/** `DARKROOM_ORIGINALS_CHECK`: before a cached answer, an original is asked whether it is still the one that was read. */

const ID = 'a/b.png';
const EVERY_MS = 600_000;
const COULD_NOT = 'an original could not be compared with its record';

/** A store of originals whose HEAD is another one. */
const withHead = (store: ObjectStore, head: ObjectStore['head']): ObjectStore => ({ ...store, head });
const sourceOf = async (machine: Machine, preset = 'small') => {
  const answer = await machine.ask(preset, ID);
  await answer.arrayBuffer();
  return answer.headers.get('cache-status')?.replace('darkroom; ', '') ?? answer.status;
};

describe('an original that is to be asked every ten minutes', () => {
  it('is asked once in that time for all who wait, and never without the setting', async () => {
    const { start, clock, originals } = machinesOver({ [ID]: red });
    const [a, unset] = [await start({ checkMs: EVERY_MS }), await start()];
    let come = 0;
    a.app.server.on('request', () => {
      come += 1;
    });
    // Not before all wait for it.
    originals.hold.head = async () => {
      await until(() => come === 50);
      await turns();
    };
    await Promise.all(Array.from({ length: 50 }, () => sourceOf(a)));
    assert.equal(originals.count('head'), 1);
    delete originals.hold.head;
    for (const preset of ['small', 'medium', 'thumb']) await sourceOf(a, preset);
    clock.ms += EVERY_MS;
    assert.equal(await sourceOf(a), 'hit; detail=memory');
    assert.equal(originals.count('head'), 1);
    clock.ms += 1;
    const late = await Promise.all(Array.from({ length: 50 }, (_, n) => sourceOf(a, n % 2 ? 'small' : 'medium')));
    assert.deepEqual([...new Set(late)], ['hit; detail=memory']);
    assert.equal(originals.count('head'), 2);
    const reads = originals.count('get');
    for (let n = 0; n < 3; n += 1) {
      await sourceOf(unset);
      clock.ms += 10 * EVERY_MS;
    }
    assert.deepEqual([originals.count('head'), originals.count('get')], [2, reads]);
  });

  it('and is gone takes its renditions along: from memory, from the store, from the CDN, and from other machines', async () => {
    const told: string[] = [];
    const cdn: CdnPurge = async (id) => {
      told.push(id);
      return 'purged';
    };
    const { start, clock, originals, results, passWindow } = machinesOver({ [ID]: red }, { cdn });
    const [a, other] = [await start({ checkMs: EVERY_MS }), await start()];
    for (const machine of [a, other]) for (const preset of ['small', 'medium']) await machine.see(preset, ID);
    await Promise.all([a.saved(), other.saved()]);
    originals.objects.delete(ID);
    assert.equal(await a.see('small', ID), 'red', 'asked a moment ago');
    clock.ms += EVERY_MS + 1;
    assert.equal(await a.see('small', ID), 404);
    await until(() => told.length === 1);
    assert.deepEqual([results.made(), results.record(ID).epoch, a.cache.entries], [[], 1, 0]);
    passWindow();
    for (const machine of [a, other])
      for (const preset of ['small', 'medium']) assert.equal(await machine.see(preset, ID), 404);
    // Nothing was ever made of it since: no more epochs begin, and the CDN is left in peace.
    clock.ms += EVERY_MS + 1;
    assert.equal(await a.see('small', ID), 404);
    assert.deepEqual([results.record(ID).epoch, told.length], [1, 1]);
  });

  it('and was replaced is read, and sent as it is now', async () => {
    const { start, clock, originals, replace, passWindow } = machinesOver({ [ID]: red });
    const [a, other] = [await start({ checkMs: EVERY_MS }), await start()];
    for (const machine of [a, other]) assert.equal(await machine.see('small', ID), 'red');
    replace(ID, blue);
    clock.ms += EVERY_MS + 1;
    const reads = originals.count('get');
    assert.equal(await a.see('small', ID), 'blue');
    assert.deepEqual([originals.count('get') - reads, a.noticed], [2, ['noticed']], 'to compare, and to render');
    passWindow();
    assert.equal(await other.see('small', ID), 'blue');
  });

  it('and has another ETag for the same bytes is read once, and stays as it is', async () => {
    const { start, clock, originals, results, replace } = machinesOver({ [ID]: red });
    const a = await start({ checkMs: EVERY_MS });
    await sourceOf(a);
    await a.saved();
    replace(ID, red, { copied: 'yes' });
    const reads = originals.count('get');
    for (let n = 1; n <= 3; n += 1) {
      clock.ms += EVERY_MS + 1;
      assert.equal(await sourceOf(a), 'hit; detail=memory');
      await a.saved();
    }
    assert.equal(originals.count('get') - reads, 1);
    assert.deepEqual([results.record(ID).epoch, results.record(ID).source.etags.length, a.noticed], [0, 2, []]);
  });

  for (const [what, head] of [
    ['is refused an answer', async () => 'unknown' as const],
    ['cannot be reached', () => Promise.reject(new Error('no route'))],
  ] as const)
    it(`and ${what} stays as it is, and is asked again after as long`, async () => {
      const { start, clock, originals, results } = machinesOver({ [ID]: red });
      let heads = 0;
      const counting: ObjectStore['head'] = () => {
        heads += 1;
        return head();
      };
      const a = await start({ checkMs: EVERY_MS, originals: withHead(originals.store, counting) });
      for (let n = 1; n <= 3; n += 1) {
        for (let again = 0; again < 3; again += 1) assert.equal(await a.see('small', ID), 'red');
        assert.equal(heads, n);
        clock.ms += EVERY_MS + 1;
      }
      await a.saved();
      assert.deepEqual([results.record(ID).epoch, results.made().length, originals.count('get')], [0, 1, 1]);
      assert.deepEqual(a.warnings, what === 'cannot be reached' ? Array(3).fill(COULD_NOT) : []);
    });

  it('and hangs holds up an answer for two seconds, once in ten minutes', async () => {
    const { start, originals } = machinesOver({ [ID]: red });
    let heads = 0;
    const hanging: ObjectStore['head'] = (_key, { signal }) => {
      heads += 1;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const a = await start({ checkMs: EVERY_MS, originals: withHead(originals.store, hanging) });
    for (let n = 0; n < 5; n += 1) assert.equal(await a.see('small', ID), 'red');
    assert.deepEqual([heads, a.warnings], [1, [COULD_NOT]]);
  });
});
