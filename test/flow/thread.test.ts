import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { createThread, type Thread, ThreadError, type ThreadOptions } from '../../src/flow/thread.ts';
import { until } from '../helpers/turns.ts';

const never = new AbortController().signal;
type Reply = { readonly number: number; readonly value: string; readonly last?: boolean };
const open: Thread<object, Reply>[] = [];
after(() => Promise.all(open.map((thread) => thread.close())));

/** `does`: code with `answer(task, value, more)` and `onTask(act)`. */
function thread(does: string, options: Partial<ThreadOptions<Reply>> = {}): Thread<object, Reply> {
  const code = `
    import { parentPort } from 'node:worker_threads';
    const answer = ({ number }, value, more = {}) => parentPort.postMessage({ number, value, ...more });
    const onTask = (act) => parentPort.on('message', act);
    ${does}
    parentPort.postMessage('ready');`;
  const limits = { cpuMs: 10_000, stillMs: 30_000 };
  const made = createThread<object, Reply>({
    ...{ name: 'test', url: new URL(`data:text/javascript,${encodeURIComponent(code)}`), waiting: 8, idleMs: 60_000 },
    ...{ start: limits, task: limits, patience: 2, backOffMs: 60_000, maxHeapMb: 64 },
    ...{
      isReply: (value: unknown): value is Reply => typeof (value as Reply).value === 'string',
      nonsense: 'nonsense',
    },
    ...options,
  });
  open.push(made);
  return made;
}
const kindOf = (error: unknown) => (error instanceof ThreadError ? error.kind : String(error));

describe('a thread', () => {
  it('does its tasks one at a time, in their order', async () => {
    const own = thread(
      'let busy = 0; onTask(async (task) => { busy += 1; await 0; answer(task, task.name + " " + busy); busy -= 1; });',
    );
    const replies = await Promise.all(['a', 'b', 'c'].map((name) => own.run({ name }, [], never)));
    assert.deepEqual(
      replies.map(({ value }) => value),
      ['a 1', 'b 1', 'c 1'],
    );
    assert.equal(own.load, 0);
  });

  it('is ended behind a reply that says so, which is no fault', async () => {
    const own = thread(
      'let tasks = 0; onTask((task) => { tasks += 1; answer(task, String(tasks), { last: true }); });',
      {
        isLast: (reply) => reply.last === true,
      },
    );
    for (let n = 0; n < 4; n += 1) {
      assert.equal((await own.run({}, [], never)).value, '1');
      assert.equal(own.running, false);
    }
  });

  it('that forgives is not left alone after tasks that took more than they may; another one is', async () => {
    const endless = 'onTask((task) => { if (task.endless) for (;;); answer(task, "done"); });';
    const limits = { cpuMs: 100, stillMs: 30_000 };
    for (const forgiving of [true, false]) {
      const own = thread(endless, { forgiving });
      for (let n = 0; n < 2; n += 1)
        await assert.rejects(own.run({ endless: true }, [], never, limits), (error) => kindOf(error) === 'limit');
      const next = await own.run({}, [], never).then(({ value }) => value, kindOf);
      assert.equal(next, forgiving ? 'done' : 'lost');
    }
  });

  it('ends with a task whose caller left, where it is to; the next one gets a new thread', async () => {
    const own = thread(
      'let tasks = 0; onTask((task) => { tasks += 1; if (!task.hangs) answer(task, String(tasks)); });',
      {
        endsOnAbort: true,
      },
    );
    assert.equal((await own.run({}, [], never)).value, '1');
    const leaving = new AbortController();
    const hanging = own.run({ hangs: true }, [], leaving.signal);
    const next = own.run({}, [], never);
    await until(() => own.load === 2);
    leaving.abort(new Error('gone'));
    await assert.rejects(hanging, /gone/);
    assert.equal((await next).value, '1');
  });

  it('refuses a task too many, and says that it is full', async () => {
    const own = thread('onTask(() => {});', { waiting: 1 });
    const leaving = new AbortController();
    const first = own.run({}, [], leaving.signal).catch(() => {});
    await until(() => own.running);
    const waiting = Array.from({ length: 3 }, () => own.run({}, [], leaving.signal).catch(kindOf));
    assert.ok((await Promise.race(waiting)) === 'full');
    leaving.abort(new Error('gone'));
    await first;
  });
});
