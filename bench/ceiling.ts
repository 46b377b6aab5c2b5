/**
 * The worst legal originals, two at a time, in a cgroup of so many MiB: whether the process is killed, and how near to the limit it comes.
 *
 *     node bench/ceiling.ts [--mib 512] [--faces on] [--minutes 10] [--at-a-time 2] [--allocator jemalloc]
 *                           [--recipes sizes|operations] [--photos DIR] [--out bench/results] [--trace]
 *
 * Needs root and a writable memory controller. Fails when the process was killed or ended, when it came to more than 85 % of
 * the limit, or when an answer was none of the contract's.
 */
import { linkSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { operationRecipes } from './tools/operation-recipes.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { ALLOCATORS, createMemoryGroup, startServer } from './tools/server.ts';
import { worstOriginals } from './tools/worst-originals.ts';

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '512' },
    faces: { type: 'string', default: 'on' },
    minutes: { type: 'string', default: '10' },
    'at-a-time': { type: 'string', default: '2' },
    allocator: { type: 'string', default: 'jemalloc' },
    recipes: { type: 'string', default: 'sizes' },
    photos: { type: 'string', default: new URL('../samples', import.meta.url).pathname },
    out: { type: 'string', default: new URL('results', import.meta.url).pathname },
    trace: { type: 'boolean', default: false },
  },
});
const MIB = 1024 * 1024;
const LIMIT = Number(values.mib) * MIB;
/** Above this share of the limit, a page of another process could be the last one. */
const SAFE_SHARE = 0.85;
const SAMPLE_MS = 100;

/** From the smallest rendition to the largest. */
const RECIPES = [
  ...['w_150,h_150,fit_cover,f_webp', 'w_300,h_300,f_webp', 'w_1200,f_webp', 'w_1200,h_630,fit_cover,f_jpeg'],
  ...['w_256,h_256,fit_cover,z_3,f_webp', 'w_900,h_1200,fit_cover,z_3,f_webp', 'w_1400,f_avif', 'w_2400,f_webp'],
  ...['w_4000,f_webp', 'w_4000,f_jpeg', 'w_4000,f_png', 'w_4000,h_3000,fit_contain,m_10,f_webp'],
  ...['w_1600,t_10,f_webp', 'w_2400,gamut_p3,f_webp'],
];
const MOVING = ['w_300,a_1,f_webp', 'w_600,a_1,f_auto', 'w_200,h_200,fit_cover,f_webp'];
const OPERATIONS = values.recipes === 'operations';
const [STILLS, ANIMATIONS] = OPERATIONS ? operationRecipes(values.faces === 'on') : [RECIPES, MOVING];

const originals = await worstOriginals(values.photos);
const group = createMemoryGroup(LIMIT);
const server = await startServer(
  {
    ...{ DARKROOM_FACES: values.faces, ...ALLOCATORS[values.allocator] },
    ...(OPERATIONS ? { DARKROOM_ASSETS: `file:${new URL('../examples/assets', import.meta.url).pathname}` } : {}),
  },
  group,
);
const home = join(server.folder, 'data/originals');
mkdirSync(home, { recursive: true });

const [memoryLine = '{}'] = /"memory":(\{[^}]*\})/.exec(server.log())?.slice(1) ?? [];
const [, allocator = ''] = /"allocator":"([^"]*)"/.exec(server.log()) ?? [];
const outcomes = new Map<string, number>();
const wrong: string[] = [];
let end: string | undefined;
let stopping = false;
server.exited.then(({ code, signal }) => {
  if (!stopping) end = `${signal ?? code}`;
});
const until = performance.now() + Number(values.minutes) * 60_000;
let seed = 1;
const random = () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};
const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const names = Object.keys(originals);
/** What is being rendered now; what was at the last look, and at the highest one: the first to suspect of a kill or a peak. */
const flying = new Set<string>();
let flyingLast: string[] = [];
let flyingAtPeak: string[] = [];
/** In bytes, of memory that the kernel cannot reclaim; the process's peak includes mapped code. */
let anonymousPeak = 0;
const sampler = setInterval(() => {
  const now = group.anonymousBytes();
  if (end === undefined) flyingLast = [...flying];
  if (now <= anonymousPeak) return;
  anonymousPeak = now;
  flyingAtPeak = [...flying];
}, SAMPLE_MS);
const rssAt = new Map<number, number>();
let asked = 0;

