import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatImagePath } from '../src/url/image-path.ts';
import { createSignatures } from '../src/url/signature.ts';
import { type MeasuredProcess, startProcess } from './process.ts';

export const BENCH_KEY = Buffer.alloc(32, 7);
const MAIN = new URL('../src/main.ts', import.meta.url).pathname;
const JEMALLOC = '/usr/lib/x86_64-linux-gnu/libjemalloc.so.2';

/** How memory is allocated, as DESIGN.md section 7 compares it. */
export const ALLOCATORS: Readonly<Record<string, Record<string, string>>> = {
  /** What the server chooses by itself. */
  default: {},
  glibc: {},
  arenas: { MALLOC_ARENA_MAX: '2' },
  'arenas, mmap': { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' },
  jemalloc: {
    LD_PRELOAD: JEMALLOC,
    MALLOC_CONF: 'dirty_decay_ms:1000,muzzy_decay_ms:0,background_thread:true,narenas:4',
  },
};

export interface BenchServer extends MeasuredProcess {
  path(preset: string, id: string): string;
}

/**
 * A real process from source, on loopback, in a folder that holds the originals and results of the default settings.
 * `cgroup`: a memory limit in bytes that the kernel enforces. `args`: another way to start it than from source.
 */
export async function startServer(
  settings: Record<string, string>,
  cgroup?: MemoryGroup,
  args: readonly string[] = [MAIN],
): Promise<BenchServer> {
  const { PORT } = settings;
  const baseUrl = PORT && `http://127.0.0.1:${PORT}`;
  const server = await startProcess({ args, env: serverEnvironment(settings), enter: cgroup?.tasks, baseUrl });
  return { ...server, path: signedPath };
}

/** As in production: no playground, one line a request. */
export function serverEnvironment(settings: Record<string, string>): NodeJS.ProcessEnv {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DARKROOM_')));
  return {
    ...inherited,
    ...{ HOST: '127.0.0.1', PORT: '0', NODE_ENV: 'production', UV_THREADPOOL_SIZE: '8' },
    ...{ DARKROOM_METRICS_PORT: 'off', DARKROOM_LOG_LEVEL: 'info', DARKROOM_SIGNING_KEYS: BENCH_KEY.toString('hex') },
    ...settings,
  };
}

const signatures = createSignatures([BENCH_KEY]);

/** A signed path to a preset, with its suffix if it has one. */
export function signedPath(preset: string, id: string): string {
  const [, name = '', suffix = ''] = /^([^@.]*)(.*)$/.exec(preset) ?? [];
  const signature = signatures.sign({ preset: name, id, expiresAt: undefined });
  return formatImagePath({ signature, preset: name, suffix, id, expiresAt: undefined });
}

/** A memory control group, made for one run. */
export interface MemoryGroup {
  /** Where a process writes its id to enter. */
  readonly tasks: string;
  peakBytes(): number;
  oomKills(): number;
  remove(): void;
}

/** Needs root and a writable memory controller, of cgroup version 1 or 2. */
export function createMemoryGroup(limitBytes: number): MemoryGroup {
  const name = `darkroom-bench-${process.pid}`;
  const first = existsSync('/sys/fs/cgroup/memory');
  const folder = first ? `/sys/fs/cgroup/memory/${name}` : `/sys/fs/cgroup/${name}`;
  mkdirSync(folder);
  const file = (one: string, two: string) => join(folder, first ? one : two);
  writeFileSync(file('memory.limit_in_bytes', 'memory.max'), String(limitBytes));
  // Swap would only hide what does not fit.
  const swap = file('memory.memsw.limit_in_bytes', 'memory.swap.max');
  if (existsSync(swap)) writeFileSync(swap, first ? String(limitBytes) : '0');
  const number = (path: string) => Number(readFileSync(path, 'utf8'));
  return {
    tasks: join(folder, 'cgroup.procs'),
    peakBytes: () => number(file('memory.max_usage_in_bytes', 'memory.peak')),
    oomKills: () =>
      Number(/oom_kill (\d+)/.exec(readFileSync(file('memory.oom_control', 'memory.events'), 'utf8'))?.[1] ?? 0),
    remove: () => rmdirSync(folder),
  };
}
