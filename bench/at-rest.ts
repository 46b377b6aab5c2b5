/**
 * What a server keeps when it rests: resident memory after so many cold renders of originals that it has not seen, with the image's
 * allocator, in one process; by the engine where it is built. With `--broken SEED`, of broken files of all formats, one in three of
 * them a photo's copy, none of which may be answered with a 5xx.
 *
 *   node bench/at-rest.ts [--photos DIR] [--renders 1000,2000,3000] [--broken 0] [--faces off] [--mib 512] [--name at-rest] [--out bench/results]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { createBreaker, validFiles } from '../test/survive/fuzz-inputs.ts';
import { askAll, askForPictures } from './tools/ask.ts';
import { benchOptions, manyOriginals, photosIn, temporaryFolder } from './tools/options.ts';
import { writePresets } from './tools/recipes.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { signedPath, startServer } from './tools/server.ts';
import { productionAllocator, tryMemoryGroup } from './tools/small-machine.ts';

const values = benchOptions({ renders: '1000,2000,3000', broken: '0', faces: 'off', mib: '512', name: 'at-rest' });
const stops = values.renders.split(',').map(Number);
const MIB = 1024 ** 2;
/** The process collects ten seconds after the last request. */
const REST_MS = 14_000;
/** One of each original: small ones often, large ones rarely. */
const MIX = ['thumb', 'small', 'medium', 'thumb', 'large', 'small', 'og', 'thumb', 'medium', 'avif'];

const home = temporaryFolder();
const originals = join(home.path, 'originals');
const ids =
  values.broken === '0' ? manyOriginals(values.photos, originals, Math.max(...stops)) : await brokenOriginals();
// By turns of eleven, so that each photo comes in each preset.
const paths = ids.map((id, at) => signedPath(MIX[(at + Math.floor(at / MIX.length)) % MIX.length] ?? '', id));
const group = tryMemoryGroup(Number(values.mib) * MIB);
const allocator = productionAllocator();
const settings = { DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_PRESETS: writePresets(home.path) };
const server = await startServer({ ...settings, DARKROOM_FACES: values.faces, ...allocator.settings }, group);
const [, renderVersion = ''] = /"renderVersion":"([^"]+)"/.exec(server.log()) ?? [];
const rows: { renders: number; rss: number; peak: number }[] = [];
const statuses: Record<number, number> = {};
for (const [at, renders] of stops.entries()) {
  const ask = values.broken === '0' ? askForPictures : askAll;
  for (const { status } of await ask(server.baseUrl, paths.slice(stops[at - 1] ?? 0, renders), availableParallelism()))
    statuses[status] = (statuses[status] ?? 0) + 1;
  await delay(REST_MS);
  rows.push({ renders, ...server.memory() });
  console.error(`${renders}: ${(server.memory().rss / MIB).toFixed(0)} MiB`);
}
const crash = await Promise.race([server.exited, undefined]);
await server.stop();
group?.remove();
home.remove();

if (crash || Object.keys(statuses).some((status) => Number(status) >= 500))
  throw new Error(`a promise was broken: ${JSON.stringify({ crash, statuses })}`);

/** Broken copies of small files of all formats and of photos of 400 to 2,000 px. Returns the ids. */
async function brokenOriginals(): Promise<string[]> {
  const files = await validFiles();
  for (const [at, name] of photosIn(values.photos).entries()) {
    const photo = sharp(readFileSync(join(values.photos, name))).resize(400 + 180 * (at % 10));
    files.set(`photo ${at}`, await photo.jpeg({ quality: 85, progressive: at % 4 === 3 }).toBuffer());
  }
  const breakAt = createBreaker(files, Number(values.broken));
  mkdirSync(originals, { recursive: true });
  return Array.from({ length: Math.max(...stops) }, (_, at) => {
    writeFileSync(join(originals, `b${at}`), breakAt(at).body);
    return `b${at}`;
  });
}

const broken =
  values.broken === '0'
    ? ''
    : `, broken by seed ${values.broken}; answers: ${Object.entries(statuses)
        .map(([status, count]) => `${count} of ${status}`)
        .join(', ')}`;
const first = rows[0]?.rss ?? Number.NaN;
writeReport(
  values.out,
  values.name,
  `One process (${renderVersion}), ${group ? `a cgroup of ${values.mib} MiB` : 'no memory limit'}, allocator ${allocator.name}, faces ${values.faces}; ${MIX.join(', ')} in turn, each of an original of its own${broken}. RSS ${REST_MS / 1000} s after the last answer, and the peak so far.\n\n${markdownTable(
    ['renders', 'RSS at rest, MiB', 'over the first', 'peak, MiB'],
    rows.map(({ renders, rss, peak }) => [
      ...[String(renders), (rss / MIB).toFixed(0)],
      ...[(rss / first).toFixed(2), (peak / MIB).toFixed(0)],
    ]),
  )}`,
  { renderVersion, rows, statuses },
);
