import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Renderer } from '../../src/render/render.ts';
import type { ObjectStore } from '../../src/stores/store.ts';
import { blue, machinesOver, red, WINDOW_MS } from '../helpers/machines.ts';

/** What one machine purges while another one holds it: in memory, in a render, in a save, or in its sleep. */

const ID = 'seller/42/a.png';

/** Lets renders through until it is closed; then the next ones wait until it is opened. */
function renderGate() {
  const [begun, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let closed = false;
  const wrapRenderer = (real: Renderer): Renderer => ({
    ...real,
    async render(...job) {
      if (closed) {
        begun.resolve();
        await open.promise;
      }
      return real.render(...job);
    },
  });
  const close = () => {
    closed = true;
  };
  return { wrapRenderer, begun: begun.promise, open: open.resolve, close };
}

describe('a picture that one machine takes down', () => {
  it('is sent by no other after the window, in no preset, and is in no store after both started anew', async () => {
    const photo = await sharp(red).resize(4000, 3000, { fit: 'fill' }).jpeg({ progressive: true }).toBuffer();
    const { start, originals, results, passWindow } = machinesOver({ [ID]: photo });
    const [a, b] = [await start(), await start()];
    assert.equal(await b.see('medium', ID), 'red');
    await b.saved();
    assert.deepEqual((await a.purge(ID, '?original=true')).removed, { memory: 0, results: 2, original: true });
    // Never asked for before: made of pixels that B still holds, at most within the window, and saved by no machine.
    const puts = results.count('put');
    assert.equal(await b.see('small', ID), 'red');
    await b.saved();
    assert.deepEqual([results.made(), results.count('put')], [[], puts]);
    passWindow();
    for (const preset of ['small', 'medium', 'thumb', 'large'])
      for (const machine of [a, b]) assert.equal(await machine.see(preset, ID), 404, preset);
    await Promise.all([a.saved(), b.saved()]);
    assert.deepEqual([results.made(), b.cache.entries, b.decodes.entries], [[], 0, 0]);
    const reads = originals.count('get');
    for (const machine of [await start(), await start()])
      for (const preset of ['small', 'medium']) assert.equal(await machine.see(preset, ID), 404);
    assert.equal(originals.count('get') - reads, 4, 'looked for in the store of originals only');
  });

  it('is sent from nothing that could not be deleted: neither its rendition nor its proxy image counts any more', async () => {
    const photo = await sharp(red).resize(4000, 3000, { fit: 'fill' }).jpeg({ progressive: true }).toBuffer();
    const { start, results, replace, passWindow } = machinesOver({ [ID]: photo });
    const a = await start();
    assert.equal(await a.see('small', ID), 'red');
    await a.saved();
    const kept = results.made();
    assert.equal(kept.length, 2);
    results.hold.deleteAll = () => Promise.reject(new Error('no deletes'));
    replace(ID, blue);
    assert.deepEqual((await a.purge(ID)).failed, ['results']);
    assert.deepEqual(results.made(), kept);
    passWindow();
    // Each on a machine that holds nothing and finds them in the store.
    for (const preset of ['thumb', 'small']) assert.equal(await (await start()).see(preset, ID), 'blue', preset);
  });

  it('is not sent by one that has just heard of another original', async () => {
    const { start, passWindow } = machinesOver({ [ID]: red, 'other.png': red });
    const [a, b] = [await start(), await start()];
    for (const id of [ID, 'other.png']) assert.equal(await b.see('small', id), 'red');
    await b.saved();
    await a.purge(ID, '?original=true');
    passWindow();
    assert.equal(await b.see('small', 'other.png'), 'red');
    assert.equal(await b.see('small', ID), 404);
  });

  it('is not sent by a machine that was suspended while it rendered it', async () => {
    const gate = renderGate();
    const { start, results, passWindow } = machinesOver({ [ID]: red });
    const [a, b] = [await start(), await start(gate)];
    gate.close();
    const asked = b.see('small', ID);
    await gate.begun;
    await a.purge(ID, '?original=true');
    passWindow();
    gate.open();
    assert.equal(await asked, 404);
    await b.saved();
    assert.deepEqual([results.made(), b.cache.entries], [[], 0]);
  });

  it('is not sent by one that was suspended before the answer of the store reached it', async () => {
    const { start, results, passWindow } = machinesOver({ [ID]: red });
    const held: { wait?: Promise<void>; told?: () => void } = {};
    const late = (store: ObjectStore): ObjectStore['getIfChanged'] => {
      return async (key, ...what) => {
        const answer = await store.getIfChanged(key, ...what);
        held.told?.();
        await held.wait;
        return answer;
      };
    };
    const slow = { ...results.store, getIfChanged: late(results.store) };
    const [a, b] = [await start(), await start({ results: slow })];
    assert.equal(await b.see('small', ID), 'red');
    await b.saved();
    passWindow();
    const [asking, woken] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    Object.assign(held, { wait: woken.promise, told: asking.resolve });
    const asked = b.see('small', ID);
    await asking.promise;
    await a.purge(ID, '?original=true');
    passWindow();
    delete held.wait;
    woken.resolve();
    assert.equal(await asked, 404);
  });

  it('is not brought back by a save that ends after the purge, nor by one that was delayed beyond the window', async () => {
    const { start, results, clock, passWindow } = machinesOver({ [ID]: red });
    const [saving, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const [a, b] = [await start(), await start()];
    results.hold.put = async (key) => {
      if (key.endsWith('.json')) return;
      saving.resolve();
      await held.promise;
    };
    assert.equal(await b.see('small', ID), 'red');
    await saving.promise;
    await a.purge(ID, '?original=true');
    clock.ms += 10 * WINDOW_MS;
    held.resolve();
    await b.saved();
    assert.deepEqual(results.made(), []);
    passWindow();
    for (const machine of [a, b]) assert.equal(await machine.see('small', ID), 404);
  });

  it('stays away though a machine that was cut off in its save could not take it back', async () => {
    const { start, results, replace, stored } = machinesOver({ [ID]: red });
    const [a, b] = [await start(), await start()];
    const purged = Promise.withResolvers<void>();
    results.hold.put = async (key) => {
      if (!key.endsWith('.json')) await purged.promise;
    };
    assert.equal(await b.see('small', ID), 'red');
    await a.purge(ID);
    results.hold.get = async () => {
      throw new Error('cut off');
    };
    purged.resolve();
    await b.saved();
    assert.deepEqual(await stored(), ['red'], 'what this test is about: an old object in the store');
    delete results.hold.get;
    delete results.hold.put;
    replace(ID, blue);
    const fresh = await start();
    assert.equal(await fresh.see('small', ID), 'blue');
    await fresh.saved();
    assert.deepEqual(await stored(), ['blue']);
  });
});
