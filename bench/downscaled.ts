/**
 * Renditions made from a downscaled decode or a proxy image, beside decoding the original for each: CPU, and SSIM against the
 * ideal (all of the original's pixels, scaled once). Decides ROOM and PROXY_JPEG in src/render/stages/downscaled.ts.
 *
 *   node bench/downscaled.ts [--photos DIR] [--out bench/results]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp, { type JpegOptions, type Sharp } from 'sharp';
import { DOWNSCALED_SIDE_PX, PROXY_JPEG } from '../src/render/stages/downscaled.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { ssim } from './tools/ssim.ts';

const { values } = parseArgs({
  options: {
    photos: { type: 'string', default: new URL('../samples', import.meta.url).pathname },
    out: { type: 'string', default: new URL('results', import.meta.url).pathname },
  },
});
sharp.concurrency(1);
sharp.cache(false);

/** How much larger the downscaled decode is than the rendition made from it. */
const RATIOS = [1, 1.1, 1.25, 1.5, 2, 4, 8];
/** `jpeg`: the proxy image; `jpeg 95`: one of higher quality. */
const SOURCES = ['original', 'pixels', 'jpeg', 'jpeg 95'] as const;
const LARGER = { quality: 95, chromaSubsampling: '4:4:4' } as const;

interface Raw {
  readonly data: Buffer;
  readonly info: { readonly width: number; readonly height: number };
}
const rawOf = (image: Sharp) => image.toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true });
const open = ({ data, info: { width, height } }: Raw) => sharp(data, { raw: { width, height, channels: 3 } });

async function cpuOf(work: () => Promise<unknown>, times = 3): Promise<number> {
  await work();
  const before = process.cpuUsage();
  for (let n = 0; n < times; n += 1) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}

const figures = new Map<string, number[]>();
const note = (name: string, value: number) => void figures.set(name, [...(figures.get(name) ?? []), value]);
const mean = (name: string) => {
  const found = figures.get(name) ?? [];
  return found.reduce((sum, value) => sum + value, 0) / found.length;
};

const files = readdirSync(values.photos).filter((name) => /\.(jpe?g|png|webp)$/.test(name));
let photos = 0;
for (const file of files) {
  const original = readFileSync(join(values.photos, file));
  const load = () => sharp(original, { autoOrient: true, failOn: 'error' });
  const full = await rawOf(load());
  const { width, height } = full.info;
  if (Math.max(width, height) <= DOWNSCALED_SIDE_PX) continue;
  photos += 1;
  const sized = (side: number) => {
    const scale = side / Math.max(width, height);
    return { width: Math.round(width * scale), height: Math.round(height * scale), fit: 'fill' } as const;
  };
  const downscaled = await rawOf(load().resize(sized(DOWNSCALED_SIDE_PX)));
  const encode = (options: JpegOptions) => open(downscaled).jpeg(options).toBuffer();
  const [proxy, larger] = [await encode(PROXY_JPEG), await encode(LARGER)];
  note('decode', await cpuOf(() => rawOf(load().resize(sized(DOWNSCALED_SIDE_PX)))));
  note('encode proxy', await cpuOf(() => encode(PROXY_JPEG)));
  note('encode larger', await cpuOf(() => encode(LARGER)));
  note('proxy bytes', proxy.length);
  note('larger bytes', larger.length);
  note('original bytes', original.length);
  for (const ratio of RATIOS) {
    const size = sized(Math.round(DOWNSCALED_SIDE_PX / ratio));
    const ideal = await rawOf(open(full).resize(size));
    const sources = {
      original: load,
      pixels: () => open(downscaled),
      jpeg: () => sharp(proxy),
      'jpeg 95': () => sharp(larger),
    };
    for (const source of SOURCES) {
      const scaled = () => rawOf(sources[source]().resize(size));
      note(`${source} ${ratio} cpu`, await cpuOf(scaled));
      const encoded = await open(await scaled())
        .webp({ quality: 80, effort: 2 })
        .toBuffer();
      const shown = await rawOf(sharp(encoded));
      note(`${source} ${ratio} ssim`, ssim(ideal.data, shown.data, size.width, size.height));
    }
  }
}
if (photos === 0)
  throw new Error(`no photo in ${values.photos} is longer than ${DOWNSCALED_SIDE_PX} px; name others by --photos`);

const table = markdownTable(
  ['rendition', ...SOURCES.map((source) => `from ${source}: CPU`), ...SOURCES.map((source) => `from ${source}: SSIM`)],
  RATIOS.map((ratio) => [
    `${Math.round(DOWNSCALED_SIDE_PX / ratio)} px`,
    ...SOURCES.map((source) => `${mean(`${source} ${ratio} cpu`).toFixed(1)} ms`),
    ...SOURCES.map((source) => mean(`${source} ${ratio} ssim`).toFixed(4)),
  ]),
);
const text = `${photos} photos of ${(mean('original bytes') / 1e6).toFixed(1)} MB in the mean. Decoding and scaling, without encoding; SSIM of the
WebP of quality 80 against the ideal.

${table}

Decoding the original to ${DOWNSCALED_SIDE_PX} px takes ${mean('decode').toFixed(1)} ms. Encoding that as the proxy image takes
${mean('encode proxy').toFixed(1)} ms and ${Math.round(mean('proxy bytes') / 1000)} KB; as JPEG 95, 4:4:4, ${mean('encode larger').toFixed(1)} ms and ${Math.round(mean('larger bytes') / 1000)} KB.`;
writeReport(
  values.out,
  'downscaled',
  text,
  Object.fromEntries(Array.from(figures.keys(), (name) => [name, mean(name)])),
);
