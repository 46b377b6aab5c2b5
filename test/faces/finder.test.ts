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
  const made = createFaceFinder({ timeoutMs: PATIENCE_MS, waiting: 4, idleMs: 60_000, ...options });
  open.push(made);
  return made;
}
const broken = (does: string, options: Partial<Parameters<typeof createFaceFinder>[0]> = {}) =>
  finder({ workerUrl: workerThat(does), timeoutMs: PATIENCE_MS, startMs: PATIENCE_MS, backOffMs: 50, ...options });
/** Asks until there is an answer: with a short limit, a busy machine's first calls may run out of time too. */
const served = (eyes: FaceFinder) =>
  untilAnswer(
    () => eyes.find(blank, 'tiles', never).catch(() => undefined),
    (faces) => faces !== undefined,
  );
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
    ['never returns', 'for (;;);', /longer than/],
    ['never answers', 'undefined', /longer than/],
  ];
  for (const [what, does, message] of once) {
    it(`fails one call and serves the next: ${what}`, async () => {
      const slow = what.startsWith('never');
      const memory = what.includes('memory');
      const eyes = broken(onFirst(does), { ...(slow ? { timeoutMs: 500 } : {}), ...(memory ? { maxHeapMb: 32 } : {}) });
      const [first, second] = await Promise.allSettled([
        eyes.find(blank, 'tiles', never),
        eyes.find(blank, 'tiles', never),
      ]);
      assert.ok(first.status === 'rejected' && message.test(first.reason.message), String(first));
      // A call that waited behind it may have run out of time with it, but the next one is served.
      if (slow && second.status === 'rejected') assert.match(second.reason.message, /longer than/);
      else assert.equal(second.status, 'fulfilled');
      assert.deepEqual(await (slow ? served(eyes) : eyes.find(blank, 'tiles', never)), nobody);
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

  it('that is slow to start serves those who come later', async () => {
    const eyes = broken('onTask((task) => answer(task)); setTimeout(ready, 600);', { timeoutMs: 200 });
    await fails(eyes.find(blank, 'tiles', never), /longer than 200 ms/);
    assert.equal(eyes.running, true);
    assert.deepEqual(await served(eyes), nobody);
  });

  it('that never starts is given up', async () => {
    const eyes = broken('onTask(() => {});', { startMs: 100 });
    await fails(eyes.find(blank, 'tiles', never), /does not start/);
    assert.equal(eyes.running, false);
  });

  it('is noticed even when its caller left', async () => {
    const begun = new BroadcastChannel('the first task');
    const told = new Promise((resolve) => (begun.onmessage = resolve));
    const says = "new BroadcastChannel('the first task').postMessage('begun');";
    const eyes = broken(onFirst(`${says} for (;;);`), { timeoutMs: 5000 });
    const leaves = new AbortController();
    const left = assert.rejects(eyes.find(blank, 'tiles', leaves.signal), /gone/);
    await told;
    begun.close();
    leaves.abort(new Error('gone'));
    await left;
    assert.deepEqual(await served(eyes), nobody);
  });

  it('is not answered twice, nor by what it says unasked', async () => {
    const odd =
      'onTask((task) => { parentPort.postMessage({ number: 99, faces: [1] }); answer(task); answer(task, [2]); }); ready();';
    const eyes = broken(odd);
    assert.deepEqual(await eyes.find(blank, 'tiles', never), nobody);
    assert.deepEqual(await eyes.find(blank, 'tiles', never), nobody);
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
      const finder = createFaceFinder({ timeoutMs: 20000, waiting: 1, idleMs: 1000 });
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
