import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { createFolderStore } from '../../../src/stores/folder/folder-store.ts';
import type { HeaderLocation } from '../../../src/stores/folder/folder-writer.ts';
import { storeConformance, written } from '../conformance.ts';

const options = () => ({ signal: new AbortController().signal, maxBytes: 1_000_000 });
const object = (body: string) => ({
  body: Buffer.from(body),
  contentType: 'image/webp',
  cacheControl: undefined,
  metadata: {},
});

async function folderStore(metadataIn: HeaderLocation = 'trailer') {
  const root = await mkdtemp(join(tmpdir(), 'darkroom-disk-'));
  return {
    root,
    store: createFolderStore({ root, timeoutMs: 5000, metadataIn, checkWrites: metadataIn === 'trailer' }),
    dispose: () => rm(root, { recursive: true, force: true }),
  };
}

storeConformance('a folder of results', () => folderStore('trailer'));
storeConformance('a folder of originals', () => folderStore('sidecar'));

describe('a folder that no key can leave', () => {
  let parent: string;
  let root: string;
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'darkroom-guard-'));
    root = join(parent, 'public');
    await mkdir(join(root, 'inside'), { recursive: true });
    await mkdir(join(parent, 'public123'));
    await writeFile(join(parent, 'secret.txt'), 'secret');
    await writeFile(join(parent, 'public123', 'secret.txt'), 'secret');
    await writeFile(join(root, '.env'), 'secret');
    await mkdir(join(root, '.git'));
    await writeFile(join(root, '.git', 'config'), 'secret');
    await writeFile(join(root, 'inside', 'ok.txt'), 'fine');
    await symlink(join(parent, 'secret.txt'), join(root, 'link-out.txt'));
    await symlink(join(parent, 'public123'), join(root, 'folder-out'));
    await symlink(parent, join(root, 'parent'));
    await symlink('/dev/zero', join(root, 'zero'));
    await symlink(join(root, 'loop'), join(root, 'loop'));
    await symlink(join(root, 'inside', 'ok.txt'), join(root, 'link-in.txt'));
    await promisify(execFile)('mkfifo', [join(root, 'pipe')]);
  });
  after(() => rm(parent, { recursive: true, force: true }));

  const store = () => createFolderStore({ root, timeoutMs: 2000, metadataIn: 'sidecar' });

  it('reads nothing outside, nothing hidden, nothing that is no file', async () => {
    const keys = [
      ...[
        '../secret.txt',
        '..',
        '.',
        'inside/../../secret.txt',
        './inside/ok.txt',
        '/etc/passwd',
        'inside//ok.txt',
        'inside/',
        'inside',
        '',
      ],
      ...[
        'link-out.txt',
        'folder-out/secret.txt',
        'parent/secret.txt',
        'zero',
        'loop',
        'pipe',
        '.env',
        '.git/config',
        'inside/ok.txt\0.jpg',
      ],
      ...['..\\secret.txt', '%2e%2e/secret.txt', '../public123/secret.txt', 'inside/ok.txt/more', 'n'.repeat(5000)],
    ];
    for (const key of keys) assert.equal(await store().get(key, options()), undefined, key);
  });

  it('follows links that stay inside', async () => {
    assert.equal((await store().get('link-in.txt', options()))?.body.toString(), 'fine');
  });

  it('lists nothing outside, nothing hidden, nothing that is no file and nothing under a name that no key has', async () => {
    for (const foreign of ['%25252Ebut', '%2E', 'x'.repeat(230)]) await writeFile(join(root, 'inside', foreign), 'x');
    const listed = async (prefix: string) => {
      const keys: string[] = [];
      for await (const page of store().list(prefix, options())) keys.push(...page);
      return keys.sort();
    };
    const all = ['inside/%252Ebut', 'inside/ok.txt', 'link-in.txt'];
    assert.deepEqual(await listed(''), all);
    assert.deepEqual(await listed('inside/'), all.slice(0, 2));
    for (const prefix of [
      '../',
      '../p',
      'folder-out/',
      'parent/',
      'parent/public/',
      'loop/',
      'zero/',
      '.git/',
      '/etc/',
    ])
      assert.deepEqual(await listed(prefix), [], prefix);
    for (const foreign of ['%25252Ebut', '%2E', 'x'.repeat(230)]) await rm(join(root, 'inside', foreign));
  });

  it('writes nothing outside', async () => {
    for (const key of ['../evil.txt', '/evil.txt', 'a/../../evil.txt', '', 'a//b', 'a\0b']) {
      await assert.rejects(store().put(key, object('evil'), options()), { code: 'store_failed' }, key);
    }
    assert.deepEqual((await readdir(parent)).sort(), ['public', 'public123', 'secret.txt']);
  });

  it('reads a file that somebody simply put there', async () => {
    const found = await store().get('inside/ok.txt', options());
    assert.deepEqual(written(found), {
      body: Buffer.from('fine'),
      contentType: undefined,
      cacheControl: undefined,
      metadata: {},
    });
  });
});

