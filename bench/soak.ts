/**
 * Mixed real traffic for minutes or hours against a real server: what comes out by status, how fast, and whether anything
 * grows. Kinds and shares of requests are in bench/tools/soak-traffic.ts.
 *
 *     npm run bench:soak -- [--minutes 30] [--seed 1] [--rate 20] [--p99 50] [--stores s3|folder] [--allocator jemalloc]
 *                           [--mib 512] [--out bench/results]
 *
 * With an S3 server (TEST_S3_ENDPOINT, or Ceph RGW where it is installed) behind a proxy that spoils what it is told to; else
 * with folders and without store faults. Fails when an answer is none of those that its request is owed, when p99 of memory hits
 * is above --p99 milliseconds or grows by a fifth, when files stay open, gauges stay up, or RSS grows by 1 MB a minute or more after minute 5.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hasRgw, startRgw } from '../test/helpers/rgw.ts';
import { lineChart } from './tools/chart.ts';
import { conditions, markdownTable, writeReport } from './tools/report.ts';
import { percentile, runSoak, type Sample } from './tools/soak-run.ts';
import { type Kind, SHARES } from './tools/soak-traffic.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '20' },
    p99: { type: 'string', default: '50' },
    stores: { type: 'string', default: 's3' },
    allocator: { type: 'string', default: 'jemalloc' },
    mib: { type: 'string' },
    out: { type: 'string', default: new URL('results', import.meta.url).pathname },
  },
});
const MIB = 1024 * 1024;
const SAMPLE_SECONDS = 10;
/** Caches fill and V8 finds its size; only then a slope means something, and only over several minutes. */
const WARM_MINUTES = 5;
const SLOPE_NEEDS_MINUTES = 10;
const MOST_MB_A_MINUTE = 1;
const MOST_SLOWER = 1.2;
/** Those of the face thread, which comes and goes by itself. */
const SPARE_FILES = 8;

const own = values.stores === 's3' && !process.env.TEST_S3_ENDPOINT && (await hasRgw()) ? await startRgw() : undefined;
if (own) {
  process.env.TEST_S3_ENDPOINT = own.endpoint;
  process.env.AWS_ACCESS_KEY_ID = own.accessKey;
  process.env.AWS_SECRET_ACCESS_KEY = own.secretKey;
  process.env.AWS_REGION = 'us-east-1';
}
const s3 = values.stores === 's3' && process.env.TEST_S3_ENDPOINT !== undefined;

const round = (value: number | undefined) => (value === undefined ? '' : Number(value.toFixed(value < 10 ? 1 : 0)));
const COLUMNS: readonly (readonly [head: string, cell: (sample: Sample) => string | number])[] = [
  ['minute', ({ minute }) => minute.toFixed(1)],
  ['requests', ({ requests }) => requests],
  ...['200', '304', '4xx', '5xx', 'aborted', 'failed'].map(
    (status) => [status, (sample: Sample) => countOf(sample, status)] as const,
  ),
  ['hit p50, p99', ({ p50, p99 }) => `${round(p50.hit)}, ${round(p99.hit)}`],
  ['304 p50, p99', ({ p50, p99 }) => `${round(p50['not modified'])}, ${round(p99['not modified'])}`],
  ['miss p50, p99', ({ p50, p99 }) => `${round(p50.miss)}, ${round(p99.miss)}`],
  ['fault p50, p99', ({ p50, p99 }) => `${round(p50['store fault'])}, ${round(p99['store fault'])}`],
  ['RSS MiB', ({ rss }) => Math.round(rss / MIB)],
  ['loop delay p99', ({ loopDelayMs }) => round(loopDelayMs)],
  ['sockets', ({ sockets }) => sockets],
  ['files', ({ files }) => files],
  ['load of the machine', ({ load }) => round(load)],
];
function countOf({ statuses }: Sample, name: string): number {
  const matches = (status: string) =>
    name.endsWith('xx') ? /^\d/.test(status) && status[0] === name[0] : status === name;
  return Object.entries(statuses).reduce((sum, [status, times]) => sum + (matches(status) ? times : 0), 0);
}

