/**
 * Many requests at once for one rendition that does not exist yet: how often it is rendered and its original fetched,
 * and how long until all are answered.
 *
 *   node bench/stampede.ts [--photos DIR] [--requests 1000] [--preset large] [--out bench/results]
 */
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { askAll } from './tools/ask.ts';
import { benchOptions, photosIn, quantile } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { signedPath, startServer } from './tools/server.ts';

const values = benchOptions({ requests: '1000', preset: 'large' });
const requests = Number(values.requests);
const [warm = '', photo = warm] = photosIn(values.photos);
let fetched = 0;
const origin = createServer((request, response) => {
  if (request.url === `/${photo}`) fetched += 1;
  const name = request.url?.slice(1) ?? '';
  if (name !== warm && name !== photo) return void response.writeHead(404).end();
  createReadStream(join(values.photos, name)).pipe(response);
}).listen(0, '127.0.0.1');
await new Promise((resolve) => origin.once('listening', resolve));
const server = await startServer({
  DARKROOM_ORIGINALS: `http://127.0.0.1:${(origin.address() as AddressInfo).port}/`,
  DARKROOM_ORIGIN_PRIVATE: 'on',
  DARKROOM_FACES: 'off',
});

// One alone, for the time and the CPU of a render without a crowd.
await askAll(server.baseUrl, [signedPath('small', warm)], 1);
const [alone] = await askAll(server.baseUrl, [signedPath(values.preset, warm)], 1);
const before = await server.settledCpuMs();
const since = performance.now();
const paths = Array.from({ length: requests }, () => signedPath(values.preset, photo));
const answers = await askAll(server.baseUrl, paths, requests);
const seconds = (performance.now() - since) / 1000;
const cpuMs = (await server.settledCpuMs()) - before;
const { peak } = server.memory();
await server.stop();
origin.close();

const count = (outcome: string) => answers.filter((answer) => answer.outcome === outcome).length;
const refused = answers.filter(({ status }) => status !== 200).length;
const figures: [string, string | number][] = [
  ['requests at once', requests],
  ['renders', count('render')],
  ['waited for that one', count('collapsed')],
  ['from memory, come later', count('memory')],
  ['refused', refused],
  ['fetches of the original', fetched],
  ['time until all were answered, s', seconds.toFixed(2)],
  ['median and p99 of an answer, ms', [0.5, 0.99].map((q) => quantile(timesOf(), q).toFixed(0)).join(', ')],
  ['the same render alone, ms', (alone?.ms ?? 0).toFixed(0)],
  ['CPU of the server, ms', cpuMs.toFixed(0)],
  ['peak RSS, MiB', (peak / 1024 ** 2).toFixed(0)],
];
function timesOf(): number[] {
  return answers.map(({ ms }) => ms);
}
writeReport(
  values.out,
  'stampede',
  `${values.preset} of ${photo}, over as many connections, originals behind HTTP; the client shares the machine.\n\n${markdownTable(['what', 'figure'], figures)}`,
  { renders: count('render'), collapsed: count('collapsed'), fetched, refused, seconds, cpuMs, peak },
);
if (refused > 0 || fetched !== 1 || count('render') !== 1) {
  console.error('a promise was broken', { refused, fetched, renders: count('render') });
  process.exitCode = 1;
}
