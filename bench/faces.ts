/**
 * How well faces are found and kept in cover crops, beside plain centre and attention crops.
 *
 *   node bench/faces.ts [--set DIR] [--sheets DIR] [--name faces] [--out bench/results]
 *
 * DIR holds photos and `annotations.json` (see face-set.ts); without it a set is made of the samples. With `--sheets`,
 * contact sheets are written there: annotated faces green, found ones red, windows white; then the crops themselves.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import type { Face, Probe } from '../src/faces/face.ts';
import { createFaceFinder } from '../src/faces/finder.ts';
import type { Box, Size } from '../src/render/pixels.ts';
import { PROBE_SIDE_PX } from '../src/render/stages/face-aware-crop.ts';
import { planFrame, windowToFaces } from '../src/render/stages/geometry.ts';
import { type Annotated, type Annotation, inPixels, makeSet, readSet } from './face-set.ts';
import { writeSheets } from './face-sheets.ts';
import { markdownTable, writeReport } from './tools/report.ts';

const { values } = parseArgs({
  options: {
    set: { type: 'string' },
    sheets: { type: 'string' },
    name: { type: 'string', default: 'faces' },
    out: { type: 'string', default: new URL('results', import.meta.url).pathname },
  },
});

const COMPOSITES = 140;
const MIN_IOU = 0.4;
const CROPS: Size[] = [
  { width: 150, height: 150 },
  { width: 1200, height: 630 },
  { width: 256, height: 256 },
];
const CLASSES: [name: string, least: number, most: number][] = [
  ['over 20 %', 0.2, Number.POSITIVE_INFINITY],
  ['10 to 20 %', 0.1, 0.2],
  ['5 to 10 %', 0.05, 0.1],
  ['under 5 %', 0, 0.05],
];
const LOOKS_FOR_DELAY = 50;
const never = new AbortController().signal;

/** One photo: what was found, and where each way of cropping puts its window, in pixels of the photo. */
export interface Seen {
  readonly photo: Annotated;
  readonly path: string;
  readonly found: readonly Face[];
  readonly windows: Readonly<Record<Way, Box>>[];
  readonly ms: number;
}
type Way = 'faces' | 'center' | 'attention';
const WAYS: Way[] = ['faces', 'attention', 'center'];

const temporary = values.set ? undefined : mkdtempSync(join(tmpdir(), 'darkroom-faces-'));
const folder = values.set ?? temporary ?? '';
if (temporary) await makeSet(new URL('../samples', import.meta.url).pathname, temporary, COMPOSITES);

const finder = createFaceFinder({ waiting: 64, idleMs: 60_000 });
const all: Seen[] = [];
for (const photo of readSet(folder)) all.push(await look(photo));
const delay = await eventLoopDelay(all[0]?.path ?? '');
await finder.close();
report();
if (values.sheets) await writeSheets(values.sheets, all);
if (temporary) rmSync(temporary, { recursive: true });

async function look(annotated: Annotated): Promise<Seen> {
  const path = join(folder, annotated.file);
  const { data: small, size } = await probeOf(path);
  const photo = fitted(annotated, size);
  const since = performance.now();
  const { faces: found } = await finder.find(small, 'tiles', never);
  const ms = performance.now() - since;
  const windows = await Promise.all(CROPS.map((crop) => windowsOf(path, size, crop, found)));
  return { photo, path, found, windows, ms };
}

/** Annotations made on a copy of another size count for the photo as it is; those of another shape are a mistake. */
function fitted(photo: Annotated, size: Size): Annotated {
  const by = size.width / photo.width;
  if (Math.abs(photo.height * by - size.height) > 0.02 * size.height)
    throw new Error(`${photo.file} is ${size.width} × ${size.height} when upright, not what its annotation says`);
  return {
    ...photo,
    ...size,
    faces: photo.faces.map(({ x, y, w, h }) => ({ x: x * by, y: y * by, w: w * by, h: h * by })),
  };
}

