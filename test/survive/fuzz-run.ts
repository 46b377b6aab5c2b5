import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { rawGet } from '../helpers/raw-http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { untilAnswer } from '../helpers/turns.ts';
import { type BrokenFile, createBreaker, validFiles } from './fuzz-inputs.ts';

/** What became of the inputs of one kind. */
export interface Tally {
  inputs: number;
  accepted: number;
  tooLarge: number;
  refused: number;
  slowestMs: number;
  peakMiB: number;
}

export interface FuzzReport {
  readonly byFormat: Map<string, Tally>;
  readonly byMutation: Map<string, Tally>;
  /** Resident memory of the server in MiB. */
  readonly memory: { before: number; peak: number; after: number };
  /** Accepted files rendered again in a second process, with the same bytes. */
  readonly sameInSecond: number;
  /** Sentences, each with the number of the input; none when all promises held. */
  readonly broken: string[];
  readonly seconds: number;
}

/** Contract: nothing takes longer than a client waits. */
const DEADLINE_MS = 10_000;
const CONCURRENCY = 4;
/** RSS may grow by what the allocator keeps, not with the number of inputs. */
const MAX_GROWTH_MIB = 250;
/** Or it has come to rest: 4,000 inputs were measured to leave 365 MiB, 8,000 leave 400, and 20,000 leave 402. */
const AT_REST = 1.1;
const MAX_PEAK_MIB = 470;

/** Where a recipe names a width only. */
const HIGHEST = 16_383;

/** Stills, frames, all output formats, a crop, and a size at which the original's own pixels may be passed on. */
const RECIPES: readonly (readonly [preset: string, width: number, height: number])[] = [
  ['thumb', 150, 150],
  ['small.avif', 300, 300],
  ['og', 1200, 630],
  ['w_200,f_png', 200, HIGHEST],
  ['w_500,f_jpeg', 500, HIGHEST],
  ['w_80,f_webp,a_1', 80, HIGHEST],
  ['w_500,f_webp', 500, HIGHEST],
];

export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  /** That are broken; all that sharp reads unless said. */
  readonly files?: ReadonlyMap<string, Buffer>;
  readonly maxPeakMiB?: number;
  readonly settings?: Record<string, string>;
}

/** Sends broken files number 0 to `inputs` through a real server process; what it accepts goes through a second one. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { inputs, seed, maxPeakMiB = MAX_PEAK_MIB } = options;
  const since = performance.now();
  const breaker = createBreaker(options.files ?? (await validFiles()), seed);
  const origin = await startOrigin(breaker);
  const broken: string[] = [];
  const byFormat = new Map<string, Tally>();
  const byMutation = new Map<string, Tally>();
  const hashes = new Map<number, string>();
  const memory = { before: 0, middle: 0, peak: 0, after: 0 };

  const first = await start(origin.url, options.settings);
  for (let n = 0; n < 20; n += 1) await ask(first, n);
  await untilIdle(first);
  memory.before = residentMiB(first);
  await atOnce(range(inputs), async (index) => {
    const began = performance.now();
    const answer = await ask(first, index).catch((error: Error) => error);
    const ms = performance.now() - began;
    const rss = residentMiB(first);
    memory.peak = Math.max(memory.peak, rss);
    if (index === Math.floor(inputs / 2)) memory.middle = rss;
    const { format, mutation } = breaker(index);
    const status = answer instanceof Error ? 0 : answer.status;
    for (const tally of [tallyOf(byFormat, format), tallyOf(byMutation, mutation)]) count(tally, status, ms, rss);
    const complain = (what: string) => broken.push(`input ${index} (${format}, ${mutation}): ${what}`);
    if (answer instanceof Error) return complain(`no answer: ${answer.message}`);
    if (![200, 413, 422].includes(status)) complain(`status ${status} ${answer.headers['x-error']}`);
    if (ms > DEADLINE_MS) complain(`took ${Math.round(ms)} ms`);
    if (status !== 200) return;
    hashes.set(index, sha256(answer.body));
    await checkPicture(answer.body, String(answer.headers['content-type']), index).catch((error: Error) =>
      complain(`answered what is no sound picture: ${error.message}`),
    );
  });
  await untilIdle(first);
  memory.after = residentMiB(first);
  const grows = memory.after - memory.before > MAX_GROWTH_MIB && memory.after > memory.middle * AT_REST;
  if (grows) broken.push(`memory grew to ${memory.after} MiB, from ${memory.middle} half-way`);
  if (memory.peak > maxPeakMiB) broken.push(`memory came to ${memory.peak} MiB`);
  await expectSound(first, broken);

  const second = await start(origin.url, options.settings);
  let sameInSecond = 0;
  // In another order, so that neighbours in memory are others.
  await atOnce([...hashes.keys()].reverse(), async (index) => {
    const answer = await ask(second, index);
    if (sha256(answer.body) === hashes.get(index)) sameInSecond += 1;
    else broken.push(`input ${index} (${breaker(index).format}): other bytes in a second process (${answer.status})`);
  });
  await expectSound(second, broken);
  await origin.close();
  const seconds = Math.round((performance.now() - since) / 1000);
  return { byFormat, byMutation, memory, sameInSecond, broken, seconds };
}

const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });

function recipeOf(index: number) {
  // Not in step with the formats, so that each meets each.
  return RECIPES[Math.floor(index / 5) % RECIPES.length] as (typeof RECIPES)[number];
}

/** Every input is an original of its own: nothing is answered from memory. */
function ask(server: TestServer, index: number) {
  const [preset] = recipeOf(index);
  return rawGet(server.baseUrl, server.path(preset, `${index}.jpg`), { agent });
}

