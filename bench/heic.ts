/**
 * HEIC: CPU of the first look at a photo and of a rendition after it, memory of one and of two at a time, and SSIM of renditions
 * from proxy images beside those from the whole decode. Decides DEAR_JPEG in src/render/stages/dear-proxy.ts and the rates in
 * src/render/cost-estimate.ts.
 *
 *   node bench/heic.ts --photos DIR [--rounds 5] [--ssim off] [--engine off] [--out bench/results]
 *
 * Without photos of one's own it measures two that it makes of the tests' tiles, of 12 and 48 megapixels.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type JpegOptions, type Sharp } from 'sharp';
import { createDecoders } from '../src/decoders/decoders.ts';
import { tiffAround } from '../src/render/formats/rows-tiff.ts';
import { createRenderer } from '../src/render/render.ts';
import { DEAR_JPEG, dearProxySize } from '../src/render/stages/dear-proxy.ts';
import { gridFile, irot } from '../test/helpers/heic-files.ts';
import { askForPictures } from './tools/ask.ts';
import { benchOptions, median, temporaryFolder } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { signedPath, startServer } from './tools/server.ts';
import { ssim } from './tools/ssim.ts';

const values = benchOptions({ photos: '', rounds: '5', ssim: 'on', engine: 'on' });
const rounds = Number(values.rounds);
const home = temporaryFolder();
const originals = join(home.path, 'originals');
mkdirSync(originals);

/** As they are named in the report. */
function photosOf(folder: string): [name: string, body: Buffer][] {
  const made: [string, Buffer][] = [
    ['made, 12 MP, on its side', gridFile({ columns: 8, rows: 6, width: 4032, height: 3024, properties: [irot(3)] })],
    ['made, 48 MP', gridFile({ columns: 16, rows: 12, width: 8064, height: 6048 })],
  ];
  const own = folder && existsSync(folder) ? readdirSync(folder).filter((name) => /\.(hei[cf]|hif)$/i.test(name)) : [];
  return [...made, ...own.sort().map((name): [string, Buffer] => [name, readFileSync(join(folder, name))])];
}

async function costs(name: string, body: Buffer) {
  const id = (n: number) => `${n}-${name.replaceAll(/[^\w.]/g, '')}`;
  for (let n = 0; n <= rounds + 2; n += 1) writeFileSync(join(originals, id(n)), body);
  const settings = {
    ...{ DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_FACES: 'off', DARKROOM_RENDER_TIMEOUT: '120s' },
    ...(values.engine === 'off' ? { DARKROOM_ENGINE: 'off' } : {}),
  };
  const server = await startServer({
    ...settings,
    DARKROOM_RESULTS: `file:${join(home.path, `results-${name.length}`)}`,
  });
  const ask = async (preset: string, ...ids: string[]) => {
    const before = await server.settledCpuMs();
    const answers = await askForPictures(
      server.baseUrl,
      ids.map((one) => signedPath(preset, one)),
      ids.length,
    );
    if (answers.some(({ outcome }) => outcome !== 'render')) throw new Error(`${name}: not every answer was rendered`);
    return (await server.settledCpuMs()) - before;
  };
  const before = server.memory().rss;
  const cold = await ask('large', id(0));
  const one = server.memory().peak - before;
  const [first, later]: [number[], number[]] = [[], []];
  for (let n = 1; n <= rounds; n += 1) {
    first.push(await ask('large', id(n)));
    later.push(await ask('medium', id(n)));
  }
  await server.stop();
  const other = await startServer({ ...settings, DARKROOM_RESULTS: 'none' });
  const alone = other.memory().rss;
  await askForPictures(
    other.baseUrl,
    [rounds + 1, rounds + 2].map((n) => signedPath('large', id(n))),
    2,
  );
  const two = other.memory().peak - alone;
  await other.stop();
  return { name, bytes: body.length, cold, first: median(first), later: median(later), one, two };
}

const CANDIDATES: readonly JpegOptions[] = [
  ...[80, 85, 88, 90, 93, 95].map((quality) => ({ ...DEAR_JPEG, quality })),
  ...[85, 90].map((quality) => ({ ...DEAR_JPEG, quality, chromaSubsampling: '4:4:4' })),
];
const labelOf = ({ quality, chromaSubsampling }: JpegOptions) => `${quality}, ${chromaSubsampling}`;
const SIDES = [300, 600, 1200, 1600, 2000];

