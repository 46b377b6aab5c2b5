/**
 * What a server keeps when it rests: resident memory after so many cold renders of originals that it has not seen, with the image's
 * allocator, in one process; by the engine where it is built.
 *
 *   node bench/at-rest.ts [--photos DIR] [--renders 1000,2000,3000] [--faces off] [--mib 512] [--out bench/results]
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { askForPictures } from './tools/ask.ts';
import { benchOptions, manyOriginals, temporaryFolder } from './tools/options.ts';
import { writePresets } from './tools/recipes.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { signedPath, startServer } from './tools/server.ts';
import { productionAllocator, tryMemoryGroup } from './tools/small-machine.ts';

const values = benchOptions({ renders: '1000,2000,3000', faces: 'off', mib: '512' });
const stops = values.renders.split(',').map(Number);
const MIB = 1024 ** 2;
/** The process collects ten seconds after the last request. */
const REST_MS = 14_000;
/** One of each original: small ones often, large ones rarely. */
const MIX = ['thumb', 'small', 'medium', 'thumb', 'large', 'small', 'og', 'thumb', 'medium', 'avif'];

const home = temporaryFolder();
const originals = join(home.path, 'originals');
// By turns of eleven, so that each photo comes in each preset.
const paths = manyOriginals(values.photos, originals, Math.max(...stops)).map((id, at) =>
  signedPath(MIX[(at + Math.floor(at / MIX.length)) % MIX.length] ?? '', id),
);
const group = tryMemoryGroup(Number(values.mib) * MIB);
const allocator = productionAllocator();
const settings = { DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_PRESETS: writePresets(home.path) };
const server = await startServer({ ...settings, DARKROOM_FACES: values.faces, ...allocator.settings }, group);
const [, renderVersion = ''] = /"renderVersion":"([^"]+)"/.exec(server.log()) ?? [];
const rows: { renders: number; rss: number; peak: number }[] = [];
for (const [at, renders] of stops.entries()) {
  await askForPictures(server.baseUrl, paths.slice(stops[at - 1] ?? 0, renders), availableParallelism());
  await delay(REST_MS);
  rows.push({ renders, ...server.memory() });
  console.error(`${renders}: ${(server.memory().rss / MIB).toFixed(0)} MiB`);
}
await server.stop();
group?.remove();
home.remove();

const first = rows[0]?.rss ?? Number.NaN;
writeReport(
  values.out,
  'at-rest',
  `One process (${renderVersion}), ${group ? `a cgroup of ${values.mib} MiB` : 'no memory limit'}, allocator ${allocator.name}, faces ${values.faces}; ${MIX.join(', ')} in turn, each of an original of its own. RSS ${REST_MS / 1000} s after the last answer, and the peak so far.\n\n${markdownTable(
    ['renders', 'RSS at rest, MiB', 'over the first', 'peak, MiB'],
    rows.map(({ renders, rss, peak }) => [
      ...[String(renders), (rss / MIB).toFixed(0)],
      ...[(rss / first).toFixed(2), (peak / MIB).toFixed(0)],
    ]),
  )}`,
  { renderVersion, rows },
);