const report = await runSoak({
  ...{ seconds: Number(values.minutes) * 60, rate: Number(values.rate), seed: Number(values.seed), s3 },
  ...{ sampleSeconds: SAMPLE_SECONDS, allocator: values.allocator, mib: values.mib ? Number(values.mib) : undefined },
  onSample: (sample) => console.error(COLUMNS.map(([head, cell]) => `${head} ${cell(sample)}`).join(' · ')),
}).finally(() => own?.stop());
const { samples, outcomes, files, sockets, gauges, exit } = report;

/** MB a minute, by least squares; undefined where there is too little to tell. */
function rssSlope(): number | undefined {
  const late = samples.filter(({ minute }) => minute >= WARM_MINUTES);
  if (Number(values.minutes) < SLOPE_NEEDS_MINUTES) return undefined;
  const mean = (of: (sample: Sample) => number) => late.reduce((sum, one) => sum + of(one), 0) / late.length;
  const [meanMinute, meanRss] = [mean(({ minute }) => minute), mean(({ rss }) => rss)];
  const above = mean(({ minute, rss }) => (minute - meanMinute) * (rss - meanRss));
  return above / mean(({ minute }) => (minute - meanMinute) ** 2) / 1e6;
}
const timesOf = (kind: Kind) => outcomes.filter((one) => one.kind === kind).map(({ ms }) => ms);
const wrong = outcomes.flatMap((outcome) => outcome.wrong ?? []);
const slope = rssSlope();
const hitP99 = percentile(timesOf('hit'), 0.99) ?? 0;
/** p99 of hits in the first and the last of so many minutes; they come in order, and evenly. */
const [firstP99 = 0, lastP99 = 0] = [1, -1].map((end) => {
  const hits = timesOf('hit');
  const some = Math.ceil((hits.length * WARM_MINUTES) / Number(values.minutes));
  return percentile(end > 0 ? hits.slice(0, some) : hits.slice(-some), 0.99);
});
const slows = Number(values.minutes) >= 2 * WARM_MINUTES && lastP99 > firstP99 * MOST_SLOWER;
const broken = Object.entries({
  [`${wrong.length} answers that were not owed, such as ${wrong[0]}`]: wrong.length > 0,
  [`p99 of hits is ${hitP99.toFixed(1)} ms`]: hitP99 > Number(values.p99),
  [`p99 of hits was ${firstP99.toFixed(1)} ms and came to ${lastP99.toFixed(1)}`]: slows,
  [`${files.after} files are open at the end, ${files.before} were before`]: files.after > files.before + SPARE_FILES,
  [`${sockets.after} sockets are open at the end, ${sockets.before} were before`]: sockets.after > sockets.before,
  [`gauges at the end: ${JSON.stringify(gauges)}`]: Object.values(gauges).some((value) => value !== 0),
  [`RSS grows by ${slope?.toFixed(2)} MB a minute`]: (slope ?? 0) >= MOST_MB_A_MINUTE,
  [`the server ended with ${exit.code ?? exit.signal}`]: exit.code !== 0,
}).flatMap(([what, is]) => (is ? [what] : []));

