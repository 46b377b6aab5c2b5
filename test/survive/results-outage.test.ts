import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Renderer } from '../../src/render/render.ts';
import { blue, GRACE_MS, type Machine, machinesOver, red, unreachable, WINDOW_MS } from '../helpers/machines.ts';

/** The bucket of results is down for one machine, or for all: what is sent meanwhile, for how long, and what comes back. */

const ID = 'a/b.png';
/** Decoded once for all presets, with a proxy image. */
const photo = await sharp(red).resize(4000, 3000, { fit: 'fill' }).jpeg({ progressive: true }).toBuffer();
const PASSING = 'public, max-age=60';
const YEAR = 'public, max-age=31536000, immutable';

type Machines = ReturnType<typeof machinesOver>;

function breakResults({ results }: Machines): void {
  results.hold.get = () => Promise.reject(new Error('the bucket is down'));
  results.hold.put = results.hold.get;
}

function mendResults({ results }: Machines): void {
  delete results.hold.get;
  delete results.hold.put;
}

/** Status, how long caches may keep it, ETag, and where it came from. */
async function answerOf(machine: Machine, preset = 'small', headers = {}) {
  const answer = await machine.ask(preset, ID, headers);
  await answer.arrayBuffer();
  const [kept, etag, from] = ['cache-control', 'etag', 'cache-status'].map((name) => answer.headers.get(name));
  return { status: answer.status, kept, etag, from: from?.replace('darkroom; ', '') };
}

describe('while the result store is down', () => {
  it('memory is sent as ever within the window, then for the grace with max-age=60 and without an ETag', async () => {
    const machines = machinesOver({ [ID]: red });
    const a = await machines.start();
    const { etag } = await answerOf(a);
    await a.saved();
    breakResults(machines);
    const reads = machines.originals.count('get');
    assert.deepEqual(await answerOf(a), { status: 200, kept: YEAR, etag, from: 'hit; detail=memory' });
    machines.passWindow();
    const passing = { status: 200, kept: PASSING, etag: null, from: 'hit; detail=memory' };
    assert.deepEqual(await answerOf(a), passing);
    // No validator, so no 304: a cache would keep the old answer for another year.
    for (const ifNoneMatch of [etag ?? '', '*'])
      assert.deepEqual(await answerOf(a, 'small', { 'if-none-match': ifNoneMatch }), passing);
    machines.clock.ms += GRACE_MS - 2 * WINDOW_MS;
    assert.deepEqual(await answerOf(a), passing);
    assert.equal(machines.originals.count('get'), reads);
  });

  it('what is rendered meanwhile has no ETag either, and is saved by no machine, though the store is back by then', async () => {
    const machines = machinesOver({ [ID]: red });
    const wrapRenderer = (real: Renderer): Renderer => ({
      ...real,
      render(...job) {
        mendResults(machines);
        return real.render(...job);
      },
    });
    const a = await machines.start({ wrapRenderer });
    breakResults(machines);
    assert.deepEqual(await answerOf(a), { status: 200, kept: PASSING, etag: null, from: 'fwd=miss' });
    const puts = () => machines.results.calls.filter((call) => call.startsWith('put '));
    await a.saved();
    assert.deepEqual([puts(), machines.results.made()], [[], []]);
  });

  it('a record that alone cannot be read is enough: nothing from the store is sent, as it may be of a purged picture', async () => {
    const machines = machinesOver({ [ID]: photo });
    const { results, replace } = machines;
    const a = await machines.start();
    assert.equal(await a.see('small', ID), 'red');
    await a.saved();
    const old = results.made().map((key) => [key, results.objects.get(key)] as const);
    assert.equal(old.length, 2, 'a rendition and a proxy image');
    replace(ID, await sharp(blue).resize(4000, 3000, { fit: 'fill' }).jpeg().toBuffer());
    await a.purge(ID);
    // As a machine leaves them that stopped after a late save.
    for (const [key, object] of old) if (object) results.objects.set(key, object);
    results.hold.get = async (key) => {
      if (key.endsWith('/original.json')) throw new Error('no such luck');
    };
    const b = await machines.start();
    for (const preset of ['small', 'medium', 'thumb']) {
      assert.equal(await b.see(preset, ID), 'blue', preset);
      assert.equal((await answerOf(b, preset)).kept, PASSING);
    }
  });

  it('after the grace the original is read anew before memory is sent: what was deleted is 404', async () => {
    const machines = machinesOver({ [ID]: red });
    const a = await machines.start();
    await answerOf(a);
    await a.saved();
    breakResults(machines);
    machines.clock.ms += GRACE_MS + 1;
    const before = machines.originals.count('get');
    assert.deepEqual(await answerOf(a), { status: 200, kept: PASSING, etag: null, from: 'fwd=miss' });
    assert.equal(machines.originals.count('get'), before + 1);
    machines.originals.objects.delete(ID);
    machines.clock.ms += GRACE_MS + 1;
    for (const preset of ['small', 'medium', 'thumb']) assert.equal((await answerOf(a, preset)).status, 404, preset);
  });

  it('after the grace pixels in memory and the proxy image in the store are of no use either', async () => {
    const machines = machinesOver({ [ID]: photo });
    const a = await machines.start();
    await answerOf(a);
    assert.equal(a.decodes.entries, 1);
    await a.saved();
    breakResults(machines);
    machines.clock.ms += GRACE_MS;
    const before = machines.originals.count('get');
    await answerOf(a, 'medium');
    assert.equal(machines.originals.count('get'), before, 'within the grace');
    machines.clock.ms += 1;
    await answerOf(a, 'thumb');
    assert.equal(machines.originals.count('get'), before + 1);
    machines.originals.objects.delete(ID);
    assert.equal((await answerOf(a, 'og')).status, 404);
  });

  it('after the grace a replaced original is sent as it is now', async () => {
    const machines = machinesOver({ [ID]: red });
    const a = await machines.start();
    assert.equal(await a.see('small', ID), 'red');
    await a.saved();
    machines.replace(ID, blue);
    breakResults(machines);
    machines.passWindow();
    assert.equal(await a.see('small', ID), 'red', 'within the grace');
    machines.clock.ms += GRACE_MS;
    assert.equal(await a.see('small', ID), 'blue');
    assert.equal((await answerOf(a)).kept, PASSING);
  });

  it('a grace of 0s sends nothing from memory: each answer is of an original that was read for it', async () => {
    const machines = machinesOver({ [ID]: red }, { graceMs: 0 });
    const a = await machines.start();
    await answerOf(a);
    await a.saved();
    breakResults(machines);
    machines.passWindow();
    for (let ask = 1; ask <= 3; ask += 1) {
      const before = machines.originals.count('get');
      machines.clock.ms += 1;
      assert.deepEqual(await answerOf(a), { status: 200, kept: PASSING, etag: null, from: 'fwd=miss' });
      assert.equal(machines.originals.count('get'), before + 1);
    }
    machines.originals.objects.delete(ID);
    machines.clock.ms += 1;
    assert.equal((await answerOf(a)).status, 404);
  });

  it('a store that hangs costs a second, not an answer', async () => {
    const machines = machinesOver({ [ID]: red });
    const a = await machines.start();
    await answerOf(a);
    await a.saved();
    machines.results.hold.get = () => new Promise(() => {});
    machines.passWindow();
    const answers = await Promise.all(Array.from({ length: 20 }, () => answerOf(a)));
    for (const answer of answers) assert.deepEqual([answer.status, answer.kept], [200, PASSING]);
    const asked = machines.results.calls.filter((call) => call.startsWith('getIfChanged') && call.includes('original'));
    // By the save before, and once for all 20.
    assert.ok(asked.length <= 3, asked.join());
  });
});

