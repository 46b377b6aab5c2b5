import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatImagePath } from '../src/url/image-path.ts';
import { createSignatures } from '../src/url/signature.ts';

const KEY = Buffer.alloc(32, 7);
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

/** In KiB of /proc, in bytes here. */
export interface ProcessMemory {
  readonly rss: number;
  readonly peak: number;
}

export interface BenchServer {
  readonly baseUrl: string;
  readonly pid: number;
  /** An empty folder of its own, with the originals and results of the default settings in it. */
  readonly folder: string;
  path(preset: string, id: string): string;
  memory(): ProcessMemory;
  /** User and system CPU of the process so far, in milliseconds. */
  cpuMs(): number;
  openFiles(): number;
  log(): string;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  stop(): Promise<void>;
}

/** A real process from source, on loopback. `cgroup`: a memory limit in bytes that the kernel enforces. */
export async function startServer(settings: Record<string, string>, cgroup?: MemoryGroup): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DARKROOM_')));
  const env = {
    ...inherited,
    ...{ HOST: '127.0.0.1', PORT: '0', NODE_ENV: 'production', UV_THREADPOOL_SIZE: '8' },
    ...{ DARKROOM_METRICS_PORT: 'off', DARKROOM_LOG_LEVEL: 'info', DARKROOM_SIGNING_KEYS: KEY.toString('hex') },
    ...settings,
  };
  // A shell that enters the group before it becomes the server, so that every page counts.
  const enter = cgroup ? `echo $$ > ${cgroup.tasks} && ` : '';
  const child = spawn('sh', ['-c', `${enter}exec "$0" "$1"`, process.execPath, MAIN], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const up = Promise.withResolvers<string>();
  const collect = (chunk: Buffer) => {
    log = (log + chunk).slice(-1_000_000);
    const [, address] = /"address":"([^"]+)"/.exec(log) ?? [];
    if (address) up.resolve(address);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  exited.then(({ code, signal }) => up.reject(new Error(`the server ended (${code ?? signal}): ${log}`)));
  const baseUrl = await up.promise;
  const signatures = createSignatures([KEY]);
  const status = (name: string) =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(proc(child, 'status'))?.[1] ?? 0) * 1024;

  return {
    ...{ baseUrl, folder, exited, pid: child.pid ?? 0 },
    path(preset, id) {
      const [, name = '', suffix = ''] = /^([^@.]*)(.*)$/.exec(preset) ?? [];
      return formatImagePath({
        signature: signatures.sign({ preset: name, id, expiresAt: undefined }),
        preset: name,
        suffix,
        id,
        expiresAt: undefined,
      });
    },
    memory: () => ({ rss: status('VmRSS'), peak: status('VmHWM') }),
    cpuMs() {
      // Fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms; the name before them may hold spaces.
      const fields = proc(child, 'stat').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    openFiles: () => readdirSync(`/proc/${child.pid}/fd`).length,
    log: () => log,
    async stop() {
      child.kill('SIGTERM');
      const overdue = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await exited;
      clearTimeout(overdue);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function proc(child: ChildProcess, file: string): string {
  return readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
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
