/**
 * Resident memory after each kind of work, one after the other in one process of 512 MiB with the image's allocator.
 *
 *   node bench/memory.ts [--photos DIR] [--renders 300] [--mib 512] [--out bench/results]
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

const values = benchOptions({ renders: '300', mib: '512' });
const [renders, atATime] = [Number(values.renders), availableParallelism()];
const MIB = 1024 ** 2;
/** Long enough for an allocator to return freed pages. */
const PAUSE_MS = 3000;
const HITS = 3000;
const LOOKS = 40;
/** Small ones often, large ones rarely. */
const MIX = ['thumb', 'small', 'medium', 'thumb', 'large', 'small', 'og', 'thumb', 'medium', 'retina'];

const home = temporaryFolder();
const originals = join(home.path, 'originals');
const ids = manyOriginals(values.photos, originals, renders);
const group = tryMemoryGroup(Number(values.mib) * MIB);
const allocator = productionAllocator();
const settings = {
  ...{ DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_PRESETS: writePresets(home.path), DARKROOM_FACES: 'on' },
  ...allocator.settings,
};
const server = await startServer(settings, group);
const rows: { what: string; rss: number; peak: number }[] = [];
async function note(what: string): Promise<void> {
  await server.settledCpuMs();
  await delay(PAUSE_MS);
  rows.push({ what, ...server.memory() });
}

await note('idle, after the start');
const hit = signedPath('small', ids[0] ?? '');
await askForPictures(server.baseUrl, [hit], 1);
await note('after the first render');
await askForPictures(server.baseUrl, Array<string>(HITS).fill(hit), 32);
await note(`after ${HITS} hits`);
const mixed = ids.map((id, at) => signedPath(MIX[at % MIX.length] ?? '', id));
await askForPictures(server.baseUrl, mixed, atATime);
await note(`after ${renders} mixed renders, no faces looked for`);
const looks = ids.slice(0, LOOKS).map((id) => signedPath('w_256,h_256,fit_cover,f_webp,q_85', id));
await askForPictures(server.baseUrl, looks, atATime);
await note(`after ${LOOKS} more with looks for faces, their thread still up`);
await server.stop();
group?.remove();
home.remove();

const mib = (bytes: number) => (bytes / MIB).toFixed(0);
const machine = group ? `a cgroup of ${values.mib} MiB` : 'no memory limit';
writeReport(
  values.out,
  'memory',
  `One process, ${machine}, allocator ${allocator.name}, ${atATime} requests at a time; RSS ${PAUSE_MS / 1000} s after the last work, and the peak so far.\n\n${markdownTable(
    ['when', 'RSS MiB', 'peak MiB'],
    rows.map(({ what, rss, peak }) => [what, mib(rss), mib(peak)]),
  )}`,
  { rows },
);
