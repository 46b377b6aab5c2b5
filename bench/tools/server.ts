import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatImagePath } from '../../src/url/image-path.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { type MeasuredProcess, startProcess } from './process.ts';

export const BENCH_KEY = Buffer.alloc(32, 7);
const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
/** Elsewhere where the machine has no package of it: LD_PRELOAD of a file that is missing changes nothing, and the reports then say glibc. */
const JEMALLOC = process.env.JEMALLOC ?? '/usr/lib/x86_64-linux-gnu/libjemalloc.so.2';

/** How memory is allocated, as DESIGN.md section 7 compares it. */
export const ALLOCATORS: Readonly<Record<string, Record<string, string>>> = {
  glibc: {},
  arenas: { MALLOC_ARENA_MAX: '2' },
  'arenas, mmap': { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' },
  'jemalloc untuned': { LD_PRELOAD: JEMALLOC },
  jemalloc: {
    LD_PRELOAD: JEMALLOC,
    MALLOC_CONF: 'dirty_decay_ms:0,muzzy_decay_ms:0,background_thread:true,narenas:2',
  },
};

export interface BenchServer extends MeasuredProcess {
  path(preset: string, id: string): string;
  /** Undefined when metrics are off, as they are unless the settings say otherwise. */
  readonly metricsUrl: string | undefined;
}

/**
 * A real process from source, on loopback, in a folder that holds the originals and results of the default settings.
 * `cgroup`: a memory limit in bytes that the kernel enforces. `args`: another way to start it than from source. `cpus`: of the machine's, all
 * when left out.
 */
export async function startServer(
  settings: Record<string, string>,
  cgroup?: { readonly tasks: string },
  args: readonly string[] = [MAIN],
  cpus?: number,
): Promise<BenchServer> {
  const { PORT } = settings;
  const baseUrl = PORT && `http://127.0.0.1:${PORT}`;
  const server = await startProcess({ args, env: serverEnvironment(settings), enter: cgroup?.tasks, baseUrl, cpus });
  const [, metricsPort] = /"metricsPort":(\d+)/.exec(server.log()) ?? [];
  return { ...server, path: signedPath, metricsUrl: metricsPort && `http://127.0.0.1:${metricsPort}/metrics` };
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
  /** Includes the kernel's file cache, which fills the rest of the limit and is reclaimed on demand. */
  peakBytes(): number;
  /** Anonymous memory now, which the kernel cannot reclaim. */
  anonymousBytes(): number;
  /** How often the kernel had to reclaim the file cache to fit an allocation. */
  timesFull(): number;
  oomKills(): number;
  remove(): void;
}

/** Needs root and a writable memory controller, of cgroup version 1 or 2. */
export function createMemoryGroup(limitBytes: number): MemoryGroup {
  const name = `darkroom-bench-${process.pid}`;
  const first = existsSync('/sys/fs/cgroup/memory');
  const folder = first ? `/sys/fs/cgroup/memory/${name}` : `/sys/fs/cgroup/${name}`;
  // Version 2 enables a controller in child groups only on request: https://docs.kernel.org/admin-guide/cgroup-v2.html
  if (!first) writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+memory');
  mkdirSync(folder);
  const file = (one: string, two: string) => join(folder, first ? one : two);
  writeFileSync(file('memory.limit_in_bytes', 'memory.max'), String(limitBytes));
  // With swap, memory that does not fit would go unnoticed.
  const swap = file('memory.memsw.limit_in_bytes', 'memory.swap.max');
  if (existsSync(swap)) writeFileSync(swap, first ? String(limitBytes) : '0');
  const number = (path: string) => Number(readFileSync(path, 'utf8'));
  const field = (path: string, name: string) =>
    Number(new RegExp(`^${name} (\\d+)`, 'm').exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
  const stat = join(folder, 'memory.stat');
  return {
    tasks: join(folder, 'cgroup.procs'),
    peakBytes: () => number(file('memory.max_usage_in_bytes', 'memory.peak')),
    anonymousBytes: () => field(stat, first ? 'total_rss' : 'anon'),
    timesFull: () => (first ? number(join(folder, 'memory.failcnt')) : field(join(folder, 'memory.events'), 'max')),
    oomKills: () => field(file('memory.oom_control', 'memory.events'), 'oom_kill'),
    remove: () => rmdirSync(folder),
  };
}
