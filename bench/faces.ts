/**
 * How well faces are found, and what crops keep of them, beside plain centre and attention crops.
 *
 *   node bench/faces.ts [--set ../shared/faces] [--engine] [--sheets DIR] [--name faces] [--out bench/results]
 *
 * The set is a folder of photos with `annotations.json` (see face-set.ts). With `--engine`, the engine makes what is looked at, where it takes
 * the photo. With `--sheets`, contact sheets are written there.
 */

import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import type { Face, LookDepth } from '../src/faces/face.ts';
import { createFaceFinder } from '../src/faces/finder.ts';
import type { Box, Pixels, Size } from '../src/render/pixels.ts';
import { type FramePlan, planFrame, windowToDetail, windowToFaces } from '../src/render/stages/geometry.ts';
import { lookDepthFor, PROBE_SIDE_PX } from '../src/render/stages/look-depth.ts';
import { greyOf } from '../src/render/stages/small-pictures.ts';
import { BUILT_IN_PRESETS } from '../src/url/built-in-presets.ts';
import { bestHeld, fits, headOf, holds, largest, MUCH_HAIR, match, shownOfBest } from './face-measures.ts';
import { type Annotated, fitted, inPixels, probeByEngine, probeOf, readSet } from './face-set.ts';
import { writeSheets } from './face-sheets.ts';
import { markdownTable, writeReport } from './tools/report.ts';

const { values } = parseArgs({
  options: {
    set: { type: 'string', default: new URL('../../shared/faces', import.meta.url).pathname },
    engine: { type: 'boolean', default: false },
    sheets: { type: 'string' },
    name: { type: 'string', default: 'faces' },
    out: { type: 'string', default: new URL('results', import.meta.url).pathname },
  },
});

const CROPS: (Size & { name: string; faceZoom: number })[] = [
  ...(['thumb', 'og', 'avatar-large'] as const).map((name) => ({ faceZoom: 1, ...BUILT_IN_PRESETS[name], name })),
  { name: '800×300', width: 800, height: 300, faceZoom: 1 },
];
const BINS: [name: string, least: number, most: number][] = [
  ['over 20 %', 0.2, Number.POSITIVE_INFINITY],
  ['10 to 20 %', 0.1, 0.2],
  ['5 to 10 %', 0.05, 0.1],
  ['2 to 5 %', 0.02, 0.05],
];
const LOOKS_FOR_DELAY = 50;
const never = new AbortController().signal;
const looked = values.engine ? probeByEngine : probeOf;

/** One photo: what a look over the tiles found, and where each way of cropping puts its window, in pixels of the photo. */
export interface Seen {
  readonly photo: Annotated;
  readonly path: string;
  readonly found: readonly Face[];
  readonly windows: readonly Readonly<Record<Way, Box>>[];
  readonly ms: number;
}
type Way = 'faces' | 'detail' | 'attention' | 'center';
const WAYS: Record<Way, string> = {
  faces: 'Darkroom',
  detail: 'the same without the faces',
  attention: 'attention',
  center: 'centre',
};

const finder = createFaceFinder({ waiting: 64, idleMs: 60_000 });
const all: Seen[] = [];
for (const photo of readSet(values.set)) all.push(await look(photo));
const delay = await eventLoopDelay(all[0]?.path ?? '');
await finder.close();
report();
if (values.sheets) {
  // The renderer refuses SVG, which the sheets are drawn by.
  sharp.unblock({ operation: ['VipsForeignLoadSvg'] });
  await writeSheets(
    values.sheets,
    all,
    CROPS.map(({ name }) => name),
  );
}