interface Raw {
  readonly data: Buffer;
  readonly info: { readonly width: number; readonly height: number };
}
const rawOf = (image: Sharp) => image.toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true });
const open = ({ data, info: { width, height } }: Raw) => sharp(data, { raw: { width, height, channels: 3 } });
const within = (side: number) => ({ width: side, height: side, fit: 'inside' }) as const;

/** SSIM of WebP renditions against the ideal, from the whole decode and from each candidate; bytes and CPU of the candidates. */
async function losses(name: string, file: Buffer) {
  const decoders = createDecoders({ threads: 1, idleMs: 100 });
  const { header } = await createRenderer({ maxPixels: 1e8, maxFrames: 1, timeoutSeconds: 100 }, decoders).examine(
    file,
  );
  const request = { side: Number.POSITIVE_INFINITY, maxPixels: 1e8, cpuMs: 60_000 };
  const tiff = tiffAround(await decoders.decode('heic', file, request, new AbortController().signal));
  await decoders.close();
  const load = () => sharp(tiff, { autoOrient: true });
  const full = await rawOf(load());
  const size = dearProxySize(header.size);
  const proxies = await Promise.all(
    CANDIDATES.map((options) =>
      load()
        .resize({ ...size, fit: 'fill' })
        .keepIccProfile()
        .jpeg(options)
        .toBuffer(),
    ),
  );
  const rows = [];
  for (const side of SIDES.filter((one) => one < Math.max(size.width, size.height))) {
    const ideal = await rawOf(open(full).resize(within(side)));
    const of = async (image: Sharp) => {
      const body = await image.resize(within(side)).toColourspace('srgb').webp({ quality: 80, effort: 2 }).toBuffer();
      const shown = await rawOf(sharp(body));
      return { ssim: ssim(ideal.data, shown.data, ideal.info.width, ideal.info.height), bytes: body.length };
    };
    rows.push({ side, whole: await of(load()), proxies: await Promise.all(proxies.map((body) => of(sharp(body)))) });
  }
  return { name, kilobytes: proxies.map(({ length }) => length / 1000), rows };
}

const photos = photosOf(values.photos);
const measured: Awaited<ReturnType<typeof costs>>[] = [];
for (const [name, body] of photos) measured.push(await costs(name, body));
const compared: Awaited<ReturnType<typeof losses>>[] = [];
const own = photos.filter(([name]) => values.ssim === 'on' && !name.startsWith('made'));
for (const [name, body] of own) compared.push(await losses(name, body));

const ms = (value: number) => Math.round(value);
const mb = (value: number) => Math.round(value / 1024 ** 2);
const cost = markdownTable(
  ['photo', 'MB', 'first look of the process', 'first look', '`medium` after it', 'memory of one', 'of two at once'],
  measured.map(({ name, bytes, cold, first, later, one, two }) => [
    ...[name, (bytes / 1e6).toFixed(2), `${ms(cold)} ms`, `${ms(first)} ms`, `${ms(later)} ms`],
    ...[`${mb(one)} MiB`, `${mb(two)} MiB`],
  ]),
);
const mean = (numbers: readonly number[]) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
const loss = markdownTable(
  ['rendition', 'from the whole', ...CANDIDATES.map(labelOf)],
  [
    ...SIDES.map((side) => {
      const rows = compared.flatMap((one) => one.rows.filter((row) => row.side === side));
      const from = CANDIDATES.map((_, n) => mean(rows.map(({ proxies }) => proxies[n]?.ssim ?? Number.NaN)));
      return [`${side} px`, mean(rows.map(({ whole }) => whole.ssim)).toFixed(4), ...from.map((one) => one.toFixed(4))];
    }),
    [
      'KB',
      '',
      ...CANDIDATES.map((_, n) => Math.round(mean(compared.map(({ kilobytes }) => kilobytes[n] ?? Number.NaN)))),
    ],
  ],
);
const text = `CPU of the server's process, threads included; \`large\` is the first look. Memory: what the process had more at its peak than
before, sharp's own loading included; with two at once there is no result store.

${cost}
${compared.length === 0 ? '' : `\nSSIM of WebP 80 against all pixels scaled once, from proxy images of JPEG by quality and subsampling, the mean of ${compared.length} photos:\n\n${loss}\n`}`;
writeReport(values.out, 'heic', text, { measured, compared });
home.remove();
