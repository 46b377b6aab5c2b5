/**
 * Renditions that nobody has asked for before, each of an original that the server has not seen, beside sharp in a bare
 * loop (the limit) and beside ipx and express-sharp at the same work.
 *
 *   node bench/misses.ts [--photos DIR] [--count 30] [--rounds 2] [--presets thumb,...]
 *     [--ways 'bare sharp$|folder$'] [--at-a-time 4] [--cpus 1] [--out bench/results]
 *
 * `cpus`: of the machine's, for what is measured, without the client.
 *
 * `--presets avif` is medium as AVIF, for `--ways 'bare sharp$|folder$|by sharp$'`: the others do not make it.
 *
 * All crop to the centre and look for no faces, but for "faces", which is the default product: `thumb` and `og` are framed on
 * them. "plain" is sharp's default effort, as the others encode.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { hasEngine } from '../src/render/engine/engine.ts';
import { askForPictures, bytesOf } from './tools/ask.ts';
import { bareLoop, type Done } from './tools/bare-loop.ts';
import { NO_BUCKET, startBucket } from './tools/bucket.ts';
import { benchOptions, manyOriginals, median, photosIn, temporaryFolder } from './tools/options.ts';
import { OTHERS, type Other, otherPath, othersMissing } from './tools/other-servers.ts';
import { type MeasuredProcess, startProcess } from './tools/process.ts';
import { type Measured, PRODUCT, writePresets } from './tools/recipes.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { serverEnvironment, signedPath, startServer } from './tools/server.ts';

const values = benchOptions({
  count: '30',
  rounds: '2',
  presets: PRODUCT.join(','),
  ways: '.',
  ...{ 'at-a-time': '', cpus: '' },
  report: 'misses',
});
const presets = values.presets.split(',') as Measured[];
const [count, rounds] = [Number(values.count), Number(values.rounds)];
const atATime = Number(values['at-a-time'] || availableParallelism());
const cpus = values.cpus === '' ? undefined : Number(values.cpus);
const home = temporaryFolder();
const originals = join(home.path, 'originals');
/** A server at work: V8 has compiled most of what is called for each rendition. All alike have it. */
const WARM_UP = 40;
const idsOf = (round: number, preset: Measured) =>
  manyOriginals(values.photos, originals, count + WARM_UP, `${round}-${preset}-`);
const product = { DARKROOM_PRESETS: writePresets(home.path) };
const common = { ...product, DARKROOM_FACES: 'off' };

/** One way to make renditions. Called with fresh ids; starts what it needs and ends it. */
type Way = (ids: readonly string[], preset: Measured, round: number) => Promise<Done>;

async function measured(server: MeasuredProcess, paths: readonly string[]): Promise<Done> {
  await askForPictures(server.baseUrl, paths.slice(0, WARM_UP), atATime);
  const before = await server.settledCpuMs();
  const since = performance.now();
  const answers = await askForPictures(server.baseUrl, paths.slice(WARM_UP), atATime);
  const seconds = (performance.now() - since) / 1000;
  const cpuMs = (await server.settledCpuMs()) - before;
  await server.stop();
  return { seconds, cpuMs, bytes: bytesOf(answers), renditions: answers.length };
}

const start = (settings: Record<string, string>) => startServer(settings, undefined, undefined, cpus);

const bucket = await startBucket();
if (!bucket) console.error(NO_BUCKET);
if (othersMissing) console.error(othersMissing);

const folderSettings = { ...common, DARKROOM_ORIGINALS: `file:${originals}` };
const files = (ids: readonly string[]) => ids.map((id) => join(originals, id));
const every: Record<string, Way> = {
  'bare sharp': (ids, preset) =>
    bareLoop({ files: files(ids), warmUp: WARM_UP, presets: [preset], settings: 'ours', atATime, cpus }),
  ...(hasEngine && {
    'bare engine': (ids: readonly string[], preset: Measured) =>
      bareLoop({ files: files(ids), warmUp: WARM_UP, presets: [preset], settings: 'engine', atATime, cpus }),
  }),
  'Darkroom, folder': async (ids, preset) =>
    measured(
      await start(folderSettings),
      ids.map((id) => signedPath(preset, id)),
    ),
  // As on a machine without the engine.
  'Darkroom, folder, by sharp': async (ids, preset) =>
    measured(
      await start({ ...folderSettings, DARKROOM_ENGINE: 'off' }),
      ids.map((id) => signedPath(preset, id)),
    ),
  'Darkroom, folder, by sharp, faces': async (ids, preset) =>
    measured(
      await start({ ...product, DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_ENGINE: 'off' }),
      ids.map((id) => signedPath(`${preset}-faces`, id)),
    ),
  'Darkroom, folder, faces': async (ids, preset) =>
    measured(
      await start({ ...product, DARKROOM_ORIGINALS: `file:${originals}` }),
      ids.map((id) => signedPath(`${preset}-faces`, id)),
    ),
  ...(bucket && {
    // Reads its originals there and puts its renditions there, by the same client.
    'bare sharp, S3': async (ids, preset) => {
      await bucket.upload(originals, ids);
      const keys = ids.map((id) => `originals/${id}`);
      return bareLoop({
        files: keys,
        warmUp: WARM_UP,
        bucket: bucket.store,
        presets: [preset],
        settings: 'ours',
        atATime,
        cpus,
      });
    },
    'Darkroom, S3': async (ids, preset, round) => {
      await bucket.upload(originals, ids);
      const server = await start({ ...common, ...bucket.settings(`results-${round}-${preset}`) });
      const done = await measured(
        server,
        ids.map((id) => signedPath(preset, id)),
      );
      await bucket.remove(ids);
      return done;
    },
  }),
  'bare sharp, plain': (ids, preset) =>
    bareLoop({ files: files(ids), warmUp: WARM_UP, presets: [preset], settings: 'plain', atATime, cpus }),
  'Darkroom, folder, plain': async (ids, preset) =>
    measured(
      await start(folderSettings),
      ids.map((id) => signedPath(`${preset}-plain`, id)),
    ),
  ...(othersMissing === undefined && Object.fromEntries(OTHERS.map((name) => [name, other(name)]))),
};