async function look(annotated: Annotated): Promise<Seen> {
  const path = join(values.set, annotated.file);
  const probe = await looked(path, PROBE_SIDE_PX.tiles);
  const size = (await sharp(path).metadata()).autoOrient;
  const pixels: Pixels = { ...probe, channels: 4, frames: 1 };
  const photo = fitted(annotated, size);
  const since = performance.now();
  const { faces: found } = await finder.find(probe, 'tiles', never);
  const ms = performance.now() - since;
  const { faces: large } = await finder.find(await looked(path, PROBE_SIDE_PX.whole), 'whole', never);
  const faces = { tiles: found, whole: large };
  const windows = await Promise.all(CROPS.map((crop) => windowsOf(path, pixels, size, crop, faces)));
  return { photo, path, found, windows, ms };
}

async function windowsOf(
  path: string,
  pixels: Pixels,
  size: Size,
  { faceZoom, ...crop }: Size & { faceZoom: number },
  faces: Record<LookDepth, readonly Face[]>,
): Promise<Record<Way, Box>> {
  const plan = planFrame(size, { ...crop, fit: 'cover', margin: 0 });
  const found = faces[lookDepthFor(plan, size, size, faceZoom)];
  const { width, height } = plan.window;
  const { info } = await sharp(path)
    .autoOrient()
    .resize({ width, height, fit: 'cover', position: sharp.strategy.attention })
    .raw()
    .toBuffer({ resolveWithObject: true });
  // sharp tells how far the scaled picture was moved, so both are zero or less.
  const window = { left: -(info.cropOffsetLeft ?? 0), top: -(info.cropOffsetTop ?? 0), width, height };
  const attention = { ...plan, window };
  const unaware = windowToDetail(plan, greyOf(pixels));
  return {
    faces: inPhoto(found.length > 0 ? windowToFaces(plan, found, size, faceZoom) : unaware, size),
    detail: inPhoto(unaware, size),
    attention: inPhoto(attention, size),
    center: inPhoto(plan, size),
  };
}

function inPhoto({ scaled, window }: FramePlan, size: Size): Box {
  const [across, down] = [size.width / scaled.width, size.height / scaled.height];
  return {
    ...{ left: window.left * across, top: window.top * down },
    ...{ width: window.width * across, height: window.height * down },
  };
}

/** The worst waits of this thread while 50 pictures are looked at. */
async function eventLoopDelay(path: string): Promise<{ p50: number; p99: number; max: number }> {
  const probe = await probeOf(path, PROBE_SIDE_PX.tiles);
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await Promise.all(Array.from({ length: LOOKS_FOR_DELAY }, () => finder.find(probe, 'tiles', never)));
  histogram.disable();
  const ms = (nanoseconds: number) => nanoseconds / 1e6;
  return { p50: ms(histogram.percentile(50)), p99: ms(histogram.percentile(99)), max: ms(histogram.max) };
}

/** What one way of cropping keeps, over all photos, by one crop. */
interface Kept {
  /** Faces in the window that holds the most face, and how many of them the crop holds whole. */
  readonly could: number;
  readonly whole: number;
  /** Photos whose largest face has a head that fits into the window, and in how many of them the crop cuts it. */
  readonly headFits: number;
  readonly headCut: number;
  /** The same of heads that fit with much hair too. */
  readonly surelyFits: number;
  readonly surelyCut: number;
  /** Shares of the largest face, of what the best window could show, where it is taller than the window; least first. */
  readonly tooTall: readonly number[];
}

function keptBy(way: Way, index: number): Kept {
  let [could, whole, headFits, headCut, surelyFits, surelyCut] = [0, 0, 0, 0, 0, 0];
  const tooTall: number[] = [];
  for (const { photo, windows } of all) {
    const window = windows[index]?.[way];
    const subject = largest(photo.faces);
    if (!window || !subject) continue;
    const held = bestHeld(photo.faces, window, photo);
    could += held.length;
    whole += held.filter((face) => holds(window, face)).length;
    const head = headOf(subject, photo);
    const isCut = !holds(window, head);
    if (fits(head, window)) headFits += 1;
    if (fits(head, window) && isCut) headCut += 1;
    const surely = fits(headOf(subject, photo, MUCH_HAIR), window);
    if (surely) surelyFits += 1;
    if (surely && isCut) surelyCut += 1;
    if (subject.height > window.height) tooTall.push(shownOfBest(window, subject));
  }
  return { could, whole, headFits, headCut, surelyFits, surelyCut, tooTall: tooTall.toSorted((a, b) => a - b) };
}

