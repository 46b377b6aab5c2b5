/**
 * Follows the README, docs/edit-a-picture.md and docs/api.md word for word in an empty folder, as a new user does: clones this repository, runs the first
 * command, and once the server has printed its URLs, every command that calls curl. The last command, `npm test`, is what CI runs.
 *
 *   node test/shipped/follow-readme.ts
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';

/** `npm ci` included. */
const START_LIMIT_MS = 240_000;

const root = new URL('../..', import.meta.url).pathname;
const commands = ['README.md', 'docs/edit-a-picture.md', 'docs/api.md']
  .map((name) => readFileSync(join(root, name), 'utf8'))
  .flatMap((page) => Array.from(page.matchAll(/```sh\n([\s\S]*?)```/g), ([, code = '']) => code.trim()));
const [first = '', ...others] = commands;
assert.equal(first, 'npm ci && npm start');
assert.ok(others.includes('npm ci && npm test'));

const home = mkdtempSync(join(tmpdir(), 'darkroom-new-'));
execFileSync('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, home]);
const inherited = Object.entries(process.env).filter(
  ([name]) => !/^(DARKROOM_|npm_|HOST$|PORT$|NODE_|UV_|MALLOC_)/.test(name),
);
// The one thing that the README leaves to the reader: a token of their own.
// And none of this project's own programs, Node 24 among them.
const path = process.env.PATH?.split(':')
  .filter((folder) => !folder.includes('node_modules'))
  .join(':');
const env = { ...Object.fromEntries(inherited), PATH: path, DARKROOM_API_TOKEN: 'a-token-of-the-readers-own' };
const shell = { cwd: home, env };

const server = spawn('sh', ['-c', first], { ...shell, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
const ended = new Promise((resolve) => server.once('exit', resolve));
let output = '';
server.stdout.on('data', (chunk) => (output += chunk));
try {
  const urls = () => output.match(/http:\/\/localhost:8080\/\S+/g) ?? [];
  const deadline = Date.now() + START_LIMIT_MS;
  while (urls().length < 4 && server.exitCode === null && Date.now() < deadline) await delay(200);
  // The playground, and three pictures.
  assert.equal(urls().length, 4, output);
  for (const url of urls()) assert.equal((await fetch(url)).status, 200, url);

  const asking = others.filter((command) => command.includes('curl ') && !command.includes('apt-get'));
  assert.ok(asking.length >= 2, 'the README shows curl');
  for (const command of asking) {
    const answer = execFileSync('sh', ['-ec', command], { ...shell, encoding: 'utf8' });
    process.stdout.write(`${command}\n${answer}\n`);
    assert.doesNotMatch(answer, /"error"/, command);
  }
  const { width, height, format } = await sharp(readFileSync(join(home, 'thumb.webp'))).metadata();
  assert.deepEqual([width, height, format], [150, 150, 'webp']);
  process.stdout.write(`README: ${urls().length} URLs and ${asking.length} blocks of commands as written\n`);
} finally {
  process.kill(-(server.pid as number), 'SIGTERM');
  await ended;
  rmSync(home, { recursive: true, force: true });
}
