import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from './options.ts';

const PROBE = new URL('./probe.ts', import.meta.url).href;
const START_LIMIT_MS = 30_000;
const POLL_MS = 5;
/** A process counts as idle when it used less CPU than this within a pause. */
const IDLE_CPU_MS = 1.5;
const IDLE_PAUSE_MS = 120;
const IDLE_LIMIT_MS = 20_000;

// A bench that fails or is interrupted leaves no server behind.
const running = new Map<ChildProcess, () => void>();
process.on('exit', () => {
  for (const [child, clean] of running) {
    child.kill('SIGKILL');
    clean();
  }
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** In bytes. */
export interface ProcessMemory {
  readonly rss: number;
  readonly peak: number;
}

/** A Node process under measurement. */
export interface MeasuredProcess {
  readonly pid: number;
  /** An empty folder of its own, gone after `stop()`. */
  readonly folder: string;
  /** From the first log line with an address. */
  readonly baseUrl: string;
  memory(): ProcessMemory;
  /** User and system CPU of all threads so far, in milliseconds, in ticks of 10. */
  cpuMs(): number;
  /** The same to the microsecond; asks the process itself. */
  exactCpuMs(): Promise<number>;
  /** The same once the work behind the answers is done. */
  settledCpuMs(): Promise<number>;
  openFiles(): number;
  log(): string;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  stop(): Promise<void>;
}

export interface ProcessOptions {
  /** Arguments of Node: script and its own. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** A file to write the process's id to before it begins: a control group's. */
  readonly enter?: string | undefined;
  /** How many CPUs it has, the first ones of the machine; all when left out. */
  readonly cpus?: number | undefined;
  /** Of a process that does not print its address. */
  readonly baseUrl?: string | undefined;
}

/** What precedes a command, so that it runs on so many CPUs; util-linux's. */
export function onFirstCpus(cpus: number | undefined): string[] {
  return cpus === undefined ? [] : ['taskset', '--cpu-list', `0-${cpus - 1}`];
}

/** Starts a Node process that prints `"address":"http://..."` or listens at `baseUrl`, and waits for that. Its output goes to a file. */
export async function startProcess(options: ProcessOptions): Promise<MeasuredProcess> {
  const home = temporaryFolder();
  const [logFile, probe] = [join(home.path, 'process.log'), join(home.path, 'probe')];
  const out = openSync(logFile, 'w');
  // A shell that enters the group before it becomes the process, so that every page counts.
  const enter = options.enter ? `echo $$ > ${options.enter} && ` : '';
  const command = [
    '-c',
    `${enter}exec "$@"`,
    'sh',
    ...onFirstCpus(options.cpus),
    process.execPath,
    '--import',
    PROBE,
    ...options.args,
  ];
  const child = spawn('sh', command, {
    cwd: home.path,
    env: { ...options.env, BENCH_PROBE: probe },
    stdio: ['ignore', out, out],
  });
  closeSync(out);
  running.set(child, home.remove);
  let ended = false;
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('exit', (code, signal) => {
      ended = true;
      running.delete(child);
      resolve({ code, signal });
    }),
  );
  const log = () => readFileSync(logFile, 'utf8');
  const baseUrl = await untilUp(options.baseUrl, log, () => ended);
  const proc = (file: string) => readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
  const status = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(proc('status'))?.[1] ?? 0) * 1024;
  const exactCpuMs = async () => {
    const { user, system } = JSON.parse(await text(connect(probe)));
    return (user + system) / 1000;
  };

  return {
    ...{ baseUrl, exited, log, exactCpuMs, pid: child.pid ?? 0, folder: home.path },
    memory: () => ({ rss: status('VmRSS'), peak: status('VmHWM') }),
    cpuMs() {
      // Fields 14 and 15 of proc_pid_stat(5); the name before them may hold spaces.
      const fields = proc('stat').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    async settledCpuMs() {
      const deadline = performance.now() + IDLE_LIMIT_MS;
      for (let before = await exactCpuMs(); ; ) {
        await delay(IDLE_PAUSE_MS);
        const now = await exactCpuMs();
        if (now - before < IDLE_CPU_MS || performance.now() > deadline) return now;
        before = now;
      }
    },
    openFiles: () => readdirSync(`/proc/${child.pid}/fd`).length,
    async stop() {
      child.kill('SIGTERM');
      const overdue = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await exited;
      clearTimeout(overdue);
      home.remove();
    },
  };
}

async function untilUp(known: string | undefined, log: () => string, ended: () => boolean): Promise<string> {
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    const [, address] = /"address":"([^"]+)"/.exec(log()) ?? [];
    if (address) return address;
    if (known && (await answers(known))) return known;
    if (ended() || performance.now() > deadline) throw new Error(`the process did not start: ${log()}`);
    await delay(POLL_MS);
  }
}

function answers(baseUrl: string): Promise<boolean> {
  return fetch(baseUrl).then(
    () => true,
    () => false,
  );
}

/** A port that is closed at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
