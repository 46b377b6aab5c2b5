/**
 * A rendition of 20 KB in memory, beside a bare node:http server that checks the same HMAC and writes the same headers
 * and body. Rounds alternate; the CPU is the server's own, asked by bench/tools/probe.ts (process.cpuUsage).
 *
 *   node bench/hits.ts [--photos DIR] [--seconds 3] [--rounds 4] [--out bench/results]
 *
 * On two cores the load generator is the limit: the table says how much of a core it used. wrk, where installed, confirms.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import autocannon from 'autocannon';
import { benchOptions, median, photosIn, temporaryFolder } from './tools/options.ts';
import { freePort, type MeasuredProcess, startProcess } from './tools/process.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { serverEnvironment, signedPath, startServer } from './tools/server.ts';

const values = benchOptions({ seconds: '3', rounds: '4' });
const CONNECTIONS = 32;
const WANTED_BYTES = 20_000;
const WARM_UP_SECONDS = 1;
const run = promisify(execFile);

/** Requests/s, and microseconds of CPU a request; `generator` is the share of a core that made the load. */
interface Load {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p99Ms: number;
  readonly generator: number;
}

async function byAutocannon(server: MeasuredProcess, path: string, seconds: number): Promise<Load> {
  const [since, before, own] = [performance.now(), await server.exactCpuMs(), process.cpuUsage()];
  const result = await autocannon({ url: server.baseUrl + path, connections: CONNECTIONS, duration: seconds });
  const { user, system } = process.cpuUsage(own);
  const took = performance.now() - since;
  const cpuMs = (await server.exactCpuMs()) - before;
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refusals, ${result.errors} errors`);
  const requests = result.requests.total;
  return {
    perSecond: (requests / took) * 1000,
    cpuUs: (cpuMs * 1000) / requests,
    p99Ms: result.latency.p99,
    generator: (user + system) / 1000 / took,
  };
}

async function byWrk(server: MeasuredProcess, path: string, seconds: number): Promise<Load> {
  const before = await server.exactCpuMs();
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', server.baseUrl + path];
  const { stdout } = await run('wrk', options);
  const cpuMs = (await server.exactCpuMs()) - before;
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1]);
  if (stdout.includes('Non-2xx')) throw new Error(stdout);
  return {
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    cpuUs: (cpuMs * 1000) / number(/(\d+) requests in/),
    p99Ms: number(/99%\s+([\d.]+)ms/),
    generator: Number.NaN,
  };
}

/** A path of about 20 KB: the width that comes nearest. */
async function hitOf(baseUrl: string): Promise<{ path: string; bytes: number; headers: Record<string, string> }> {
  const [id = ''] = photosIn(values.photos);
  let best = { path: '', bytes: Number.POSITIVE_INFINITY, headers: {} as Record<string, string> };
  for (let width = 150; width <= 700; width += 25) {
    const path = signedPath(`w_${width},f_webp,q_80`, id);
    await (await fetch(baseUrl + path)).arrayBuffer();
    const answer = await fetch(baseUrl + path);
    const bytes = (await answer.arrayBuffer()).byteLength;
    if (Math.abs(bytes - WANTED_BYTES) < Math.abs(best.bytes - WANTED_BYTES))
      best = { path, bytes, headers: Object.fromEntries(answer.headers) };
  }
  return best;
}

const originals = resolve(values.photos);
const settings = { DARKROOM_FACES: 'off', DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_RESULTS: 'none' };
const darkroom = await startServer(settings);
const quiet = await startServer({ ...settings, DARKROOM_LOG_LEVEL: 'silent', PORT: String(await freePort()) });
const hit = await hitOf(darkroom.baseUrl);
await (await fetch(quiet.baseUrl + hit.path)).arrayBuffer();
if (!hit.headers['cache-status']?.includes('memory')) throw new Error(`no hit: ${hit.headers['cache-status']}`);

const home = temporaryFolder();
const bodyFile = `${home.path}/body`;
writeFileSync(bodyFile, Buffer.from(await (await fetch(darkroom.baseUrl + hit.path)).arrayBuffer()));
const { date: _, connection: __, 'keep-alive': ___, ...headers } = hit.headers;
const bareScript = new URL('tools/bare-http.ts', import.meta.url).pathname;
const bareHttp = await startProcess({
  args: [bareScript, bodyFile, JSON.stringify(headers)],
  env: serverEnvironment({}),
});

const BARE = 'node:http with the HMAC';
const OURS = 'Darkroom';
const SERVERS: Record<string, MeasuredProcess> = { [BARE]: bareHttp, [OURS]: darkroom, 'Darkroom, no log': quiet };
const wrk = await run('wrk', ['-v']).then(
  () => true,
  (error) => /wrk \d|wrk debian/i.test(`${error.stdout}${error.stderr}`),
);
const GENERATORS = { autocannon: byAutocannon, ...(wrk && { wrk: byWrk }) };
const found: Record<string, Load[]> = {};
const key = (generator: string, server: string) => `${generator}: ${server}`;
for (const server of Object.values(SERVERS)) await byAutocannon(server, hit.path, WARM_UP_SECONDS);
for (const [generator, load] of Object.entries(GENERATORS)) {
  // wrk only confirms.
  const rounds = generator === 'wrk' ? Math.ceil(Number(values.rounds) / 2) : Number(values.rounds);
  for (let round = 0; round < rounds; round += 1) {
    const turn = Object.entries(SERVERS);
    for (const [name, server] of round % 2 === 0 ? turn : turn.toReversed()) {
      const one = await load(server, hit.path, Number(values.seconds));
      found[key(generator, name)] = [...(found[key(generator, name)] ?? []), one];
    }
  }
}
await Promise.all(Object.values(SERVERS).map((server) => server.stop()));
home.remove();

const of = (generator: string, server: string, what: keyof Load) =>
  median((found[key(generator, server)] ?? []).map((one) => one[what]));
const rows = Object.keys(GENERATORS).flatMap((generator) =>
  Object.keys(SERVERS).map((server) => [
    generator,
    server,
    of(generator, server, 'perSecond').toFixed(0),
    (of(generator, server, 'perSecond') / of(generator, BARE, 'perSecond')).toFixed(3),
    of(generator, server, 'cpuUs').toFixed(1),
    (of(generator, server, 'cpuUs') / of(generator, BARE, 'cpuUs')).toFixed(3),
    of(generator, server, 'p99Ms').toFixed(1),
    generator === 'wrk' ? '' : of(generator, server, 'generator').toFixed(2),
  ]),
);
const summary = Object.fromEntries(
  Object.keys(GENERATORS).map((generator) => [
    generator,
    {
      perSecond: of(generator, OURS, 'perSecond') / of(generator, BARE, 'perSecond'),
      cpu: of(generator, OURS, 'cpuUs') / of(generator, BARE, 'cpuUs'),
      cpuUs: of(generator, OURS, 'cpuUs'),
    },
  ]),
);
writeReport(
  values.out,
  'hits',
  `${hit.bytes} bytes in memory, ${CONNECTIONS} connections, ${values.seconds} s a round, median of alternating rounds. The server's CPU is process.cpuUsage of its process. Log level as in production (info), written to a file, unless said. The load generator shares the machine: where it uses a whole core and the server none, requests/s say more of it than of the server, and CPU a request is the figure to read.\n\n${markdownTable(['generator', 'server', 'requests/s', 'over bare', 'CPU µs a request', 'over bare', 'p99 ms', 'cores used by the generator'], rows)}`,
  { ...summary, bytes: hit.bytes, rounds: found },
);
