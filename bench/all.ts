/**
 * All benches, one after the other, and the table of what was promised: figure, mark, reached or not.
 *
 *   npm run bench -- [--photos DIR] [--only hits,once] [--out bench/results]
 *
 * Some 25 minutes on two quiet cores. `--only` runs some and reads the rest from the newest results.
 */
import { spawnSync } from 'node:child_process';
import { benchOptions } from './tools/options.ts';
import { latestReport, markdownTable, writeReport } from './tools/report.ts';

const BENCHES = ['hits', 'once', 'family', 'misses', 'limit', 'start', 'stampede', 'mixed', 'memory', 'cost'];
/** The pair whose mark lies nearest to what one run is off by, once more and longer. */
const LIMIT = ['--rounds', '4', '--ways', '^bare sharp$|folder$', '--report', 'limit'];
const values = benchOptions({ only: BENCHES.join(',') });

const took: Record<string, number> = {};
const failed: string[] = [];
for (const name of BENCHES.filter((one) => values.only.split(',').includes(one))) {
  const since = performance.now();
  const script = new URL(`${name === 'limit' ? 'misses' : name}.ts`, import.meta.url).pathname;
  const more = [...(name === 'cost' ? [] : ['--photos', values.photos]), ...(name === 'limit' ? LIMIT : [])];
  const { status } = spawnSync(process.execPath, [script, ...more, '--out', values.out], { stdio: 'inherit' });
  if (status !== 0) failed.push(name);
  took[name] = Math.round((performance.now() - since) / 1000);
  console.error(`\n${name}: ${took[name]} s${status === 0 ? '' : ', FAILED'}\n`);
}

/** A figure of a report, or undefined where that bench has no result or did without a part. */
function figure<Data>(name: string, read: (data: Data) => number | undefined): number | undefined {
  try {
    return read(latestReport<Data>(values.out, name));
  } catch {
    return undefined;
  }
}
type Hits = Record<string, { perSecond: number; cpu: number }>;
type Misses = { summary: Record<string, { speed: number }> };
type Family = Record<string, { cpu: number; bytes: number }>;
type Once = { sibling: number; proxy: number; faces: number };
type Cost = { machines: number; total: number };
const miss = (pair: string, report = 'misses') => figure<Misses>(report, ({ summary }) => summary[pair]?.speed);
const MIB = 1024 ** 2;
const SIX = 'Darkroom, six at a time';

interface Promised {
  readonly what: string;
  readonly mark: number;
  readonly atMost?: boolean;
  readonly found: number | undefined;
  readonly digits?: number;
}
const promises: Promised[] = [
  {
    what: 'memory hits over bare node:http with the HMAC, requests/s (autocannon)',
    ...{ mark: 0.9, found: figure<Hits>('hits', ({ autocannon }) => autocannon?.perSecond) },
  },
  {
    what: 'the same, CPU a request (autocannon)',
    ...{ mark: 1.15, atMost: true, found: figure<Hits>('hits', ({ autocannon }) => autocannon?.cpu) },
  },
  {
    what: 'the same, CPU a request (wrk)',
    ...{ mark: 1.15, atMost: true, found: figure<Hits>('hits', ({ wrk }) => wrk?.cpu) },
  },
  {
    what: 'thumb with only its proxy image in the store, CPU over a cold thumb',
    ...{ mark: 0.35, atMost: true, found: figure<Once>('once', ({ proxy }) => proxy) },
  },
  {
    what: 'cold misses over the bare sharp loop, renditions/s, folder',
    ...{ mark: 0.95, found: miss('Darkroom, folder over bare sharp', 'limit') },
  },
  {
    what: 'the same, S3, over the loop that carries from and to S3 too (its server shares the machine)',
    ...{ mark: 0.95, found: miss('Darkroom, S3 over bare sharp, S3') },
  },
  {
    what: "cold misses over ipx, sharp's own effort on both sides",
    ...{ mark: 1, found: miss('Darkroom, folder, plain over ipx') },
  },
  { what: 'the same with our own encoder settings', ...{ mark: 1.3, found: miss('Darkroom, folder over ipx') } },
  {
    what: 'six presets of one photo, CPU over six naive pipelines',
    ...{ mark: 0.45, atMost: true, found: figure<Family>('family', (data) => data[SIX]?.cpu) },
  },
  {
    what: 'the same, bytes',
    ...{ mark: 1.05, atMost: true, found: figure<Family>('family', (data) => data[SIX]?.bytes) },
  },
  {
    what: 'thumb whose sibling was just rendered, CPU over a cold thumb',
    ...{ mark: 0.2, atMost: true, found: figure<Once>('once', ({ sibling }) => sibling) },
  },
  {
    what: 'cold thumbs and social pictures framed on faces, renditions/s over the same without faces, all six sizes alike',
    ...{ mark: 0.7, found: miss('Darkroom, folder, faces over Darkroom, folder') },
  },
  {
    what: 'cold thumb framed on faces, CPU over one without',
    ...{ mark: 80 / 56, atMost: true, found: figure<Once>('once', ({ faces }) => faces) },
  },
  {
    what: 'start to the first stored rendition over an empty Fastify server, both bundled',
    mark: 1.5,
    atMost: true,
    found: figure<{ storedOverEmpty: number }>('start', ({ storedOverEmpty }) => storedOverEmpty),
  },
  {
    what: 'peak RSS of the mixed bench with faces on, MiB (the mark is 400 MB)',
    mark: 400e6 / MIB,
    atMost: true,
    found: figure<{ peakRss: number }>('mixed', ({ peakRss }) => peakRss / MIB),
    digits: 0,
  },
  {
    what: "the marketplace's machines a month, dollars (a precomputing pipeline's: see cost)",
    ...{ mark: 30, atMost: true, found: figure<Cost>('cost', ({ machines }) => machines) },
  },
  {
    what: 'the same with bucket and egress, dollars',
    ...{ mark: 30, atMost: true, found: figure<Cost>('cost', ({ total }) => total) },
  },
];
const rows = promises.map(({ what, mark, atMost, found, digits = 2 }) => {
  const reached =
    found === undefined ? 'not measured' : (atMost ? found <= mark : found >= mark) ? 'reached' : 'NOT reached';
  return [what, found?.toFixed(digits) ?? '', `${atMost ? 'at most' : 'at least'} ${mark.toFixed(digits)}`, reached];
});
const times = Object.entries(took)
  .map(([name, seconds]) => `${name} ${seconds} s`)
  .join(', ');
writeReport(
  values.out,
  'summary',
  `${markdownTable(['figure', 'measured', 'mark', ''], rows)}\n\nRun now: ${times || 'nothing'}. ${failed.length > 0 ? `Failed: ${failed.join(', ')}.` : ''}`.trim(),
  { promises, took, failed },
);
if (failed.length > 0) process.exitCode = 1;
