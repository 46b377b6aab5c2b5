/**
 * How the SSIM of photos goes with the quality of each encoder, by what JPEGs of three qualities lose of a sample: the table of
 * src/render/formats/encoding/likeness-table.ts, on standard output. Of every second photo, from the first on; bench/quality-auto.ts
 * measures with the others.
 *
 *   node bench/quality-curves.ts [--photos samples,DIR] [--sizes 300,600,1200]
 */
import { encode } from '../src/render/formats/encode.ts';
import { blocksOf, lumaQuantisers, quantised } from '../src/render/formats/encoding/jpeg-luma.ts';
import { lossOf } from '../src/render/formats/encoding/likeness.ts';
import { LED_BY, QUALITIES } from '../src/render/formats/encoding/likeness-table.ts';
import { leadingSample } from '../src/render/formats/encoding/searched.ts';
import { lumaOf, ssim } from '../src/render/formats/encoding/ssim.ts';
import type { Pixels } from '../src/render/pixels.ts';
import { loadSharp } from '../src/render/sharp.ts';
import { benchOptions } from './tools/options.ts';
import { headerOf, type PhotoEncoder, photosOf, picturesOf, recipeOf } from './tools/photo-pixels.ts';

const values = benchOptions({ sizes: '300,600,1200' });
const sharp = await loadSharp();
const ENCODERS: readonly PhotoEncoder[] = ['jpeg', 'webp', 'libaom', 'svt-av1'];
const WHITE = '#ffffff';
/** As `MIDDLING_PIXELS` of likeness.ts. */
const MIDDLING_PIXELS = 90_000;

interface Seen {
  readonly large: boolean;
  /** Of each encoder: 1, and what JPEGs lose of its sample. */
  readonly terms: Readonly<Record<string, readonly number[]>>;
  readonly losses: Readonly<Record<string, readonly number[]>>;
}

async function lossesOf(pixels: Pixels, encoder: PhotoEncoder): Promise<number[]> {
  const own = lumaOf(pixels, WHITE);
  const losses: number[] = [];
  for (const quality of QUALITIES) {
    const { body } = await encode(sharp, pixels, headerOf(pixels), recipeOf(pixels, encoder, quality));
    const data = await sharp(body).removeAlpha().toColourspace('srgb').raw().toBuffer();
    losses.push(lossOf(ssim(own, lumaOf({ data, width: pixels.width, channels: 3 }, WHITE))));
  }
  return losses;
}

async function seenOf(pixels: Pixels): Promise<Seen> {
  const all = pixels.width * pixels.height;
  const losses: Record<string, readonly number[]> = {};
  const terms: Record<string, readonly number[]> = {};
  for (const encoder of ENCODERS) {
    const part = leadingSample(pixels, WHITE, encoder);
    const blocks = blocksOf(part);
    const led = LED_BY.map((quality) => lossOf(ssim(part, quantised(blocks, lumaQuantisers(quality, all)))));
    terms[encoder] = [1, ...led];
    losses[encoder] = await lossesOf(pixels, encoder);
  }
  return { large: all > MIDDLING_PIXELS, terms, losses };
}

/** Least squares, by the normal equations; a little is added to their diagonal, for photos that are too much alike. */
function fitted(rows: readonly (readonly number[])[], ys: readonly number[]): number[] {
  const n = rows[0]?.length ?? 0;
  const matrix = Array.from({ length: n }, (_, i) => [
    ...Array.from(
      { length: n },
      (_, j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0) + (i === j ? 0.02 : 0),
    ),
    rows.reduce((sum, row, at) => sum + row[i]! * ys[at]!, 0),
  ]);
  for (let i = 0; i < n; i += 1)
    for (let j = 0; j < n; j += 1) {
      if (i === j) continue;
      const factor = matrix[j]![i]! / matrix[i]![i]!;
      for (let k = i; k <= n; k += 1) matrix[j]![k]! -= factor * matrix[i]![k]!;
    }
  return matrix.map((row, i) => row[n]! / row[i]!);
}

/** Once more without what lies far off: pictures that are no photos. */
function sturdy(rows: readonly (readonly number[])[], ys: readonly number[]): number[] {
  const first = fitted(rows, ys);
  const off = rows.map((row, at) => Math.abs(row.reduce((sum, term, i) => sum + term * first[i]!, 0) - ys[at]!));
  const most = 2.5 * Math.sqrt(off.reduce((sum, one) => sum + one * one, 0) / off.length);
  return fitted(
    rows.filter((_, at) => off[at]! <= most),
    ys.filter((_, at) => off[at]! <= most),
  );
}

const seen: Seen[] = [];
for (const file of photosOf(values.photos, 'first'))
  for (const size of values.sizes.split(',').map(Number)) {
    for (const pixels of await picturesOf(sharp, file, size)) seen.push(await seenOf(pixels));
  }
const table: Record<string, Record<string, string[]>> = {};
for (const encoder of ENCODERS)
  for (const large of [false, true]) {
    const own = seen.filter((each) => each.large === large);
    const rows = own.map(({ terms }) => terms[encoder]!);
    const kind = large ? 'large' : 'middling';
    table[encoder] ??= {};
    table[encoder][kind] = QUALITIES.map((_, at) => {
      const ys = own.map(({ losses }) => losses[encoder]![at]!);
      const mean = ys.reduce((sum, y) => sum + y, 0) / ys.length;
      return encoder === 'jpeg'
        ? mean.toFixed(3)
        : `[${sturdy(rows, ys)
            .map((term) => term.toFixed(3))
            .join(', ')}]`;
    });
  }
process.stdout.write(`${seen.length} pictures\n${JSON.stringify(table, null, 2)}\n`);
