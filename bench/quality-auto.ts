/**
 * What `quality: "auto"` costs and gives: SSIM, bytes and CPU of its renditions beside those of a fixed quality of equal mean SSIM and
 * beside one encode at quality 80, in turns. SSIM by the bench's own measure, between the scaled pixels and the file. Of every second
 * photo, from the second on: the curves were made of the others (bench/quality-curves.ts).
 *
 *   node bench/quality-auto.ts [--photos samples,DIR] [--half second|first|all] [--sizes 300,600,1200] [--encoders jpeg,webp,svt-av1,libaom]
 *     [--target 0.96] [--rounds 3] [--fixed on|off] [--engine on|off] [--name quality-auto] [--out bench/results]
 */
import { byEngine } from '../src/render/engine/by-engine.ts';
import { loadEngine } from '../src/render/engine/engine.ts';
import { encode } from '../src/render/formats/encode.ts';
import { QUALITIES } from '../src/render/formats/encoding/likeness-table.ts';
import { hasSvtAv1 } from '../src/render/formats/svt-av1.ts';
import type { Pixels } from '../src/render/pixels.ts';
import { loadSharp } from '../src/render/sharp.ts';
import { benchOptions } from './tools/options.ts';
import { headerOf, PHOTO_ENCODERS, type PhotoEncoder, photosOf, picturesOf, recipeOf } from './tools/photo-pixels.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { ssim } from './tools/ssim.ts';

const values = benchOptions({
  ...{ sizes: '300,600,1200', encoders: 'jpeg,webp,svt-av1,libaom', target: '0.96', rounds: '3', half: 'second' },
  ...{ fixed: 'on', engine: 'on', name: 'quality-auto' },
});
const target = Number(values.target);
const rounds = Number(values.rounds);
const NEAR = 0.003;
const [LEAST_QUALITY] = QUALITIES;
const isHalf = (half: string): half is 'first' | 'second' | 'all' => ['first', 'second', 'all'].includes(half);
if (!isHalf(values.half)) throw new Error('--half is first, second or all');
const isEncoder = (name: string): name is PhotoEncoder => name in PHOTO_ENCODERS;
const encoders = values.encoders.split(',').filter((name) => name !== 'svt-av1' || hasSvtAv1);

const sharp = await loadSharp();
const engine = loadEngine(values.engine === 'on');
const LIMITS = { maxPixels: 100_000_000, maxFrames: 1, timeoutSeconds: 60 };
/** As pixels of the engine's own are encoded, by all encoders but libaom and SVT-AV1. */
const coder = byEngine(engine, LIMITS, new AbortController().signal).coder(true);

async function encodeOf(pixels: Pixels, encoder: PhotoEncoder, quality: number | 'auto'): Promise<Buffer> {
  const recipe =
    quality === 'auto' ? recipeOf(pixels, encoder, 80, { ssim: target }) : recipeOf(pixels, encoder, quality);
  return (await encode(sharp, pixels, headerOf(pixels), recipe, coder)).body;
}

async function ssimOf(pixels: Pixels, file: Buffer): Promise<number> {
  const decoded = await sharp(file).removeAlpha().toColourspace('srgb').raw().toBuffer();
  return ssim(pixels.data, decoded, pixels.width, pixels.height);
}

async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** CPU milliseconds of both in turns, the least of all rounds of each, because others use this machine too. */
async function besideOne(pixels: Pixels, encoder: PhotoEncoder): Promise<{ once: number; auto: number }> {
  let [once, auto] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round += 1) {
    once = Math.min(once, await cpuOf(() => encodeOf(pixels, encoder, 80)));
    auto = Math.min(auto, await cpuOf(() => encodeOf(pixels, encoder, 'auto')));
  }
  return { once, auto };
}

const mean = (of: readonly number[]) => of.reduce((sum, one) => sum + one, 0) / of.length;
const farthest = (of: readonly number[]) => Math.max(...of.map((one) => Math.abs(one - target)));

/** The quality at which the mean of all photos reaches the target, some above and some below. */
async function fixedOf(photos: readonly Pixels[], encoder: PhotoEncoder) {
  let [low, high] = [20, 97];
  const at = async (quality: number) => {
    const [found, bytes]: [number[], number[]] = [[], []];
    for (const pixels of photos) {
      const file = await encodeOf(pixels, encoder, quality);
      found.push(await ssimOf(pixels, file));
      bytes.push(file.length);
    }
    return { quality, found, bytes: bytes.reduce((sum, one) => sum + one, 0) };
  };
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (mean((await at(middle)).found) < target) low = middle;
    else high = middle;
  }
  return at(high);
}

const files = photosOf(values.photos, values.half);
const rows: (string | number)[][] = [];
const data: object[] = [];
for (const size of values.sizes.split(',').map(Number)) {
  const pictures: Pixels[] = [];
  for (const file of files) pictures.push(...(await picturesOf(sharp, file, size)));
  for (const encoder of encoders.filter(isEncoder)) {
    const each: { off: number; least: boolean; once: number; auto: number; bytes: number }[] = [];
    for (const pixels of pictures) {
      const file = await encodeOf(pixels, encoder, 'auto');
      const off = (await ssimOf(pixels, file)) - target;
      const least = off > NEAR && file.equals(await encodeOf(pixels, encoder, LEAST_QUALITY));
      each.push({ off, least, bytes: file.length, ...(await besideOne(pixels, encoder)) });
    }
    const reached = each.filter(({ least }) => !least);
    const fixed = values.fixed === 'on' ? await fixedOf(pictures, encoder) : undefined;
    const [once, auto] = [mean(each.map((one) => one.once)), mean(each.map((one) => one.auto))];
    const cells = {
      ...{ size, encoder, pictures: pictures.length, least: each.length - reached.length },
      within: reached.filter(({ off }) => Math.abs(off) <= NEAR).length,
      farthest: Math.max(...reached.map(({ off }) => Math.abs(off))),
      bytesOverFixed: fixed && each.reduce((sum, one) => sum + one.bytes, 0) / fixed.bytes,
      fixedQuality: fixed?.quality,
      fixedFarthest: fixed && farthest(fixed.found),
      ...{ once, auto, times: auto / once, worst: Math.max(...each.map((one) => one.auto / one.once)), each },
    };
    data.push(cells);
    rows.push([
      ...[size, encoder, `${cells.within} of ${reached.length}`, cells.farthest.toFixed(4), cells.least],
      ...[cells.fixedQuality ?? '', cells.fixedFarthest?.toFixed(4) ?? '', cells.bytesOverFixed?.toFixed(3) ?? ''],
      ...[once.toFixed(1), auto.toFixed(1), cells.times.toFixed(2), cells.worst.toFixed(2)],
    ]);
    process.stderr.write(`${rows.at(-1)?.join(' ')}\n`);
  }
}
const head = [
  ...['px', 'encoder', `within ${NEAR}`, 'farthest from target', `better at the least quality, ${LEAST_QUALITY}`],
  ...['fixed quality of equal mean', 'its farthest', 'bytes over it', 'one encode, CPU ms', 'auto, CPU ms'],
  ...['times', 'the worst photo'],
];
writeReport(
  values.out,
  values.name,
  `${engine ? 'With' : 'Without'} the engine. Target ${target}; ${values.half === 'all' ? 'all photos' : `photos of the ${values.half} half (the curves are of the first)`}, scaled down to the size; from 1,000 px on their quarters too.\n\n${markdownTable(head, rows)}`,
  data,
);
