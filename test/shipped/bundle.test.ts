import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { HEAP_GROWTH } from '../../src/process/heap-growth.ts';
import { createImageUrls } from '../../src/url/sdk.ts';
import { TEST_KEY } from '../helpers/app.ts';
import { ROOT } from '../helpers/edge.ts';
import { svtAv1Skip } from '../helpers/svt-av1.ts';

const run = promisify(execFile);
const { PATH = '' } = process.env;
let home: string;
/** Two copies at paths of different depth, as a developer's and CI's are. */
let folders: string[];

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'darkroom-bundle-'));
  folders = [join(home, 'one'), join(home, 'two/deeper')];
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true });
    for (const entry of ['src', 'build', 'samples', 'package.json'])
      cpSync(join(ROOT, entry), join(folder, entry), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    await run(process.execPath, ['build/bundle.ts'], { cwd: folder, env: { PATH } });
  }
});
after(() => rmSync(home, { recursive: true }));

const filesOf = (folder: string) =>
  globSync('dist/**/*.*', { cwd: folder })
    .sort()
    .map((name) => [name, readFileSync(join(folder, name), 'latin1')] as const);
const serverCode = () => readFileSync(join(folders[0] ?? '', 'dist/server.cjs'), 'latin1');

/**
 * Threads of one process begin with the same file: one, a second while the first looks, and another when both have ended. Prints how
 * much code each had before a look of its own, their looks, and that of a thread without the file.
 */
const TWO_FACE_THREADS = `
  const { Worker } = require('node:worker_threads');
  const answer = (thread) => new Promise((resolve) => thread.once('message', resolve));
  const start = async (path = './dist/worker.js') => {
    const thread = new Worker(path, { stdout: true, stderr: true });
    await answer(thread);
    return thread;
  };
  const ask = (thread, message) => {
    thread.postMessage(message);
    return answer(thread);
  };
  (async () => {
    const photo = require('sharp')('samples/astronaut.jpg').resize(320, 320, { fit: 'inside' }).ensureAlpha().raw();
    const { data, info: { width, height } } = await photo.toBuffer({ resolveWithObject: true });
    const look = (thread) => ask(thread, { number: 1, depth: 'whole', data: new Uint8Array(data), width, height });
    const one = await start();
    const bytes = [(await ask(one, 'code')).length];
    const [first, two] = await Promise.all([look(one), start()]);
    bytes.push((await ask(two, 'code')).length);
    const looks = [first, ...(await Promise.all([look(one), look(two)]))];
    await one.terminate();
    looks.push(await look(two));
    await two.terminate();
    const anew = await start();
    bytes.push((await ask(anew, 'code')).length);
    looks.push(await look(anew));
    const without = await look(await start(process.env.WITHOUT));
    process.stdout.write(JSON.stringify({ bytes, looks, without }));
    process.exit();
  })();`;

