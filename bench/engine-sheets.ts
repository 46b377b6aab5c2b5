/**
 * Contact sheets of renditions by the native engine and by sharp for people to look at, at 200 %, of photos and of drawn charts: of each
 * picture and format the window where both differ most, and the middle. And the mean colours of a chart's patches.
 *
 *   node bench/engine-sheets.ts --sheets DIR [--photos DIR] [--formats webp,jpeg,avif] [--sides 300,600,1200] [--out bench/results]
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { loadEngine } from '../src/render/engine/engine.ts';
import type { Output, Recipe } from '../src/render/recipe.ts';
import { createRenderer, type Renderer } from '../src/render/render.ts';
import { createStepTimer } from '../src/telemetry/step-timer.ts';
import { PLAIN } from '../test/helpers/pictures.ts';
import { benchOptions, photosIn } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';

const values = benchOptions({ sheets: '', formats: 'webp,jpeg,avif', sides: '300,600,1200' });
if (!values.sheets) throw new Error('--sheets DIR is missing');
const engine = loadEngine(true);
if (!engine) throw new Error('the engine is not built: npm run build:engine');
const LIMITS = { maxPixels: 100_000_000, maxFrames: 1, timeoutSeconds: 60 };
const RENDERERS = [createRenderer(LIMITS, undefined, undefined, engine), createRenderer(LIMITS)] as const;
/** Of a window, in pixels of the rendition; twice that on the sheet. */
const WINDOW_PX = 160;
const STEP_PX = 40;
/** How much differences are multiplied by. */
const GAIN = 8;
const CHART = { width: 2400, height: 1600 };
const PATCHES = { across: 8, down: 6 };
const QUALITIES: Readonly<Record<string, number>> = { webp: 80, jpeg: 85, avif: 80 };

