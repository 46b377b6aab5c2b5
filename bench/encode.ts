/**
 * CPU of one encode in milliseconds a megapixel, by encoder and effort: the table of src/render/encode-estimate.ts. Photos
 * scaled to 0.5 MP, for the dear efforts to 0.1 MP; quality 80 and 95, of which the dearer one counts.
 *
 *   node bench/encode.ts [--photos samples] [--out bench/results]
 */
import { join } from 'node:path';
import { encode } from '../src/render/formats/encode.ts';
import { hasSvtAv1 } from '../src/render/formats/svt-av1.ts';
import type { PictureHeader } from '../src/render/picture-source.ts';
import type { Pixels } from '../src/render/pixels.ts';
import type { Output, Recipe } from '../src/render/recipe.ts';
import { loadSharp } from '../src/render/sharp.ts';
import { benchOptions, photosIn } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';

const values = benchOptions({});
const EFFORTS = Array.from({ length: 10 }, (_, effort) => effort);
const QUALITIES = [80, 95];
const PHOTOS = 3;
const SIDE_PX = { cheap: 707, dear: 316 };
/** An encode that takes longer than this a megapixel is measured on the smaller picture. */
const DEAR_MS = 3000;

interface Encoder {
  readonly name: string;
  readonly output: Output;
  /** One pixel that is not quite opaque: AVIF goes to libaom then, as it does for p3 and copyright. */
  readonly transparent?: boolean;
  readonly frames?: number;
  readonly lossless?: boolean;
}
const ENCODERS: readonly Encoder[] = [
  { name: 'libaom', output: 'avif', transparent: true },
  ...(hasSvtAv1 ? [{ name: 'svt-av1', output: 'avif' } as const] : []),
  { name: 'webp', output: 'webp' },
  { name: 'libaom, lossless', output: 'avif', lossless: true },
  { name: 'webp, lossless', output: 'webp', lossless: true },
  { name: 'png', output: 'png' },
  { name: 'jpeg', output: 'jpeg' },
  { name: 'gif', output: 'base', frames: 2 },
];

const sharp = await loadSharp();
const photos = photosIn(values.photos)
  .slice(0, PHOTOS)
  .map((name) => join(values.photos, name));

async function pixelsOf(file: string, side: number, { transparent, frames = 1 }: Encoder): Promise<Pixels> {
  const image = sharp(file).rotate().resize(side, side, { fit: 'cover' });
  if (transparent) image.ensureAlpha();
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  if (transparent) data[3] = 250;
  const all = frames > 1 ? Buffer.concat(Array.from({ length: frames }, () => data)) : data;
  return { data: all, width: side, height: side, channels: info.channels === 4 ? 4 : 3, frames };
}

/** Of one encode, in milliseconds a megapixel. */
async function cpuMs(
  pixels: Pixels,
  { output, frames = 1, lossless }: Encoder,
  effort: number,
  quality: number,
): Promise<number> {
  const recipe: Recipe = {
    ...{ width: pixels.width, height: pixels.height, fit: 'cover', output, quality, effort, gravity: 'center' },
    ...{ faceZoom: 1, background: undefined, animated: frames > 1, gamut: 'srgb', trim: undefined, margin: 0 },
    copyright: false,
    ...(lossless ? { lossless } : {}),
  };
  const header: PictureHeader = {
    ...{
      format: 'jpeg',
      coding: 'jpeg',
      size: pixels,
      stored: pixels,
      frames,
      turned: false,
      plain: true,
      deep: false,
    },
    ...{ hasAlpha: pixels.channels === 4, hasProfile: false, delays: undefined, loop: undefined, exif: undefined },
  };
  const before = process.cpuUsage();
  await encode(sharp, pixels, header, recipe);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / ((pixels.width * pixels.height * frames) / 1_000_000);
}

const table: Record<string, number[]> = {};
for (const encoder of ENCODERS) {
  const figures: number[] = [];
  for (const effort of EFFORTS) {
    const side = (figures.at(-1) ?? 0) > DEAR_MS ? SIDE_PX.dear : SIDE_PX.cheap;
    let dearest = 0;
    for (const photo of photos) {
      const pixels = await pixelsOf(photo, side, encoder);
      for (const quality of QUALITIES) dearest = Math.max(dearest, await cpuMs(pixels, encoder, effort, quality));
    }
    figures.push(Math.round(dearest));
    process.stderr.write(`${encoder.name} ${effort}: ${figures.at(-1)} ms\n`);
  }
  table[encoder.name] = figures;
}
const rows = Object.entries(table).map(([name, figures]) => [name, ...figures]);
const text = markdownTable(['encoder', ...EFFORTS.map((effort) => `effort ${effort}`)], rows);
writeReport(
  values.out,
  'encode',
  `CPU milliseconds a megapixel, the dearest of ${photos.length} photos.\n\n${text}`,
  table,
);