describe('the bundle', () => {
  it('has the same bytes wherever it was made, and no path of the machine', () => {
    const [one = [], two = []] = folders.map(filesOf);
    assert.deepEqual(
      one.map(([name]) => name),
      two.map(([name]) => name),
    );
    assert.ok(one.length >= 10);
    for (const [index, [name, text]] of one.entries()) {
      assert.ok(text === two[index]?.[1], `${name} differs`);
      assert.ok(!text.includes(home) && !text.includes(ROOT), name);
    }
  });

  it('is ASCII, so that it is read as fast as it can be', () => {
    assert.equal(/[^\0-\x7f]/.test(serverCode()), false);
  });

  it('says whose work it carries', () => {
    const text = readFileSync(join(folders[0] ?? '', 'dist/licences.txt'), 'utf8');
    for (const name of ['fastify', 'zod', 'undici', '@aws-sdk/client-s3'])
      assert.match(text, new RegExp(`^${name} [\\d.]+, (MIT|Apache-2.0)$`, 'm'));
    assert.match(text, /Permission is hereby granted/);
  });

  it('needs nothing beside it but what the image copies, and starts from the code that an earlier run compiled', async () => {
    const [folder = ''] = folders;
    const image = join(home, 'image');
    await run(process.execPath, ['build/runtime-modules.ts', join(image, 'node_modules')], { cwd: folder });
    for (const entry of ['dist', 'build/code-cache.ts', 'src/process/heap-growth.ts', 'src/url', 'samples'])
      cpSync(join(folder, entry), join(image, entry), { recursive: true });
    cpSync(join(folder, 'package.json'), join(image, 'package.json'));
    // Starts it with S3, renders three samples, and reads them from the store again.
    const { stdout } = await run(process.execPath, ['build/code-cache.ts'], { cwd: image, env: { PATH } });
    const [file = ''] = globSync('dist/server-*.cache', { cwd: image });
    assert.match(stdout, new RegExp(`${file.replace('dist/', '')}: \\d{6,} bytes`));
    const keys = { DARKROOM_SIGNING_KEYS: TEST_KEY.toString('hex'), DARKROOM_METRICS_PORT: 'off' };
    const env = { PATH, HOST: '127.0.0.1', PORT: '0', ...keys };
    const code = `import('./dist/main.js').then(({ script }) => {
      process.stdout.write('rejected: ' + script.cachedDataRejected);
      process.exit();
    })`;
    const started = await run(process.execPath, ['-e', code], { cwd: image, env });
    assert.match(started.stdout, /rejected: false/);
    // A thread that has not looked yet has optimised code from the file alone; V8 ends a process that asks for none.
    assert.match(stdout, /faces\.cache: \d{7} bytes/);
    const looked = await run(process.execPath, [...HEAP_GROWTH, '-e', TWO_FACE_THREADS], {
      cwd: image,
      env: { PATH, WITHOUT: join(folder, 'dist/worker.js') },
    });
    const { bytes, looks, without } = JSON.parse(looked.stdout);
    for (const saved of bytes) assert.match(String(saved), /^\d{7}$/);
    assert.deepEqual([bytes.length, looks.length, without.faces.length], [3, 5, 1]);
    // To the last bit, whichever thread looks, and whether or not another one has ended meanwhile.
    for (const look of looks) assert.deepEqual(look, without);
    // The next build deletes it: V8 would run the old code for a new source of the same length.
    cpSync(join(image, file), join(folder, file));
    await run(process.execPath, ['build/bundle.ts'], { cwd: folder, env: { PATH } });
    assert.deepEqual(globSync('dist/*.cache', { cwd: folder }), []);
  });

  /** A server of a folder's bundle, once it is up. */
  async function serve(cwd: string, context: TestContext) {
    const originals = join(home, 'originals');
    cpSync(join(folders[0] ?? '', 'samples'), originals, { recursive: true });
    cpSync(join(ROOT, 'test/decoders/files'), originals, { recursive: true });
    const stores = { DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_RESULTS: 'none' };
    const keys = { DARKROOM_SIGNING_KEYS: TEST_KEY.toString('hex'), DARKROOM_METRICS_PORT: 'off' };
    const env = { PATH, HOST: '127.0.0.1', PORT: '0', ...stores, ...keys };
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const server = spawn(process.execPath, ['dist/main.js'], { cwd, env, stdio: [...stdio] });
    context.after(() => server.kill('SIGKILL'));
    if (!server.stdout) throw new Error('it has no output');
    for await (const line of createInterface(server.stdout)) {
      const { msg, renderVersion, address } = JSON.parse(line);
      if (msg !== 'darkroom is up') continue;
      const urls = createImageUrls({ baseUrl: address, key: TEST_KEY.toString('hex') });
      return { renderVersion, urls, maps: () => readFileSync(`/proc/${server.pid}/maps`, 'utf8') };
    }
    throw new Error('it never was up');
  }

  it('makes AVIF by the SVT-AV1 that lies in it', { skip: svtAv1Skip }, async (context) => {
    const { renderVersion, urls, maps } = await serve(folders[0] ?? '', context);
    assert.match(renderVersion, / svt-av1 4\.1\.0( |$)/);
    const answer = await fetch(urls.url('coffee.jpg', 'medium', { format: 'avif' }));
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/avif']);
    assert.match(maps(), /dist\/svt-av1\/libSvtAv1Enc/);
  });

  it('decodes HEIC by what the image copies beside it, the licence of which is there', async (context) => {
    const image = join(home, 'image for HEIC');
    await run(process.execPath, ['build/runtime-modules.ts', join(image, 'node_modules')], { cwd: folders[0] });
    for (const entry of ['dist', 'package.json'])
      cpSync(join(folders[0] ?? '', entry), join(image, entry), { recursive: true });
    assert.match(readFileSync(join(image, 'node_modules/libheif-js/LICENSE'), 'utf8'), /LESSER GENERAL PUBLIC LICENSE/);
    const { urls } = await serve(image, context);
    for (const name of ['photo.heic', 'display-p3.heic']) {
      const answer = await fetch(urls.url(name, 'small'));
      assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/webp'], name);
    }
  });
});
