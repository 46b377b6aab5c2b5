import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { coffee, face, fixedFinder } from '../../helpers/faces.ts';
import { machinesOver } from '../../helpers/machines.ts';
import { until } from '../../helpers/turns.ts';

/** What the records cost in calls of the result store; `a/1.jpg` is asked for first, so that folders are known. */
async function warm() {
  const machines = machinesOver({ 'a/1.jpg': coffee, 'a/2.jpg': coffee });
  const machine = await machines.start({ finder: fixedFinder([face(0.1, 0.1, 0.3)]) });
  await machine.see('small', 'a/1.jpg');
  await machine.saved();
  const { calls } = machines.results;
  return {
    ...machines,
    machine,
    take: () => calls.splice(0).map((call) => call.replace(/ .*\//, ' ').replace(/-.*/, '')),
  };
}
const RECORD = 'original.json';
const ofRecord = (calls: readonly string[], kind: string) =>
  calls.filter((call) => call === `${kind} ${RECORD}`).length;

describe('an original that nobody asked for before', () => {
  it('costs one GET of its record, in parallel with that of the rendition', async () => {
    const { machine, results, take } = await warm();
    take();
    const gate = Promise.withResolvers<void>();
    results.hold.get = () => gate.promise;
    const answer = machine.ask('thumb', 'a/2.jpg');
    await until(() => results.calls.length >= 2);
    assert.deepEqual(take().sort(), [`get ${RECORD}`, 'get thumb']);
    delete results.hold.get;
    gate.resolve();
    await (await answer).arrayBuffer();
  });

  it('costs one PUT of its record, whatever is learned of it, and no read before that PUT', async () => {
    const { machine, results, take } = await warm();
    take();
    await (await machine.ask('thumb', 'a/2.jpg')).arrayBuffer();
    await (await machine.ask('og', 'a/2.jpg')).arrayBuffer();
    await machine.saved();
    const calls = take();
    assert.equal(ofRecord(calls, 'putIf'), 1, calls.join());
    // One before the answer, two for each of two saves.
    const reads = ofRecord(calls, 'get') + ofRecord(calls, 'getIfChanged');
    assert.ok(reads <= 1 + 2 * 2, calls.join());
    const record = results.record('a/2.jpg');
    assert.ok(record.source && record.faces, 'both in one');
  });
});

describe('an original whose record is known', () => {
  it('costs two conditional GETs a save, and no PUT of the record', async () => {
    const { machine, take } = await warm();
    await (await machine.ask('thumb', 'a/2.jpg')).arrayBuffer();
    await machine.saved();
    take();
    const presets = ['small', 'medium', 'og', 'avatar-small'];
    await Promise.all(presets.map(async (preset) => (await machine.ask(preset, 'a/2.jpg')).arrayBuffer()));
    await machine.saved();
    const calls = take();
    assert.equal(ofRecord(calls, 'getIfChanged'), 2 * presets.length, calls.join());
    assert.equal(ofRecord(calls, 'get') + ofRecord(calls, 'putIf'), 0, calls.join());
  });
});

describe('what is learned of an original while its record is changed by another machine', () => {
  it('is joined with what that one learned', async () => {
    const { machine, start, results } = await warm();
    await (await machine.ask('small', 'a/2.jpg')).arrayBuffer();
    // Between what the first learned and its save.
    const other = await start({ finder: fixedFinder([face(0.1, 0.1, 0.3)]) });
    await (await other.ask('thumb', 'a/2.jpg')).arrayBuffer();
    await other.saved();
    await machine.saved();
    const record = results.record('a/2.jpg');
    assert.ok(record.source && record.faces, JSON.stringify(record));
  });
});