/** Those that are asked for, by a regular expression. */
const ways = Object.fromEntries(Object.entries(every).filter(([name]) => new RegExp(values.ways).test(name)));

function other(name: Other): Way {
  const script = new URL('tools/other-servers.ts', import.meta.url).pathname;
  return async (ids, preset) => {
    if (preset === 'avif') throw new Error(`${name} is not asked for AVIF`);
    const server = await startProcess({ args: [script, name, originals], env: serverEnvironment({}), cpus });
    const paths = ids.map(async (id) => {
      const { width, height } = await sharp(join(originals, id)).metadata();
      return otherPath(name, preset, id, height > width);
    });
    return measured(server, await Promise.all(paths));
  };
}

const found = new Map<string, Done[]>();
const key = (way: string, preset: string) => `${way} ${preset}`;
// In turn, and each second round backwards, so that what else the machine does falls on all alike.
for (let round = 0; round < rounds; round += 1) {
  for (const preset of presets) {
    const ids = idsOf(round, preset);
    const turn = Object.entries(ways);
    for (const [name, way] of round % 2 === 0 ? turn : turn.toReversed()) {
      const done = await way(ids, preset, round);
      found.set(key(name, preset), [...(found.get(key(name, preset)) ?? []), done]);
    }
    console.error(`round ${round + 1}: ${preset}`);
  }
}
await bucket?.stop();
home.remove();

const of = (way: string, preset: string) => found.get(key(way, preset)) ?? [];
const total = (way: string, what: 'seconds' | 'cpuMs' | 'bytes') =>
  presets.reduce((sum, preset) => sum + median(of(way, preset).map((done) => done[what])), 0);
/** Renditions/s of the first over the second, all presets together as often as each other. */
const speed = (way: string, over: string) => total(over, 'seconds') / total(way, 'seconds');
const cpu = (way: string, over: string) => total(way, 'cpuMs') / total(over, 'cpuMs');
const summary: Record<string, { speed: number; cpu: number; bytes: number }> = {};
const compare = (way: string, over: string) => {
  if (!ways[way] || !ways[over]) return;
  const bytes = total(way, 'bytes') / total(over, 'bytes');
  summary[`${way} over ${over}`] = { speed: speed(way, over), cpu: cpu(way, over), bytes };
};
compare('Darkroom, folder', 'bare sharp');
compare('Darkroom, folder', 'bare engine');
compare('bare engine', 'bare sharp');
compare('Darkroom, folder', 'Darkroom, folder, by sharp');
compare('Darkroom, folder, by sharp', 'bare sharp');
compare('Darkroom, folder, by sharp, faces', 'Darkroom, folder, by sharp');
compare('Darkroom, folder, faces', 'Darkroom, folder');
compare('Darkroom, folder, faces', 'bare sharp');
compare('Darkroom, S3', 'bare sharp');
compare('Darkroom, S3', 'bare sharp, S3');
compare('Darkroom, folder, plain', 'bare sharp, plain');
for (const name of OTHERS) {
  compare('Darkroom, folder, plain', name);
  compare('Darkroom, folder', name);
  compare('Darkroom, S3', name);
}

const rows = presets.flatMap((preset) =>
  Object.keys(ways).map((way) => {
    const each = (what: 'seconds' | 'cpuMs' | 'bytes') => median(of(way, preset).map((done) => done[what])) / count;
    return [
      preset,
      way,
      (1 / each('seconds')).toFixed(1),
      each('cpuMs').toFixed(1),
      (each('bytes') / 1024).toFixed(1),
    ] as const;
  }),
);
const ratios = Object.entries(summary).map(([what, ratio]) => [
  what,
  ratio.speed.toFixed(2),
  ratio.cpu.toFixed(2),
  ratio.bytes.toFixed(2),
]);
const cpuMs = Object.fromEntries(
  Object.keys(ways).map((way) => [
    way,
    Object.fromEntries(presets.map((preset) => [preset, median(of(way, preset).map((done) => done.cpuMs)) / count])),
  ]),
);
const bytes = Object.fromEntries(
  presets.map((preset) => [preset, median(of('Darkroom, folder', preset).map((done) => done.bytes)) / count]),
);
writeReport(
  values.out,
  values.report,
  `${photosIn(values.photos).length} photos under ${count} ids a preset, ${atATime} at a time${cpus ? ` on ${cpus} CPU` : ''}, median of ${rounds} rounds; originals and results kept by Darkroom, results by nobody else. Work behind the answers (saves) counts as CPU. The client shares the machine.\n\n${markdownTable(['all presets alike', 'renditions/s', 'CPU', 'bytes'], ratios)}\n\n${markdownTable(['preset', 'way', 'renditions/s', 'CPU ms', 'KiB'], rows)}`,
  { summary, cpuMs, bytes, rounds, count },
);