describe('a folder on a real disk', () => {
  it('holds a result in one file, and no leftovers', async () => {
    const { root, store, dispose } = await folderStore('trailer');
    await store.put('a.jpg/thumb-1.webp', object('pixels'), options());
    assert.deepEqual(await readdir(join(root, 'a.jpg')), ['thumb-1.webp']);
    assert.match(
      await readFile(join(root, 'a.jpg/thumb-1.webp'), 'latin1'),
      /^pixels\{"contentType":"image\/webp",.*\}.{4}darkroom$/s,
    );
    assert.deepEqual(await readdir(join(root, '.tmp')), []);
    await store.delete('a.jpg/thumb-1.webp', options());
    assert.deepEqual(await readdir(root), ['.tmp']);
    await dispose();
  });

  it('takes a file without a whole trailer for what it is: bytes of which nothing is known', async () => {
    const { root, store, dispose } = await folderStore('trailer');
    await store.put('k', object('x'), options());
    const file = await readFile(join(root, 'k'));
    const longer = Buffer.from(file);
    longer.writeUInt32BE(file.length, file.length - 12);
    const [cut, plain] = [file.subarray(0, -1), Buffer.from('darkroom')];
    for (const damaged of [cut, longer, plain, Buffer.alloc(0)]) {
      await writeFile(join(root, 'k'), damaged);
      assert.deepEqual(written(await store.get('k', options())), {
        ...object(''),
        body: damaged,
        contentType: undefined,
      });
    }
    await writeFile(join(root, 'k'), file.toString('latin1').replace('{"', '{{'), 'latin1');
    assert.deepEqual((await store.get('k', options()))?.contentType, undefined);
    await dispose();
  });

  it('holds the plain picture where others read it too, its companion and no leftovers', async () => {
    const { root, store, dispose } = await folderStore('sidecar');
    await store.put('a.jpg/thumb-1.webp', object('pixels'), options());
    assert.deepEqual((await readdir(join(root, 'a.jpg'))).sort(), ['.thumb-1.webp.json', 'thumb-1.webp']);
    assert.equal(await readFile(join(root, 'a.jpg/thumb-1.webp'), 'utf8'), 'pixels');
    assert.deepEqual(await readdir(join(root, '.tmp')), []);
    await store.delete('a.jpg/thumb-1.webp', options());
    assert.deepEqual(await readdir(root), ['.tmp']);
    await dispose();
  });

  it('gives files that carry no ETag a time finer than the clock of the file system', async () => {
    const { root, store, dispose } = await folderStore('sidecar');
    const keys = Array.from({ length: 50 }, (_, n) => `k${n}`);
    await Promise.all(keys.map((key) => store.put(key, object('x'), options())));
    const times = await Promise.all(keys.map((key) => stat(join(root, key), { bigint: true })));
    assert.ok(new Set(times.map(({ mtimeNs }) => mtimeNs)).size >= 45);
    assert.ok(times.every(({ mtimeMs }) => Math.abs(Number(mtimeMs) - Date.now()) < 600_000));
    await dispose();
  });

  it('sweeps what a killed process left an hour ago, and nothing younger', async () => {
    const { root, store, dispose } = await folderStore();
    await mkdir(join(root, '.tmp'));
    await writeFile(join(root, '.tmp', 'old'), 'x');
    await writeFile(join(root, '.tmp', 'young'), 'x');
    const twoHoursAgo = Date.now() / 1000 - 7200;
    await utimes(join(root, '.tmp', 'old'), twoHoursAgo, twoHoursAgo);
    await store.put('k', object('x'), options());
    assert.deepEqual(await readdir(join(root, '.tmp')), ['young']);
    await dispose();
  });

  it('survives a companion that was cut short', async () => {
    const { root, store, dispose } = await folderStore('sidecar');
    await store.put('k', object('x'), options());
    await writeFile(join(root, '.k.json'), '{"contentType": "ima');
    assert.deepEqual((await store.get('k', options()))?.metadata, {});
    await dispose();
  });

  it('fails clearly where it cannot write, and works again once it can', async () => {
    const { root, dispose } = await folderStore();
    // A file where the folder should be fails for root too, whom permissions do not stop.
    const blocked = createFolderStore({ root: join(root, 'taken', 'results'), timeoutMs: 2000, metadataIn: 'trailer' });
    await writeFile(join(root, 'taken'), 'a file');
    await assert.rejects(blocked.put('k', object('x'), options()), { code: 'store_failed' });
    assert.equal(await blocked.get('k', options()), undefined);
    await rm(join(root, 'taken'));
    await blocked.put('k', object('x'), options());
    await rm(join(root, 'taken'), { recursive: true });
    assert.equal(await blocked.get('k', options()), undefined);
    await blocked.put('k', object('again'), options());
    assert.equal((await blocked.get('k', options()))?.body.toString(), 'again');
    await dispose();
  });

  it('fails clearly on a read-only folder', async () => {
    const { root, store, dispose } = await folderStore();
    await chmod(root, 0o500);
    // Root may write all the same; everybody else is refused. Either way there is no half object.
    await store.put('k', object('x'), options()).catch((error) => assert.equal(error.code, 'store_failed'));
    const found = await store.get('k', options());
    assert.ok(found === undefined || found.body.toString() === 'x');
    await chmod(root, 0o700);
    await dispose();
  });
});

