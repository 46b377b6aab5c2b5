import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { cachedDataVersionTag } from 'node:v8';
import { growHeapAsBefore, growHeapSlowly, HEAP_GROWTH } from '../../src/process/heap-growth.ts';
import { TEST_KEY } from '../helpers/app.ts';
import { ROOT } from '../helpers/edge.ts';

const run = promisify(execFile);

/** Collections of the whole heap while originals of 3 MB come and go, eight at a time: by V8 as it is, and with the flags. */
const COUNTED = `
let whole = 0;
const major = perf_hooks.constants.NODE_PERFORMANCE_GC_MAJOR;
const count = (list) => list.getEntries().forEach(({ detail }) => (whole += Number(detail.kind === major)));
new perf_hooks.PerformanceObserver(count).observe({ entryTypes: ['gc'] });
async function collections() {
  whole = 0;
  const originals = [];
  for (let at = 0; at < 600; at += 1) {
    originals[at % 8] = Buffer.allocUnsafe(3 << 20);
    await timers.promises.setImmediate();
  }
  // The observer is told in a turn of its own.
  await timers.promises.setTimeout(50);
  return whole;
}
(async () => {
  const before = await collections();
  (await import('./src/process/heap-growth.ts')).growHeapSlowly();
  process.stdout.write(JSON.stringify([before, await collections()]));
})()`;

describe('the growth of the heap', () => {
  it('is set in a process that runs: originals that come and go have the whole heap collected less often', async () => {
    const counted = await run(process.execPath, ['-e', COUNTED], { cwd: ROOT, env: {} });
    const [before, slowly] = JSON.parse(counted.stdout);
    assert.ok(slowly <= before / 2, `${before} collections, then ${slowly}`);
  });

  it('is set back whole, so that code compiled before it and after it is the same to V8', async () => {
    const before = cachedDataVersionTag();
    growHeapSlowly();
    const slowly = cachedDataVersionTag();
    growHeapAsBefore();
    assert.notEqual(slowly, before);
    assert.equal(cachedDataVersionTag(), before);
    // The saved code of the face models is compiled by a process that has set the flags, and used by others.
    const given = await run(process.execPath, [...HEAP_GROWTH, '-p', 'v8.cachedDataVersionTag()'], { env: {} });
    const set = `for (const flag of ${JSON.stringify(HEAP_GROWTH)}) v8.setFlagsFromString(flag); v8.cachedDataVersionTag()`;
    assert.equal((await run(process.execPath, ['-p', set], { env: {} })).stdout, given.stdout);
  });

  it('is set by a server that is up', async () => {
    const started = `import('./src/main.ts').then(() => {
      const before = v8.cachedDataVersionTag();
      setInterval(() => {
        if (v8.cachedDataVersionTag() === before) return;
        process.stdout.write(String(v8.cachedDataVersionTag()));
        process.exit();
      }, 5);
    })`;
    const settings = { DARKROOM_SIGNING_KEYS: TEST_KEY.toString('hex'), DARKROOM_METRICS_PORT: 'off' };
    const env = {
      ...settings,
      HOST: '127.0.0.1',
      PORT: '0',
      DARKROOM_ORIGINALS: 'file:samples',
      DARKROOM_RESULTS: 'none',
    };
    const server = await run(process.execPath, ['-e', started], {
      cwd: ROOT,
      env: { ...env, DARKROOM_LOG_LEVEL: 'silent' },
      timeout: 60_000,
    });
    const given = await run(process.execPath, [...HEAP_GROWTH, '-p', 'v8.cachedDataVersionTag()'], { env: {} });
    assert.equal(server.stdout.split('\n').at(-1)?.trim(), given.stdout.trim());
  });
});
