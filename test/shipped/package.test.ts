import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { createImageUrls } from '../../src/url/sdk.ts';
import { TEST_KEY } from '../helpers/app.ts';
import { ROOT } from '../helpers/edge.ts';

const run = promisify(execFile);
const key = TEST_KEY.toString('hex');
let folder: string;
let packed: string[];
let tarball: string;

/** The packed files, installed in an empty project with the same dependencies. */
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'darkroom-package-'));
  const { stdout } = await run('npm', ['pack', '--pack-destination', folder, '--json'], { cwd: ROOT });
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as [
    { filename: string; files: { path: string }[] },
  ];
  tarball = join(folder, filename);
  packed = files.map(({ path }) => path).sort();
  const home = join(folder, 'node_modules/@darkroom-images/server');
  await mkdir(home, { recursive: true });
  await run('tar', ['xzf', join(folder, filename), '-C', home, '--strip-components=1']);
  await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  await cp(join(ROOT, 'samples'), join(folder, 'data/originals'), { recursive: true });
});
after(() => rm(folder, { recursive: true }));

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
      const exited = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      assert.equal(await exited, 0);
    } finally {
      server.kill('SIGKILL');
    }
  });
});