interface Picture {
  readonly name: string;
  readonly file: Buffer;
}
interface Pixels {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** Levels of red, green and blue, 0 to 255, at a place of the chart. */
type Drawing = (x: number, y: number) => readonly [number, number, number];

const grey = (level: number) => [level, level, level] as const;
/** Circles whose waves become as short as two pixels at the edges. */
const zonePlate: Drawing = (x, y) => {
  const r2 = (x - CHART.width / 2) ** 2 + (y - CHART.height / 2) ** 2;
  return grey(127.5 + 127.5 * Math.cos((Math.PI * r2) / CHART.width));
};
const STRIPES = [
  ...[[255, 0, 0] as const, [0, 0, 255] as const, [0, 160, 0] as const, [255, 255, 255] as const],
  ...[[0, 0, 0] as const, [255, 0, 255] as const, [0, 255, 255] as const, [255, 255, 0] as const],
];
/** Stripes of colours beside each other, narrower from top to bottom. */
const stripes: Drawing = (x, y) => {
  const width = 96 / 2 ** Math.floor((6 * y) / CHART.height);
  return STRIPES[Math.floor(x / width) % STRIPES.length]!;
};
/** Cubes of colours, corners and middles, and greys. */
function patchColour(at: number): readonly [number, number, number] {
  const levels = [0, 128, 255];
  if (at < 27) return [levels[at % 3]!, levels[Math.floor(at / 3) % 3]!, levels[Math.floor(at / 9)]!];
  if (at < 37) return grey((at - 27) * 28);
  const skin = [224, 172, 138] as const;
  const part = (at - 37) / 11;
  return [skin[0] * (1 - 0.7 * part), skin[1] * (1 - 0.75 * part), skin[2] * (1 - 0.8 * part)];
}
const placeOf = (x: number, y: number, { width, height }: { width: number; height: number }) =>
  Math.floor((PATCHES.across * x) / width) + PATCHES.across * Math.floor((PATCHES.down * y) / height);
const patches: Drawing = (x, y) => patchColour(placeOf(x, y, CHART));

async function drawn(name: string, drawing: Drawing, chromaSubsampling: string): Promise<Picture> {
  const data = Buffer.alloc(3 * CHART.width * CHART.height);
  for (let y = 0, at = 0; y < CHART.height; y += 1)
    for (let x = 0; x < CHART.width; x += 1, at += 3) data.set(drawing(x, y).map(Math.round), at);
  const pixels = sharp(data, { raw: { ...CHART, channels: 3 } });
  return { name, file: await pixels.jpeg({ quality: 92, chromaSubsampling }).toBuffer() };
}

/** Letters, and lines of a few pixels in all directions. */
async function writing(): Promise<Picture> {
  const { width, height } = CHART;
  const rows = [
    ...[['#fff', '#e00000'] as const, ['#000', '#ff2020'] as const, ['#0000c0', '#ff3030'] as const],
    ...[['#fff', '#000'] as const, ['#d8c8a0', '#005000'] as const],
  ];
  const band = height / rows.length;
  const text = rows.map(([ground, ink], row) => {
    const lines = [20, 32, 48, 72].map(
      (size, at) =>
        `<text x="40" y="${row * band + [40, 95, 170, 275][at]!}" font-size="${size}" fill="${ink}">SALE 50 % off: gloves, 12.90 each, red &amp; blue</text>`,
    );
    const fan = Array.from({ length: 24 }, (_, at) => {
      const [angle, x, y] = [(at * Math.PI) / 23, 2050, (row + 0.97) * band];
      return `<line x1="${x}" y1="${y}" x2="${x + 300 * Math.cos(angle)}" y2="${y - 300 * Math.sin(angle)}" stroke="${ink}" stroke-width="${1 + (at % 4)}"/>`;
    });
    return `<rect y="${row * band}" width="${width}" height="${band}" fill="${ground}"/>${lines.join('')}${fan.join('')}`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif">${text.join('')}</svg>`;
  const file = await sharp(Buffer.from(svg)).flatten().jpeg({ quality: 92, chromaSubsampling: '4:4:4' }).toBuffer();
  return { name: 'writing', file };
}

async function render(renderer: Renderer, file: Buffer, recipe: Recipe): Promise<Pixels> {
  const { body } = await renderer.render(await renderer.examine(file), recipe, createStepTimer(), async () => []);
  const { data, info } = await sharp(body)
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

interface Place {
  readonly left: number;
  readonly top: number;
}

/** Where both differ most by the sum over a window, and the middle. */
function placesOf(one: Pixels, other: Pixels): { worst: Place; middle: Place; width: number; height: number } {
  const { width: all, height: allDown } = one;
  const [width, height] = [Math.min(WINDOW_PX, all), Math.min(WINDOW_PX, allDown)];
  let [most, worst] = [-1, { left: 0, top: 0 }];
  for (let top = 0; top + height <= allDown; top += STEP_PX)
    for (let left = 0; left + width <= all; left += STEP_PX) {
      let sum = 0;
      for (let y = top; y < top + height; y += 1)
        for (let at = 3 * (y * all + left); at < 3 * (y * all + left + width); at += 1)
          sum += (one.data[at]! - other.data[at]!) ** 2;
      if (sum > most) [most, worst] = [sum, { left, top }];
    }
  const middle = { left: (all - width) >> 1, top: (allDown - height) >> 1 };
  return { worst, middle, width, height };
}

function difference(one: Pixels, other: Pixels): Pixels {
  const data = one.data.map((level, at) => Math.max(0, Math.min(255, 128 + GAIN * (level - other.data[at]!))));
  return { ...one, data: Buffer.from(data) };
}

/** Columns: engine, sharp, eight times their difference around grey. Rows: the worst window, the middle. */
async function writeSheet(name: string, one: Pixels, other: Pixels): Promise<void> {
  const { worst, middle, width, height } = placesOf(one, other);
  const all = [one, other, difference(one, other)];
  const cells = [worst, middle].flatMap((place, row) =>
    all.map(async ({ data, width: across, height: down }, column) => ({
      input: await sharp(data, { raw: { width: across, height: down, channels: 3 } })
        .extract({ ...place, width, height })
        .resize({ width: 2 * width, kernel: 'nearest' })
        .png()
        .toBuffer(),
      ...{ left: column * (2 * width + 6), top: row * (2 * height + 6) },
    })),
  );
  const sheet = { width: 6 * width + 12, height: 4 * height + 6, channels: 3 as const, background: '#808080' };
  await sharp({ create: sheet })
    .composite(await Promise.all(cells))
    .png()
    .toFile(join(values.sheets, `${name}.png`));
}

/** The mean colour of each patch without its edges. */
function meansOf(pixels: Pixels): number[][] {
  const sums = Array.from({ length: PATCHES.across * PATCHES.down }, () => [0, 0, 0, 0]);
  const [across, down] = [pixels.width / PATCHES.across, pixels.height / PATCHES.down];
  const inside = (at: number, side: number) => Math.abs((at % side) - side / 2) < side / 4;
  for (let y = 0; y < pixels.height; y += 1)
    for (let x = 0; x < pixels.width; x += 1) {
      if (!inside(x, across) || !inside(y, down)) continue;
      const sum = sums[placeOf(x, y, pixels)]!;
      for (let channel = 0; channel < 3; channel += 1)
        sum[channel]! += pixels.data[3 * (y * pixels.width + x) + channel]!;
      sum[3]! += 1;
    }
  return sums.map(([r = 0, g = 0, b = 0, count = 1]) => [r / count, g / count, b / count]);
}

mkdirSync(values.sheets, { recursive: true });
const photos = photosIn(values.photos).map((name) => ({ name, file: readFileSync(join(values.photos, name)) }));
const charts = [
  await drawn('zone-plate', zonePlate, '4:2:0'),
  await drawn('stripes', stripes, '4:4:4'),
  await drawn('patches', patches, '4:2:0'),
  await writing(),
];
const rows: string[][] = [];
for (const { name, file } of [...photos, ...charts])
  for (const format of values.formats.split(','))
    for (const side of values.sides.split(',').map(Number)) {
      // Charts too, which are kept away from the engine by their look.
      const quality = QUALITIES[format] ?? 80;
      const recipe: Recipe = {
        ...PLAIN,
        width: side,
        height: side,
        output: format as Output,
        quality,
        lossless: false,
      };
      const [one, other] = [await render(RENDERERS[0], file, recipe), await render(RENDERERS[1], file, recipe)];
      await writeSheet(`${name.replace(/\.\w+$/, '')}-${side}-${format}`, one, other);
      const squares = one.data.reduce((sum, level, at) => sum + (level - other.data[at]!) ** 2, 0);
      const psnr = (10 * Math.log10(255 ** 2 / (squares / one.data.length))).toFixed(1);
      if (name !== 'patches') {
        rows.push([name, format, String(side), psnr, '', '', '']);
        continue;
      }
      const [ours, theirs] = [meansOf(one), meansOf(other)];
      const apart = (a: number[][], b: (at: number) => readonly number[]) =>
        Math.max(...a.flatMap((mean, at) => mean.map((level, channel) => Math.abs(level - b(at)[channel]!))));
      const found = [apart(ours, (at) => theirs[at]!), apart(ours, patchColour), apart(theirs, patchColour)];
      const worst = found.map((levels) => levels.toFixed(2));
      rows.push([name, format, String(side), psnr, ...worst]);
    }
writeReport(
  values.out,
  'engine-sheets',
  `Renditions by the engine and by sharp, decoded; of the chart of ${PATCHES.across * PATCHES.down} patches the mean colours of their inner halves: the largest difference in levels of one channel.\n\n${markdownTable(['picture', 'format', 'side', 'PSNR to sharp, dB', 'patches: engine to sharp', 'engine to the drawing', 'sharp to the drawing'], rows)}`,
  { rows },
);
