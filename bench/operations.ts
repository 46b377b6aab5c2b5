/**
 * What each operation adds to a rendition of 600 px: CPU of the process, beside the same recipe without the field, photo by photo in
 * turns. With `--base`, another tree of this repository: what a recipe without any of these fields costs beside there.
 *
 *   node bench/operations.ts [--photos samples] [--rounds 5] [--formats webp,jpeg,avif] [--only radius,circle] [--base DIR] [--memory off]
 *     [--engine off] [--name operations] [--out bench/results]
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { NO_ASSETS } from '../src/presets/known-assets.ts';
import { createPresets } from '../src/presets/presets.ts';
import { shippedFont } from '../src/render/effects/overlay/fonts.ts';
import { loadEngine } from '../src/render/engine/engine.ts';
import type { Recipe } from '../src/render/recipe.ts';
import { createRenderer } from '../src/render/render.ts';
import { createStepTimer } from '../src/telemetry/step-timer.ts';
import { benchOptions, median, photosIn } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';

const values = benchOptions({
  ...{ rounds: '5', formats: 'webp,jpeg,avif', only: '', base: '', memory: 'on', one: '' },
  ...{ engine: 'on', name: 'operations' },
});
/** Undefined where it was not built. */
const engine = loadEngine(values.engine === 'on');
const LIMITS = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 };
const BOX = { width: 600, height: 600, fit: 'inside' };

interface Operation {
  readonly name: string;
  readonly fields: object;
  /** Share of the plain rendition's CPU that it may add. */
  readonly limit?: number;
}
const OPERATIONS: readonly Operation[] = [
  { name: 'radius', fields: { radius: 24 }, limit: 0.1 },
  { name: 'circle', fields: { radius: 'circle' } },
  { name: 'border', fields: { border: { width: 4, color: '#ff0000' } } },
  { name: 'sharpen: auto', fields: { sharpen: 'auto' }, limit: 0.35 },
  { name: 'sharpen: 1', fields: { sharpen: 1 } },
  { name: 'pixelate', fields: { pixelate: 12 } },
  { name: 'blur', fields: { blur: 4 } },
  { name: 'brightness', fields: { brightness: 1.1 } },
  { name: 'saturation', fields: { saturation: 1.2 } },
  { name: 'sepia', fields: { sepia: 1 } },
  { name: 'normalize', fields: { normalize: true } },
  {
    name: 'watermark',
    fields: {
      overlays: [{ image: 'logo.png', position: 'southeast', offset: { x: 20, y: 20 }, width: 80, opacity: 0.8 }],
    },
    limit: 0.2,
  },
  { name: 'text', fields: { overlays: [{ text: 'Sold by a shop', size: 24, position: 'south', color: '#ffffff' }] } },
  { name: 'quality: auto', fields: { quality: 'auto' }, limit: 1.5 },
].filter(({ name }) => values.only === '' || values.only.split(',').includes(name));

const logo = readFileSync(new URL('../examples/assets/logo.png', import.meta.url));
const logoDigest = createHash('sha256').update(logo).digest('hex');
const assets = { ...NO_ASSETS, image: (name: string) => (name === 'logo.png' ? logoDigest : undefined) };

function recipeWith(fields: object): Recipe {
  const presets = createPresets({ definitions: { card: { ...BOX, ...fields } }, inline: false, faces: false, assets });
  return presets.resolve('card', '', undefined).recipe;
}

const photos = photosIn(values.photos).map((name) => readFileSync(join(values.photos, name)));
const files = {
  image: (digest: string) => (digest === logoDigest ? logo : undefined),
  fonts: [shippedFont()],
};
const ours = createRenderer(LIMITS, undefined, files, engine);
type Renderer = typeof ours;

async function render(renderer: Renderer, photo: Buffer, recipe: Recipe): Promise<{ cpuMs: number; bytes: number }> {
  const before = process.cpuUsage();
  const source = await renderer.examine(photo);
  const { body } = await renderer.render(source, recipe, createStepTimer(), async () => []);
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, bytes: body.length };
}

/** Largest renditions of a large original: what an operation holds beside the plain rendition, in bytes for each pixel. */
const LARGE = { width: 4000, height: 4000, fit: 'fill', format: 'jpeg' };
const LARGE_PIXELS = LARGE.width * LARGE.height;

