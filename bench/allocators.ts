/**
 * The same 3,000 mixed renders under each allocator: what stays in memory after 1,000, 2,000 and 3,000, when idle, at the
 * peak, and CPU per render.
 *
 *     node bench/allocators.ts [--renders 3000] [--together 1] [--only glibc,jemalloc] [--photos DIR] [--out bench/results]
 *
 * jemalloc is Debian's libjemalloc2. Fails when a setting of ours (`jemalloc` in the image, `arenas, mmap` where the
 * start-up line advises it) keeps more than 1.2 times after all renders of what it kept after a third of them.
 */
import { linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { markdownTable, writeReport } from './tools/report.ts';
import { ALLOCATORS, startServer } from './tools/server.ts';
import { worstOriginals } from './tools/worst-originals.ts';

const COMPARED = ['glibc', 'arenas', 'arenas, mmap', 'jemalloc untuned', 'jemalloc'];
const { values } = parseArgs({
  options: {
    renders: { type: 'string', default: '3000' },
    together: { type: 'string', default: '1' },
    only: { type: 'string', default: COMPARED.join(';') },
    photos: { type: 'string', default: new URL('../samples', import.meta.url).pathname },
    out: { type: 'string', default: new URL('results', import.meta.url).pathname },
  },
});
const MIB = 1024 * 1024;
const USED_BY_US = new Set(['arenas, mmap', 'jemalloc']);
const PLATEAU = 1.2;
const AT_A_TIME = 2;
/** Longer than jemalloc takes to return pages, and than V8's idle collections. */
const IDLE_MS = 15_000;
/** As on a page of listings: many small renditions, few large ones. */
const RECIPES = [
  ...['w_150,h_150,fit_cover,f_webp', 'w_300,f_webp', 'w_300,f_avif', 'w_300,f_webp', 'w_600,f_webp', 'w_600,f_jpeg'],
  ...['w_48,h_48,fit_cover,z_3,f_webp', 'w_256,h_256,fit_cover,z_3,f_webp', 'w_600,f_webp', 'w_200,f_png'],
  ...['w_150,h_150,fit_cover,f_webp', 'w_300,f_jpeg', 'w_1200,h_630,fit_cover,f_jpeg', 'w_1200,f_webp'],
  ...['w_300,f_webp', 'w_2400,f_webp'],
];
/** Ids for each original. */
const COPIES = 2;

interface Soak {
  readonly setting: string;
  /** RSS in bytes after each third of the renders. */
  readonly after: readonly number[];
  readonly idle: number;
  readonly peak: number;
  readonly cpuMsPerRender: number;
  readonly failed: number;
}

const originals = await worstOriginals(values.photos, [1, 4]);
// Originals that are slow rather than large, and those that bench/ceiling.ts measures, are left out: this bench counts renders.
const paths = Object.entries(originals).filter(([name]) => !/^4-(avif|.*png|gif|lossless)|frames/.test(name));

async function soak(setting: string): Promise<Soak> {
  const server = await startServer({
    ...{ DARKROOM_RESULTS: 'none', DARKROOM_MEMORY_CACHE: '64MiB', DARKROOM_QUEUE_TIMEOUT: '60s' },
    ...{ DARKROOM_RENDER_TIMEOUT: '60s', ...ALLOCATORS[setting] },
  });
  const home = join(server.folder, 'data/originals');
  mkdirSync(home, { recursive: true });
  const ids: string[] = [];
  for (let copy = 0; copy < COPIES; copy += 1) {
    for (const [name, path] of paths) {
      linkSync(path, join(home, `${copy}-${name}`));
      ids.push(`${copy}-${name}`);
    }
  }
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  let asked = 0;
  let failed = 0;
  const third = Math.ceil(Number(values.renders) / 3);
  async function renderUntil(end: number): Promise<void> {
    while (asked < end) {
      asked += 1;
      const id = ids[Math.floor(random() * ids.length)] ?? '';
      const recipe = RECIPES[Math.floor(random() * RECIPES.length)] ?? '';
      // Another quality and background each time, so that nothing comes from memory.
      const varied = `${recipe},q_${50 + (asked % 40)},bg_${asked.toString(16).padStart(6, '0')}`;
      const answer = await fetch(server.baseUrl + server.path(varied, id));
      await answer.arrayBuffer();
      if (answer.status !== 200) failed += 1;
    }
  }
  const before = server.cpuMs();
  const after: number[] = [];
  for (const part of [1, 2, 3]) {
    await Promise.all(Array.from({ length: AT_A_TIME }, () => renderUntil(part * third)));
    after.push(server.memory().rss);
    console.error(`${setting}: ${asked} renders, ${Math.round((after.at(-1) ?? 0) / MIB)} MiB, ${failed} failed`);
  }
  const cpuMsPerRender = (server.cpuMs() - before) / asked;
  await delay(IDLE_MS);
  const { rss: idle, peak } = server.memory();
  await server.stop();
  return { setting, after, idle, peak, cpuMsPerRender, failed };
}

const settings = values.only.split(';');
const soaks: Soak[] = [];
const next = async () => {
  for (let setting = settings.shift(); setting !== undefined; setting = settings.shift())
    soaks.push(await soak(setting));
};
await Promise.all(Array.from({ length: Number(values.together) }, next));
soaks.sort((a, b) => COMPARED.indexOf(a.setting) - COMPARED.indexOf(b.setting));

const mib = (bytes = 0) => Math.round(bytes / MIB);
const growth = ({ after: [first = 1, , last = 0] }: Soak) => last / first;
const third = Math.ceil(Number(values.renders) / 3);
const table = markdownTable(
  [
    'allocator',
    `RSS after ${third}`,
    `${2 * third}`,
    `${3 * third}`,
    'growth',
    'idle',
    'peak',
    'CPU ms a render',
    'failed',
  ],
  soaks.map((one) => [
    one.setting,
    ...one.after.map(mib),
    growth(one).toFixed(2),
    ...[mib(one.idle), mib(one.peak), one.cpuMsPerRender.toFixed(1), one.failed],
  ]),
);
const conditions = `RSS in MiB. ${3 * third} renders, two at a time, ${values.together} server(s) at once, faces on, 64 MiB of cache.`;
const meaning = Object.entries(ALLOCATORS)
  .filter(([name]) => COMPARED.includes(name))
  .map(
    ([name, env]) =>
      `- ${name}: ${
        Object.entries(env)
          .map(([key, value]) => `\`${key}=${value}\``)
          .join(' ') || 'no setting'
      }`,
  );
writeReport(values.out, 'allocators', `${conditions}\n\n${table}\n\n${meaning.join('\n')}`, soaks);
const grown = soaks.filter((one) => USED_BY_US.has(one.setting) && growth(one) > PLATEAU);
if (grown.length > 0 || soaks.some(({ failed }) => failed > 0)) {
  console.error('a promise was broken', grown);
  process.exitCode = 1;
}
