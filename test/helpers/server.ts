import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { formatImagePath } from '../../src/url/image-path.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { TEST_KEY } from './app.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const START_LIMIT_MS = 100_000;

const running = new Set<() => Promise<void>>();
// A test that fails half-way must not leave a process behind, which would keep the whole run waiting.
after(() => Promise.all(Array.from(running, (dispose) => dispose())));

/** Settings of other people's shells must not reach a server under test. */
const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DARKROOM_')));

export interface LogLine {
  readonly msg: string;
  readonly [name: string]: unknown;
}

/** A real process on a real loopback port, in an empty folder of its own. */
/** `preload`: a module loaded before the server's own code. `main`: that of another tree. Undefined unsets a variable. */
export async function startServer(settings: Record<string, string | undefined> = {}, preload?: URL, main = MAIN) {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-'));
  const env = {
    ...inherited,
    HOST: '127.0.0.1',
    PORT: '0',
    UV_THREADPOOL_SIZE: '16',
    DARKROOM_METRICS_PORT: 'off',
    DARKROOM_SIGNING_KEYS: TEST_KEY.toString('hex'),
    ...settings,
  };
  const child = spawn(process.execPath, [...(preload ? ['--import', preload.href] : []), main], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errorOutput = '';
  let isUp = false;
  const up = Promise.withResolvers<LogLine>();
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stderr.on('data', (chunk) => (errorOutput += chunk));
  child.stdout.on('data', (chunk) => {
    output += chunk;
    // Long runs log megabytes: each is looked at only until the server is up.
    if (isUp) return;
    const line = logLines(output).find(({ msg }) => msg === 'darkroom is up');
    if (!line) return;
    isUp = true;
    up.resolve(line);
  });
  exited.then((code) => up.reject(new Error(`the server ended with ${code}: ${errorOutput}`)));
  const dispose = () => {
    running.delete(dispose);
    return end(child, exited, folder);
  };
  running.add(dispose);
  const timer = setTimeout(
    () => up.reject(new Error(`the server did not start: ${output} ${errorOutput}`)),
    START_LIMIT_MS,
  );
  const startUp = await up.promise
    .catch(async (error) => {
      await dispose();
      throw error;
    })
    .finally(() => clearTimeout(timer));
  const baseUrl = String(startUp.address);
  const signatures = createSignatures([TEST_KEY]);

  return {
    ...{ baseUrl, child, exited, folder, startUp },
    port: Number(new URL(baseUrl).port),
    output: () => output + errorOutput,
    log: () => logLines(output),
    path(preset: string, id: string, expiresAt?: number): string {
      const [, name = '', suffix = ''] = /^([^@.]*)(.*)$/.exec(preset) ?? [];
      const signature = signatures.sign({ preset: name, id, expiresAt });
      return formatImagePath({ signature, preset: name, suffix, id, expiresAt });
    },
    get: (target: string, init?: RequestInit) => fetch(baseUrl + target, init),
    /** Ends the process politely and removes its folder. Resolves to the exit code. */
    async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
      child.kill(signal);
      return exited;
    },
    dispose,
  };
}

export type TestServer = Awaited<ReturnType<typeof startServer>>;

async function end(child: ChildProcess, exited: Promise<unknown>, folder: string): Promise<void> {
  child.kill('SIGKILL');
  await exited;
  await rm(folder, { recursive: true, force: true });
}

function logLines(output: string): LogLine[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
}
