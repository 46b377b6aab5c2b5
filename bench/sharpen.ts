/**
 * What scaling down takes of a photo's finest detail, and what `sharpen: "auto"` gives back: the mean step between neighbours, and
 * the error, beside a rendition by an ideal filter. Lightness, before any encoder.
 *
 *   node bench/sharpen.ts [--photos samples] [--out bench/results]
 */
import { join } from 'node:path';
import { sharpenScaled } from '../src/render/effects/unsharp.ts';
import type { Pixels } from '../src/render/pixels.ts';
import { loadSharp } from '../src/render/sharp.ts';
import { benchOptions, photosIn } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';

const values = benchOptions({});
/** Longer side of the rendition, in pixels. */
const SIDES = [150, 300, 600, 1200];
/** Lobes of the ideal filter, a sinc in a window of its own shape. */
const LOBES = 6;
/** At its edges a picture is not what the filter would see beyond them. */
const LEFT_OUT_PX = 3;

interface Grey {
  readonly levels: Float32Array;
  readonly width: number;
  readonly height: number;
}

const sharp = await loadSharp();

function lightness({ data, width, height }: Pick<Pixels, 'data' | 'width' | 'height'>): Grey {
  const levels = new Float32Array(width * height);
  for (let at = 0; at < levels.length; at += 1)
    levels[at] = 0.299 * data[3 * at]! + 0.587 * data[3 * at + 1]! + 0.114 * data[3 * at + 2]!;
  return { levels, width, height };
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** For each pixel of the smaller side: the first pixel of the larger one that it takes, and the weights of those. */
function weights(from: number, to: number): { first: number; shares: number[] }[] {
  const scale = from / to;
  return Array.from({ length: to }, (_, at) => {
    const centre = (at + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - LOBES * scale));
    const last = Math.min(from - 1, Math.ceil(centre + LOBES * scale));
    const raw = Array.from({ length: last - first + 1 }, (_, n) => {
      const x = (first + n + 0.5 - centre) / scale;
      return Math.abs(x) < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
    });
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, shares: raw.map((share) => share / sum) };
  });
}

function ideal({ levels, width, height }: Grey, to: { width: number; height: number }): Grey {
  const narrow = new Float32Array(to.width * height);
  for (const [x, { first, shares }] of weights(width, to.width).entries())
    for (let y = 0; y < height; y += 1)
      narrow[y * to.width + x] = shares.reduce((sum, share, n) => sum + share * levels[y * width + first + n]!, 0);
  const made = new Float32Array(to.width * to.height);
  for (const [y, { first, shares }] of weights(height, to.height).entries())
    for (const [n, share] of shares.entries())
      for (let x = 0; x < to.width; x += 1) made[y * to.width + x]! += share * narrow[(first + n) * to.width + x]!;
  return { levels: made, ...to };
}

/** Mean of `value` over the pixels that are not near an edge. */
function mean({ width, height }: Grey, value: (at: number) => number): number {
  let [sum, count] = [0, 0];
  for (let y = LEFT_OUT_PX; y < height - LEFT_OUT_PX - 1; y += 1)
    for (let x = LEFT_OUT_PX; x < width - LEFT_OUT_PX - 1; x += 1) {
      sum += value(y * width + x);
      count += 1;
    }
  return sum / count;
}

const step = (grey: Grey) =>
  mean(grey, (at) =>
    Math.hypot(grey.levels[at + 1]! - grey.levels[at]!, grey.levels[at + grey.width]! - grey.levels[at]!),
  );
const error = (one: Grey, other: Grey) => Math.sqrt(mean(one, (at) => (one.levels[at]! - other.levels[at]!) ** 2));

async function decoded(file: string, size?: { width: number; height: number }): Promise<Pixels> {
  const image = sharp(file).autoOrient().removeAlpha().toColourspace('srgb');
  if (size) image.resize({ ...size, fit: 'fill' });
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 3, frames: 1 };
}

interface Found {
  readonly side: number;
  readonly ratio: number;
  readonly plain: number;
  readonly sharpened: number;
  readonly plainError: number;
  readonly sharpenedError: number;
}
const found: Found[] = [];
for (const name of photosIn(values.photos)) {
  const file = join(values.photos, name);
  const original = lightness(await decoded(file));
  for (const side of SIDES) {
    const scale = side / Math.max(original.width, original.height);
    if (scale > 0.9) continue;
    const size = { width: Math.round(original.width * scale), height: Math.round(original.height * scale) };
    const wanted = ideal(original, size);
    const plain = await decoded(file, size);
    const [one, other] = [lightness(plain), lightness(await sharpenScaled(sharp, plain, scale))];
    found.push({
      ...{ side, ratio: 1 / scale, plain: step(one) / step(wanted), sharpened: step(other) / step(wanted) },
      ...{ plainError: error(one, wanted), sharpenedError: error(other, wanted) },
    });
  }
}

const average = (rows: readonly Found[], of: keyof Found) => rows.reduce((sum, row) => sum + row[of], 0) / rows.length;
const table = SIDES.map((side) => {
  const rows = found.filter((row) => row.side === side);
  return {
    ...{ side, photos: rows.length, ratio: average(rows, 'ratio') },
    ...{ plain: average(rows, 'plain'), sharpened: average(rows, 'sharpened') },
    ...{ plainError: average(rows, 'plainError'), sharpenedError: average(rows, 'sharpenedError') },
  };
}).filter(({ photos }) => photos > 0);
writeReport(
  values.out,
  'sharpen',
  `Means over the photos. Step: between neighbouring pixels, over that of an ideal filter (a sinc of ${LOBES} lobes). Error: root of the mean square, in levels of 255.\n\n${markdownTable(
    ['longer side, px', 'photos', 'ratio', 'step', 'step, sharpen: auto', 'error', 'error, sharpen: auto'],
    table.map((row) => [
      String(row.side),
      String(row.photos),
      row.ratio.toFixed(1),
      row.plain.toFixed(3),
      row.sharpened.toFixed(3),
      row.plainError.toFixed(2),
      row.sharpenedError.toFixed(2),
    ]),
  )}`,
  { table },
);
