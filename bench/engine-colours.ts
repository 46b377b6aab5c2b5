/**
 * Which renditions keep the colours of a picture better, those by the native engine or by sharp: of photos whose pixels are known before they
 * become a JPEG, the mean colours of squares of 8 × 8 pixels of a rendition, decoded again, beside those of the same places of the photo.
 *
 *   node bench/engine-colours.ts [--photos DIR] [--side 300] [--formats webp,jpeg,avif] [--out bench/results]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { loadEngine } from '../src/render/engine/engine.ts';
import type { Output, Recipe } from '../src/render/recipe.ts';
import { createRenderer, type Renderer } from '../src/render/render.ts';
import { createStepTimer } from '../src/telemetry/step-timer.ts';
import { PLAIN } from '../test/helpers/pictures.ts';
import { benchOptions, photosIn } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';

const values = benchOptions({ side: '300', formats: 'webp,jpeg,avif' });
const engine = loadEngine(true);
if (!engine) throw new Error('the engine is not built: npm run build:engine');
const LIMITS = { maxPixels: 100_000_000, maxFrames: 1, timeoutSeconds: 60 };
const RENDERERS = { engine: createRenderer(LIMITS, undefined, undefined, engine), sharp: createRenderer(LIMITS) };
const QUALITIES: Readonly<Record<string, number>> = { webp: 80, jpeg: 85, avif: 80 };
/** As cameras and phones write them. */
const STORED = [92, 80];
const SQUARE_PX = 8;
const TOO_FAR = 1.5;

interface Pixels {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

async function raw(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture.toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** Sums of levels by area of those squares of a rendition of this size which are whole, over any pixels of the same shape. */
function meansOf({ data, width, height }: Pixels, rendition: { width: number; height: number }): Float64Array {
  const [across, down] = [Math.floor(rendition.width / SQUARE_PX), Math.floor(rendition.height / SQUARE_PX)];
  const [wide, high] = [(SQUARE_PX * width) / rendition.width, (SQUARE_PX * height) / rendition.height];
  const sums = new Float64Array(3 * across * down);
  for (let y = 0; y < Math.min(height, Math.ceil(down * high)); y += 1)
    for (let x = 0; x < Math.min(width, Math.ceil(across * wide)); x += 1) {
      // A pixel lies in up to four squares.
      for (let row = Math.floor(y / high); row < Math.min(down, (y + 1) / high); row += 1)
        for (let column = Math.floor(x / wide); column < Math.min(across, (x + 1) / wide); column += 1) {
          const part =
            (Math.min(x + 1, (column + 1) * wide) - Math.max(x, column * wide)) *
            (Math.min(y + 1, (row + 1) * high) - Math.max(y, row * high));
          for (let channel = 0; channel < 3; channel += 1)
            sums[3 * (row * across + column) + channel]! += part * data[3 * (y * width + x) + channel]!;
        }
    }
  return sums.map((sum) => sum / (wide * high));
}

/** Of each square the channel that is furthest away, in levels. */
function apart(one: Float64Array, other: Float64Array): number[] {
  const levels = (square: number) =>
    [0, 1, 2].map((channel) => Math.abs(one[square + channel]! - other[square + channel]!));
  return Array.from({ length: one.length / 3 }, (_, square) => Math.max(...levels(3 * square)));
}

async function render(renderer: Renderer, file: Buffer, output: Output): Promise<Pixels> {
  const side = Number(values.side);
  const quality = QUALITIES[output] ?? 80;
  const recipe: Recipe = { ...PLAIN, width: side, height: side, output, quality, lossless: false };
  const { body } = await renderer.render(await renderer.examine(file), recipe, createStepTimer(), async () => []);
  return raw(sharp(body));
}

const rows: { format: string; stored: number; name: string; engine: number[]; sharp: number[]; both: number[] }[] = [];
for (const name of photosIn(values.photos)) {
  const file = readFileSync(join(values.photos, name));
  const { width = 0, height = 0 } = await sharp(file).metadata();
  // At half its size, so that what the camera's own JPEG lost is averaged away.
  const photo = await raw(sharp(file).resize(width >> 1, height >> 1, { fit: 'fill', kernel: 'cubic' }));
  const shape = { width: photo.width, height: photo.height, channels: 3 as const };
  for (const stored of STORED) {
    const original = await sharp(photo.data, { raw: shape })
      .jpeg({ quality: stored, chromaSubsampling: '4:2:0' })
      .toBuffer();
    for (const format of values.formats.split(',')) {
      const one = await render(RENDERERS.engine, original, format as Output);
      const other = await render(RENDERERS.sharp, original, format as Output);
      const [truth, ours, theirs] = [photo, one, other].map((pixels) => meansOf(pixels, one));
      const row = { engine: apart(ours!, truth!), sharp: apart(theirs!, truth!), both: apart(ours!, theirs!) };
      rows.push({ format, stored, name, ...row });
    }
  }
}

/** Mean, share that is too far, and the worst. */
function told(levels: readonly number[]): string {
  const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
  const far = (100 * levels.filter((level) => level > TOO_FAR).length) / levels.length;
  return `${mean.toFixed(3)}; ${far.toFixed(2)} %; ${levels.reduce((most, level) => Math.max(most, level), 0).toFixed(1)}`;
}

const groups = values.formats.split(',').flatMap((format) => STORED.map((stored) => ({ format, stored })));
const cells = (some: typeof rows) =>
  (['engine', 'sharp', 'both'] as const).map((which) => told(some.flatMap((row) => row[which])));
const isOf = (row: (typeof rows)[number], { format, stored }: (typeof groups)[number]) =>
  row.format === format && row.stored === stored;
const table = groups.map((group) => [
  ...[group.format, String(group.stored)],
  ...cells(rows.filter((row) => isOf(row, group))),
]);
const farApart = groups.map((group) => {
  const some = rows.filter((row) => isOf(row, group));
  const far = (which: 'engine' | 'sharp') =>
    some.flatMap((row) => row[which].filter((_, square) => row.both[square]! > TOO_FAR));
  const [ours, theirs] = [far('engine'), far('sharp')];
  const nearer = ours.filter((level, at) => level < theirs[at]!).length;
  return [group.format, String(group.stored), String(ours.length), String(nearer)];
});
const HEADS = ['format', 'quality of the original', 'engine to the photo', 'sharp to the photo', 'engine to sharp'];
writeReport(
  values.out,
  'engine-colours',
  `Photos at half their size, stored as JPEG 4:2:0, and renditions of ${values.side} px: the mean colours of squares of ${SQUARE_PX} × ${SQUARE_PX} pixels, and by how many levels the worst channel of a square is away: the mean, the share over ${TOO_FAR}, and the worst.\n\n${markdownTable(HEADS, table)}\n\nSquares in which both are more than ${TOO_FAR} levels from each other, and in how many of them the engine is nearer to the photo:\n\n${markdownTable(['format', 'quality of the original', 'squares', 'engine nearer'], farApart)}`,
  { table, farApart },
);
