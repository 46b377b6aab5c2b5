/**
 * Bytes and CPU per format at equal SSIM, beside plain JPEG of quality 80.
 *
 *   node bench/bytes.ts [--photos DIR] [--sizes 48,150,300,600,1200] [--out bench/results]
 *
 * Two comparisons. "each": every photo at the quality where its own SSIM equals that of its JPEG. "one": a server sets one
 * quality for all, so the photos' mean SSIM equals JPEG's mean. Bytes are interpolated between the two whole qualities around.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp, { type Sharp } from 'sharp';
import { encodeBySvtAv1, hasSvtAv1, type SvtAv1Tuning } from '../src/render/formats/svt-av1.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { ssim } from './tools/ssim.ts';

const { values } = parseArgs({
  options: {
    photos: { type: 'string', default: new URL('../samples', import.meta.url).pathname },
    sizes: { type: 'string', default: '48,150,300,600,1200' },
    out: { type: 'string', default: new URL('results', import.meta.url).pathname },
  },
});
sharp.concurrency(1);
sharp.cache(false);

interface Photo {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}
interface Score {
  readonly bytes: number;
  readonly ssim: number;
}
/** A pipeline of sharp's, or the file itself. */
type Encode = (image: Sharp, quality: number, photo: Photo) => Sharp | Promise<Buffer>;

const REFERENCE: Encode = (image, quality) => image.jpeg({ quality });
const avif =
  (effort: number, more: object = {}): Encode =>
  (image, quality) =>
    image.avif({ quality, effort, chromaSubsampling: '4:2:0', ...more });
const svtAv1 =
  (tuning: SvtAv1Tuning, effort: number): Encode =>
  (_, quality, photo) =>
    encodeBySvtAv1({ ...photo, channels: 3, frames: 1 }, tuning, quality, effort);
const SVT_AV1: Record<string, Encode> = {
  'svt-av1 ssim effort 0': svtAv1('ssim', 0),
  'svt-av1 ssim effort 1': svtAv1('ssim', 1),
  'svt-av1 ms-ssim effort 0': svtAv1('ms-ssim', 0),
  'svt-av1 ms-ssim effort 1': svtAv1('ms-ssim', 1),
  'svt-av1 ms-ssim effort 2': svtAv1('ms-ssim', 2),
};
const CANDIDATES: Record<string, Encode> = {
  'jpeg progressive': (image, quality) => image.jpeg({ quality, progressive: true }),
  'jpeg progressive, table 3': (image, quality) => image.jpeg({ quality, progressive: true, quantisationTable: 3 }),
  mozjpeg: (image, quality) => image.jpeg({ quality, mozjpeg: true }),
  'webp effort 1': (image, quality) => image.webp({ quality, effort: 1 }),
  'webp effort 2': (image, quality) => image.webp({ quality, effort: 2 }),
  'webp effort 4': (image, quality) => image.webp({ quality, effort: 4 }),
  'webp effort 5': (image, quality) => image.webp({ quality, effort: 5 }),
  'webp effort 4 smart': (image, quality) => image.webp({ quality, effort: 4, smartSubsample: true }),
  'avif effort 0 4:4:4': avif(0, { chromaSubsampling: '4:4:4' }),
  'avif effort 0': avif(0),
  'avif effort 0 ssim': avif(0, { tune: 'ssim' }),
  'avif effort 0 ssim 10 bit': avif(0, { tune: 'ssim', bitdepth: 10 }),
  'avif effort 1': avif(1),
  'avif effort 1 ssim': avif(1, { tune: 'ssim' }),
  'avif effort 2': avif(2),
  ...(hasSvtAv1 ? SVT_AV1 : {}),
};

const encodeWith = async (encode: Encode, photo: Photo, quality: number) => {
  const encoded = encode(open(photo), quality, photo);
  return encoded instanceof Promise ? encoded : encoded.toBuffer();
};

const open = ({ data, width, height }: Photo) => sharp(data, { raw: { width, height, channels: 3 } });

const scores = new WeakMap<Photo, Map<string, Score>>();

async function score(photo: Photo, encode: Encode, quality: number): Promise<Score> {
  const known = scores.get(photo) ?? new Map<string, Score>();
  scores.set(photo, known);
  const name = `${nameOf(encode)} ${quality}`;
  const found = known.get(name) ?? (await measure(photo, encode, quality));
  known.set(name, found);
  return found;
}

const nameOf = (encode: Encode) =>
  Object.entries(CANDIDATES).find(([, candidate]) => candidate === encode)?.[0] ?? 'reference';

async function measure(photo: Photo, encode: Encode, quality: number): Promise<Score> {
  const file = await encodeWith(encode, photo, quality);
  const decoded = await sharp(file).removeAlpha().toColourspace('srgb').raw().toBuffer();
  return { bytes: file.length, ssim: ssim(photo.data, decoded, photo.width, photo.height) };
}

