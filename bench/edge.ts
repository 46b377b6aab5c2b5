/**
 * What a CDN leaves to Darkroom: nginx with examples/nginx/darkroom.conf in front of a real process, under a shop's mixed
 * traffic. Hit rate, origin requests, latency and bytes, with and without Accept made into three classes, and a stampede.
 *
 *     node bench/edge.ts [--requests 100000] [--originals 200] [--crowd 1000] [--seed 1] [--out bench/results]
 *
 * Fails when a stampede costs more than one origin request, or when an answer is no 200.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startNginx } from '../test/helpers/nginx.ts';
import { type Asked, CLIENTS, MIX, PRESETS, pinned, traffic } from './tools/edge-traffic.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { type BenchServer, startServer } from './tools/server.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    originals: { type: 'string', default: '200' },
    crowd: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: new URL('results', import.meta.url).pathname },
  },
});
const REQUESTS = Number(values.requests);
const ORIGINALS = Number(values.originals);
const AT_A_TIME = 24;
const SAMPLES = new URL('../samples', import.meta.url).pathname;
const agent = new Agent({ keepAlive: true, maxSockets: AT_A_TIME });
interface Answer {
  readonly status: number;
  readonly hit: boolean;
  readonly bytes: number;
  readonly ms: number;
  readonly headers: Record<string, unknown>;
}
function ask(url: string, accept: string, by: Agent | false = agent): Promise<Answer> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    request(url, { agent: by, headers: { accept } }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('error', reject);
      response.on('end', () => {
        const hit = /nginx; hit/.test(String(response.headers['cache-status']));
        const { statusCode: status = 0, headers } = response;
        resolve({ status, hit, bytes, ms: performance.now() - began, headers });
      });
    })
      .on('error', reject)
      .end();
  });
}

/** Darkroom counts its requests in their ids, in base 36. */
async function requestsSoFar(server: BenchServer): Promise<number> {
  const { headers } = await ask(`${server.baseUrl}/health`, '*/*');
  return Number.parseInt(String(headers['x-request-id']).split('-')[1] ?? '', 36);
}

/** The conf without its treatment of Accept: nginx goes by Vary and by what clients write. */
const byVary = (conf: string) =>
  [
    ['proxy_set_header Accept $darkroom_accept;', 'proxy_set_header Accept $http_accept;'],
    ['"$darkroom_accept $request_uri"', '"$request_uri"'],
    ['proxy_ignore_headers Vary;', ''],
  ].reduce((text, [from = '', to = '']) => changed(text, from, to), conf);
const withoutLock = (conf: string) => changed(conf, 'proxy_cache_lock on;', 'proxy_cache_lock off;');
function changed(conf: string, from: string, to: string): string {
  if (!conf.includes(from)) throw new Error(`the conf has no ${from}`);
  return conf.replace(from, to);
}
const WAYS: [name: string, edit: (conf: string) => string, preset: (asked: Asked) => string][] = [
  ['`<picture>` with pinned formats', (conf) => conf, pinned],
  ['`auto`, Accept as three classes', (conf) => conf, ({ preset }) => preset],
  ['`auto`, Accept as it comes, by Vary', byVary, ({ preset }) => preset],
];

const home = mkdtempSync(join(tmpdir(), 'darkroom-edge-'));
const presetsFile = join(home, 'presets.json');
writeFileSync(presetsFile, JSON.stringify(PRESETS));
const photos = readdirSync(SAMPLES).filter((name) => name.endsWith('.jpg'));

/** A new process with nothing in memory, and all originals. */
async function startDarkroom(): Promise<BenchServer> {
  const server = await startServer({ DARKROOM_PRESETS: presetsFile, DARKROOM_FACES: 'off' });
  const listings = join(server.folder, 'data/originals/listings');
  mkdirSync(listings, { recursive: true });
  for (let rank = 0; rank < ORIGINALS; rank += 1)
    copyFileSync(join(SAMPLES, photos[rank % photos.length] ?? ''), join(listings, `${rank}.jpg`));
  return server;
}

const wrong: string[] = [];

/** All requests in order, so many at a time. */
async function run(server: BenchServer, base: string, presetOf: (asked: Asked) => string): Promise<Answer[]> {
  const list = traffic(REQUESTS, ORIGINALS, Number(values.seed));
  const answers: Answer[] = [];
  const next = list.entries();
  const keepAsking = async () => {
    for (const [at, asked] of next) {
      const answer = await ask(base + server.path(presetOf(asked), asked.id), asked.accept);
      if (answer.status !== 200) wrong.push(`${answer.status} ${presetOf(asked)} ${asked.id}`);
      answers[at] = answer;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, keepAsking));
  return answers;
}

const percentOf = (part: number, whole: number) => `${((100 * part) / whole).toFixed(2)} %`;
const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
const times = (answers: Answer[], share: number) => {
  const sorted = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
};