/** Each request is for a new rendition of a new original, so that no cache has any part of it. */
async function keepAsking(): Promise<void> {
  while (performance.now() < until && end === undefined) {
    asked += 1;
    const number = asked;
    const name = oneOf(names);
    const recipe = oneOf(name.includes('frames') ? ANIMATIONS : STILLS);
    const preset = recipe.includes('q_auto') ? recipe : `${recipe},q_${40 + (number % 55)}`;
    const id = `${number}-${name}`;
    const work = `${preset} of ${name}`;
    flying.add(work);
    linkSync(originals[name] as string, join(home, id));
    try {
      const answer = await fetch(server.baseUrl + server.path(preset, id), { signal: AbortSignal.timeout(60_000) });
      const { length } = Buffer.from(await answer.arrayBuffer());
      const key = `${answer.status} ${answer.headers.get('x-error') ?? ''}`.trim();
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
      if (![200, 413, 503].includes(answer.status)) wrong.push(`${key} ${preset} ${id}`);
      if (values.trace) {
        const { rss, peak } = server.memory();
        console.log(key, preset, id, length, Math.round(rss / MIB), Math.round(peak / MIB));
      }
    } catch (error) {
      if (end === undefined) wrong.push(`${error} ${preset} ${id}`);
    } finally {
      flying.delete(work);
      rmSync(join(home, id));
    }
    if (number % 100 === 0 && end === undefined) rssAt.set(number, server.memory().rss);
  }
}
await Promise.all(Array.from({ length: Number(values['at-a-time']) }, keepAsking));
clearInterval(sampler);
const memory = end === undefined ? server.memory() : { rss: 0, peak: 0 };
const [peak, kills, full] = [group.peakBytes(), group.oomKills(), group.timesFull()];
stopping = true;
await server.stop();
group.remove();

const mib = (bytes: number) => Math.round(bytes / MIB);
const share = (bytes: number) => `${((bytes / LIMIT) * 100).toFixed(1)} %`;
const plan = Object.entries(JSON.parse(memoryLine) as Record<string, number>).map(([name, is]) => `${name} ${mib(is)}`);
const rows = [
  ['memory limit, MiB', Number(values.mib)],
  ['shared out at boot, MiB', plan.join(', ')],
  ['faces', values.faces],
  ['allocator', allocator],
  ['minutes', values.minutes],
  [`requests, ${values['at-a-time']} at a time`, asked],
  ...[...outcomes].sort().map(([what, times]) => [`answers ${what}`, times]),
  ['answers that are none of the contract', wrong.length],
  ['killed for memory', kills],
  ['ended by itself', end ?? 'no'],
  ...(end === undefined ? [] : [['in flight at the end', flyingLast.join('; ')] as [string, string]]),
  ['peak of the process (VmHWM, with the code it maps)', `${mib(memory.peak)} MiB, ${share(memory.peak)} of the limit`],
  ['peak of what cannot be given back (10 looks a second)', `${mib(anonymousPeak)} MiB, ${share(anonymousPeak)}`],
  ['in flight at that peak', flyingAtPeak.join('; ')],
  ["peak of the group with the kernel's cache of files", `${mib(peak)} MiB`],
  ['times that cache had to give way', full],
  ['RSS at the end', `${mib(memory.rss)} MiB`],
] as [string, string | number][];
const course = [...rssAt].map(([number, rss]) => [number, mib(rss)]);
writeReport(
  values.out,
  `ceiling-${OPERATIONS ? 'operations-' : ''}${values.mib}-faces-${values.faces}-${values['at-a-time']}-at-a-time-${values.allocator.replaceAll(/\W+/g, '-')}`,
  `${markdownTable(['what', 'figure'], rows)}\n\n${markdownTable(['after requests', 'RSS, MiB'], course)}`,
  { rows, wrong: wrong.slice(0, 20) },
);
const tooNear = memory.peak > LIMIT * SAFE_SHARE;
if (end !== undefined || kills > 0 || tooNear || wrong.length > 0) {
  console.error('a promise was broken', { end, kills, tooNear, wrong: wrong.slice(0, 5) });
  process.exitCode = 1;
}