/** Else the caches of a machine of many gigabytes would fill meanwhile, and pass for a leak. */
const SMALL_MACHINE = new URL('data:text/javascript,process.constrainedMemory=()=>536870912');

async function start(origin: string, more: Record<string, string> = {}): Promise<TestServer> {
  const settings = {
    ...{ DARKROOM_ORIGINALS: origin, DARKROOM_ORIGIN_PRIVATE: 'on', DARKROOM_RESULTS: 'none' },
    // As the production image sets it, so that memory tells about the renders and not about glibc's arenas.
    ...{ MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' },
    ...{ DARKROOM_FACES: 'off', DARKROOM_MEMORY_CACHE: '1MiB', DARKROOM_SLOTS: '2' },
    ...more,
  };
  return startServer(settings, SMALL_MACHINE);
}

/** Alive, and still able to do its work. */
async function expectSound(server: TestServer, broken: string[]): Promise<void> {
  const good = await rawGet(server.baseUrl, server.path('thumb', 'good.jpg')).catch(() => undefined);
  if (good?.status !== 200) broken.push(`a good picture was answered ${good?.status} afterwards`);
  if (server.child.exitCode !== null || server.child.signalCode !== null) broken.push('the process died');
  await server.dispose();
}

async function checkPicture(body: Buffer, contentType: string, index: number): Promise<void> {
  const [, mostWidth, mostHeight] = recipeOf(index);
  const { data, info } = await sharp(body, { animated: true, failOn: 'error' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const {
    format,
    width,
    height,
    pages = 1,
    pageHeight = height,
    compression,
  } = await sharp(body, { animated: true }).metadata();
  const type = format === 'heif' && compression === 'av1' ? 'avif' : format;
  assert.equal(`image/${type}`, contentType);
  assert.deepEqual([info.width, data.length], [width, width * pageHeight * pages * info.channels]);
  assert.ok(width <= mostWidth && pageHeight <= mostHeight, `${width} × ${pageHeight}`);
}

async function startOrigin(breaker: (index: number) => BrokenFile) {
  const good = (await validFiles()).get('jpeg');
  const server = createServer(({ url = '' }, response) => {
    const index = Number.parseInt(url.slice(1), 10);
    response.end(Number.isNaN(index) ? good : breaker(index).body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function tallyOf(tallies: Map<string, Tally>, name: string): Tally {
  const tally = tallies.get(name) ?? { inputs: 0, accepted: 0, tooLarge: 0, refused: 0, slowestMs: 0, peakMiB: 0 };
  tallies.set(name, tally);
  return tally;
}

function count(tally: Tally, status: number, ms: number, rss: number): void {
  tally.inputs += 1;
  if (status === 200) tally.accepted += 1;
  if (status === 413) tally.tooLarge += 1;
  if (status === 422) tally.refused += 1;
  tally.slowestMs = Math.max(tally.slowestMs, Math.round(ms));
  tally.peakMiB = Math.max(tally.peakMiB, rss);
}

/** Until no thread of a decoder is left. */
async function untilIdle({ child }: TestServer): Promise<void> {
  const tasks = `/proc/${child.pid}/task`;
  const nameOf = (task: string) => readFile(`${tasks}/${task}/comm`, 'utf8').catch(() => 'ended meanwhile');
  await untilAnswer(
    async () => Promise.all((await readdir(tasks)).map(nameOf)),
    (names) => !names.some((name) => name.startsWith('decoder')),
  );
}

export function residentMiB({ child }: Pick<TestServer, 'child'>): number {
  const [, kib = 0] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}

const range = (count: number) => Array.from({ length: count }, (_, n) => n);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function atOnce(numbers: readonly number[], work: (index: number) => Promise<unknown>): Promise<void> {
  const left = numbers.values();
  await Promise.all(
    range(CONCURRENCY).map(async () => {
      for (const number of left) await work(number);
    }),
  );
}
