import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { rawGet } from '../helpers/raw-http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { mountSkip, prlimitSkip } from '../helpers/system.ts';
import { PATIENCE_MS } from '../helpers/turns.ts';

const run = promisify(execFile);
/** Renditions of it are some 30 KB each, so that a few fill the disk. */
const noise = Buffer.from(Array.from({ length: 300 * 200 * 3 }, (_, at) => (Math.imul(at, 2654435761) >>> 13) % 256));
const photo = await sharp(noise, { raw: { width: 300, height: 200, channels: 3 } })
  .jpeg()
  .toBuffer();
const QUIET = { DARKROOM_FACES: 'off', DARKROOM_SLOTS: '2' };

/** Saves go on while a folder is being removed. */
const REMOVED = { recursive: true, force: true, maxRetries: 20, retryDelay: 10 };

const mounts: string[] = [];
after(async () => {
  for (const folder of mounts) {
    await run('umount', [folder]);
    await rm(folder, REMOVED);
  }
});

/** A file system of this size in a folder of its own. Tests run as root here and in CI. */
async function tinyDisk(size: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-tiny-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]).catch(({ message }) => {
    throw new Error(`a tmpfs must be mounted for this test, so it has to run as root: ${message}`);
  });
  mounts.push(folder);
  return folder;
}

async function startWith(results: string): Promise<TestServer> {
  const server = await startServer({ ...QUIET, DARKROOM_RESULTS: `file:${results}` });
  const folder = join(server.folder, 'data/originals');
  await mkdir(folder, { recursive: true });
  for (let n = 0; n < 12; n += 1) await writeFile(join(folder, `${n}.jpg`), photo);
  return server;
}

let widths = 100;
/** So many renditions that nobody asked for before, all 200 and whole. */
async function renders(server: TestServer, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    widths += 1;
    const answer = await server.get(server.path(`w_${widths},f_jpeg,q_95`, `${n % 12}.jpg`));
    assert.equal(answer.status, 200, server.output());
    assert.equal((await sharp(Buffer.from(await answer.arrayBuffer())).metadata()).width, widths);
  }
}

const warnings = (server: TestServer, text: RegExp) => server.log().filter(({ msg }) => text.test(msg)).length;

/** Polls, because the store is tried again only after a rest that grows. */
async function soon(what: string, happened: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await happened())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await delay(100);
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
const temporary = async (folder: string) => (await filesBelow(folder)).filter((file) => file.includes('/.tmp/'));

/** Renders go on, and after a while new renditions are saved again. */
async function assertRecovers(server: TestServer, folder: string): Promise<void> {
  const before = new Set(await filesBelow(folder));
  await soon('a rendition is saved again', async () => {
    await renders(server, 1);
    return (await filesBelow(folder)).some((file) => !before.has(file) && file.endsWith('.jpeg'));
  });
  await soon('nothing half left', async () => (await temporary(folder)).length === 0);
  assert.equal(server.child.exitCode, null);
  assert.doesNotMatch(server.output(), /[Uu]nhandled/);
}