const kinds = Object.keys(SHARES) as Kind[];
const byKind = kinds.map((kind) => {
  const those = outcomes.filter((one) => one.kind === kind);
  const statuses = Map.groupBy(those, ({ status }) => String(status));
  const answers = [...statuses].sort().map(([status, list]) => `${status}: ${list.length}`);
  const times = timesOf(kind);
  return [kind, those.length, answers.join(', '), ...[0.5, 0.99].map((share) => round(percentile(times, share)))];
});
const figures = [
  ['requests', outcomes.length],
  ['answers that were not owed', wrong.length],
  ['store faults injected', Object.values(report.planted).reduce((sum, times) => sum + times, 0)],
  ['RSS after minute 5, MB a minute', slope?.toFixed(2) ?? 'run too short'],
  [`p99 of hits, first and last ${WARM_MINUTES} minutes, ms`, `${firstP99.toFixed(1)}, ${lastP99.toFixed(1)}`],
  ['open files before, after', `${files.before}, ${files.after}`],
  ['of them sockets', `${sockets.before}, ${sockets.after}`],
  ['gauges at the end (slots, queue, flights, saves)', Object.values(gauges).join(', ')],
  ['exit code after SIGTERM', exit.code ?? exit.signal ?? ''],
  ['promises broken', broken.length === 0 ? 'none' : broken.join('; ')],
] as const;
const name = `soak-${values.minutes}-minutes-${s3 ? 's3' : 'folder'}`;
const intro = `${values.minutes} minutes at ${values.rate} requests a second on average, seed ${values.seed}, stores: ${s3 ? 'S3 (Ceph RGW) behind the fault proxy' : 'folders'}, allocator: ${values.allocator}, memory: ${values.mib ? `${values.mib} MiB, by the kernel` : 'all of the machine'}. Milliseconds as the client saw them, which shared the machine's CPUs with the server.`;
const faults = Object.entries(report.planted).sort();
writeReport(
  values.out,
  name,
  [
    intro,
    `![course](${conditions().date}-${name}.svg)`,
    markdownTable(['what', 'figure'], figures),
    markdownTable(['kind', 'requests', 'answers', 'p50 ms', 'p99 ms'], byKind),
    ...(faults.length > 0 ? [markdownTable(['fault', 'injected'], faults)] : []),
    markdownTable(
      COLUMNS.map(([head]) => head),
      samples.map((sample) => COLUMNS.map(([, cell]) => cell(sample))),
    ),
  ].join('\n\n'),
  { figures: Object.fromEntries(figures), byKind, faults, samples },
);
const chart = lineChart(
  `Darkroom, ${values.minutes} minutes at ${values.rate} requests a second, seed ${values.seed}`,
  samples.map(({ minute }) => minute),
  [
    {
      title: 'Answers in 10 s',
      lines: [
        { name: '200', colour: '#2a7', values: samples.map((one) => countOf(one, '200')) },
        { name: '304', colour: '#37c', values: samples.map((one) => countOf(one, '304')) },
        { name: '4xx, as owed', colour: '#e90', values: samples.map((one) => countOf(one, '4xx')) },
        { name: '5xx, faults planted', colour: '#c22', values: samples.map((one) => countOf(one, '5xx')) },
        { name: 'aborted by the client', colour: '#888', values: samples.map((one) => countOf(one, 'aborted')) },
      ],
    },
    {
      title: 'Hits and 304s, ms',
      lines: [
        { name: 'hit p50', colour: '#2a7', values: samples.map(({ p50 }) => p50.hit) },
        { name: 'hit p99', colour: '#c22', values: samples.map(({ p99 }) => p99.hit) },
        { name: '304 p99', colour: '#37c', values: samples.map(({ p99 }) => p99['not modified']) },
      ],
    },
    {
      title: 'Misses, ms',
      lines: [
        { name: 'miss p50', colour: '#2a7', values: samples.map(({ p50 }) => p50.miss) },
        { name: 'miss p99', colour: '#c22', values: samples.map(({ p99 }) => p99.miss) },
      ],
    },
    { title: 'RSS, MiB', lines: [{ name: 'RSS', colour: '#37c', values: samples.map(({ rss }) => rss / MIB) }] },
    {
      title: "The server's event loop, ms",
      lines: [{ name: 'delay p99', colour: '#c22', values: samples.map(({ loopDelayMs }) => loopDelayMs) }],
    },
    {
      title: 'Load of the machine, with everybody else on it',
      lines: [{ name: 'runnable threads', colour: '#888', values: samples.map(({ load }) => load) }],
    },
    {
      title: 'Open in the server',
      lines: [
        { name: 'files', colour: '#37c', values: samples.map((one) => one.files) },
        { name: 'of them sockets', colour: '#2a7', values: samples.map((one) => one.sockets) },
      ],
    },
  ],
);
writeFileSync(join(values.out, `${conditions().date}-${name}.svg`), chart);
if (broken.length > 0) {
  console.error(`promises broken:\n${broken.join('\n')}\n${wrong.slice(0, 20).join('\n')}`);
  process.exitCode = 1;
}
