/**
 * What `quality: "auto"` costs and gives: SSIM, bytes and CPU of its renditions beside those of a fixed quality of equal mean SSIM and
 * beside one encode. SSIM by the bench's own measure, between the scaled pixels and the file.
 *
 *   node bench/quality-auto.ts [--photos samples] [--sizes 300,600,1200] [--target 0.96] [--rounds 5] [--out bench/results]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from '../src/render/formats/encode.ts';
import { hasSvtAv1 } from '../src/render/formats/svt-av1.ts';
import type { PictureHeader } from '../src/render/picture-source.ts';
import type { Pixels } from '../src/render/pixels.ts';
import type { Output, Recipe } from '../src/render/recipe.ts';
import { loadSharp } from '../src/render/sharp.ts';
import { benchOptions, photosIn } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { ssim } from './tools/ssim.ts';

const values = benchOptions({ sizes: '300,600,1200', target: '0.96', rounds: '5' });
const target = Number(values.target);
const rounds = Number(values.rounds);

interface Encoder {
  readonly name: string;
  readonly output: Output;
  /** Of wide gamuts and kept copyrights, which SVT-AV1 does not encode: here said by full effort of the same encoder. */
  readonly copyright?: boolean;
}
const ENCODERS: readonly Encoder[] = [
  { name: 'jpeg', output: 'jpeg' },
  { name: 'webp', output: 'webp' },
  ...(hasSvtAv1 ? [{ name: 'avif, SVT-AV1', output: 'avif' } as const] : []),
  { name: 'avif, libaom', output: 'avif', copyright: true },
];

const sharp = await loadSharp();

async function pixelsOf(file: string, side: number): Promise<Pixels> {
  const { data, info } = await sharp(readFileSync(join(values.photos, file)))
    .autoOrient()
    .resize(side, side, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 3, frames: 1 };
}

function encodeOf(pixels: Pixels, { output, copyright = false }: Encoder, quality: number | 'auto'): Promise<Buffer> {
  const recipe: Recipe = {
    ...{ width: pixels.width, height: pixels.height, fit: 'cover', output, effort: undefined, gravity: 'center' },
    ...{ faceZoom: 1, background: undefined, animated: false, gamut: 'srgb', trim: undefined, margin: 0, copyright },
    ...(quality === 'auto' ? { quality: 80, encoding: { ssim: target } } : { quality }),
  };
  const header: PictureHeader = {
    ...{ format: 'jpeg', coding: 'jpeg', size: pixels, stored: pixels, frames: 1, turned: false, deep: false },
    ...{ hasAlpha: false, hasProfile: false, delays: undefined, loop: undefined, exif: undefined },
  };
  return encode(sharp, pixels, header, recipe).then(({ body }) => body);
}

async function ssimOf(pixels: Pixels, file: Buffer): Promise<number> {
  const decoded = await sharp(file).removeAlpha().toColourspace('srgb').raw().toBuffer();
  return ssim(pixels.data, decoded, pixels.width, pixels.height);
}

/** CPU milliseconds, the least of all rounds, because others use this machine too. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

const mean = (of: readonly number[]) => of.reduce((sum, one) => sum + one, 0) / of.length;
/** Half of it with the photos above, half below. */
async function fixedOf(photos: readonly Pixels[], encoder: Encoder) {
  let [low, high] = [20, 97];
  const at = async (quality: number) => {
    const files = await Promise.all(photos.map((pixels) => encodeOf(pixels, encoder, quality)));
    const found = await Promise.all(files.map((file, n) => ssimOf(photos[n]!, file)));
    return { quality, found, bytes: files.reduce((sum, file) => sum + file.length, 0) };
  };
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (mean((await at(middle)).found) < target) low = middle;
    else high = middle;
  }
  return at(high);
}

const names = photosIn(values.photos);
const rows: (string | number)[][] = [];
const data: object[] = [];
for (const size of values.sizes.split(',').map(Number)) {
  const photos: Pixels[] = [];
  for (const name of names) photos.push(await pixelsOf(name, size));
  for (const encoder of ENCODERS) {
    const found: number[] = [];
    let bytes = 0;
    let [once, auto] = [0, 0];
    for (const pixels of photos) {
      const file = await encodeOf(pixels, encoder, 'auto');
      bytes += file.length;
      found.push(await ssimOf(pixels, file));
      once += await cpuOf(() => encodeOf(pixels, encoder, 80));
      auto += await cpuOf(() => encodeOf(pixels, encoder, 'auto'));
    }
    const fixed = await fixedOf(photos, encoder);
    const farthest = (of: readonly number[]) => Math.max(...of.map((one) => Math.abs(one - target)));
    const cells = {
      size,
      encoder: encoder.name,
      ssim: mean(found),
      farthest: farthest(found),
      within: found.filter((one) => Math.abs(one - target) <= 0.003).length,
      fixedQuality: fixed.quality,
      fixedFarthest: farthest(fixed.found),
      bytesOverFixed: bytes / fixed.bytes,
      once: once / photos.length,
      auto: auto / photos.length,
      times: auto / once,
      each: found,
    };
    data.push(cells);
    rows.push([
      ...[size, encoder.name, cells.ssim.toFixed(4), cells.farthest.toFixed(4), `${cells.within} of ${photos.length}`],
      ...[fixed.quality, cells.fixedFarthest.toFixed(4), cells.bytesOverFixed.toFixed(3), cells.once.toFixed(1)],
      ...[cells.auto.toFixed(1), cells.times.toFixed(2)],
    ]);
    process.stderr.write(`${size} ${encoder.name}\n`);
  }
}
const head = [
  ...[
    'px',
    'encoder',
    'SSIM, mean',
    'farthest from target',
    'within 0.003',
    'fixed quality of equal mean',
    'its farthest',
  ],
  ...['bytes over it', 'one encode, CPU ms', 'auto, CPU ms', 'times'],
];
writeReport(
  values.out,
  'quality-auto',
  `${names.length} photos, target ${target}.\n\n${markdownTable(head, rows)}`,
  data,
);
