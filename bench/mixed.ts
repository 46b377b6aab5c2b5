/**
 * A shop's traffic as a CDN leaves it: views of photos by Zipf's law and of sizes by their places in a shop, 97 % of
 * them answered by the CDN, the rest sent to a server of 512 MiB, with faces on as in production or without.
 *
 *   node bench/mixed.ts [--photos DIR] [--views 24000] [--ids 100] [--seed 1] [--mib 512] [--faces on] [--out bench/results]
 */

import { readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { askAll, bytesOf } from './tools/ask.ts';
import { benchOptions, manyOriginals, quantile } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { signedPath, startServer } from './tools/server.ts';
import { productionAllocator, tryMemoryGroup } from './tools/small-machine.ts';
import { behindCdn, viewsOf } from './tools/traffic.ts';

const values = benchOptions({ views: '24000', ids: '100', seed: '1', mib: '512', hits: '0.97', faces: 'on' });
/** Connections of a CDN to one machine. */
const CONNECTIONS = 8;
const MIB = 1024 ** 2;
const views = viewsOf(Number(values.views), Number(values.ids), Number(values.seed));
const cdn = behindCdn(views, Number(values.hits));

const group = tryMemoryGroup(Number(values.mib) * MIB);
const allocator = productionAllocator();
const server = await startServer({ ...allocator.settings, DARKROOM_FACES: values.faces }, group);
const ids = manyOriginals(values.photos, join(server.folder, 'data/originals'), Number(values.ids));
const paths = cdn.misses.map(({ photo, preset }) => signedPath(preset, ids[photo] ?? ''));
const before = await server.settledCpuMs();
const since = performance.now();
const answers = await askAll(server.baseUrl, paths, CONNECTIONS);
const seconds = (performance.now() - since) / 1000;
const cpuMs = (await server.settledCpuMs()) - before;
const { peak, rss } = server.memory();
const kept = keptIn(join(server.folder, 'data/results'));
await server.stop();
group?.remove();

/** Counts and bytes of the result store: renditions, and the sidecars and proxies of originals. */
function keptIn(folder: string): { renditions: number; renditionBytes: number; others: number; otherBytes: number } {
  const sum = { renditions: 0, renditionBytes: 0, others: 0, otherBytes: 0 };
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    // Hidden files are the folder store's own.
    if (!entry.isFile() || entry.name.startsWith('.')) continue;
    const { size } = statSync(join(entry.parentPath, entry.name));
    const rendition = /^(thumb|small|medium|large|retina|og)-[0-9a-f]{16}\./.test(entry.name);
    sum[rendition ? 'renditions' : 'others'] += 1;
    sum[rendition ? 'renditionBytes' : 'otherBytes'] += size;
  }
  return sum;
}

const outcomes = Object.entries(Object.groupBy(answers, ({ outcome }) => outcome)).map(([outcome, some = []]) => {
  const times = some.map(({ ms }) => ms);
  return { outcome, share: some.length / answers.length, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
});
const refused = answers.filter(({ status }) => status !== 200).length;
const share = (...names: string[]) =>
  outcomes.filter(({ outcome }) => names.includes(outcome)).reduce((sum, one) => sum + one.share, 0);
const data = {
  requests: answers.length,
  refused,
  perSecond: answers.length / seconds,
  cpuMsPerRequest: cpuMs / answers.length,
  cpuMsPerRender: cpuMs / Math.max(1, answers.length * share('render')),
  bytesPerRequest: bytesOf(answers) / answers.length,
  originals: new Set(cdn.misses.map(({ photo }) => photo)).size,
  ...{ kept, outcomes, peakRss: peak, rss, cdnHits: cdn.hits },
};
const rows: [string, string | number][] = [
  ['views, of them answered by the CDN', `${views.length}, ${(cdn.hits * 100).toFixed(1)} %`],
  ['requests to Darkroom', answers.length],
  ['refused', refused],
  ['requests/s', data.perSecond.toFixed(1)],
  ['CPU a request, ms', data.cpuMsPerRequest.toFixed(1)],
  ['KiB an answer', (data.bytesPerRequest / 1024).toFixed(1)],
  ["in Darkroom's memory", `${(share('memory', 'collapsed') * 100).toFixed(1)} %`],
  ['peak RSS, MiB', (peak / MIB).toFixed(0)],
  ['RSS at the end, MiB', (rss / MIB).toFixed(0)],
  ['kept: renditions, and files beside them', `${kept.renditions}, ${kept.others}`],
];
const byOutcome = outcomes.map(({ outcome, share, p50, p99 }) => [
  outcome,
  `${(share * 100).toFixed(1)} %`,
  p50.toFixed(1),
  p99.toFixed(1),
]);
const machine = group ? `a cgroup of ${values.mib} MiB` : 'no memory limit, for want of a cgroup to set one in';
writeReport(
  values.out,
  'mixed',
  `${values.ids} ids by Zipf, seed ${values.seed}, ${CONNECTIONS} connections without a pause, ${availableParallelism()} CPUs, ${machine}, allocator ${allocator.name}, faces ${values.faces}.\n\n${markdownTable(['what', 'figure'], rows)}\n\n${markdownTable(['outcome', 'share', 'p50 ms', 'p99 ms'], byOutcome)}`,
  data,
);