async function meanScore(photos: Photo[], encode: Encode, quality: number): Promise<Score> {
  let [bytes, similarity] = [0, 0];
  for (const photo of photos) {
    const found = await score(photo, encode, quality);
    bytes += found.bytes;
    similarity += found.ssim;
  }
  return { bytes, ssim: similarity / photos.length };
}

/** The quality, between whole ones, at which the mean SSIM is reached, and the bytes there. */
async function atEqualSsim(
  photos: Photo[],
  encode: Encode,
  target: number,
): Promise<{ quality: number; bytes: number }> {
  let [low, high] = [20, 99];
  let [below, above] = [await meanScore(photos, encode, low), await meanScore(photos, encode, high)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const found = await meanScore(photos, encode, middle);
    if (found.ssim < target) [low, below] = [middle, found];
    else [high, above] = [middle, found];
  }
  const share = Math.min(1, Math.max(0, (target - below.ssim) / (above.ssim - below.ssim)));
  return { quality: low + share, bytes: below.bytes + share * (above.bytes - below.bytes) };
}

/** CPU milliseconds per photo; the least of three rounds, because others use this machine too. */
async function cpuPerPhoto(photos: Photo[], encode: Encode, quality: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round += 1) {
    const before = process.cpuUsage();
    for (const photo of photos) await encodeWith(encode, photo, quality);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000 / photos.length);
  }
  return least;
}

/** CPU milliseconds per photo to decode and scale it; what every format pays before it encodes. */
async function cpuOfDecoding(size: number): Promise<number> {
  const before = process.cpuUsage();
  for (const file of originals) await resized(file, size);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / originals.length;
}

async function resized(file: Buffer, size: number): Promise<Photo> {
  const { data, info } = await sharp(file)
    .autoOrient()
    .resize(size, size, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

const files = readdirSync(values.photos).filter((name) => /\.(jpe?g|png|webp)$/i.test(name));
const originals = files.map((name) => readFileSync(join(values.photos, name)));
const sections: string[] = [];
const data: Record<string, unknown> = { photos: files.length };

for (const size of values.sizes.split(',').map(Number)) {
  const photos = await Promise.all(originals.map((file) => resized(file, size)));
  const reference = await meanScore(photos, REFERENCE, 80);
  const referenceCpu = await cpuPerPhoto(photos, REFERENCE, 80);
  const decodeCpu = await cpuOfDecoding(size);
  const rows: (string | number)[][] = [
    ['jpeg, plain', 80, '1.000', '1.000', referenceCpu.toFixed(1), (decodeCpu + referenceCpu).toFixed(1)],
  ];
  const found: Record<string, unknown> = { reference: { ...reference, cpu: referenceCpu } };
  for (const [name, encode] of Object.entries(CANDIDATES)) {
    const one = await atEqualSsim(photos, encode, reference.ssim);
    const cpu = await cpuPerPhoto(photos, encode, Math.round(one.quality));
    let each = 0;
    for (const photo of photos)
      each += (await atEqualSsim([photo], encode, (await score(photo, REFERENCE, 80)).ssim)).bytes;
    const [ratioOne, ratioEach] = [one.bytes / reference.bytes, each / reference.bytes];
    const cells = [
      one.quality.toFixed(1),
      ratioOne.toFixed(3),
      ratioEach.toFixed(3),
      cpu.toFixed(1),
      (decodeCpu + cpu).toFixed(1),
    ];
    rows.push([name, ...cells]);
    found[name] = { quality: one.quality, ratioOne, ratioEach, encodeCpu: cpu, renderCpu: decodeCpu + cpu };
  }
  sections.push(
    `## ${size} px, JPEG ${Math.round(reference.bytes / photos.length / 102.4) / 10} KiB a photo, mean SSIM ${reference.ssim.toFixed(4)}\n\n${markdownTable(['setting', 'quality', 'bytes over JPEG, one', 'bytes over JPEG, each', 'encode CPU ms', 'render CPU ms'], rows)}`,
  );
  data[size] = found;
}

// What a preset's quality means in other formats: the quality of equal mean SSIM at 600 px.
const photos = await Promise.all(originals.map((file) => resized(file, 600)));
const MAPPED = [
  'webp effort 2',
  'avif effort 0',
  ...(hasSvtAv1 ? ['svt-av1 ssim effort 0', 'svt-av1 ms-ssim effort 0'] : []),
];
const mapping: (string | number)[][] = [];
for (const quality of [60, 70, 75, 80, 85, 90, 95]) {
  const { ssim: target } = await meanScore(photos, REFERENCE, quality);
  const row: (string | number)[] = [quality, target.toFixed(4)];
  for (const name of MAPPED) {
    row.push((await atEqualSsim(photos, CANDIDATES[name] as Encode, target)).quality.toFixed(1));
  }
  mapping.push(row);
}
sections.push(`## The same quality in other formats, 600 px\n\n${markdownTable(['jpeg', 'SSIM', ...MAPPED], mapping)}`);
writeReport(
  values.out,
  'bytes',
  `${files.length} photos, each scaled down first; quality at equal mean SSIM; AVIF 4:2:0 unless said.\n\n${sections.join('\n\n')}`,
  { ...data, mapping },
);
