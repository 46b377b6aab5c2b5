import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { LookDepth, Probe } from '../../src/faces/face.ts';
import type { FaceReply, FaceTask } from '../../src/faces/finder.ts';
import { astronaut, coffee, probeOf } from '../helpers/faces.ts';
import { until } from '../helpers/turns.ts';

const open: Worker[] = [];
after(() => Promise.all(open.map((worker) => worker.terminate())));

async function thread(workerData?: { lookCpuMs: number }): Promise<Worker> {
  const worker = new Worker(new URL('../../src/faces/worker.ts', import.meta.url), {
    workerData,
    stdout: true,
    stderr: true,
  });
  worker.stderr.resume();
  open.push(worker);
  assert.deepEqual(await once(worker, 'message'), ['ready']);
  return worker;
}

async function ask(
  worker: Worker,
  number: number,
  { data, width, height }: Probe,
  depth: LookDepth,
): Promise<FaceReply> {
  const task: FaceTask = { number, depth, data, width, height };
  worker.postMessage(task);
  const [reply] = await once(worker, 'message');
  return reply;
}

describe('the face thread', () => {
  it('answers each task by its number, with a look or with an error', async () => {
    const worker = await thread();
    const [portrait, cup] = [await probeOf(astronaut), await probeOf(coffee)];
    const nothing = { number: 7, faces: [], depth: 'tiles', complete: true };
    assert.deepEqual(await ask(worker, 7, cup, 'whole'), nothing);
    const seen = await ask(worker, 8, portrait, 'tiles');
    assert.ok('faces' in seen && seen.faces.length === 1 && seen.complete);
    const failed = await ask(worker, 9, { ...portrait, width: 2 ** 20, height: 2 ** 20 }, 'tiles');
    assert.ok('error' in failed && failed.number === 9, JSON.stringify(failed));
    assert.deepEqual(await ask(worker, 10, portrait, 'tiles'), { ...seen, number: 10 });
  });

  it('loads the near model once, for the first photo that needs it', async () => {
    const worker = await thread();
    let said = '';
    worker.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const loaded = () => said.split('Graph successfully started').length - 1;
    const portrait = await probeOf(astronaut);
    await until(() => loaded() === 1);
    await ask(worker, 1, await probeOf(coffee), 'tiles');
    for (const number of [2, 3]) {
      await ask(worker, number, portrait, 'tiles');
      await until(() => loaded() >= 2);
    }
    const ended = once(worker.stdout, 'end');
    await worker.terminate();
    await ended;
    assert.equal(loaded(), 2);
  });

  it('ends a look that has used up its CPU time, and tells so', async () => {
    const worker = await thread({ lookCpuMs: 0 });
    const portrait = await probeOf(astronaut);
    for (const number of [1, 2])
      assert.deepEqual(await ask(worker, number, portrait, 'tiles'), {
        ...{ number, faces: [], depth: 'whole', complete: false },
      });
    // What one pass tells is complete all the same.
    const nothing = { number: 3, faces: [], depth: 'tiles', complete: true };
    assert.deepEqual(await ask(worker, 3, await probeOf(coffee), 'tiles'), nothing);
  });
});
