/**
 * From the start of the process to the first 200, for a stored rendition and for one to be rendered, from source and
 * from the production bundle, beside an empty Fastify server; with the peak of memory until then.
 *
 *   node bench/start.ts [--photos DIR] [--runs 15] [--bundle dist/main.js] [--out bench/results]
 *
 * The bundle is built first. Without `--bundle` it is started as the image does.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { buildSync } from 'esbuild';
import { benchOptions, median, photosIn, temporaryFolder } from './tools/options.ts';
import { freePort } from './tools/process.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { serverEnvironment, signedPath } from './tools/server.ts';

const values = benchOptions({ runs: '15', bundle: '' });
const POLL_MS = 2;
const LIMIT_MS = 30_000;
const root = new URL('..', import.meta.url).pathname;
const here = (path: string) => join(root, path);

function build(): string[] {
  const { scripts } = JSON.parse(readFileSync(here('package.json'), 'utf8'));
  for (const script of ['build:server', 'build:cache'])
    if (scripts[script]) execFileSync('npm', ['run', '--silent', script], { cwd: root, stdio: 'ignore' });
  if (values.bundle) return values.bundle.split(' ').map((part) => (existsSync(here(part)) ? here(part) : part));
  return [here('dist/main.js')];
}

const home = temporaryFolder();
const bundle = build();
const emptySource = here('bench/tools/empty-fastify.ts');
const emptyBundle = join(home.path, 'empty-fastify.cjs');
buildSync({
  ...{ entryPoints: [emptySource], outfile: emptyBundle, bundle: true, platform: 'node', format: 'cjs' },
  ...{ target: 'node24', logLevel: 'error' },
});
const source = [here('src/main.ts')];
const [photo = ''] = photosIn(values.photos);
const path = signedPath('small', photo);
const stored = join(home.path, 'stored');
const settings = (results: string) => ({
  DARKROOM_ORIGINALS: `file:${resolve(values.photos)}`,
  DARKROOM_RESULTS: `file:${results}`,
});

interface Run {
  readonly ms: number;
  readonly peakMib: number;
}

/** Starts it, asks until the first 200, and ends it. */
async function oneStart(args: readonly string[], env: Record<string, string>): Promise<Run> {
  const port = await freePort();
  const since = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: home.path,
    env: serverEnvironment({ ...env, PORT: String(port) }),
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  while ((await statusOf(port)) !== 200) {
    if (performance.now() - since > LIMIT_MS || child.exitCode !== null) throw new Error(`no 200 from ${args}`);
    await delay(POLL_MS);
  }
  const ms = performance.now() - since;
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  child.kill('SIGTERM');
  await exited;
  return { ms, peakMib: Number(peak) / 1024 };
}

/** The HTTP status, or 0 while the port is closed. */
function statusOf(port: number): Promise<number> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    }).on('error', () => resolve(0));
  });
}

let cold = 0;
const fresh = () => {
  cold += 1;
  return settings(join(home.path, `cold-${cold}`));
};
const STORED = 'Darkroom, bundle, stored rendition';
const EMPTY = 'empty Fastify, bundle';
const WAYS: Record<string, () => Promise<Run>> = {
  [EMPTY]: () => oneStart([emptyBundle], {}),
  [STORED]: () => oneStart(bundle, settings(stored)),
  'Darkroom, bundle, cold render': () => oneStart(bundle, fresh()),
  // Without the native engine.
  'Darkroom, bundle, cold render by sharp': () => oneStart(bundle, { ...fresh(), DARKROOM_ENGINE: 'off' }),
  'empty Fastify, source': () => oneStart([emptySource], {}),
  'Darkroom, source, stored rendition': () => oneStart(source, settings(stored)),
  'Darkroom, source, cold render': () => oneStart(source, fresh()),
};
// Fills the store, and the kernel's file cache with all programs.
await oneStart(source, settings(stored));
for (const way of Object.values(WAYS)) await way();

const found: Record<string, Run[]> = {};
for (let run = 0; run < Number(values.runs); run += 1) {
  const turn = Object.entries(WAYS);
  for (const [name, way] of run % 2 === 0 ? turn : turn.toReversed())
    found[name] = [...(found[name] ?? []), await way()];
}
home.remove();

const of = (name: string, what: keyof Run) => median((found[name] ?? []).map((one) => one[what]));
const rows = Object.keys(WAYS).map((name) => {
  const emptyOfItsKind = name.includes('bundle') ? EMPTY : 'empty Fastify, source';
  const ms = of(name, 'ms');
  return [name, ms.toFixed(0), (ms / of(emptyOfItsKind, 'ms')).toFixed(2), of(name, 'peakMib').toFixed(0)];
});
writeReport(
  values.out,
  'start',
  `Process start to the first 200 on loopback, median of ${values.runs} alternating starts; asked every ${POLL_MS} ms. Bundle: \`${bundle.map((part) => part.replace(root, '')).join(' ')}\`; stores are folders; faces on, as in production.\n\n${markdownTable(['what', 'ms', 'over empty Fastify of its kind', 'peak RSS MiB'], rows)}`,
  {
    storedOverEmpty: of(STORED, 'ms') / of(EMPTY, 'ms'),
    ms: Object.fromEntries(Object.keys(WAYS).map((name) => [name, of(name, 'ms')])),
    peakMib: Object.fromEntries(Object.keys(WAYS).map((name) => [name, of(name, 'peakMib')])),
  },
);
