/**
 * Does what `docker build` and `docker run` would do, where no Docker engine runs: every step of the Dockerfile in a chroot,
 * then the image's own command as its own user on a read-only root. By hand, as root, on Debian 12:
 *
 *     debootstrap --variant=minbase --include=ca-certificates bookworm <base> && node test/shipped/docker-steps.ts <base> <scratch>
 *
 * Stands in for the base image: that folder with this Node and this npm. Kernel isolation is not Docker's.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createImageUrls } from '../../src/url/sdk.ts';
import { readDockerfile, type Stage, type Step } from '../helpers/dockerfile.ts';

const root = join(import.meta.dirname, '../..');
const [, , base, scratch] = process.argv;
if (!base || !scratch) throw new Error('the base folder and a scratch folder are missing');
const KEY = 'ab'.repeat(32);
const PORT = '18080';
/** More certificate authorities than Debian's, which the build in the chroot has to trust as this machine does. */
const authorities = process.env.NODE_EXTRA_CA_CERTS;
const AUTHORITIES = '/tmp/authorities.crt';
const building: Record<string, string> = authorities
  ? { NODE_EXTRA_CA_CERTS: AUTHORITIES, PIP_CERT: AUTHORITIES, CARGO_HTTP_CAINFO: AUTHORITIES }
  : {};
/** Stands in for the official image of Rust: this machine's own, which lies elsewhere. */
const RUST: Readonly<Record<string, string>> = {
  '/usr/local/rustup': process.env.RUSTUP_HOME ?? join(homedir(), '.rustup'),
  '/usr/local/cargo': process.env.CARGO_HOME ?? join(homedir(), '.cargo'),
};

interface Image {
  readonly folder: string;
  readonly env: Record<string, string>;
  cwd: string;
  user: string;
  readonly last: Record<string, readonly string[]>;
}

/** Like Node's official images: Debian, Node with its headers and npm below /usr/local, a user with id 1000. */
function baseImage(folder: string): Image {
  execFileSync('cp', ['-a', base ?? '', folder]);
  cpSync(realpathSync(process.execPath), join(folder, 'usr/local/bin/node'));
  chmodSync(join(folder, 'usr/local/bin/node'), 0o755);
  const [headers = ''] = globSync(join(root, 'node_modules/{node/node_modules/,}node-linux-*/include/node'));
  cpSync(headers, join(folder, 'usr/local/include/node'), { recursive: true });
  const npm = join(realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim()), '../..');
  mkdirSync(join(folder, 'usr/local/lib/node_modules'), { recursive: true });
  cpSync(npm, join(folder, 'usr/local/lib/node_modules/npm'), { recursive: true });
  for (const name of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(folder, 'usr/local/bin', name));
  execFileSync('chroot', [folder, 'useradd', '--uid', '1000', '--create-home', 'node']);
  // As Docker does, so that names resolve.
  cpSync('/etc/resolv.conf', join(folder, 'etc/resolv.conf'), { dereference: true });
  cpSync('/etc/hosts', join(folder, 'etc/hosts'), { dereference: true });
  if (authorities) cpSync(authorities, join(folder, AUTHORITIES), { dereference: true });
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return { folder, env: { PATH: path }, cwd: '/', user: '0:0', last: {} };
}

/** A command in the image, in its environment and by its user. */
function inside(image: Image, command: readonly string[], more: Record<string, string> = {}): string[] {
  const env = Object.entries({ ...image.env, ...more }).map(([name, value]) => `${name}=${value}`);
  const go = ['sh', '-c', 'cd "$0" && exec "$@"', image.cwd];
  return ['chroot', `--userspec=${image.user}`, image.folder, 'env', '-i', ...env, ...go, ...command];
}

function copy(image: Image, built: ReadonlyMap<string, Image>, { flags, words }: Step): void {
  const ofRust = flags.from?.startsWith('rust:');
  const from = ofRust ? '/' : flags.from ? built.get(flags.from)?.folder : root;
  assert.ok(from, `there is no stage ${flags.from}`);
  const target = words.at(-1) ?? '';
  const to = join(image.folder, resolve(image.cwd, target));
  for (const source of words.slice(0, -1)) {
    const path = ofRust ? (RUST[source] ?? source) : join(from, source);
    const folder = execFileSync('stat', ['-c', '%F', path], { encoding: 'utf8' }).startsWith('directory');
    mkdirSync(folder ? to : dirname(target.endsWith('/') ? join(to, 'x') : to), { recursive: true });
    // The contents of a folder, never the folder itself. https://docs.docker.com/reference/dockerfile/#copy
    execFileSync('cp', ['-a', '--no-preserve=ownership', folder ? `${path}/.` : path, to]);
  }
}

