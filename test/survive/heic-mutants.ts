/**
 * Broken HEIC files through HTTP: `node -C development --env-file=development.env test/survive/heic-mutants.ts 1000 1`, which are
 * the number of files and the seed.
 */
import { readFileSync } from 'node:fs';
import { startApp } from '../helpers/app.ts';
import { gridFile, heicFile, irot } from '../helpers/heic-files.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { until } from '../helpers/turns.ts';
import { drawsOf } from './fuzz-inputs.ts';

const SOURCES = [
  ...['photo', 'alpha', 'grey', 'deep-422', 'three-pictures'].map((name) => heicFile(`${name}.heic`)),
  gridFile({ columns: 2, rows: 1, properties: [irot(1)] }),
];
const BOXES = [
  'meta',
  'pitm',
  'iloc',
  'iinf',
  'infe',
  'iref',
  'iprp',
  'ipco',
  'ipma',
  'ispe',
  'hvcC',
  'irot',
  'colr',
  'mdat',
];

/** The same seed makes the same files. */
export function* mutants(count: number, seed: number): Generator<Buffer> {
  const draw = drawsOf(seed);
  for (let n = 0; n < count; n += 1) {
    const file = Buffer.from(SOURCES[draw(SOURCES.length)]!);
    const head = file.indexOf('mdat', 0, 'latin1');
    const kind = draw(6);
    const somewhere = () =>
      kind === 1 && head > 0 ? head + draw(file.length - head) : draw(head > 0 ? head : file.length);
    if (kind < 2) for (let times = draw(8); times >= 0; times -= 1) file[somewhere()] = draw(256);
    else if (kind === 2) {
      // A number of a box, as large as it can be.
      const at = file.indexOf(BOXES[draw(BOXES.length)]!, 0, 'latin1');
      if (at > 0) file.fill(draw(2) ? 0xff : 0, at + 4 + draw(12), Math.min(file.length, at + 8 + draw(16)));
    } else if (kind === 3) {
      // The length of a box.
      const at = file.indexOf(BOXES[draw(BOXES.length)]!, 0, 'latin1');
      if (at > 4) file.writeUInt32BE([0, 1, 7, 0x7fffffff, 0xffffffff, draw(70_000)][draw(6)]!, at - 4);
    } else if (kind === 4) {
      yield file.subarray(0, draw(file.length));
      continue;
    } else {
      const [from, to, length] = [draw(file.length), draw(file.length), draw(64)];
      file.copy(file, to, from, Math.min(file.length, from + length));
    }
    yield file;
  }
}

const residentBytes = () => process.memoryUsage.rss();

export interface MutantsReport {
  readonly statuses: Readonly<Record<string, number>>;
  /** The longest answer, in milliseconds. */
  readonly slowestMs: number;
  /** Of this process, after the first tenth and at the end, in bytes. */
  readonly rss: readonly [early: number, late: number];
  readonly peakRss: number;
}

/** Each file at a URL of its own, four at a time. Resolves when all threads have ended. */
export async function runMutants(count: number, seed: number): Promise<MutantsReport> {
  const store = createMemoryStore();
  const app = await startApp({ originals: store.store, decoderIdleMs: 200 });
  const statuses: Record<string, number> = {};
  let [slowestMs, done, early] = [0, 0, 0];
  const left = mutants(count, seed);
  async function work(): Promise<void> {
    for (const file of left) {
      const id = `${done}-${Math.random()}.heic`;
      store.objects.set(id, { body: file, contentType: undefined, cacheControl: undefined, metadata: {} });
      const since = performance.now();
      const answer = await app.get(app.path('thumb', id));
      await answer.arrayBuffer();
      slowestMs = Math.max(slowestMs, performance.now() - since);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      store.objects.delete(id);
      done += 1;
      if (done === Math.ceil(count / 10)) early = residentBytes();
    }
  }
  await Promise.all(Array.from({ length: 4 }, work));
  await until(() => app.decoders.running === 0);
  await app.dispose();
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return { statuses, slowestMs, rss: [early, residentBytes()], peakRss: Number(peak) * 1024 };
}

if (import.meta.main) {
  const [, , count = '1000', seed = '1'] = process.argv;
  process.stdout.write(`${JSON.stringify(await runMutants(Number(count), Number(seed)))}\n`);
}
