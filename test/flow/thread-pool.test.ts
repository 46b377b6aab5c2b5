import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { ThreadError } from '../../src/flow/thread.ts';
import { createThreadPool, type ThreadPoolOptions } from '../../src/flow/thread-pool.ts';
import { until } from '../helpers/turns.ts';

const never = new AbortController().signal;
type Reply = { readonly number: number; readonly value: string };
type Pool = ReturnType<typeof createThreadPool<object, Reply>>;
const open: Pool[] = [];
after(() => Promise.all(open.map((pool) => pool.close())));

/** What the test and all threads of a pool see: how often each thing happened, and what it has let them do. */
const PLACES = { started: 0, begun: 1, startAllowed: 2, taskAllowed: 3 };
type Place = keyof typeof PLACES;

/** `does`: code with `nth` (which start this is, from 1), `onTask(act)`, `answer(task)`, `note(place)` and `waitFor(place, least)`. */
function pool(does: string, options: Partial<ThreadPoolOptions<Reply>> = {}) {
  const seen = new Int32Array(new SharedArrayBuffer(4 * Object.keys(PLACES).length));
  const code = `
    import { parentPort, workerData as seen } from 'node:worker_threads';
    const places = ${JSON.stringify(PLACES)};
    const note = (place) => Atomics.add(seen, places[place], 1) + 1;
    const waitFor = (place, least) => {
      for (let now; (now = Atomics.load(seen, places[place])) < least;) Atomics.wait(seen, places[place], now);
    };
    const answer = ({ number }) => parentPort.postMessage({ number, value: String(nth) });
    const onTask = (act) => parentPort.on('message', act);
    const nth = note('started');
    ${does}
    parentPort.postMessage('ready');`;
  const limits = { cpuMs: 60_000, stillMs: 100_000 };
  const made = createThreadPool<object, Reply>({
    ...{ name: 'test', url: new URL(`data:text/javascript,${encodeURIComponent(code)}`), waiting: 8, idleMs: 60_000 },
    ...{
      start: limits,
      task: limits,
      patience: 2,
      backOffMs: 60_000,
      maxHeapMb: 64,
      threads: 2,
      furtherAfterMs: 0,
      workerData: seen,
    },
    ...{
      isReply: (value: unknown): value is Reply => typeof (value as Reply).value === 'string',
      nonsense: 'nonsense',
    },
    ...options,
  });
  open.push(made);
  return {
    run: (task: object = {}, signal = never) => made.run(task, [], signal).then(({ value }) => value),
    prepare: made.prepare,
    close: made.close,
    get load() {
      return made.load;
    },
    count: (place: Place) => Atomics.load(seen, PLACES[place]),
    allow(place: Place, least: number) {
      Atomics.store(seen, PLACES[place], least);
      Atomics.notify(seen, PLACES[place]);
    },
  };
}
type Made = ReturnType<typeof pool>;
const outcome = (call: Promise<string>) =>
  call.catch((error: unknown) => (error instanceof ThreadError ? `${error.kind}: ${error.message}` : String(error)));

/** Each task is begun, and ends when the test has allowed so many. */
const HELD = "onTask((task) => { const mine = note('begun'); waitFor('taskAllowed', mine); answer(task); });";

/** Two threads are up: each had one of two tasks that were under way at once. */
async function bothUp(own: Made): Promise<void> {
  const [before, calls] = [own.count('begun'), [own.run(), own.run()]];
  await until(() => own.count('begun') === before + 2);
  own.allow('taskAllowed', before + 2);
  await Promise.all(calls);
}