function run(image: Image, built: ReadonlyMap<string, Image>, step: Step): void {
  const { keyword, words, text, values, exec } = step;
  if (keyword === 'RUN') {
    const command = inside(image, ['sh', '-c', text], building);
    // Programs that ask where they lie need /proc, which containers have.
    const mounted = ['--mount', 'sh', '-c', 'mount -t proc proc "$0/proc" && exec "$@"', image.folder];
    execFileSync('unshare', [...mounted, ...command], { stdio: 'inherit' });
  } else if (keyword === 'COPY') copy(image, built, step);
  else if (keyword === 'ENV') Object.assign(image.env, values);
  else if (keyword === 'USER') image.user = words[0] ?? '';
  else if (keyword === 'WORKDIR') {
    image.cwd = words[0] ?? '/';
    mkdirSync(join(image.folder, image.cwd), { recursive: true });
  } else if (exec) image.last[keyword] = exec;
  else assert.match(keyword, /^(ARG|LABEL|EXPOSE|VOLUME)$/, `${keyword} is not known here`);
}

function buildImage(stage: Stage, built: ReadonlyMap<string, Image>, folder: string): Image {
  const image = baseImage(folder);
  for (const step of stage.steps) {
    process.stdout.write(`--- ${stage.name ?? 'image'}: ${step.keyword} ${step.text.split('\n')[0]}\n`);
    run(image, built, step);
  }
  return image;
}

const built = new Map<string, Image>();
let image: Image | undefined;
for (const stage of readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'))) {
  const folder = join(scratch, stage.name ?? 'image');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  image = buildImage(stage, built, folder);
  if (stage.name) built.set(stage.name, image);
}
assert.ok(image);

// docker run --read-only --tmpfs /tmp -v <volume>:/data
const { ENTRYPOINT = [], CMD = [], HEALTHCHECK = [] } = image.last;
cpSync(join(root, 'samples/astronaut.jpg'), join(image.folder, 'data/originals/astronaut.jpg'));
Object.assign(image.env, { PORT, HOST: '127.0.0.1', DARKROOM_SIGNING_KEYS: KEY, DARKROOM_METRICS_PORT: 'off' });
const mounts = `
  mount --bind "$0" "$0" && mount --bind "$0/data" "$0/data" && mount -t tmpfs tmp "$0/tmp" && mount -t proc proc "$0/proc" &&
  mount -o remount,bind,ro "$0" && exec "$@"`;
const isolated = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', mounts, image.folder];
const server = spawn('unshare', [...isolated, ...inside(image, [...ENTRYPOINT, ...CMD])], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let log = '';
server.stdout.on('data', (chunk) => (log += chunk));
const exited = new Promise<number | null>((done) => server.once('exit', (code) => done(code)));
const baseUrl = `http://127.0.0.1:${PORT}`;
try {
  const get = (path: string) => fetch(path.startsWith('http') ? path : baseUrl + path);
  for (let tries = 0; !(await get('/ready').catch(() => undefined))?.ok; tries += 1) {
    assert.ok(tries < 200 && server.exitCode === null, `it does not become ready: ${log}`);
    await sleep(50);
  }
  const node = execFileSync('pgrep', ['-P', String(server.pid)], { encoding: 'utf8' }).trim();
  const status = readFileSync(`/proc/${node}/status`, 'utf8');
  assert.match(status, /^NSpid:\s+\d+\s+1$/m, 'Node is process 1');
  assert.match(status, /^Uid:\s+1000\s/m);
  assert.match(readFileSync(`/proc/${node}/maps`, 'utf8'), /libjemalloc\.so/);
  const writable = execFileSync('nsenter', [
    '-t',
    node,
    '-m',
    '--',
    ...inside(image, ['sh', '-c', 'touch /app/x || echo no']),
  ]);
  assert.equal(writable.toString().trim(), 'no');
  process.stdout.write(`/health: ${await (await get('/health')).text()}\n`);
  const health = inside(image, HEALTHCHECK);
  process.stdout.write(`HEALTHCHECK: ${execFileSync(health[0] ?? '', health.slice(1))}`);
  const images = createImageUrls({ baseUrl, key: KEY });
  for (const preset of ['og', 'thumb'] as const) {
    // On a busy machine the first face detection times out, and its answer is not cached.
    for (let settled = false; !settled; ) {
      const answer = await get(images.url('astronaut.jpg', preset));
      const bytes = (await answer.arrayBuffer()).byteLength;
      assert.equal(answer.status, 200);
      settled = answer.headers.has('etag');
      process.stdout.write(`${preset}: ${bytes} bytes, ${answer.headers.get('server-timing')}\n`);
    }
  }
  const avif = await get(images.url('astronaut.jpg', 'medium', { format: 'avif' }));
  assert.equal(avif.headers.get('content-type'), 'image/avif');
  process.stdout.write(`avif: ${(await avif.arrayBuffer()).byteLength} bytes\n`);
  assert.match(readFileSync(`/proc/${node}/maps`, 'utf8'), /dist\/svt-av1\/libSvtAv1Enc/);
  if (process.arch === 'x64') assert.match(log, /engine \d+\.\d+\.\d+/);
  process.kill(Number(node), 'SIGINT');
  assert.equal(await exited, 0, 'a polite stop');
  assert.ok(existsSync(join(image.folder, 'data/results/astronaut.jpg')), 'saved before the end');
  process.stdout.write(`${log.trim().split('\n').slice(0, 6).join('\n')}\n`);
  process.stdout.write(
    `image: ${
      execFileSync('du', ['-sh', join(image.folder, 'app')])
        .toString()
        .split('\t')[0]
    } in /app\n`,
  );
} finally {
  server.kill('SIGKILL');
}
