/**
 * What a thumb costs when its original need not be decoded again: its sibling was just rendered, or only a proxy image
 * of it lies in the store; beside a cold thumb. Seen from outside: requests, and the CPU of the server's process.
 *
 *   node bench/once.ts [--photos DIR] [--copies 16] [--rounds 3] [--warm 100] [--out bench/results]
 */
import { join } from 'node:path';
import { askForPictures } from './tools/ask.ts';
import { bareLoop } from './tools/bare-loop.ts';
import { benchOptions, manyOriginals, median, photosIn, temporaryFolder } from './tools/options.ts';
import { writePresets } from './tools/recipes.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { signedPath, startServer } from './tools/server.ts';

const values = benchOptions({ copies: '16', rounds: '3', warm: '100' });
const photos = photosIn(values.photos);
const count = photos.length * Number(values.copies);
/** A server at work: V8 has compiled what is called for each rendition, which takes some hundred of them. */
const WARM_UP = Number(values.warm);
/** Of 0.8 MB each: all these are in memory at a time. */
const REMEMBERED = 80;
const home = temporaryFolder();
const originals = join(home.path, 'originals');
const presets = writePresets(home.path);

/** The ids of one round, and some that the server warms up on. */
function idsOf(round: number): { warm: string[]; ids: string[] } {
  const warm = manyOriginals(values.photos, originals, WARM_UP, `warm-${round}-`);
  return { warm, ids: manyOriginals(values.photos, originals, count, `${round}-`) };
}

function start(results: string, faces: boolean) {
  return startServer({
    ...{ DARKROOM_FACES: faces ? 'on' : 'off', DARKROOM_PRESETS: presets, DARKROOM_ORIGINALS: `file:${originals}` },
    DARKROOM_RESULTS: results,
  });
}
type Server = Awaited<ReturnType<typeof start>>;

async function ask(server: Server, preset: string, ids: readonly string[]): Promise<void> {
  const paths = ids.map((id) => signedPath(preset, id));
  const answers = await askForPictures(server.baseUrl, paths, 1);
  if (answers.some(({ outcome }) => outcome !== 'render')) throw new Error('not every answer was rendered');
}

/** CPU milliseconds a rendition, what is saved behind the answers included. */
async function cost(server: Server, preset: string, ids: readonly string[]): Promise<number> {
  const before = await server.settledCpuMs();
  await ask(server, preset, ids);
  return ((await server.settledCpuMs()) - before) / ids.length;
}

/** Crops to the centre, or as the default product: framed on faces. */
type Thumb = 'thumb' | 'thumb-faces';

async function warmed(results: string, warm: readonly string[], thumb: Thumb): Promise<Server> {
  const server = await start(results, thumb === 'thumb-faces');
  for (const preset of ['small', thumb]) await cost(server, preset, warm);
  return server;
}

const resultsOf = (round: number, what: string) => `file:${join(home.path, `results-${what}-${round}`)}`;

async function coldThumb(round: number, thumb: Thumb, results = resultsOf(round, `cold-${thumb}`)): Promise<number> {
  const { warm, ids } = idsOf(round);
  const server = await warmed(results, warm, thumb);
  const each = await cost(server, thumb, ids);
  await server.stop();
  return each;
}

async function thumbAfterMedium(round: number, thumb: Thumb): Promise<number> {
  const { warm, ids } = idsOf(round);
  const server = await warmed(resultsOf(round, `sibling-${thumb}`), warm, thumb);
  let sum = 0;
  for (let from = 0; from < ids.length; from += REMEMBERED) {
    const some = ids.slice(from, from + REMEMBERED);
    await cost(server, 'medium', some);
    sum += (await cost(server, thumb, some)) * some.length;
  }
  await server.stop();
  return sum / ids.length;
}

async function thumbOfProxy(round: number, thumb: Thumb): Promise<number> {
  const { warm, ids } = idsOf(round);
  const results = resultsOf(round, `copy-${thumb}`);
  const first = await start(results, thumb === 'thumb-faces');
  // A server may wait for a second rendition, and for one that the first could not serve, before it keeps a copy.
  for (const id of ids) for (const preset of ['og', 'medium']) await ask(first, preset, [id]);
  await first.stop();
  const server = await warmed(results, warm, thumb);
  const each = await cost(server, thumb, ids);
  await server.stop();
  return each;
}

/** All that is compared is saved alike, so what it is compared with is too. */
const COLD = 'cold thumb';
const COLD_FACES = 'cold thumb, faces';
const WAYS: Record<string, (round: number) => Promise<number>> = {
  'cold thumb, nothing kept': (round) => coldThumb(round, 'thumb', 'none'),
  [COLD]: (round) => coldThumb(round, 'thumb'),
  'thumb, its medium just rendered': (round) => thumbAfterMedium(round, 'thumb'),
  'thumb, only its proxy image in the store': (round) => thumbOfProxy(round, 'thumb'),
  [COLD_FACES]: (round) => coldThumb(round, 'thumb-faces'),
  'thumb, faces, its medium just rendered': (round) => thumbAfterMedium(round, 'thumb-faces'),
  'thumb, faces, only its proxy image in the store': (round) => thumbOfProxy(round, 'thumb-faces'),
  async 'bare sharp, cold thumb'(round) {
    const files = idsOf(round).ids.map((id) => join(originals, id));
    const { cpuMs } = await bareLoop({ files, presets: ['thumb'], settings: 'ours', atATime: 1 });
    return cpuMs / files.length;
  },
};

const found: Record<string, number[]> = {};
for (let round = 0; round < Number(values.rounds); round += 1)
  for (const [name, way] of Object.entries(WAYS)) {
    found[name] = [...(found[name] ?? []), await way(round)];
    console.error(`round ${round + 1}: ${name} ${found[name].at(-1)?.toFixed(1)}`);
  }
home.remove();

const cpuMs = Object.fromEntries(Object.entries(found).map(([name, rounds]) => [name, median(rounds)]));
const cold = cpuMs[COLD] ?? 0;
const bareCold = cpuMs['bare sharp, cold thumb'] ?? 0;
const summary = {
  sibling: (cpuMs['thumb, its medium just rendered'] ?? 0) / cold,
  proxy: (cpuMs['thumb, only its proxy image in the store'] ?? 0) / cold,
  faces: (cpuMs[COLD_FACES] ?? 0) / cold,
};
const rows = Object.entries(cpuMs).map(([name, ms]) => [
  name,
  ms.toFixed(1),
  (ms / cold).toFixed(3),
  (ms / bareCold).toFixed(3),
]);
writeReport(
  values.out,
  'once',
  `${photos.length} photos under ${count} ids, one request at a time; crops to the centre, or framed on faces where it says so, which are looked for at the first cover crop of a photo; median of ${values.rounds} rounds; saves behind the answers included.\n\n${markdownTable(['what', 'CPU ms', 'over a cold thumb', 'over bare sharp'], rows)}`,
  { ...summary, cpuMs },
);
