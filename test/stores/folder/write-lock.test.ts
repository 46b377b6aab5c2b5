import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createFolderStore } from '../../../src/stores/folder/folder-store.ts';
import { leaveLock, takeLock } from '../../../src/stores/folder/write-lock.ts';
import { count, counted } from '../../helpers/counter.ts';

const run = promisify(execFile);
const live = () => ({ signal: new AbortController().signal, maxBytes: 1000 });
const object = (body: string) => ({
  ...{ body: Buffer.from(body), contentType: undefined, cacheControl: undefined, metadata: {} },
});

const lockOf = (file: string) =>
  join(dirname(dirname(file)), '.tmp', `lock-${createHash('sha256').update(file).digest('hex')}`);

async function newFolder(context: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'darkroom-lock-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  return root;
}

describe('conditional writes to a folder', () => {
  for (const [metadataIn, times] of [
    ['trailer', 500],
    ['sidecar', 200],
  ] as const) {
    it(`lose no step of a counter by two processes, headers in a ${metadataIn}`, async (context) => {
      const root = await newFolder(context);
      const counter = join(import.meta.dirname, '../../helpers/counter.ts');
      const outcomes = await Promise.all(
        [1, 2].map(() => run(process.execPath, ['-C', 'development', counter, root, String(times), metadataIn])),
      );
      const store = createFolderStore({ root, timeoutMs: 5000, metadataIn });
      assert.equal(await counted(store), times * 2);
      assert.deepEqual(await readdir(join(root, '.tmp')), []);
      context.diagnostic(`${times * 2} steps with ${outcomes.map(({ stdout }) => stdout).join(' + ')} conflicts`);
    });
  }

  it('go on after processes that are killed at any moment', async (context) => {
    const root = await newFolder(context);
    const store = createFolderStore({ root, timeoutMs: 60_000, metadataIn: 'trailer' });
    const counter = join(import.meta.dirname, '../../helpers/counter.ts');
    for (let round = 0; round < 4; round += 1) {
      const before = await counted(store);
      const child = spawn(process.execPath, ['-C', 'development', counter, root, '1000000'], { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      while ((await counted(store)) < before + 20) await delay(1);
      child.kill('SIGKILL');
      await ended;
      const left = await counted(store);
      await count(store, 5);
      assert.equal(await counted(store), left + 5);
    }
  });

  it('take over the lock that a killed process left, and leave nothing of it', async (context) => {
    const root = await newFolder(context);
    const store = createFolderStore({ root, timeoutMs: 60_000, metadataIn: 'trailer' });
    const first = await store.putIf('a/record', object('1'), 'absent', live());
    assert.ok(first !== 'conflict');
    const lock = lockOf(join(root, 'a/record'));
    await mkdir(lock, { recursive: true });
    await writeFile(join(lock, 'left-by-the-dead'), 'half');
    assert.ok((await store.putIf('a/record', object('2'), first, live())) !== 'conflict');
    assert.equal(String((await store.get('a/record', live()))?.body), '2');
    assert.deepEqual(await readdir(join(root, '.tmp')), []);
  });

  it('end with the time limit of the store, and with the caller, while the lock is held', async (context) => {
    const root = await newFolder(context);
    const store = createFolderStore({ root, timeoutMs: 300, metadataIn: 'trailer' });
    const lock = lockOf(join(root, 'a/record'));
    await mkdir(lock, { recursive: true });
    await writeFile(join(lock, 'held'), 'x');
    await assert.rejects(store.putIf('a/record', object('1'), 'absent', live()), { code: 'store_timeout' });
    const caller = new AbortController();
    const writing = store.putIf('a/record', object('1'), 'absent', { signal: caller.signal });
    caller.abort(new Error('gave up'));
    await assert.rejects(writing, /gave up/);
    assert.equal(await readFile(join(lock, 'held'), 'utf8'), 'x');
  });
});

describe('a write lock', () => {
  it('has one holder; who lost it can write no more, and does not release the lock of the next', async (context) => {
    const root = await newFolder(context);
    const lock = join(root, 'lock');
    const target = join(root, 'target');
    const { signal } = new AbortController();
    const stage = async (name: string) => {
      await mkdir(join(root, name));
      await writeFile(join(root, name, name), name);
      return join(root, name, name);
    };
    const slow = await takeLock(lock, await stage('slow'), signal);
    // It waits until the first counts as dead, and takes the lock away from it.
    const next = await takeLock(lock, await stage('next'), signal);
    await assert.rejects(rename(slow, target), { code: 'ENOENT' });
    await leaveLock(lock);
    assert.deepEqual(await readdir(lock), ['next']);
    await rename(next, target);
    await leaveLock(lock);
    assert.equal(await readFile(target, 'utf8'), 'next');
    assert.deepEqual(await readdir(root), ['target']);
  });

  it('is waited for until the signal aborts', async (context) => {
    const root = await newFolder(context);
    await mkdir(join(root, 'lock'));
    await writeFile(join(root, 'lock', 'held'), 'x');
    await mkdir(join(root, 'stage'));
    await writeFile(join(root, 'stage', 'mine'), 'x');
    const caller = new AbortController();
    const taking = takeLock(join(root, 'lock'), join(root, 'stage', 'mine'), caller.signal);
    caller.abort(new Error('gave up'));
    await assert.rejects(taking);
    assert.deepEqual(await readdir(join(root, 'lock')), ['held']);
  });
});
