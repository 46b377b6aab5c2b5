/**
 * From the start of the process to the first avatar of a photo with a face, by the production bundle: wall time, and the CPU of the
 * process until then. Beside another version, in turns.
 *
 *   node bench/first-avatar.ts [--photos DIR] [--id astronaut.jpg] [--runs 15] [--beside ROOT] [--out bench/results]
 *
 * The bundle is built first; that of `--beside`, the folder of another version, is there already (`npm run build:server` and
 * `npm run build:cache`). An avatar that is sent before its look ended counts in the last column.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { benchOptions, median, temporaryFolder } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { serverEnvironment, signedPath } from './tools/server.ts';

const values = benchOptions({ runs: '15', beside: '', id: 'astronaut.jpg' });
const root = new URL('..', import.meta.url).pathname;
for (const script of ['build:server', 'build:cache'])
  execFileSync('npm', ['run', '--silent', script], { cwd: root, stdio: 'ignore' });
const roots = { 'this version': root, ...(values.beside ? { beside: resolve(values.beside) } : {}) };
const home = temporaryFolder();
const LIMIT_MS = 60_000;

interface Run {
  readonly ms: number;
  readonly cpuMs: number;
  /** Until the port was open. */
  readonly upMs: number;
  readonly provisional: boolean;
}

async function oneStart(version: string, run: number): Promise<Run> {
  // Of versions that were started with flags of V8.
  const flags = join(version, 'build/v8-flags.ts');
  const { V8_FLAGS = [] }: { V8_FLAGS?: readonly string[] } = existsSync(flags) ? await import(flags) : {};
  const since = performance.now();
  const child = spawn(process.execPath, [...V8_FLAGS, join(version, 'dist/main.js')], {
    cwd: home.path,
    env: serverEnvironment({
      DARKROOM_ORIGINALS: `file:${resolve(values.photos)}`,
      DARKROOM_RESULTS: `file:${join(home.path, String(run))}`,
      MALLOC_ARENA_MAX: '2',
    }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  try {
    const url = await new Promise<string>((found, failed) => {
      createInterface(child.stdout).on('line', (line) => {
        const address = /"address":"(http:[^"]+)"/.exec(line)?.[1];
        if (address) found(address);
      });
      exited.then(() => failed(new Error(`${version} ended`)));
    });
    const upMs = performance.now() - since;
    const answer = await fetch(url + signedPath('avatar-medium', values.id));
    await answer.arrayBuffer();
    const ms = performance.now() - since;
    if (answer.status !== 200) throw new Error(`${answer.status} from ${version}`);
    const provisional = !answer.headers.get('cache-control')?.includes('immutable');
    return { ms, cpuMs: cpuOf(child.pid ?? 0), upMs, provisional };
  } finally {
    clearTimeout(limit);
    child.kill();
    await exited;
  }
}

/** User and system time in milliseconds: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, in hundredths of a second. */
function cpuOf(pid: number): number {
  const numbers = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').map(Number) ?? [];
  return ((numbers[11] ?? 0) + (numbers[12] ?? 0)) * 10;
}

const found = new Map<string, Run[]>();
for (let run = 0; run <= Number(values.runs); run += 1) {
  const turn = Object.entries(roots);
  for (const [name, version] of run % 2 === 0 ? turn : turn.toReversed()) {
    const one = await oneStart(version, run * turn.length + turn.findIndex(([other]) => other === name));
    // The first fills the kernel's file cache.
    if (run > 0) found.set(name, [...(found.get(name) ?? []), one]);
  }
}
home.remove();

const medians = Array.from(found, ([name, runs]) => {
  const of = (what: 'ms' | 'cpuMs' | 'upMs') => median(runs.map((one) => one[what]));
  return {
    name,
    ms: of('ms'),
    cpuMs: of('cpuMs'),
    upMs: of('upMs'),
    late: runs.filter((one) => one.provisional).length,
  };
});
const beside = medians.find(({ name }) => name === 'beside');
const rows = medians.map(({ name, ms, cpuMs, upMs, late }) => [
  ...[name, ms.toFixed(0), beside ? (ms / beside.ms).toFixed(2) : ''],
  ...[cpuMs.toFixed(0), upMs.toFixed(0), `${late} of ${values.runs}`],
]);
writeReport(
  values.out,
  'first-avatar',
  `Process start to the first avatar of \`${values.id}\`, by the bundle with its compiled code, median of ${values.runs} alternating starts; stores are folders.\n\n${markdownTable(['version', 'ms', 'over beside', 'CPU ms', 'ms until the port is open', 'provisional'], rows)}`,
  Object.fromEntries(medians.map(({ name, ...figures }) => [name === 'beside' ? name : 'now', figures])),
);
