/**
 * Bytes and CPU of drawn pictures, coded as photos (`lossless: false`) and by their look (`auto`), at their own size and at 600 px;
 * and how often drawn pictures and photos are taken for each other.
 *
 *   node bench/drawn.ts [--files DIR] [--photos DIR] [--only own|600] [--out bench/results]
 *
 * Forty are made by code; `--files` adds those of a folder. Each render counts decoding too; the lesser CPU of two.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { looksDrawn, stepsOf } from '../src/render/formats/drawn/look.ts';
import type { Recipe } from '../src/render/recipe.ts';
import { createRenderer, type Rendered } from '../src/render/render.ts';
import { loadSharp } from '../src/render/sharp.ts';
import { createStepTimer } from '../src/telemetry/step-timer.ts';
import { drawnPictures } from './tools/drawn-pictures.ts';
import { benchOptions, photosIn } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';

const values = benchOptions({ files: '', only: '' });
const picturesIn = (folder: string) => readdirSync(folder).filter((name) => /\.(jpe?g|png|webp|gif)$/i.test(name));
const pictures = [
  ...(await drawnPictures()),
  ...(values.files ? picturesIn(values.files) : []).map((name) => ({
    name,
    file: readFileSync(join(values.files, name)),
  })),
];
const sharp = await loadSharp();
const renderer = createRenderer({ maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 });

const OUTPUTS: Readonly<Record<string, Pick<Recipe, 'output'> & Partial<Recipe>>> = {
  webp: { output: 'webp' },
  png: { output: 'png' },
  jpeg: { output: 'jpeg' },
  avif: { output: 'avif' },
  'auto, AVIF and WebP read': { output: 'avif', sharper: 'webp' },
  'auto, neither read': { output: 'base' },
};
const SIZES = { own: 8192, '600': 600 } as const;

interface Made {
  readonly bytes: number;
  readonly cpuMs: number;
  readonly type: string;
}

function recipe(size: number, more: Partial<Recipe>): Recipe {
  return {
    ...{ width: size, height: size, fit: 'inside', output: 'webp', quality: 80, effort: undefined, gravity: 'center' },
    ...{ faceZoom: 1, background: undefined, animated: false, gamut: 'srgb', trim: undefined, margin: 0 },
    ...{ copyright: false, ...more },
  };
}

async function make(file: Buffer, size: number, more: Partial<Recipe>): Promise<Made> {
  let [cpuMs, rendered]: [number, Rendered | undefined] = [Number.POSITIVE_INFINITY, undefined];
  for (let round = 0; round < 2; round += 1) {
    const before = process.cpuUsage();
    rendered = await renderer.render(
      await renderer.examine(file),
      recipe(size, more),
      createStepTimer(),
      async () => [],
    );
    const { user, system } = process.cpuUsage(before);
    cpuMs = Math.min(cpuMs, (user + system) / 1000);
  }
  if (!rendered) throw new Error('nothing was rendered');
  return { bytes: rendered.body.length, cpuMs, type: rendered.contentType.replace('image/', '') };
}

const kib = (bytes: number) => (bytes / 1024).toFixed(1);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const sections: string[] = [];
const data: Record<string, unknown> = {};
const total = { before: 0, after: 0 };

for (const [label, size] of Object.entries(SIZES)) {
  if (values.only && values.only !== label) continue;
  const totals: (string | number)[][] = [];
  const rows = pictures.map(({ name, file }): (string | number)[] => [name, kib(file.length)]);
  for (const [format, more] of Object.entries(OUTPUTS)) {
    const made: { before: Made; after: Made; file: number; name: string }[] = [];
    for (const [at, { name, file }] of pictures.entries()) {
      const before = await make(file, size, { ...more, lossless: false });
      const after = await make(file, size, more);
      made.push({ before, after, file: file.length, name });
      const became = after.type === before.type ? '' : ` ${after.type}`;
      rows[at]!.push(`${kib(before.bytes)} → ${kib(after.bytes)}${became}`);
    }
    const all = (which: 'before' | 'after', what: 'bytes' | 'cpuMs') => sum(made.map((each) => each[which][what]));
    const names = (found: typeof made) => found.map(({ name }) => name).join(', ') || 'none';
    total.before += all('before', 'cpuMs');
    total.after += all('after', 'cpuMs');
    totals.push([
      format,
      `${kib(all('before', 'bytes'))} → ${kib(all('after', 'bytes'))}`,
      `${all('before', 'cpuMs').toFixed(0)} → ${all('after', 'cpuMs').toFixed(0)}`,
      (all('after', 'cpuMs') / all('before', 'cpuMs')).toFixed(2),
      names(made.filter(({ after, before }) => after.bytes > before.bytes)),
      names(made.filter(({ after, file }) => after.bytes > file)),
    ]);
    data[`${label} ${format}`] = made;
  }
  const head = [
    'format',
    'KiB together',
    'CPU ms together',
    'CPU ratio',
    'larger than before',
    'larger than the original',
  ];
  sections.push(`## ${label === 'own' ? 'At their own size' : `Inside ${size} px`}\n\n${markdownTable(head, totals)}`);
  sections.push(markdownTable(['picture', 'original, KiB', ...Object.keys(OUTPUTS)], rows));
}

/** How many of these look drawn, at a size. */
async function lookDrawn(files: readonly { name: string; file: Buffer }[], size: number | undefined) {
  const found: string[] = [];
  for (const { name, file } of files) {
    const image = sharp(file).autoOrient().toColourspace('srgb');
    if (size !== undefined) image.resize({ width: size, height: size, fit: 'inside', withoutEnlargement: true });
    const { data: raw, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    const channels = info.channels === 4 ? 4 : 3;
    if (info.channels < 3) continue;
    const { width, height } = info;
    if (looksDrawn(stepsOf({ data: raw, width, height, channels, frames: 1 }))) found.push(name);
  }
  return found;
}

const photos = photosIn(values.photos).map((name) => ({ name, file: readFileSync(join(values.photos, name)) }));
const errors: (string | number)[][] = [];
for (const size of [undefined, 600, 300, 150]) {
  const [drawn, photographed] = [await lookDrawn(pictures, size), await lookDrawn(photos, size)];
  const missed = pictures.filter(({ name }) => !drawn.includes(name));
  errors.push([
    size ?? 'own',
    `${missed.length} of ${pictures.length}`,
    missed.map(({ name }) => name).join(', '),
    `${photographed.length} of ${photos.length}`,
    photographed.join(', '),
  ]);
}
sections.push(
  `## Taken for each other\n\n${markdownTable(['size', 'drawn, not seen', '', 'photos taken for drawn', ''], errors)}`,
);
writeReport(
  values.out,
  'drawn',
  `${pictures.length} drawn pictures, quality 80: as photos → by their look. CPU of everything together: ` +
    `${(total.after / total.before).toFixed(2)} of before.\n\n${sections.join('\n\n')}`,
  data,
);
