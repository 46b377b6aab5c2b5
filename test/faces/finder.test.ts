import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Look, Probe } from '../../src/faces/face.ts';
import { createFaceFinder, type FaceFinder, FaceFinderError } from '../../src/faces/finder.ts';
import { ASTRONAUT_FACE, astronaut, coffee, probeOf, workerThat } from '../helpers/faces.ts';
import { PATIENCE_MS, until, untilAnswer } from '../helpers/turns.ts';

const never = new AbortController().signal;
const blank: Probe = { data: Buffer.alloc(64 * 64 * 4, 255), width: 64, height: 64 };
const nobody: Look = { faces: [], depth: 'tiles', complete: true };
const open: FaceFinder[] = [];
after(() => Promise.all(open.map((finder) => finder.close())));

function finder(options: Partial<Parameters<typeof createFaceFinder>[0]> = {}): FaceFinder {
  const made = createFaceFinder({ waiting: 4, idleMs: 60_000, ...options });
  open.push(made);
  return made;
}
const broken = (does: string, options: Partial<Parameters<typeof createFaceFinder>[0]> = {}) =>
  finder({ workerUrl: workerThat(does), backOffMs: 50, ...options });
/** Code of a thread: takes this much CPU, in milliseconds. */
const compute = (ms: number) =>
  `const cpu = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000; };
   for (const until = cpu() + ${ms}; cpu() < until;);`;
/** How long a finder leaves its thread alone, in milliseconds: from before the call that was a fault too many. */
async function leftAlone(eyes: FaceFinder, since: number): Promise<number> {
  const failure = () =>
    eyes.find(blank, 'tiles', never).then(
      () => '',
      (error: Error) => error.message,
    );
  await untilAnswer(failure, (message) => !/left alone/.test(message), 5);
  return performance.now() - since;
}
const fails = (call: Promise<unknown>, message: RegExp) =>
  assert.rejects(call, (error: Error) => error instanceof FaceFinderError && message.test(error.message));

describe('the face finder', () => {
  it('finds the astronaut, with box, score and eyes, and no face in a cup of coffee', async () => {
    const eyes = finder();
    assert.equal(eyes.running, false);
    const [found, ...others] = (await eyes.find(await probeOf(astronaut), 'tiles', never)).faces;
    assert.deepEqual(others, []);
    assert.ok(found && found.score > 0.8 && found.score <= 1);
    const middle = { x: (found.left + found.width / 2) * 512, y: (found.top + found.height / 2) * 512 };
    assert.ok(Math.abs(middle.x - (ASTRONAUT_FACE.left + ASTRONAUT_FACE.width / 2)) < 15, `${middle.x}`);
    assert.ok(Math.abs(middle.y - (ASTRONAUT_FACE.top + ASTRONAUT_FACE.height / 2)) < 15, `${middle.y}`);
    assert.ok(Math.abs(found.eyesY * 512 - 110) < 12, `${found.eyesY * 512}`);
    assert.equal(eyes.running, true);
    assert.deepEqual((await eyes.find(await probeOf(coffee), 'tiles', never)).faces, []);
  });

  it('gives the same answer to the same picture, alone or in a crowd of callers', async () => {
    const eyes = finder({ waiting: 16 });
    const probe = await probeOf(astronaut);
    const answers = await Promise.all(Array.from({ length: 8 }, () => eyes.find(probe, 'tiles', never)));
    assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
  });

  it('looks at two pictures at once with two threads, and finds the same', async () => {
    const [one, two] = [finder({ waiting: 16 }), finder({ waiting: 16, threads: 2, furtherAfterMs: 0 })];
    const probes = await Promise.all([astronaut, coffee, astronaut, coffee].map(probeOf));
    const look = (eyes: FaceFinder) => Promise.all(probes.map((probe) => eyes.find(probe, 'tiles', never)));
    const expected = await look(one);
    // The second thread starts beside the first looks.
    for (let round = 0; round < 3; round += 1) assert.deepEqual(await look(two), expected);

    const both = new BroadcastChannel('two looks');
    let [begun, told] = [0, Promise.withResolvers<void>()];
    both.onmessage = ({ data }) => {
      if (data === 'begun' && ++begun === 2) told.resolve();
    };
    const held = broken(
      `const both = new BroadcastChannel('two looks');
       onTask((task) => { both.postMessage('begun'); both.onmessage = ({ data }) => data === 'go on' && answer(task); }); ready();`,
      { threads: 2, furtherAfterMs: 0 },
    );
    const looks = [held.find(blank, 'tiles', never), held.find(blank, 'tiles', never)];
    await told.promise;
    both.postMessage('go on');
    assert.deepEqual(await Promise.all(looks), [nobody, nobody]);
    both.close();
  });

  it('finds no face in pictures too small or of no colour, and refuses pixels of a wrong length', async () => {
    const eyes = finder();
    for (const [width, height] of [
      [1, 1],
      [640, 1],
      [1, 640],
      [20, 20],
      [640, 21],
    ] as const)
      assert.deepEqual(
        (await eyes.find({ data: Buffer.alloc(width * height * 4), width, height }, 'tiles', never)).faces,
        [],
      );
    for (const probe of [
      { ...blank, width: 63 },
      { data: Buffer.alloc(0), width: 0, height: 0 },
    ])
      await fails(eyes.find(probe, 'tiles', never), /no RGBA pixels/);
  });

  it('takes the memory of a probe only where it is given', async () => {
    const eyes = broken('onTask((task) => answer(task, task.data.length === 16384 ? [] : null)); ready();');
    const [kept, given] = [new Uint8Array(blank.data), new Uint8Array(blank.data)];
    await eyes.find({ ...blank, data: kept }, 'tiles', never);
    await eyes.find({ ...blank, data: given, given: true }, 'tiles', never);
    assert.deepEqual([kept.length, given.length], [64 * 64 * 4, 0]);
  });

  it('ends its thread after idle time and starts it again when asked', async () => {
    const eyes = broken('onTask((task) => answer(task)); ready();', { idleMs: 50 });
    await eyes.find(blank, 'tiles', never);
    assert.equal(eyes.running, true);
    await until(() => !eyes.running);
    assert.deepEqual(await eyes.find(blank, 'tiles', never), nobody);
  });

  it('closes: rejects waiting calls and later ones', async () => {
    const eyes = broken('onTask(() => {}); ready();');
    const calls = [eyes.find(blank, 'tiles', never), eyes.find(blank, 'tiles', never)].map((call) =>
      fails(call, /closed/),
    );
    await sleep(100);
    await eyes.close();
    await Promise.all(calls);
    await fails(eyes.find(blank, 'tiles', never), /closed/);
    assert.equal(eyes.running, false);
  });
});