describe('results on a disk', { skip: mountSkip }, () => {
  it('that is full: 200 from rendering and memory, a warning, nothing half left, and saves again once there is room', async (t) => {
    const folder = await tinyDisk('128k');
    const server = await startWith(folder);
    const kept = server.path('thumb', '0.jpg');
    await (await server.get(kept)).arrayBuffer();
    await renders(server, 30);
    await soon('a warning', async () => warnings(server, /was not saved|left alone/) > 0);
    const hit = await server.get(kept);
    assert.equal(hit.headers.get('cache-status'), 'darkroom; hit; detail=memory');
    await soon('nothing half left', async () => (await temporary(folder)).length === 0);

    for (const name of await readdir(folder)) await rm(join(folder, name), REMOVED);
    await assertRecovers(server, folder);
    t.diagnostic(`${widths - 100} renditions, ${warnings(server, /was not saved/)} not saved, failed: 0`);
    assert.equal(await server.stop(), 0);
    await server.dispose();
  });

  it('that becomes read-only: the same', async (t) => {
    const folder = await tinyDisk('8m');
    const server = await startWith(folder);
    const since = widths;
    await renders(server, 2);
    await soon('two saves', async () => (await filesBelow(folder)).length >= 2);
    // Busy while a file is open for a save.
    await soon('read-only', () =>
      run('mount', ['-o', 'remount,ro', folder]).then(
        () => true,
        () => false,
      ),
    );
    await renders(server, 10);
    await soon('a warning', async () => warnings(server, /was not saved/) > 0);
    const [saved = ''] = (await filesBelow(folder)).filter((file) => file.endsWith('.jpeg'));
    assert.equal((await sharp(await readFile(saved)).metadata()).format, 'jpeg', 'what was there can still be read');
    await run('mount', ['-o', 'remount,rw', folder]);
    await assertRecovers(server, folder);
    t.diagnostic(`${widths - since} renditions, ${warnings(server, /was not saved/)} not saved, failed: 0`);
    assert.equal(await server.stop(), 0);
    await server.dispose();
  });

  it('whose folder is deleted, or has become a file: the same', async (t) => {
    const parent = await mkdtemp(join(tmpdir(), 'darkroom-gone-'));
    const folder = join(parent, 'results');
    const server = await startWith(folder);
    const since = widths;
    await renders(server, 2);
    for (let times = 0; times < 2; times += 1) {
      await rm(folder, REMOVED);
      await assertRecovers(server, folder);
    }
    // A save under way may make the folder again in between.
    await soon('a file in its place', async () => {
      await rm(folder, REMOVED);
      return writeFile(folder, 'a file').then(
        () => true,
        () => false,
      );
    });
    await renders(server, 5);
    await soon('a warning', async () => warnings(server, /was not saved/) > 0);
    await rm(folder);
    await assertRecovers(server, folder);
    t.diagnostic(`${widths - since} renditions, failed: 0`);
    assert.equal(await server.stop(), 0);
    await server.dispose();
    await rm(parent, { recursive: true, force: true });
  });

  it('that damaged what it holds: rendered again and replaced, and never sent', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'darkroom-damaged-'));
    const first = await startWith(folder);
    const targets = Array.from({ length: 6 }, (_, n) => first.path('small', `${n}.jpg`));
    const whole: Buffer[] = [];
    for (const target of targets) whole.push((await rawGet(first.baseUrl, target)).body);
    assert.equal(await first.stop(), 0);
    const bodies = (await filesBelow(folder)).filter((file) => file.endsWith('.webp')).toSorted();
    assert.equal(bodies.length, targets.length);
    const damages = [
      async (file: string) => writeFile(file, (await readFile(file)).subarray(0, 500)),
      async (file: string) => writeFile(file, Buffer.alloc((await readFile(file)).length)),
      (file: string) => writeFile(file, '<!doctype html><script>alert(1)</script>'),
      (file: string) => writeFile(file, ''),
      // What travels with it lies behind it.
      async (file: string) => writeFile(file, (await readFile(file)).subarray(0, -1)),
      async (file: string) =>
        writeFile(file, (await readFile(file, 'latin1')).replace('"image/webp', '"text/plain'), 'latin1'),
    ];
    for (const [at, damage] of damages.entries()) await damage(bodies[at] ?? '');
    const second = await startServer({
      ...{ ...QUIET, DARKROOM_RESULTS: `file:${folder}` },
      DARKROOM_ORIGINALS: `file:${join(first.folder, 'data/originals')}`,
    });
    for (const [at, target] of targets.entries()) {
      const answer = await rawGet(second.baseUrl, target);
      assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'image/webp']);
      assert.equal(answer.headers['cache-status'], 'darkroom; fwd=miss');
      assert.ok(answer.body.equals(whole[at] ?? Buffer.of()));
    }
    assert.equal(await second.stop(), 0);
    assert.equal(warnings(second, /is damaged and will be replaced/), damages.length);
    for (const [at, file] of bodies.entries())
      assert.ok((await readFile(file)).subarray(0, whole[at]?.length).equals(whole[at] ?? Buffer.of()));
    t.diagnostic(`${damages.length} damages, sent: 0, replaced: ${damages.length}`);
    await Promise.all([first.dispose(), second.dispose()]);
    await rm(folder, { recursive: true, force: true });
  });
});

describe('a process without a file descriptor left', { skip: prlimitSkip }, () => {
  it('serves memory, answers the rest by contract, and recovers by itself', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'darkroom-emfile-'));
    const server = await startWith(folder);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const warm = server.path('thumb', '0.jpg');
    const ask = (target: string) => rawGet(server.baseUrl, target, { agent });
    assert.equal((await ask(warm)).status, 200);
    const limitTo = (soft: number) => run('prlimit', ['--pid', String(server.child.pid), `--nofile=${soft}:`]);
    const open = await readdir(`/proc/${server.child.pid}/fd`);
    // Descriptors are numbered from below: not even one of those closed meanwhile is free then.
    await limitTo(Math.min(...freeNumbers(open.map(Number))));

    const answers = { hits: 0, refused: 0 };
    for (let n = 1; n < 10; n += 1) {
      const hit = await ask(warm);
      assert.deepEqual([hit.status, hit.headers['cache-status']], [200, 'darkroom; hit; detail=memory']);
      answers.hits += 1;
      const miss = await ask(server.path('small', `${n}.jpg`));
      assert.deepEqual([miss.status, miss.headers['x-error']], [502, 'store_failed']);
      answers.refused += 1;
    }
    assert.equal((await ask('/health')).status, 200);
    // A newcomer is turned away, and the process does not spin over it.
    await rawGet(server.baseUrl, '/health').catch(() => {});
    await limitTo(1024);
    await soon('a render', async () => (await ask(server.path('small', '1.jpg'))).status === 200);
    assert.equal((await server.get('/health')).status, 200);
    await renders(server, 3);
    assert.doesNotMatch(server.output(), /[Uu]nhandled/);
    assert.equal(await server.stop(), 0);
    t.diagnostic(`${JSON.stringify(answers)}, recovered`);
    agent.destroy();
    await server.dispose();
    await rm(folder, { recursive: true, force: true });
  });
});

function freeNumbers(taken: readonly number[]): number[] {
  return Array.from({ length: 2048 }, (_, at) => at).filter((number) => !taken.includes(number));
}