describe('a pool of threads', () => {
  it('does two tasks at once where it may have two threads, and one where it may have one', async () => {
    const two = pool(HELD);
    const both = [two.run(), two.run()];
    // Neither may end, and both have begun.
    await until(() => two.count('begun') === 2);
    two.allow('taskAllowed', 2);
    assert.deepEqual((await Promise.all(both)).toSorted(), ['1', '2']);

    const one = pool(HELD, { threads: 1 });
    const calls = [one.run(), one.run()];
    await until(() => one.count('begun') === 1);
    one.allow('taskAllowed', 1);
    await calls[0];
    await until(() => one.count('begun') === 2);
    one.allow('taskAllowed', 2);
    assert.deepEqual(await Promise.all(calls), ['1', '1']);
    assert.equal(one.count('started'), 1);
  });

  it('starts no second thread for tasks that come one after another', async () => {
    const own = pool('onTask(answer);');
    for (let n = 0; n < 5; n += 1) assert.equal(await own.run(), '1');
    assert.equal(own.count('started'), 1);
  });

  it('starts the second only when the first is up and at work', async () => {
    const own = pool(`waitFor('startAllowed', nth); ${HELD}`);
    const calls = [own.run(), own.run(), own.run()];
    own.prepare();
    await until(() => own.count('started') === 1);
    // The first start is slow, three tasks wait, and a fourth comes.
    calls.push(own.run());
    // As long as two threads of another pool need.
    await bothUp(pool(HELD));
    assert.equal(own.count('started'), 1);
    own.allow('startAllowed', 1);
    await until(() => own.count('begun') === 1);
    await until(() => own.count('started') === 2);
    own.allow('taskAllowed', 4);
    own.allow('startAllowed', 2);
    await Promise.all(calls);
    assert.equal(own.count('started'), 2);
    assert.equal(own.load, 0);
  });

  it('starts no second thread while the waits are short together, and counts those of all tasks', async () => {
    const own = pool(HELD, { furtherAfterMs: 1e9 });
    const calls = [own.run(), own.run(), own.run()];
    // As long as two threads of another pool need.
    await bothUp(pool(HELD));
    for (let done = 1; done <= 3; done += 1) {
      await until(() => own.count('begun') === done);
      own.allow('taskAllowed', done);
    }
    assert.deepEqual(await Promise.all(calls), ['1', '1', '1']);
    assert.equal(own.count('started'), 1);

    // No wait is as long as that, all of them together are.
    const furtherAfterMs = 20;
    const often = pool('onTask((task) => setTimeout(answer, 5, task));', { furtherAfterMs });
    for (let n = 0; often.count('started') === 1 || n < 2; n += 1) {
      assert.ok(n < 5000);
      await Promise.all([often.run(), often.run()]);
    }
    assert.equal(often.count('started'), 2);
  });

  it('starts the second while the first has one task without end, though nothing else happens', async () => {
    const own = pool(HELD, { furtherAfterMs: 1 });
    const calls = [own.run(), own.run()];
    await until(() => own.count('begun') === 2);
    own.allow('taskAllowed', 2);
    await Promise.all(calls);
    assert.equal(own.count('started'), 2);
  });

  it('whose second thread does not start fails no task, and leaves that thread alone', async () => {
    const own = pool(`if (nth > 1) throw new Error('no memory'); ${HELD}`);
    const calls = [own.run(), own.run(), own.run()];
    await until(() => own.count('begun') === 1 && own.count('started') === 3);
    own.allow('taskAllowed', 3);
    assert.deepEqual(await Promise.all(calls), ['1', '1', '1']);
    // It failed twice, which is its patience: the first goes on alone.
    assert.equal(await outcome(own.run({}, AbortSignal.timeout(1))).then(() => own.count('started')), 3);
  });

  it('whose only thread does not start fails the tasks that wait for it', async () => {
    const own = pool("throw new Error('no model');");
    for (const each of await Promise.all([outcome(own.run()), outcome(own.run())])) assert.match(each, /no model/);
    assert.equal(own.count('started'), 1);
  });

  for (const [what, does] of [
    ['crashes', "throw new Error('boom');"],
    ['exits', 'process.exit(3);'],
    ['stands still', "waitFor('taskAllowed', 1e9);"],
    ['computes without end', 'for (;;);'],
  ] as const) {
    it(`loses one task of two at once where a thread ${what}, and goes on with the other one`, async () => {
      const own = pool(`onTask((task) => { if (task.ill) { ${does} } answer(task); });`, {
        task: { cpuMs: 500, stillMs: 2000 },
      });
      const [ill, ...well] = [own.run({ ill: true }), own.run(), own.run(), own.run()];
      assert.match(await outcome(ill), /failed|ended|stood still|more than 500 ms/);
      for (const call of well) assert.match(await call, /^\d$/);
      assert.equal(own.load, 0);
    });
  }

  it('refuses tasks only when all its threads rest', async () => {
    const ill = "if (task.ill) { parentPort.postMessage({ number: task.number, error: 'ill' }); return; }";
    const own = pool(
      `onTask((task) => { ${ill} const mine = note('begun'); waitFor('taskAllowed', mine); answer(task); });`,
    );
    await bothUp(own);
    // Twice in a row is too often for the first thread, to which tasks go that come one after another.
    assert.equal(await outcome(own.run({ ill: true })), 'error: ill');
    const [ill2, works, waits] = [own.run({ ill: true }), own.run(), own.run()];
    assert.equal(await outcome(ill2), 'error: ill');
    own.allow('taskAllowed', 100);
    // What waited meanwhile is done by the second thread.
    assert.deepEqual(await Promise.all([works, waits]), ['2', '2']);
    for (let n = 0; n < 2; n += 1) assert.equal(await outcome(own.run({ ill: true })), 'error: ill');
    assert.match(await outcome(own.run()), /lost: .*left alone/);
    assert.equal(own.count('started'), 2);
  });

  it('bounds its line, which callers leave', async () => {
    const own = pool(HELD, { waiting: 2 });
    const working = [own.run(), own.run()];
    await until(() => own.count('begun') === 2);
    const leaves = new AbortController();
    const left = outcome(own.run({}, leaves.signal));
    const waits = own.run();
    assert.match(await outcome(own.run()), /full/);
    leaves.abort(new Error('gone'));
    assert.equal(await left, 'Error: gone');
    const joins = own.run();
    own.allow('taskAllowed', 4);
    await Promise.all([...working, waits, joins]);
    assert.equal(own.count('begun'), 4);
  });

  it('closes all its threads, and fails all that wait', async () => {
    const own = pool(HELD);
    const calls = [own.run(), own.run(), own.run()].map(outcome);
    await until(() => own.count('begun') === 2);
    await own.close();
    for (const call of await Promise.all(calls)) assert.match(call, /closed/);
    assert.match(await outcome(own.run()), /closed/);
    assert.equal(own.load, 0);
  });
});