describe('a face thread that fails', () => {
  const onFirst = (does: string) =>
    `onTask((task) => { if (task.number === 1) { ${does} } else answer(task); }); ready();`;
  const once: [what: string, does: string, message: RegExp][] = [
    ['throws', 'throw new Error("boom")', /failed/],
    ['exits', 'process.exit(3)', /ended \(3\)/],
    ['aborts as WebAssembly does', 'throw new WebAssembly.RuntimeError("unreachable")', /failed/],
    ['runs out of memory', 'const all = []; for (;;) all.push(new Array(1e6).fill(task.number + all.length));', /./],
    ['never returns', 'for (;;);', /more than 500 ms of CPU/],
    ['never answers', 'undefined', /stood still for 2000 ms/],
    ['waits for ever', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', /stood still for 2000 ms/],
  ];
  for (const [what, does, message] of once) {
    it(`fails one call and serves the next: ${what}`, async () => {
      const memory = what.includes('memory') ? { maxHeapMb: 32 } : {};
      const eyes = broken(onFirst(does), { look: { cpuMs: 500, stillMs: 2000 }, ...memory });
      const [first, second] = await Promise.allSettled([
        eyes.find(blank, 'tiles', never),
        eyes.find(blank, 'tiles', never),
      ]);
      assert.ok(first.status === 'rejected' && message.test(first.reason.message), String(first));
      assert.equal(second.status, 'fulfilled');
      assert.deepEqual(await eyes.find(blank, 'tiles', never), nobody);
    });
  }

  it('says what the model said', async () => {
    const eyes = broken(
      'onTask(({ number }) => parentPort.postMessage({ number, error: "no such tensor" })); ready();',
    );
    await fails(eyes.find(blank, 'tiles', never), /no such tensor/);
    assert.equal(eyes.running, true);
  });

  it('that says three times that it failed is ended, left alone, and begun anew', async () => {
    const message = 'parentPort.postMessage({ number: task.number, error: "memory access out of bounds" })';
    const eyes = broken(`let tasks = 0; onTask((task) => { tasks += 1; ${message}; }); ready();`, { backOffMs: 3000 });
    let since = 0;
    for (let fault = 0; fault < 3; fault += 1) {
      since = performance.now();
      await fails(eyes.find(blank, 'tiles', never), /out of bounds/);
    }
    assert.equal(eyes.running, false);
    assert.ok((await leftAlone(eyes, since)) >= 3000);
  });

  it('is forgiven what it said before a good answer', async () => {
    const eyes = broken(
      'onTask((task) => task.number % 3 ? parentPort.postMessage({ number: task.number, error: "ill" }) : answer(task)); ready();',
    );
    for (let round = 0; round < 3; round += 1) {
      for (let fault = 0; fault < 2; fault += 1) await fails(eyes.find(blank, 'tiles', never), /ill/);
      assert.deepEqual(await eyes.find(blank, 'tiles', never), nobody);
    }
  });

  for (const what of ['NaN', '-0.1', '1.1', 'Infinity', 'null', '"wide"']) {
    it(`and tells of a face ${what} wide has told nothing`, async () => {
      const eyes = broken(
        `onTask((task) => answer(task, [{ left: 0.1, top: 0.1, width: ${what}, height: 0.2, score: 0.9, eyesY: 0.2 }])); ready();`,
      );
      await fails(eyes.find(blank, 'tiles', never), /can be no face/);
    });
  }

  for (const [what, does] of [
    ['throws', 'throw new Error("no model")'],
    ['cannot be parsed', 'this is no code'],
    ['exits', 'process.exit(1)'],
  ] as const) {
    it(`that ${what} at its start fails all who wait, and is left alone after three times`, async () => {
      const eyes = broken(does, { backOffMs: 150 });
      let since = 0;
      for (let fault = 0; fault < 3; fault += 1) {
        since = performance.now();
        const both = await Promise.allSettled([eyes.find(blank, 'tiles', never), eyes.find(blank, 'tiles', never)]);
        assert.deepEqual(
          both.map(({ status }) => status),
          ['rejected', 'rejected'],
        );
      }
      assert.equal(eyes.running, false);
      assert.ok((await leftAlone(eyes, since)) >= 150);
      // The pause doubles; it began with the call that ended the one before.
      assert.ok((await leftAlone(eyes, since)) >= 150 + 300);
    });
  }

  it('that is slow to start is waited for, by all who come meanwhile, and started once', async () => {
    const starts = new BroadcastChannel('starts');
    let [started, begun] = [0, Promise.withResolvers<void>()];
    starts.onmessage = () => {
      started += 1;
      begun.resolve();
    };
    const eyes = broken(`
      const starts = new BroadcastChannel('starts');
      starts.postMessage('up');
      onTask((task) => answer(task));
      starts.onmessage = () => { ${compute(1500)} starts.close(); ready(); };`);
    const early = eyes.find(blank, 'tiles', never);
    await begun.promise;
    starts.postMessage('go on');
    const late = eyes.find(blank, 'tiles', never);
    assert.deepEqual(await Promise.all([early, late]), [nobody, nobody]);
    starts.close();
    assert.equal(started, 1);
  });

  it('that never starts is given up, standing still or computing', async () => {
    for (const [does, limit] of [
      ['onTask(() => {});', /does not start: it stood still for 300 ms/],
      ['for (;;);', /does not start: it used more than 500 ms of CPU/],
    ] as const) {
      const eyes = broken(does, { start: { stillMs: does.includes('for') ? PATIENCE_MS : 300, cpuMs: 500 } });
      await fails(eyes.find(blank, 'tiles', never), limit);
      assert.equal(eyes.running, false);
    }
  });

  it('is noticed even when its caller left', async () => {
    const begun = new BroadcastChannel('the first task');
    const told = new Promise((resolve) => (begun.onmessage = resolve));
    const says = "new BroadcastChannel('the first task').postMessage('begun');";
    const eyes = broken(onFirst(`${says} for (;;);`), { look: { cpuMs: 500 } });
    const leaves = new AbortController();
    const left = assert.rejects(eyes.find(blank, 'tiles', leaves.signal), /gone/);
    await told;
    begun.close();
    leaves.abort(new Error('gone'));
    await left;
    assert.deepEqual(await eyes.find(blank, 'tiles', never), nobody);
  });

  it('and says once more that it is ready is watched all the same', async () => {
    const eyes = broken(onFirst("parentPort.postMessage('ready'); for (;;);"), { look: { cpuMs: 300 } });
    await fails(eyes.find(blank, 'tiles', never), /more than 300 ms of CPU/);
  });

  it('is not answered twice, nor by what it says unasked', async () => {
    const odd =
      'onTask((task) => { parentPort.postMessage({ number: 99, faces: [1] }); answer(task); answer(task, [2]); }); ready();';
    const eyes = broken(odd);
    assert.deepEqual(await eyes.find(blank, 'tiles', never), nobody);
    assert.deepEqual(await eyes.find(blank, 'tiles', never), nobody);
  });
});

describe('the limits of a look', () => {
  it('are of CPU time: a thread that computes is left to it, however long that takes', async () => {
    const eyes = broken(`onTask((task) => { ${compute(1500)} answer(task); }); ready();`, {
      look: { stillMs: 1400, cpuMs: 3000 },
    });
    assert.deepEqual(await eyes.find(blank, 'tiles', never), nobody);
  });

  it('count for each look alone: neither the time in line nor the start of the thread', async () => {
    const eyes = broken(`{ ${compute(900)} } onTask((task) => { ${compute(300)} answer(task); }); ready();`, {
      look: { cpuMs: 800 },
      waiting: 8,
    });
    const all = await Promise.all(Array.from({ length: 6 }, () => eyes.find(blank, 'tiles', never)));
    assert.deepEqual(all, Array(6).fill(nobody));
  });

  it('leave a thread in peace that could not go on because the process did not', async () => {
    const task = new BroadcastChannel('the task');
    const begun = new Promise((resolve) => (task.onmessage = resolve));
    const eyes = broken(
      `onTask((given) => { const task = new BroadcastChannel('the task'); task.postMessage('begun');
        task.onmessage = () => { answer(given); task.close(); }; }); ready();`,
      { look: { stillMs: 3000 } },
    );
    const look = eyes.find(blank, 'tiles', never);
    await begun;
    // As in a suspend: the process has no CPU, and its timers come late.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6000);
    // The timer that came late has its turn before the thread is told.
    await sleep(0);
    task.postMessage('go on');
    assert.deepEqual(await look, nobody);
    task.close();
  });

  it('say of a look that the thread itself cut off that it is no whole one', async () => {
    const eyes = broken(
      "onTask(({ number }) => parentPort.postMessage({ number, faces: [], depth: 'whole', complete: false })); ready();",
    );
    assert.deepEqual(await eyes.find(blank, 'tiles', never), { faces: [], depth: 'whole', complete: false });
  });
});

describe('the line for the face thread', () => {
  it('is bounded', async () => {
    const eyes = broken('onTask((task) => setTimeout(() => answer(task), 100)); ready();', { waiting: 2 });
    const first = eyes.find(blank, 'tiles', never);
    await first;
    const calls = [
      eyes.find(blank, 'tiles', never),
      eyes.find(blank, 'tiles', never),
      eyes.find(blank, 'tiles', never),
    ];
    await fails(eyes.find(blank, 'tiles', never), /too many/);
    assert.equal((await Promise.all(calls)).length, 3);
  });

  it('is left by callers who have gone, and never joined by them', async () => {
    const eyes = broken('onTask((task) => setTimeout(() => answer(task), 100)); ready();', { waiting: 1 });
    await eyes.find(blank, 'tiles', never);
    const served = eyes.find(blank, 'tiles', never);
    const leaves = new AbortController();
    const left = assert.rejects(eyes.find(blank, 'tiles', leaves.signal), /gone/);
    leaves.abort(new Error('gone'));
    await left;
    assert.deepEqual(await Promise.all([served, eyes.find(blank, 'tiles', never)]), [nobody, nobody]);
    await assert.rejects(eyes.find(blank, 'tiles', AbortSignal.abort(new Error('before'))), /before/);
  });
});

describe('the face thread and the network', () => {
  const guard = `
    import net from 'node:net'; import dns from 'node:dns'; import http from 'node:http'; import https from 'node:https';
    import { syncBuiltinESMExports } from 'node:module'; import { writeSync } from 'node:fs';
    const caught = (name) => () => { writeSync(2, 'NETWORK ' + name + '\\n'); throw new Error('no network'); };
    net.Socket.prototype.connect = caught('connect');
    for (const name of ['lookup', 'resolve', 'resolve4']) dns[name] = caught(name);
    for (const from of [http, https]) for (const name of ['get', 'request']) from[name] = caught(name);
    for (const name of ['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest']) globalThis[name] = caught(name);
    syncBuiltinESMExports();`;
  const run = (does: string) =>
    promisify(execFile)(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(guard)}`, '-e', does],
      { cwd: new URL('../..', import.meta.url).pathname },
    );

  it('opens no connection while it starts and looks', async () => {
    const { stdout, stderr } = await run(`
      import { createFaceFinder } from './src/faces/finder.ts';
      import { astronaut, probeOf } from './test/helpers/faces.ts';
      const finder = createFaceFinder({ waiting: 1, idleMs: 1000 });
      console.log((await finder.find(await probeOf(astronaut), 'tiles', new AbortController().signal)).faces.length);
      await finder.close();`);
    assert.equal(stdout.trim(), '1');
    assert.doesNotMatch(stderr, /NETWORK/);
  });

  it('would be caught if it did', async () => {
    const { stderr } = await run(`
      import { Worker } from 'node:worker_threads';
      new Worker(new URL('data:text/javascript,fetch("http://127.0.0.1:9/")')).on('error', () => {});`);
    assert.match(stderr, /NETWORK fetch/);
  });
});