interface Outcome {
  readonly way: string;
  readonly asked: number;
  readonly originRequests: number;
  readonly hits: number;
  /** By fifths of the run. */
  readonly hitsOverTime: readonly string[];
  readonly bytes: number;
  readonly originBytes: number;
  readonly hitMs: [p50: string, p99: string];
  readonly missMs: [p50: string, p99: string];
}

async function measure([way, edit, presetOf]: (typeof WAYS)[number]): Promise<Outcome> {
  const server = await startDarkroom();
  const nginx = await startNginx(server.baseUrl, edit);
  const before = await requestsSoFar(server);
  const answers = await run(server, nginx.baseUrl, presetOf);
  // Less the request that asks for the count.
  const originRequests = (await requestsSoFar(server)) - before - 1;
  const hits = answers.filter(({ hit }) => hit);
  const misses = answers.filter(({ hit }) => !hit);
  const fifths = [0, 1, 2, 3, 4].map((at) => answers.slice((at * REQUESTS) / 5, ((at + 1) * REQUESTS) / 5));
  const sum = (list: Answer[]) => list.reduce((bytes, answer) => bytes + answer.bytes, 0);
  const outcome = {
    ...{ way, asked: answers.length, originRequests, hits: answers.length - originRequests },
    hitsOverTime: fifths.map((part) => percentOf(part.filter(({ hit }) => hit).length, part.length)),
    ...{ bytes: sum(answers), originBytes: sum(misses) },
    hitMs: [times(hits, 0.5), times(hits, 0.99)] as [string, string],
    missMs: [times(misses, 0.5), times(misses, 0.99)] as [string, string],
  };
  await nginx.stop();
  await server.stop();
  return outcome;
}

/** Many at once for one URL that nobody has asked for yet, each on a connection of its own. */
async function stampede(what: string, id: string, edit: (conf: string) => string = (conf) => conf) {
  const server = await startDarkroom();
  const nginx = await startNginx(server.baseUrl, edit);
  const before = await requestsSoFar(server);
  const url = nginx.baseUrl + server.path('detail', id);
  const crowd = Array.from({ length: Number(values.crowd) }, () => ask(url, CLIENTS[0]?.[0] ?? '', false));
  const answers = await Promise.all(crowd);
  const originRequests = (await requestsSoFar(server)) - before - 1;
  await nginx.stop();
  await server.stop();
  const statuses = [...new Set(answers.map(({ status }) => status))].join(', ');
  return { what, crowd: answers.length, statuses, originRequests, p50: times(answers, 0.5), p99: times(answers, 0.99) };
}

const outcomes: Outcome[] = [];
for (const way of WAYS) outcomes.push(await measure(way));
const crowds = [
  await stampede('a cold picture', 'listings/0.jpg'),
  await stampede('an original that is missing', 'listings/none.jpg'),
  await stampede('a cold picture, without `proxy_cache_lock`', 'listings/0.jpg', withoutLock),
];
agent.destroy();
rmSync(home, { recursive: true });

const hitTable = markdownTable(
  [
    'URLs and Accept',
    'requests',
    'origin requests',
    'hit rate',
    'by fifths of the run',
    'MiB out',
    'MiB from Darkroom',
    'hit p50, p99 ms',
    'miss p50, p99 ms',
  ],
  outcomes.map((one) => [
    ...[one.way, one.asked, one.originRequests, percentOf(one.hits, one.asked)],
    ...[one.hitsOverTime.join(', '), mib(one.bytes), mib(one.originBytes)],
    ...[one.hitMs.join(', '), one.missMs.join(', ')],
  ]),
);
const crowdTable = markdownTable(
  ['at once', 'requests', 'statuses', 'origin requests', 'p50 ms', 'p99 ms'],
  crowds.map((one) => [one.what, one.crowd, one.statuses, one.originRequests, one.p50, one.p99]),
);
const about = `${REQUESTS} requests from a cold cache, ${AT_A_TIME} at a time, seed ${values.seed}: ${ORIGINALS} originals by Zipf's law, ${MIX.map(
  ([name, percent]) => `${name} ${percent} %`,
).join(
  ', ',
)}; ${CLIENTS.length} Accept headers of browsers. A hit is a request that Darkroom did not see; it counts its own. What waited for another's miss is a hit with that wait in it.`;
writeReport(values.out, 'edge', `${about}\n\n${hitTable}\n\n${crowdTable}`, {
  outcomes,
  crowds,
  mix: MIX,
  clients: CLIENTS,
});
const [cold, missing] = crowds;
if (wrong.length > 0 || cold?.originRequests !== 1 || missing?.originRequests !== 1) {
  console.error('a promise was broken', { wrong: wrong.slice(0, 5), crowds });
  process.exitCode = 1;
}