function report(): void {
  const matches = all.map(({ photo, found }) =>
    match(
      photo,
      found.map((face) => inPixels(face, photo)),
    ),
  );
  const recall = BINS.map(([bin, least, most]) => {
    const sized = matches.flatMap(({ pairs }) => pairs.filter(({ share }) => share >= least && share < most));
    return { bin, faces: sized.length, found: sized.filter(({ hit }) => hit).length };
  });
  const faceless = matches.filter(({ pairs }) => pairs.length === 0);
  const falseFaces = (photos: typeof matches) => photos.reduce((sum, { falseFaces }) => sum + falseFaces, 0);
  const ways = Object.keys(WAYS) as Way[];
  const kept = CROPS.map(({ name }, index) => ({
    crop: name,
    ...(Object.fromEntries(ways.map((way) => [way, keptBy(way, index)])) as Record<Way, Kept>),
  }));
  const times = all.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const share = (part: number, whole: number) => (whole === 0 ? '–' : (part / whole).toFixed(3));
  const crops = (rows: [what: string, cell: (kept: Kept) => string][]) =>
    markdownTable(
      ['', '', ...CROPS.map(({ name }) => name)],
      rows.flatMap(([what, cell]) => ways.map((way) => [what, WAYS[way], ...kept.map((row) => cell(row[way]))])),
    );
  const data = {
    photos: all.length,
    faceless: faceless.length,
    recall,
    falseFaces: falseFaces(matches),
    falseInFaceless: falseFaces(faceless),
    kept,
    msPerPhoto: { median: times[times.length >> 1], p95: times[Math.floor(times.length * 0.95)], first: all[0]?.ms },
    eventLoopDelayMs: delay,
  };
  const markdown = [
    `${all.length} photos, ${faceless.length} of them without faces.`,
    markdownTable(
      ['face width / photo width', 'faces', 'found', 'recall at IoU 0.4'],
      recall.map(({ bin, faces, found }) => [bin, faces, found, share(found, faces)]),
    ),
    `False faces: ${data.falseFaces}, of them in photos without faces ${data.falseInFaceless}.`,
    'Faces whole in the crop, of those that could be (in the window that holds the most face); largest face whose head is cut though it fits, and though it would with the most hair of nine in ten; photos whose largest face is taller than the window: less than a tenth shown of what could be, and the mean share.',
    crops([
      ['faces whole', ({ could, whole }) => `${share(whole, could)} (${whole} of ${could})`],
      ['heads cut', ({ headFits, headCut }) => `${share(headCut, headFits)} (${headCut} of ${headFits})`],
      [
        'heads cut that surely fit',
        ({ surelyFits, surelyCut }) => `${share(surelyCut, surelyFits)} (${surelyCut} of ${surelyFits})`,
      ],
      [
        'too tall',
        ({ tooTall }) =>
          `${tooTall.filter((shown) => shown < 0.1).length} of ${tooTall.length}; ${share(
            tooTall.reduce((sum, shown) => sum + shown, 0),
            tooTall.length,
          )}`,
      ],
    ]),
    `A look takes ${data.msPerPhoto.median?.toFixed(0)} ms in the median, ${data.msPerPhoto.p95?.toFixed(0)} ms at p95, the first ${data.msPerPhoto.first?.toFixed(0)} ms with the start of the thread.`,
    `Event-loop delay of the main thread during ${LOOKS_FOR_DELAY} looks: p50 ${delay.p50.toFixed(1)}, p99 ${delay.p99.toFixed(1)}, worst ${delay.max.toFixed(1)} ms.`,
  ];
  writeReport(values.out, values.name, markdown.join('\n\n'), data);
}
