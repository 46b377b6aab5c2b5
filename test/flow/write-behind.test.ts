import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWriteBehind, type Save, type WriteBehindOptions } from '../../src/flow/write-behind.ts';
import { turns } from '../helpers/turns.ts';

function build(options: Partial<WriteBehindOptions> = {}) {
  const log: string[] = [];
  const saves = createWriteBehind({
    ...{ maxBytes: 100, concurrency: 1, attempts: 3, retryDelayMs: 1 },
    onSaved: ({ key }) => log.push(`saved ${key}`),
    onRetry: ({ key }) => log.push(`retry ${key}`),
    onLost: ({ key }) => log.push(`lost ${key}`),
    ...options,
  });
  return { saves, log };
}

/** Runs until its gate opens; gives up when told to. */
function gated(key: string, bytes = 10) {
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  const run = (signal: AbortSignal) => {
    runs += 1;
    signal.addEventListener('abort', () => gate.reject(signal.reason));
    return gate.promise;
  };
  return { key, bytes, run, open: gate.resolve, runs: () => runs };
}

describe('write-behind', () => {
  it('begins no save in the turn that adds it', async () => {
    const { saves, log } = build();
    const save = gated('a');
    saves.add(save);
    await Promise.resolve();
    assert.equal(save.runs(), 0);
    save.open();
    assert.equal(await saves.drain(1000), 0);
    assert.deepEqual(log, ['saved a']);
    assert.deepEqual([saves.bytes, saves.pending], [0, 0]);
  });

  it('begins a save after its pause, with others before it, and at once when it is drained', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { saves, log } = build({ concurrency: 2 });
    const paused = { ...gated('paused'), pauseMs: 1000 };
    saves.add(paused);
    saves.add(paused);
    const other = gated('other');
    saves.add(other);
    await turns();
    assert.deepEqual([paused.runs(), other.runs(), saves.pending], [0, 1, 2]);
    context.mock.timers.tick(999);
    await turns();
    assert.equal(paused.runs(), 0);
    context.mock.timers.tick(1);
    await turns();
    assert.equal(paused.runs(), 1);
    const last = { ...gated('last'), pauseMs: 1000 };
    saves.add(last);
    const drained = saves.drain(5000);
    const late = { ...gated('late'), pauseMs: 1000 };
    saves.add(late);
    for (const save of [paused, other, last, late]) save.open();
    assert.equal(await drained, 0);
    assert.deepEqual(log, ['saved paused', 'saved other', 'saved last', 'saved late']);
    assert.deepEqual([saves.bytes, saves.pending], [0, 0]);
  });

  it('gives up a save in its pause when full, and forgets its pause', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { saves, log } = build({ maxBytes: 10 });
    saves.add({ ...gated('a'), pauseMs: 1000 });
    const b = gated('b');
    saves.add(b);
    assert.deepEqual(log, ['lost a']);
    const again = gated('a', 0);
    saves.add(again);
    for (const save of [b, again]) save.open();
    await turns(10);
    assert.deepEqual(log, ['lost a', 'saved b', 'saved a'], 'the second of this name has no pause');
  });

  it('gives up the oldest waiting save when full, never the one under way', async () => {
    const { saves, log } = build({ maxBytes: 30 });
    const first = gated('first');
    saves.add(first);
    await turns();
    const rest = ['b', 'c', 'd', 'e'].map((key) => gated(key));
    for (const save of rest) saves.add(save);
    assert.deepEqual(log, ['lost b', 'lost c']);
    assert.equal(saves.bytes, 30);
    for (const save of [first, ...rest]) save.open();
    await saves.drain(1000);
    assert.deepEqual(log.slice(2), ['saved first', 'saved d', 'saved e']);
  });

  it('gives up a save larger than the whole queue', () => {
    const { saves, log } = build({ maxBytes: 5 });
    saves.add(gated('huge', 6));
    assert.deepEqual(log, ['lost huge']);
    assert.equal(saves.bytes, 0);
  });

  it('takes a key that waits or runs only once', async () => {
    const { saves, log } = build();
    const save = gated('a');
    saves.add(save);
    saves.add(save);
    await turns();
    saves.add(save);
    save.open();
    await saves.drain(1000);
    assert.deepEqual(log, ['saved a']);
  });

  it('tries three times, then gives up', async () => {
    const { saves, log } = build();
    let runs = 0;
    const failing = (key: string, failures: number): Save => {
      let left = failures;
      const run = async () => {
        runs += 1;
        left -= 1;
        if (left >= 0) throw new Error('the store is down');
      };
      return { key, bytes: 1, run };
    };
    saves.add(failing('twice', 2));
    saves.add(failing('always', 99));
    await saves.drain(5000);
    assert.deepEqual(log, ['retry twice', 'retry twice', 'saved twice', 'retry always', 'retry always', 'lost always']);
    assert.equal(runs, 6);
  });

  it('keeps within its concurrency', async () => {
    const { saves } = build({ concurrency: 2 });
    const all = ['a', 'b', 'c'].map((key) => gated(key));
    for (const save of all) saves.add(save);
    await turns();
    assert.deepEqual(
      all.map((save) => save.runs()),
      [1, 1, 0],
    );
    for (const save of all) save.open();
    await saves.drain(1000);
    assert.deepEqual(
      all.map((save) => save.runs()),
      [1, 1, 1],
    );
  });

  it('ends the drain in time and says how much was lost', async () => {
    const { saves, log } = build();
    const stuck = gated('stuck');
    saves.add(stuck);
    saves.add(gated('behind'));
    await turns();
    assert.equal(await saves.drain(10), 2);
    await turns();
    assert.deepEqual(log, ['lost behind', 'lost stuck']);
    saves.add(gated('after'));
    assert.deepEqual(log.at(-1), 'lost after');
    assert.equal(saves.bytes, 0);
  });
});
