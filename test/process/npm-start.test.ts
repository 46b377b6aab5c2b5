import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { arenasOf } from '../helpers/arenas.ts';
import { ROOT } from '../helpers/edge.ts';
import { untilAnswer } from '../helpers/turns.ts';

/** Settings of the shell that runs the tests, which themselves run with development.env, must not reach the server. */
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(DARKROOM_|HOST$|PORT$|UV_|MALLOC_|LD_PRELOAD$)/.test(name)),
);

/** The README's command in a folder of its own. Resolves once the server has printed its URLs. */
async function npmStart(environment: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-npm-start-'));
  for (const entry of ['src', 'samples', 'node_modules', 'package.json', 'development.env'])
    await symlink(join(ROOT, entry), join(folder, entry));
  const env = { ...inherited, PORT: '0', DARKROOM_METRICS_PORT: 'off', ...environment };
  const npm = spawn('npm', ['-s', 'start'], { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => npm.once('exit', resolve));
  const urls: string[] = [];
  let startUp: Record<string, unknown> = {};
  for await (const line of createInterface(npm.stdout)) {
    if (line.includes('darkroom is up')) startUp = JSON.parse(line);
    urls.push(...(line.match(/http:\/\/\S+\/\S+\/\S+/g) ?? []));
    if (urls.length === 3) break;
  }
  const pid = lastChildOf(npm.pid as number);
  return {
    ...{ urls, startUp, pid },
    async dispose() {
      process.kill(-(npm.pid as number), 'SIGTERM');
      await exited;
      // npm may end before the server, which saves until then.
      await untilAnswer(
        async () => existsSync(`/proc/${pid}`),
        (there) => !there,
      );
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** npm starts a shell, which may or may not stay between it and the server. */
function lastChildOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return child ? lastChildOf(Number(child)) : pid;
}

function poolThreadsOf(pid: number): number {
  const names = readdirSync(`/proc/${pid}/task`).map((id) => readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8'));
  return names.filter((name) => name.startsWith('libuv-worker')).length;
}

/** What the start-up line says, beside what the process has. */
const whatRuns = ({ startUp, pid }: { startUp: Record<string, unknown>; pid: number }) => [
  ...[startUp.allocator, arenasOf(pid)],
  ...[startUp.threadPool, poolThreadsOf(pid)],
];

describe('npm start', () => {
  it('has two arenas, mappings and a pool of 32 threads once they have worked, as its start-up line says', async (context) => {
    const server = await npmStart();
    context.after(server.dispose);
    for (const url of server.urls) {
      const answer = await fetch(url.replace('localhost', '127.0.0.1'));
      await answer.arrayBuffer();
      assert.equal(answer.status, 200);
    }
    assert.deepEqual(whatRuns(server), ['glibc, 2 arenas, mapped from 131072 bytes', 2, 32, 32]);
  });

  it('leaves to the environment what stands there', async (context) => {
    const server = await npmStart({ MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '65536', UV_THREADPOOL_SIZE: '24' });
    context.after(server.dispose);
    assert.deepEqual(whatRuns(server), ['glibc, 1 arenas, mapped from 65536 bytes', 1, 24, 24]);
  });
});
