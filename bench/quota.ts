/**
 * Face crops on a machine that is short of CPU: a server in a control group with a share of one CPU. Six requests for one new
 * thumb, one after the other, and 64 new originals at once at two slots; which answers are provisional (`max-age=60`, no ETag),
 * and whether one is whose original was already looked at.
 *
 *   node bench/quota.ts [--photos DIR] [--shares 0.25,0.5,1] [--originals 64] [--main src/main.ts] [--out bench/results]
 */
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CpuGroup, createCpuGroup } from './tools/cpu-group.ts';
import { benchOptions, manyOriginals, temporaryFolder } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { type BenchServer, signedPath, startServer } from './tools/server.ts';

const values = benchOptions({ shares: '0.25,0.5,1', originals: '64', main: 'src/main.ts' });
const REQUESTS = 6;
const SLOTS = 2;
/** A look that does not end by then is lost. */
const LIMIT_MS = 240_000;
const POLL_MS = 250;

interface Answer {
  readonly status: number;
  readonly provisional: boolean;
  readonly ms: number;
  readonly source: string;
}

async function ask({ baseUrl }: BenchServer, id: string): Promise<Answer> {
  const since = performance.now();
  const answer = await fetch(baseUrl + signedPath('thumb', id));
  await answer.arrayBuffer();
  const { status, headers } = answer;
  const provisional = status === 200 && headers.get('etag') === null;
  return { status, provisional, ms: performance.now() - since, source: headers.get('cache-status') ?? '' };
}

/** Sums of counters, by their labels. */
async function counted(server: BenchServer, name: string): Promise<Record<string, number>> {
  const text = await (await fetch(server.metricsUrl ?? '')).text();
  const lines = text.matchAll(new RegExp(`^${name}(?:\\{\\w+="(\\w+)"\\})? (\\d+)`, 'gm'));
  return Object.fromEntries(Array.from(lines, ([, label = '', count]) => [label, Number(count)]));
}

/** Until no flight is under way and no look ended within a second. */
async function untilLooked(server: BenchServer): Promise<number> {
  const deadline = performance.now() + LIMIT_MS;
  const total = async () =>
    Object.values(await counted(server, 'darkroom_face_looks_total')).reduce((sum, one) => sum + one, 0);
  for (let [before, same] = [-1, 0]; same < 20; ) {
    if (performance.now() > deadline) throw new Error('the looks did not end');
    await delay(POLL_MS);
    const now = await total();
    const idle = ((await counted(server, 'darkroom_flights'))[''] ?? 0) === 0;
    same = now === before && idle ? same + 1 : 0;
    before = now;
  }
  return total();
}

async function withServer<T>(share: number, count: number, use: (server: BenchServer, ids: string[]) => Promise<T>) {
  const home = temporaryFolder();
  const group: CpuGroup = createCpuGroup(share);
  const ids = manyOriginals(values.photos, join(home.path, 'originals'), count);
  const settings = {
    ...{ DARKROOM_ORIGINALS: `file:${join(home.path, 'originals')}`, DARKROOM_RESULTS: `file:${join(home.path, 'r')}` },
    ...{ DARKROOM_SLOTS: String(SLOTS), DARKROOM_QUEUE: '64', DARKROOM_METRICS_PORT: '0' },
    ...{ DARKROOM_QUEUE_TIMEOUT: '120s', DARKROOM_RENDER_TIMEOUT: '120s' },
  };
  const server = await startServer(settings, group, [resolve(values.main)]);
  try {
    return await use(server, ids);
  } finally {
    await server.stop();
    group.remove();
    home.remove();
  }
}

const said = ({ status, provisional, ms }: Answer) =>
  `${status !== 200 ? status : provisional ? 'provisional' : 'final'} ${(ms / 1000).toFixed(1)} s`;

const shares = values.shares.split(',').map(Number);
const data: Record<string, unknown>[] = [];
const rows: string[][] = [];
for (const share of shares) {
  const six = await withServer(share, 1, async (server, [id = '']) => {
    const answers: Answer[] = [];
    for (let n = 0; n < REQUESTS; n += 1) answers.push(await ask(server, id));
    return { answers, renders: await counted(server, 'darkroom_provisional_renders_total') };
  });
  const many = await withServer(share, Number(values.originals), async (server, ids) => {
    const since = performance.now();
    const first = await Promise.all(ids.map((id) => ask(server, id)));
    const seconds = (performance.now() - since) / 1000;
    const looks = await untilLooked(server);
    const second: Answer[] = [];
    for (const id of ids) second.push(await ask(server, id));
    const renders = await counted(server, 'darkroom_provisional_renders_total');
    return { first, second, looks, renders, seconds, outcomes: await counted(server, 'darkroom_face_looks_total') };
  });
  data.push({ share, six, many });
  const provisional = (answers: readonly Answer[]) => answers.filter((answer) => answer.provisional).length;
  const refused = (answers: readonly Answer[]) => answers.filter(({ status }) => status !== 200).length;
  rows.push([
    `${share * 100} %`,
    six.answers.map(said).join(', '),
    `${provisional(many.first)} provisional, ${refused(many.first)} refused, of ${many.first.length} in ${many.seconds.toFixed(0)} s`,
    `${provisional(many.second)} provisional, ${refused(many.second)} refused`,
    `${many.renders.late ?? '–'} late, ${many.renders.failed ?? '–'} failed, ${many.renders.cut_off ?? '–'} cut off`,
  ]);
}
const head = [
  'CPU',
  'six requests for one thumb',
  '64 new originals at once',
  'each again, looks done',
  'provisional renders',
];
writeReport(values.out, 'quota', markdownTable(head, rows), data);
