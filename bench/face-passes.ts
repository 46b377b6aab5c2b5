/**
 * What the search for faces costs and finds, by the thread's own CPU time, for several threads side by side.
 *
 *   node bench/face-passes.ts --set DIR [--worker src/faces/worker.ts ...] [--depth whole|tiles] [--side 640]
 *
 * DIR holds photos and `annotations.json` (see face-set.ts; `ignore` boxes and photos of kind `depicted` count neither way).
 * Each photo is looked at by each thread in turn, so that all of them meet the same machine.
 */

import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Face, LookDepth, Probe } from '../src/faces/face.ts';
import type { FaceReply, FaceTask } from '../src/faces/finder.ts';
import type { Box } from '../src/render/pixels.ts';
import { type Annotated, inPixels, probeOf, readSet } from './face-set.ts';
import { markdownTable } from './tools/report.ts';

const { values } = parseArgs({
  options: {
    set: { type: 'string' },
    worker: { type: 'string', multiple: true, default: ['src/faces/worker.ts'] },
    depth: { type: 'string', default: 'tiles' },
    side: { type: 'string', default: '640' },
  },
});

/** V8 replaces the first code of the WebAssembly by faster code during these looks, in threads of its own. */
const WARM_UP_LOOKS = 49;
const UNTIL_QUIET_MS = 2000;
const MIN_IOU = 0.4;
const BINS: [name: string, least: number, most: number][] = [
  ['over 20 %', 0.2, Number.POSITIVE_INFINITY],
  ['10 to 20 %', 0.1, 0.2],
  ['5 to 10 %', 0.05, 0.1],
  ['2 to 5 %', 0.02, 0.05],
];

const folder = values.set ?? '';
const depth = values.depth as LookDepth;
const photos = readSet(folder);
const probes = await Promise.all(photos.map(({ file }) => probeOf(join(folder, file), Number(values.side))));

/** CPU in milliseconds: `thread` of the thread alone, `process` with V8's threads that compile for it. */
interface Cost {
  readonly thread: number;
  readonly process: number;
}

interface Thread {
  readonly start: Cost;
  look(probe: Probe): Promise<{ faces: readonly Face[]; cost: Cost }>;
  close(): Promise<unknown>;
}

const inMs = ({ user, system }: { user: number; system: number }) => (user + system) / 1000;

async function startThread(path: string): Promise<Thread> {
  const before = process.cpuUsage();
  const worker = new Worker(resolve(path), { stdout: true, stderr: true });
  worker.stdout.resume();
  worker.stderr.resume();
  const replies = new Map<number, (reply: FaceReply) => void>();
  const { promise: ready, resolve: isReady, reject } = Promise.withResolvers<void>();
  worker.on('error', reject);
  worker.on('message', (message: FaceReply | 'ready') => {
    if (message === 'ready') isReady();
    else replies.get(message.number)?.(message);
  });
  await ready;
  const start = { thread: inMs(await worker.cpuUsage()), process: inMs(process.cpuUsage(before)) };
  let number = 0;
  return {
    start,
    async look({ data, width, height }) {
      number += 1;
      const task: FaceTask = { number, depth, data: new Uint8Array(data), width, height };
      const [thread, all] = [await worker.cpuUsage(), process.cpuUsage()];
      const reply = await new Promise<FaceReply>((done) => {
        replies.set(number, done);
        worker.postMessage(task);
      });
      if ('error' in reply) throw new Error(reply.error);
      return {
        faces: reply.faces,
        cost: { thread: inMs(await worker.cpuUsage(thread)), process: inMs(process.cpuUsage(all)) },
      };
    },
    close: () => worker.terminate(),
  };
}

function iou(a: Box, b: Box): number {
  const across = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const down = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  if (across <= 0 || down <= 0) return 0;
  return (across * down) / (a.width * a.height + b.width * b.height - across * down);
}

/** Annotated and found faces in pairs, the largest overlap first; what is left of the found ones is false. */
function match(photo: Annotated, found: readonly Face[]) {
  const boxes = found.map((face) => inPixels(face, photo));
  const pairs = photo.faces
    .flatMap((face, index) => boxes.map((box, at) => ({ index, at, overlap: iou(face, box) })))
    .filter(({ overlap }) => overlap >= MIN_IOU)
    .toSorted((a, b) => b.overlap - a.overlap);
  const [hits, used] = [new Set<number>(), new Set<number>()];
  for (const { index, at } of pairs) {
    if (hits.has(index) || used.has(at)) continue;
    hits.add(index);
    used.add(at);
  }
  const ignored = (box: Box) => photo.ignore.some((known) => iou(known, box) > 0.1);
  return {
    faces: photo.faces.map(({ width }, index) => ({ share: width / photo.width, hit: hits.has(index) })),
    falseFaces: boxes.filter((box, at) => !used.has(at) && !ignored(box)).length,
  };
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** With its start, the first looks at a photo with faces, and what V8 compiles after them. */
async function warmUp(thread: Thread): Promise<string[]> {
  const probe = probes[photos.findIndex(({ faces }) => faces.length > 0)] as Probe;
  const first = (await thread.look(probe)).cost;
  const before = process.cpuUsage();
  for (let looks = 0; looks < WARM_UP_LOOKS; looks += 1) await thread.look(probe);
  await sleep(UNTIL_QUIET_MS);
  const later = inMs(process.cpuUsage(before));
  return [thread.start.process, first.process, later].map((ms) => ms.toFixed(0));
}

const threads = new Map<string, Thread>();
const starts = new Map<string, string[]>();
for (const path of values.worker) {
  const thread = await startThread(path);
  threads.set(path, thread);
  starts.set(path, await warmUp(thread));
}

const rows: string[][] = [];
const looks = new Map<string, { photo: Annotated; faces: readonly Face[]; ms: number }[]>();
for (const [index, photo] of photos.entries())
  for (const [path, thread] of threads) {
    const { faces, cost } = await thread.look(probes[index] as Probe);
    looks.set(path, [...(looks.get(path) ?? []), { photo, faces, ms: cost.thread }]);
  }
for (const [path, seen] of looks) {
  const matches = seen
    .filter(({ photo }) => photo.kind !== 'depicted')
    .map(({ photo, faces, ms }) => ({ photo, ms, ...match(photo, faces) }));
  const withFaces = matches.filter(({ photo }) => photo.faces.length > 0);
  const faceless = matches.filter(({ photo }) => photo.faces.length === 0);
  const sum = (of: typeof matches) => of.reduce((total, { falseFaces }) => total + falseFaces, 0);
  const recall = BINS.map(([, least, most]) => {
    const sized = matches.flatMap(({ faces }) => faces.filter(({ share }) => share >= least && share < most));
    return `${sized.filter(({ hit }) => hit).length} of ${sized.length}`;
  });
  const costs = [matches, withFaces, faceless].map((of) => {
    const ms = of.map((one) => one.ms);
    return `${mean(ms).toFixed(1)} (${middle(ms).toFixed(1)})`;
  });
  rows.push([path, ...costs, ...recall, `${sum(withFaces)}`, `${sum(faceless)}`, ...(starts.get(path) ?? [])]);
}
const heads = ['thread', 'CPU ms a photo, mean (median)', 'with faces', 'without', ...BINS.map(([name]) => name)];
heads.push('false beside faces', 'false in faceless', 'CPU ms of the process: start', 'first look', 'next 49');
process.stdout.write(`${markdownTable(heads, rows)}\n`);
await Promise.all(Array.from(threads.values(), (thread) => thread.close()));