/** The picture as the render sees it, upright. */
async function probeOf(path: string): Promise<{ data: Probe; size: Size }> {
  const { autoOrient } = await sharp(path).metadata();
  const { data, info } = await sharp(readFileSync(path))
    .autoOrient()
    .resize({ width: PROBE_SIDE_PX, height: PROBE_SIDE_PX, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data: { data, width: info.width, height: info.height }, size: autoOrient };
}

async function windowsOf(path: string, size: Size, crop: Size, found: readonly Face[]): Promise<Record<Way, Box>> {
  const plan = planFrame(size, { ...crop, fit: 'cover', margin: 0 });
  const { width, height } = plan.window;
  const { info } = await sharp(path)
    .autoOrient()
    .resize({ width, height, fit: 'cover', position: sharp.strategy.attention })
    .raw()
    .toBuffer({ resolveWithObject: true });
  // sharp tells how far the scaled picture was moved, so both are zero or less.
  const attention = { left: -(info.cropOffsetLeft ?? 0), top: -(info.cropOffsetTop ?? 0), width, height };
  const inPhoto = ({ left, top, ...window }: Box): Box => ({
    left: (left * size.width) / plan.scaled.width,
    top: (top * size.height) / plan.scaled.height,
    width: (window.width * size.width) / plan.scaled.width,
    height: (window.height * size.height) / plan.scaled.height,
  });
  return {
    faces: inPhoto(found.length > 0 ? windowToFaces(plan, found, size, 1).window : attention),
    center: inPhoto(plan.window),
    attention: inPhoto(attention),
  };
}

/** The worst waits of this thread while 50 pictures are looked at. */
async function eventLoopDelay(path: string): Promise<{ p50: number; p99: number; max: number }> {
  const { data } = await probeOf(path);
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await Promise.all(Array.from({ length: LOOKS_FOR_DELAY }, () => finder.find(data, 'tiles', never)));
  histogram.disable();
  const ms = (nanoseconds: number) => nanoseconds / 1e6;
  return { p50: ms(histogram.percentile(50)), p99: ms(histogram.percentile(99)), max: ms(histogram.max) };
}

function report(): void {
  const matches = all.map(match);
  const recall = CLASSES.map(([name, least, most]) => {
    const sized = matches.flatMap(({ pairs }) => pairs.filter(({ share }) => share >= least && share < most));
    return { name, faces: sized.length, found: sized.filter(({ hit }) => hit).length };
  });
  const faceless = all.filter(({ photo }) => photo.faces.length === 0);
  const falseFaces = matches.reduce((sum, { unmatched }) => sum + unmatched, 0);
  const falseInFaceless = faceless.reduce((sum, { found }) => sum + found.length, 0);
  const kept = CROPS.map((crop, index) => ({
    crop: `${crop.width}×${crop.height}`,
    ...Object.fromEntries(WAYS.map((way) => [way, keptBy(way, index)])),
  })) as ({ crop: string } & Record<Way, { fit: number; whole: number; all: number; any: number }>)[];
  const times = all.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const share = (part: number, whole: number) => (whole === 0 ? '–' : (part / whole).toFixed(3));
  const data = {
    photos: all.length,
    faceless: faceless.length,
    recall,
    falsePerPhoto: falseFaces / all.length,
    falsePerFacelessPhoto: faceless.length ? falseInFaceless / faceless.length : null,
    kept,
    msPerPhoto: { median: times[times.length >> 1], p95: times[Math.floor(times.length * 0.95)], first: all[0]?.ms },
    eventLoopDelayMs: delay,
  };
  const markdown = [
    `${all.length} photos, ${faceless.length} of them without faces.`,
    markdownTable(
      ['face width / photo width', 'faces', 'found', `recall at IoU ${MIN_IOU}`],
      recall.map(({ name, faces, found }) => [name, faces, found, share(found, faces)]),
    ),
    `False faces: ${share(falseFaces, all.length)} a photo, ${share(falseInFaceless, faceless.length)} a photo without faces.`,
    'Faces whole in the crop, of those that could be (in the window that holds the most face), and of all:',
    markdownTable(
      [
        'cover crop',
        ...WAYS.map((way) => (way === 'faces' ? 'Darkroom' : way)),
        'of all: Darkroom',
        'attention',
        'center',
      ],
      kept.map((row) => [
        row.crop,
        ...WAYS.map((way) => share(row[way].whole, row[way].fit)),
        ...WAYS.map((way) => share(row[way].any, row[way].all)),
      ]),
    ),
    `A look takes ${data.msPerPhoto.median?.toFixed(0)} ms in the median, ${data.msPerPhoto.p95?.toFixed(0)} ms at p95, the first ${data.msPerPhoto.first?.toFixed(0)} ms with the start of the thread.`,
    `Event-loop delay of the main thread during ${LOOKS_FOR_DELAY} looks: p50 ${delay.p50.toFixed(1)}, p99 ${delay.p99.toFixed(1)}, worst ${delay.max.toFixed(1)} ms.`,
  ];
  writeReport(values.out, values.name, markdown.join('\n\n'), data);
}

/** Annotated and found faces paired by the largest overlap first. */
function match({ photo, found }: Seen) {
  const boxes = found.map((face) => inPixels(face, photo));
  const candidates = photo.faces
    .flatMap((face, index) => boxes.map((box, at) => ({ index, at, iou: iou(toBox(face), box) })))
    .filter((pair) => pair.iou >= MIN_IOU)
    .toSorted((a, b) => b.iou - a.iou);
  const [hits, used] = [new Set<number>(), new Set<number>()];
  for (const { index, at } of candidates) {
    if (hits.has(index) || used.has(at)) continue;
    hits.add(index);
    used.add(at);
  }
  return {
    pairs: photo.faces.map(({ w }, index) => ({ share: w / photo.width, hit: hits.has(index) })),
    unmatched: found.length - used.size,
  };
}

function keptBy(way: Way, index: number) {
  const total = { fit: 0, whole: 0, all: 0, any: 0 };
  for (const { photo, windows } of all) {
    const window = windows[index]?.[way];
    if (!window) continue;
    const faces = photo.faces.map(toBox);
    const could = bestHeld(faces, window, photo);
    const whole = faces.filter((face) => holds(window, face));
    total.all += faces.length;
    total.any += whole.length;
    total.fit += could.length;
    total.whole += could.filter((face) => holds(window, face)).length;
  }
  return total;
}

/** The faces in the window of this size that holds the most face; its edges lie at edges of faces or of the photo. */
function bestHeld(faces: readonly Box[], { width, height }: Size, photo: Size): Box[] {
  const starts = (edges: number[], room: number) => [0, ...edges].map((edge) => Math.min(Math.max(0, edge), room));
  const across = starts(
    faces.map(({ left }) => left),
    photo.width - width,
  );
  const down = starts(
    faces.map(({ top }) => top),
    photo.height - height,
  );
  let best: Box[] = [];
  for (const left of across)
    for (const top of down) {
      const held = faces.filter((face) => holds({ left, top, width, height }, face));
      if (areaOf(held) > areaOf(best)) best = held;
    }
  return best;
}

function areaOf(boxes: readonly Size[]): number {
  return boxes.reduce((sum, { width, height }) => sum + width * height, 0);
}

function toBox({ x, y, w, h }: Annotation): Box {
  return { left: x, top: y, width: w, height: h };
}

/** Half a pixel of rounding is nobody's cut. */
function holds(outer: Box, inner: Box): boolean {
  const slack = 0.5;
  return (
    inner.left >= outer.left - slack &&
    inner.top >= outer.top - slack &&
    inner.left + inner.width <= outer.left + outer.width + slack &&
    inner.top + inner.height <= outer.top + outer.height + slack
  );
}

function iou(a: Box, b: Box): number {
  const across = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const down = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  if (across <= 0 || down <= 0) return 0;
  return (across * down) / (a.width * a.height + b.width * b.height - across * down);
}