describe('when the result store is back', () => {
  it('validators and saves come back, and what is in memory is good again', async () => {
    const machines = machinesOver({ [ID]: red });
    const a = await machines.start();
    const { etag } = await answerOf(a);
    await a.saved();
    breakResults(machines);
    machines.passWindow();
    assert.equal((await answerOf(a)).kept, PASSING);
    await answerOf(a, 'medium');
    mendResults(machines);
    const reads = machines.originals.count('get');
    assert.deepEqual(await answerOf(a), { status: 200, kept: YEAR, etag, from: 'hit; detail=memory' });
    const medium = await answerOf(a, 'medium');
    assert.deepEqual([medium.kept, medium.from, medium.etag !== null], [YEAR, 'hit; detail=memory', true]);
    assert.equal(machines.originals.count('get'), reads);
    assert.equal((await answerOf(a, 'large')).kept, YEAR);
    await a.saved();
    assert.deepEqual(
      machines.results
        .made()
        .map((key) => /\/(\w+)-/.exec(key)?.[1])
        .sort(),
      ['large', 'small'],
    );
  });

  it('a machine that was cut off sends nothing of what another one took down meanwhile', async () => {
    const machines = machinesOver({ [ID]: red });
    const { results } = machines;
    let cutOff = false;
    const flaky = unreachable(results.store, () => cutOff);
    const [a, b] = [await machines.start(), await machines.start({ results: flaky })];
    assert.equal(await b.see('small', ID), 'red');
    await b.saved();
    cutOff = true;
    await a.purge(ID, '?original=true');
    machines.passWindow();
    // Within the grace it may; caches forget it within a minute.
    assert.deepEqual(await answerOf(b), { status: 200, kept: PASSING, etag: null, from: 'hit; detail=memory' });
    machines.clock.ms += GRACE_MS;
    for (const preset of ['small', 'medium', 'large']) assert.equal(await b.see(preset, ID), 404, preset);
    cutOff = false;
    for (const preset of ['small', 'medium', 'large']) assert.equal(await b.see(preset, ID), 404, preset);
    await b.saved();
    assert.deepEqual(results.made(), []);
  });
});

describe('a machine that starts while the result store is down', () => {
  it('knows no record, so what it renders is for a minute; the same bytes get their ETag once the store is back', async () => {
    const machines = machinesOver({ [ID]: red });
    const first = await machines.start();
    const { etag } = await answerOf(first);
    await first.saved();
    breakResults(machines);
    const a = await machines.start();
    assert.deepEqual(await answerOf(a), { status: 200, kept: PASSING, etag: null, from: 'fwd=miss' });
    mendResults(machines);
    const { kept, etag: same } = await answerOf(a);
    assert.deepEqual([kept, same], [YEAR, etag]);
  });

  it('does not take what it rendered then for current when the record says another epoch', async () => {
    const machines = machinesOver({ [ID]: red });
    const first = await machines.start();
    await first.purge(ID);
    breakResults(machines);
    const a = await machines.start();
    assert.equal(await a.see('small', ID), 'red');
    machines.replace(ID, blue);
    mendResults(machines);
    assert.equal(await a.see('small', ID), 'blue');
  });
});