describe('a check of a folder', () => {
  it('finds a folder that is missing, is none or cannot be written, and makes one for results', async (context) => {
    const parent = await mkdtemp(join(tmpdir(), 'darkroom-check-'));
    context.after(() => rm(parent, { recursive: true, force: true }));
    await writeFile(join(parent, 'file'), 'x');
    const check = (name: string, checkWrites: boolean) =>
      createFolderStore({ root: join(parent, name), timeoutMs: 5000, metadataIn: 'trailer', checkWrites }).check(
        options(),
      );
    const folder = `the folder ${parent}`;
    const [why, absent] = [
      (reason: string) => ({ usable: false, why: reason }),
      'cannot be used: it does not exist (ENOENT)',
    ];
    assert.deepEqual(await check('missing', false), why(`${folder}/missing ${absent}`));
    assert.deepEqual(await check('file', false), why(`${folder}/file cannot be used: it is no folder (ENOTDIR)`));
    assert.deepEqual(await check('file', true), why(`${folder}/file cannot be used: it is no folder (ENOTDIR)`));
    assert.deepEqual(await check('missing', true), { usable: true });
    assert.deepEqual(await readdir(join(parent, 'missing', '.tmp')), []);
    assert.deepEqual(await check('missing', false), { usable: true });
  });
});

describe('a folder that is a link', () => {
  it('is followed when it comes to lead elsewhere, and what it led to before is outside', async (context) => {
    const parent = await mkdtemp(join(tmpdir(), 'darkroom-link-'));
    context.after(() => rm(parent, { recursive: true, force: true }));
    for (const name of ['one', 'two']) {
      await mkdir(join(parent, name));
      await writeFile(join(parent, name, 'a.txt'), name);
    }
    await symlink(join(parent, 'one', 'a.txt'), join(parent, 'two', 'out.txt'));
    const root = join(parent, 'current');
    await symlink(join(parent, 'one'), root);
    const store = createFolderStore({ root, timeoutMs: 5000, metadataIn: 'sidecar' });
    assert.equal(String((await store.get('a.txt', options()))?.body), 'one');
    await rm(root);
    await symlink(join(parent, 'two'), root);
    assert.equal(String((await store.get('a.txt', options()))?.body), 'two');
    assert.equal(await store.get('out.txt', options()), undefined);
    await store.put('b.txt', object('b'), options());
    assert.equal(await readFile(join(parent, 'two', 'b.txt'), 'utf8'), 'b');
  });
});

describe('what nobody looks at', () => {
  it('is not read: a body comes without what travels with it', async (context) => {
    const { store, dispose } = await folderStore('sidecar');
    context.after(dispose);
    await store.put('a.webp', { ...object('a'), metadata: { width: '3' } }, options());
    assert.deepEqual((await store.get('a.webp', options()))?.metadata, { width: '3' });
    assert.deepEqual(written(await store.get('a.webp', { ...options(), bodyOnly: true })), {
      ...{ body: Buffer.from('a'), contentType: undefined, cacheControl: undefined, metadata: {} },
    });
  });
});
