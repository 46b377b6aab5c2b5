import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { ENGINE } from '../../src/render/engine/engine.ts';
import { createImageUrls } from '../../src/url/sdk.ts';
import { TEST_KEY } from '../helpers/app.ts';
import { ROOT } from '../helpers/edge.ts';
import { engineSkip } from '../helpers/engine.ts';

const run = promisify(execFile);
const ENGINE_PACKAGE = '@darkroom-images/engine-linux-x64';
const key = TEST_KEY.toString('hex');
let folder: string;
let packed: string[];
let tarball: string;

/** The packed files, installed in an empty project with the same dependencies. */
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'darkroom-package-'));
  await run('npm', ['run', 'pack', folder], { cwd: ROOT });
  tarball = join(folder, globSync('darkroom-images-server-*.tgz', { cwd: folder })[0] ?? '');
  const home = join(folder, 'node_modules/@darkroom-images/server');
  await mkdir(home, { recursive: true });
  await run('tar', ['xzf', tarball, '-C', home, '--strip-components=1']);
  packed = await filesIn(tarball);
  await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  await cp(join(ROOT, 'samples'), join(folder, 'data/originals'), { recursive: true });
});
after(() => rm(folder, { recursive: true }));

async function filesIn(file: string): Promise<string[]> {
  const { stdout } = await run('tar', ['tzf', file]);
  const paths = stdout.trim().split('\n');
  return paths.map((path) => path.replace(/^package\//, '')).sort();
}

/** The installed command, until `look` is through. `log`: all that it has printed by then. */
async function serving<T>(look: (address: string, log: () => string) => Promise<T>): Promise<T> {
  const cli = join(folder, 'node_modules/@darkroom-images/server/dist/cli.js');
  const { PATH = '' } = process.env;
  const env = {
    PATH,
    PORT: '0',
    HOST: '127.0.0.1',
    DARKROOM_SIGNING_KEYS: key,
    DARKROOM_METRICS_PORT: 'off',
    DARKROOM_PLAYGROUND: 'on',
  };
  const server = spawn(process.execPath, [cli, 'serve'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let output = '';
    const address = await new Promise<string>((resolve, reject) => {
      server.stdout.on('data', (chunk) => {
        output += chunk;
        const [, found] = /"address":"([^"]+)"/.exec(output) ?? [];
        if (found) resolve(found);
      });
      server.once('exit', (code) => reject(new Error(`it ended with ${code}: ${output}`)));
    });
    const seen = await look(address, () => output);
    const exited = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    assert.equal(await exited, 0);
    return seen;
  } finally {
    server.kill('SIGKILL');
  }
}

describe('the package', () => {
  it('holds what it promises and nothing else', () => {
    // The playground's page, as its sources are.
    const page = globSync('**/*.*', { cwd: join(ROOT, 'src/playground/page') })
      .map((file) => `dist/page/${file}`)
      .sort();
    assert.ok(page.length > 30);
    assert.deepEqual(
      packed.filter((path) => !path.endsWith('.d.ts')),
      [
        ...[
          'LICENSE',
          'NOTICE',
          'README.md',
          'dist/cli.js',
          'dist/decoder-worker.js',
          ...['dist/fonts/DejaVuSans.ttf', 'dist/fonts/LICENSE.md', 'dist/fonts/fonts.conf'],
          'dist/licences.txt',
          'dist/main.js',
        ],
        ...['dist/models/README.md', 'dist/models/face_detection_full_range.tflite'],
        ...['dist/models/face_detection_short_range.tflite', ...page],
        ...['dist/server.cjs', 'dist/worker.js', 'package.json'],
      ],
    );
  });

  it('would be published under its name', async () => {
    const { stdout } = await run('npm', ['publish', '--dry-run', '--json', '--offline', tarball], { cwd: folder });
    assert.match(stdout, /"@darkroom-images\/server(@[\d.]+)?"/);
  });

  it('has the command line, with a server that finds faces', async () => {
    const cli = join(folder, 'node_modules/@darkroom-images/server/dist/cli.js');
    const { stdout } = await run(process.execPath, [cli, 'keys', 'new'], { cwd: folder });
    assert.match(stdout, /^[0-9a-f]{64}\n$/);
    await serving(async (address) => {
      const look = () => fetch(createImageUrls({ baseUrl: address, key }).url('astronaut.jpg', 'og'));
      let answer = await look();
      // On a busy machine the first face detection times out, and its answer is not cached.
      for (let tries = 0; !answer.headers.has('etag') && tries < 60; tries += 1) {
        await sleep(250);
        answer = await look();
      }
      assert.deepEqual(
        [answer.status, answer.headers.get('cache-control')],
        [200, 'public, max-age=31536000, immutable'],
      );
      assert.match(answer.headers.get('server-timing') ?? '', /face;dur=/);
      assert.equal((await sharp(Buffer.from(await answer.arrayBuffer())).metadata()).width, 512);
      assert.equal((await fetch(`${address}/playground/page/main.ts`)).status, 200);
      assert.equal((await fetch(`${address}/playground/page/styles/base.css`)).status, 200);
    });
  });
});

describe('the package of the engine', { skip: engineSkip }, () => {
  const file = () => join(folder, `darkroom-images-engine-linux-x64-${ENGINE}.tgz`);

  it('holds the binary and the licences of all that is in it', async () => {
    const files = ['LICENSE', 'NOTICE', 'README.md', 'darkroom-engine.node', 'licences.txt', 'package.json'];
    assert.deepEqual(await filesIn(file()), files);
    const { stdout: notice } = await run('tar', ['xzOf', file(), 'package/NOTICE']);
    assert.match(notice, /Apache License.*\n\nEngine .*mozjpeg-sys.*libwebp-sys[^\n]*\n$/s);
    const { stdout } = await run('npm', ['publish', '--dry-run', '--json', '--offline', file()], { cwd: folder });
    assert.ok(stdout.includes(ENGINE_PACKAGE));
  });

  it('is found where npm installed it, and refused with a line where it is of another version', async () => {
    const server = join(folder, 'node_modules/@darkroom-images/server');
    const { optionalDependencies } = JSON.parse(await readFile(join(server, 'package.json'), 'utf8'));
    assert.deepEqual(optionalDependencies, { [ENGINE_PACKAGE]: ENGINE });
    const empty = join(folder, 'empty');
    await mkdir(empty);
    // Without it, npm goes up to the next folder that has one, or modules.
    await writeFile(join(empty, 'package.json'), '{}');
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund', file()], { cwd: empty });
    const home = join(folder, 'node_modules', ENGINE_PACKAGE);
    await rename(join(empty, 'node_modules', ENGINE_PACKAGE), home);

    const look = () =>
      serving(async (address, log) => {
        const answer = await fetch(createImageUrls({ baseUrl: address, key }).url('coffee.jpg', 'small'));
        assert.equal(answer.status, 200);
        return { log: log(), body: Buffer.from(await answer.arrayBuffer()) };
      });
    const byEngine = await look();
    assert.match(byEngine.log, new RegExp(`"renderVersion":"[^"]* engine ${ENGINE}"`));
    assert.doesNotMatch(byEngine.log, /so sharp renders all/);

    const manifest = join(home, 'package.json');
    const text = await readFile(manifest, 'utf8');
    await writeFile(manifest, text.replace(`"version": "${ENGINE}"`, '"version": "0.9.0"'));
    const bySharp = await look();
    assert.doesNotMatch(bySharp.log, /"renderVersion":"[^"]* engine /);
    const line = `${ENGINE_PACKAGE} is of version 0.9.0, and this server takes ${ENGINE}, so sharp renders all`;
    assert.ok(bySharp.log.includes(`"msg":"${line}"`), bySharp.log);
    assert.ok(!bySharp.body.equals(byEngine.body));
  });
});