if (values.one !== '') {
  const { default: sharp } = await import('sharp');
  const original = await sharp({ create: { width: 4100, height: 4100, channels: 3, background: '#8060a0' } })
    .png()
    .toBuffer();
  const before = process.memoryUsage().rss;
  await render(ours, original, recipeWith({ ...LARGE, ...JSON.parse(values.one) }));
  process.stdout.write(JSON.stringify({ bytes: process.resourceUsage().maxRSS * 1024 - before }));
  process.exit();
}

function peakBytes(fields: object): number {
  const runs = Array.from({ length: 3 }, () => {
    const one = ['-C', 'development', process.argv[1] ?? '', '--one', JSON.stringify(fields)];
    return (JSON.parse(execFileSync(process.execPath, one, { encoding: 'utf8' })) as { bytes: number }).bytes;
  });
  return median(runs);
}

const formats = values.formats.split(',');
const rounds = Number(values.rounds);
const rows: Record<string, { ratio: number; bytes: number }> = {};

/** The median of all photos' ratios of two ways that take turns. */
async function compare(
  one: (photo: Buffer) => ReturnType<typeof render>,
  other: (photo: Buffer) => ReturnType<typeof render>,
) {
  const [cpu, bytes]: [number[][], number[][]] = [[], []];
  for (const photo of photos) {
    await one(photo);
    await other(photo);
    const [ones, others]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      const ways = round % 2 === 0 ? ([one, other] as const) : ([other, one] as const);
      const [first, second] = [await ways[0](photo), await ways[1](photo)];
      const [plain, changed] = round % 2 === 0 ? [first, second] : [second, first];
      ones.push(plain.cpuMs);
      others.push(changed.cpuMs);
      if (round === 0) bytes.push([plain.bytes, changed.bytes]);
    }
    cpu.push([Math.min(...ones), Math.min(...others)]);
  }
  const over = (pairs: number[][]) =>
    pairs.reduce((sum, [, changed = 0]) => sum + changed, 0) / pairs.reduce((sum, [plain = 0]) => sum + plain, 0);
  return { ratio: over(cpu), bytes: over(bytes) };
}

for (const format of formats) {
  const plain = recipeWith({ format });
  for (const { name, fields } of OPERATIONS) {
    const changed = recipeWith({ format, ...fields });
    rows[`${name} ${format}`] = await compare(
      (photo) => render(ours, photo, plain),
      (photo) => render(ours, photo, changed),
    );
  }
  if (values.base === '') continue;
  const base = (await import(resolve(values.base, 'src/render/render.ts'))) as {
    createRenderer: typeof createRenderer;
  };
  const before = base.createRenderer(LIMITS, undefined, files, engine);
  rows[`nothing, beside --base ${format}`] = await compare(
    (photo) => render(before, photo, plain),
    (photo) => render(ours, photo, plain),
  );
}

const nothing = values.memory === 'on' ? peakBytes({}) : 0;
const held = (fields: object) => (values.memory === 'on' ? (peakBytes(fields) - nothing) / LARGE_PIXELS : Number.NaN);
const table = [
  ...OPERATIONS.map(({ name, fields, limit }) => ({ name, limit, held: held(fields) })),
  ...(values.base === '' ? [] : [{ name: 'nothing, beside --base', limit: 0.05, held: Number.NaN }]),
];
const percent = (ratio: number | undefined) => (ratio === undefined ? '' : `${((ratio - 1) * 100).toFixed(1)} %`);
writeReport(
  values.out,
  values.name,
  `${engine ? 'With' : 'Without'} the engine. ${photos.length} photos at 600 px, ${rounds} rounds in turns, the least of each photo's; CPU and bytes added to the same recipe without the field. Held: bytes for each pixel of a JPEG of 16 MP, peak RSS beside the plain one.\n\n${markdownTable(
    [
      'operation',
      'limit',
      ...formats.map((format) => `CPU, ${format}`),
      ...formats.map((format) => `bytes, ${format}`),
      'held',
    ],
    table.map(({ name, limit, held }) => [
      name,
      limit === undefined ? '' : percent(1 + limit),
      ...formats.map((format) => percent(rows[`${name} ${format}`]?.ratio)),
      ...formats.map((format) => percent(rows[`${name} ${format}`]?.bytes)),
      Number.isNaN(held) ? '' : held.toFixed(1),
    ]),
  )}`,
  { rows, held: Object.fromEntries(table.map(({ name, held }) => [name, held])) },
);
