import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { createFolderReceiver } from '../../../src/stores/folder/folder-receiver.ts';
import { createFolderStore } from '../../../src/stores/folder/folder-store.ts';
import { mountSkip } from '../../helpers/system.ts';

const KEY = 'product/ü b.jpg';
const live = () => new AbortController().signal;

async function folder(context: TestContext, options: Partial<Parameters<typeof createFolderReceiver>[0]> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'darkroom-receiver-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  const store = createFolderStore({ root, timeoutMs: 5000, metadataIn: 'sidecar' });
  const receiver = createFolderReceiver({ root, timeoutMs: 5000, ...options });
  return {
    ...{ root, store },
    receive: (body: AsyncIterable<Uint8Array>, key = KEY, signal = live()) =>
      receiver.receive(key, body, { contentType: 'image/jpeg', signal }),
    get: (key = KEY) => store.get(key, { signal: live(), maxBytes: 1_000_000 }),
    files: async () => {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
  };
}

/** Chunks, and what happens after each. */
async function* body(texts: readonly string[], between: (at: number) => unknown = () => {}) {
  for (const [at, text] of texts.entries()) {
    yield Buffer.from(text);
    await between(at);
  }
}

describe('a folder that receives', () => {
  it('stores an object as its store reads it, and only once the last byte has come', async (context) => {
    const { receive, get, files } = await folder(context);
    const seen: unknown[] = [];
    assert.equal(await receive(body(['abc', 'def'], async () => seen.push(await get()))), true);
    assert.deepEqual(seen, [undefined, undefined]);
    const { body: stored, contentType } = (await get()) ?? {};
    assert.deepEqual([stored?.toString(), contentType], ['abcdef', 'image/jpeg']);
    assert.deepEqual((await files()).sort(), ['.ü b.jpg.json', 'ü b.jpg']);
  });

  it('reads nothing of a body whose object is there', async (context) => {
    const { receive, get, store, files } = await folder(context);
    const object = { body: Buffer.from('first'), contentType: undefined, cacheControl: undefined, metadata: {} };
    await store.put(KEY, object, { signal: live() });
    let read = 0;
    assert.equal(await receive(body(['second'], () => (read += 1))), false);
    assert.equal(read, 0);
    assert.equal((await get())?.body.toString(), 'first');
    assert.equal((await files()).length, 2);
  });

  it('never replaces an object that comes while the body does', async (context) => {
    const { root, receive, get, files } = await folder(context);
    const sellers = async () => {
      await mkdir(join(root, 'product'), { recursive: true });
      await writeFile(join(root, KEY), 'of the seller');
    };
    assert.equal(await receive(body(['upload'], sellers)), false);
    assert.equal((await get())?.body.toString(), 'of the seller');
    assert.deepEqual(await files(), ['ü b.jpg']);
  });

  it('keeps one of two that end at once, whole, in every order', async (context) => {
    const { receive, get } = await folder(context);
    for (let n = 0; n < 50; n += 1) {
      const key = `${n}.jpg`;
      const both = await Promise.all(['a', 'b'].map((text) => receive(body([text, text]), key)));
      assert.deepEqual(both.toSorted(), [false, true]);
      assert.equal((await get(key))?.body.toString(), both[0] ? 'aa' : 'bb');
    }
  });

  it('leaves nothing of a body that fails, nor when its caller gives up', async (context) => {
    const { receive, get, files } = await folder(context);
    const failing = body(['abc', 'def'], () => {
      throw new Error('cut off');
    });
    await assert.rejects(receive(failing), /cut off/);
    const caller = new AbortController();
    const givenUp = body(['abc', 'def'], () => caller.abort(new Error('too slow')));
    await assert.rejects(receive(givenUp, KEY, caller.signal), /too slow/);
    assert.equal(await get(), undefined);
    assert.deepEqual(await files(), []);
  });

  it('answers store_failed where the folder cannot be written, and leaves nothing', async (context) => {
    const { root, receive, files } = await folder(context);
    await writeFile(join(root, 'product'), 'a file where a folder must be');
    await assert.rejects(receive(body(['abc'])), { code: 'store_failed' });
    await assert.rejects(receive(body(['abc']), 'a/../b.jpg'), { code: 'store_failed' });
    assert.deepEqual(await files(), ['product']);
  });

  it('answers store_failed where the disk is full, and leaves nothing', { skip: mountSkip }, async (context) => {
    const { root, receive, files } = await folder(context);
    await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=100k', 'tmpfs', root]);
    try {
      await assert.rejects(receive(body(Array(20).fill('x'.repeat(10_000)))), { code: 'store_failed' });
      assert.deepEqual(await files(), []);
      assert.equal(await receive(body(['abc'])), true);
    } finally {
      await promisify(execFile)('umount', [root]);
    }
  });

  it('sweeps what a crash left, once it is old, with the first upload and again later', async (context) => {
    const { root, receive, files } = await folder(context);
    const leave = async (name: string, ageMs: number) => {
      const file = join(root, '.tmp', name);
      await mkdir(join(root, '.tmp'), { recursive: true });
      await writeFile(file, 'half an upload');
      const then = (Date.now() - ageMs) / 1000;
      await utimes(file, then, then);
    };
    await leave('old', 2 * 3_600_000);
    await leave('of-another-process', 1000);
    await receive(body(['abc']), '1.jpg');
    assert.deepEqual((await files()).sort(), ['.1.jpg.json', '1.jpg', 'of-another-process']);
    await leave('of-another-process', 2 * 3_600_000);
    context.mock.timers.enable({ apis: ['Date'], now: Date.now() + 3_600_001 });
    await receive(body(['abc']), '2.jpg');
    assert.deepEqual((await files()).sort(), ['.1.jpg.json', '.2.jpg.json', '1.jpg', '2.jpg']);
  });

  it('does without hard links where the file system has none, and replaces nothing there either', async (context) => {
    const hardLink = async () => {
      throw Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
    };
    const { root, receive, get, files } = await folder(context, { hardLink });
    assert.deepEqual(
      (await Promise.all(['a', 'b'].map((text) => receive(body([text]))))).toSorted(),
      [false, true],
      'one of two',
    );
    const kept = (await get())?.body.toString() ?? '';
    assert.match(kept, /^[ab]$/);
    await mkdir(join(root, 'x'));
    const sellers = () => writeFile(join(root, 'x/y.jpg'), 'of the seller');
    assert.equal(await receive(body(['upload'], sellers), 'x/y.jpg'), false);
    assert.equal(await readFile(join(root, 'x/y.jpg'), 'utf8'), 'of the seller');
    assert.deepEqual((await files()).sort(), ['.ü b.jpg.json', 'y.jpg', 'ü b.jpg']);
    assert.equal((await stat(join(root, '.tmp'))).isDirectory(), true);
  });
});
