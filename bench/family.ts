/**
 * All six sizes of a product's photo, from cold: CPU of the server beside six independent sharp pipelines, as a plain
 * server would run them (sharp's default efforts, mozjpeg for og).
 *
 *   node bench/family.ts [--photos DIR] [--rounds 2] [--out bench/results]
 */
import { join } from 'node:path';
import { askForPictures, bytesOf } from './tools/ask.ts';
import { bareLoop } from './tools/bare-loop.ts';
import { benchOptions, manyOriginals, median, photosIn, temporaryFolder } from './tools/options.ts';
import { PRODUCT, writePresets } from './tools/recipes.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { signedPath, startServer } from './tools/server.ts';

const values = benchOptions({ rounds: '2' });
const photos = photosIn(values.photos);
const home = temporaryFolder();
const originals = join(home.path, 'originals');
const settings = { DARKROOM_PRESETS: writePresets(home.path), DARKROOM_ORIGINALS: `file:${originals}` };

/** Photos before the measurement, after which V8 has compiled the code of each rendition. */
const WARM_UP = 16;

interface Round {
  readonly cpuMs: number;
  readonly bytes: number;
}

/**
 * `together`: six requests at a time, as a page asks; else one after the other, as visitors come. `faces`: as the default
 * product, which frames thumb and og on them.
 */
async function darkroom(round: number, together: boolean, faces = false): Promise<Round> {
  const server = await startServer({ ...settings, DARKROOM_FACES: faces ? 'on' : 'off' });
  const ids = manyOriginals(values.photos, originals, photos.length + WARM_UP, `${round}-${together}-${faces}-`);
  const pathsOf = (id = '') => PRODUCT.map((preset) => signedPath(faces ? `${preset}-faces` : preset, id));
  for (let n = 0; n < WARM_UP; n += 1)
    await askForPictures(server.baseUrl, pathsOf(ids.pop()), together ? PRODUCT.length : 1);
  const before = await server.settledCpuMs();
  let bytes = 0;
  for (const id of ids) {
    const answers = await askForPictures(server.baseUrl, pathsOf(id), together ? PRODUCT.length : 1);
    bytes += bytesOf(answers);
  }
  const cpuMs = (await server.settledCpuMs()) - before;
  await server.stop();
  return { cpuMs, bytes };
}

const files = photos.map((name) => join(values.photos, name));
const loop = (settings: 'ours' | 'naive') => bareLoop({ files, presets: PRODUCT, settings, atATime: 1 });
const WAYS: Record<string, (round: number) => Promise<Round>> = {
  'six naive pipelines': () => loop('naive'),
  'six pipelines, our encoder settings': () => loop('ours'),
  'Darkroom, six at a time': (round) => darkroom(round, true),
  'Darkroom, one after another': (round) => darkroom(round, false),
  'Darkroom, six at a time, faces': (round) => darkroom(round, true, true),
};
const found: Record<string, Round[]> = {};
for (let round = 0; round < Number(values.rounds); round += 1)
  for (const [name, way] of Object.entries(WAYS)) found[name] = [...(found[name] ?? []), await way(round)];
home.remove();

const of = (name: string, what: keyof Round) => median((found[name] ?? []).map((one) => one[what]));
const NAIVE = 'six naive pipelines';
const summary = Object.fromEntries(
  Object.keys(WAYS).map((name) => [
    name,
    {
      cpuMsPerPhoto: of(name, 'cpuMs') / photos.length,
      cpu: of(name, 'cpuMs') / of(NAIVE, 'cpuMs'),
      bytes: of(name, 'bytes') / of(NAIVE, 'bytes'),
      bytesPerPhoto: of(name, 'bytes') / photos.length,
    },
  ]),
);
const rows = Object.entries(summary).map(([name, { cpuMsPerPhoto, cpu, bytes }]) => [
  name,
  cpuMsPerPhoto.toFixed(0),
  cpu.toFixed(3),
  bytes.toFixed(3),
]);
writeReport(
  values.out,
  'family',
  `${photos.length} photos, each in ${PRODUCT.join(', ')}; crops to the centre, but framed on faces where it says so; median of ${values.rounds} rounds. Darkroom's CPU is the whole process's with HTTP and all that it saves behind the answers.\n\n${markdownTable(['way', 'CPU ms a photo', 'CPU over naive', 'bytes over naive'], rows)}`,
  summary,
);
