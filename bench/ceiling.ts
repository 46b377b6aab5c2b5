/**
 * The worst legal originals, two at a time, in a cgroup of so many MiB: is the process killed, and how near does it come?
 *
 *     node bench/ceiling.ts [--mib 512] [--faces on] [--minutes 10] [--allocator default] [--photos DIR] [--out bench/results]
 *
 * Needs root and a writable memory controller. Fails when the process was killed or an answer was none of the contract's.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { markdownTable, writeReport } from './report.ts';
import { ALLOCATORS, createMemoryGroup, startServer } from './server.ts';

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '512' },
    faces: { type: 'string', default: 'on' },
    minutes: { type: 'string', default: '10' },
    allocator: { type: 'string', default: 'default' },
    photos: { type: 'string', default: new URL('../samples', import.meta.url).pathname },
    out: { type: 'string', default: new URL('results', import.meta.url).pathname },
  },
});
const MIB = 1024 * 1024;
const AT_A_TIME = 2;
const PRESETS = [
  'thumb',
  'small',
  'large',
  'retina',
  'og',
  'avatar-large',
  'w_1400,f_avif',
  'w_900,h_1200,fit_cover,z_3',
];

/** Every format at its worst, from 4 to 48 megapixels. */
async function worstOriginals(): Promise<Record<string, Buffer>> {
  const photo = readdirSync(values.photos).find((name) => /\.jpe?g$/i.test(name));
  if (!photo) throw new Error(`no JPEG in ${values.photos}`);
  const file = readFileSync(join(values.photos, photo));
  const originals: Record<string, Buffer> = {};
  for (const [megapixels, width] of [
    [4, 2304],
    [12, 4000],
    [24, 5664],
    [48, 8000],
  ] as const) {
    const height = Math.round((width * 3) / 4);
    const raw = await sharp(file).rotate().resize(width, height, { fit: 'cover' }).removeAlpha().raw().toBuffer();
    const image = () => sharp(raw, { raw: { width, height, channels: 3 } });
    const progressive = { quality: 90, progressive: true } as const;
    const name = (kind: string) => `${megapixels}-${kind}`;
    originals[name('plain.jpg')] = await image().jpeg({ quality: 90 }).toBuffer();
    originals[name('passes-turned.jpg')] = await image().jpeg(progressive).withMetadata({ orientation: 6 }).toBuffer();
    originals[name('passes-444.jpg')] = await image()
      .jpeg({ ...progressive, chromaSubsampling: '4:4:4' })
      .toBuffer();
    originals[name('avif.avif')] = await image().avif({ quality: 50, effort: 0 }).toBuffer();
    originals[name('plain.webp')] = await image().webp({ quality: 80, effort: 0 }).toBuffer();
    if (megapixels > 24) continue;
    originals[name('lossless.webp')] = await image().webp({ lossless: true, effort: 0 }).toBuffer();
    originals[name('interlaced.png')] = await image().png({ compressionLevel: 3, progressive: true }).toBuffer();
    originals[name('gif.gif')] = await image().gif({ effort: 1 }).toBuffer();
  }
  return originals;
}

const originals = await worstOriginals();
const group = createMemoryGroup(Number(values.mib) * MIB);
const server = await startServer({ DARKROOM_FACES: values.faces, ...ALLOCATORS[values.allocator] }, group);
const home = join(server.folder, 'data/originals');
mkdirSync(home, { recursive: true });
for (const [name, body] of Object.entries(originals)) writeFileSync(join(home, name), body);

const [shared = ''] = /"memory":(\{[^}]*\})/.exec(server.log())?.slice(1) ?? [];
const outcomes = new Map<string, number>();
const wrong: string[] = [];
let died = false;
let stopping = false;
server.exited.then(() => {
  died = !stopping;
});
const until = performance.now() + Number(values.minutes) * 60_000;
let seed = 1;
const random = () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return seed / 2 ** 31;
};
const names = Object.keys(originals);
let rssAfterFirst = 0;
let asked = 0;

/** Each request is a new rendition, so that nothing comes from memory. */
async function keepAsking(): Promise<void> {
  while (performance.now() < until && !died) {
    const id = names[Math.floor(random() * names.length)] ?? '';
    const preset = PRESETS[Math.floor(random() * PRESETS.length)] ?? '';
    asked += 1;
    const varied = preset.startsWith('w_') ? `${preset},q_${40 + (asked % 55)}` : preset;
    try {
      const answer = await fetch(server.baseUrl + server.path(varied, id), { signal: AbortSignal.timeout(60_000) });
      await answer.arrayBuffer();
      const what =
        answer.headers.get('x-error') ?? (answer.headers.get('cache-status') ?? '').replace('darkroom; ', '');
      const key = `${answer.status} ${what}`;
      if (process.env.TRACE)
        console.log(key, varied, id, Math.round(server.memory().rss / MIB), Math.round(server.memory().peak / MIB));
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
      if (![200, 413, 503].includes(answer.status)) wrong.push(`${key} ${varied} ${id}`);
    } catch (error) {
      if (!died) wrong.push(`${error} ${varied} ${id}`);
    }
    // Kept results would spare the renders.
    if (asked % 200 === 0) rssAfterFirst ||= server.memory().rss;
  }
}
await Promise.all(Array.from({ length: AT_A_TIME }, keepAsking));
const memory = died ? { rss: 0, peak: 0 } : server.memory();
const peak = group.peakBytes();
const kills = group.oomKills();
stopping = true;
await server.stop();
group.remove();

const mib = (bytes: number) => Math.round(bytes / MIB);
const rows = [
  ['memory limit, MiB', Number(values.mib)],
  ['shared out, bytes', shared],
  ['faces', values.faces],
  ['allocator', values.allocator],
  ['minutes', values.minutes],
  ['requests, two at a time', asked],
  ...[...outcomes].sort().map(([what, times]) => [`answers ${what}`, times]),
  ['answers that are none of the contract', wrong.length],
  ['killed for memory', kills],
  ['peak of the process, MiB', mib(memory.peak)],
  ['peak of the process, of the limit', `${Math.round((memory.peak / MIB / Number(values.mib)) * 100)} %`],
  ['RSS after 200 requests and at the end, MiB', `${mib(rssAfterFirst)}, ${mib(memory.rss)}`],
  ["peak of the group with the kernel's file cache, MiB", mib(peak)],
] as [string, string | number][];
writeReport(
  values.out,
  `ceiling-${values.mib}-faces-${values.faces}-${values.allocator}`,
  markdownTable(['what', 'figure'], rows),
  { rows, wrong: wrong.slice(0, 20) },
);
if (died || kills > 0 || wrong.length > 0) {
  console.error('a promise was broken', { died, kills, wrong: wrong.slice(0, 5) });
  process.exitCode = 1;
}
