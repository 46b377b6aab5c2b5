/**
 * The differential test: each picture of a folder through the server beside Chromium and, where Python has it, Pillow; one that
 * agrees with neither beside the third decoders of its format that this machine has.
 * `npm run diff -- --files DIR [--out DIR] [--svg] [--python PROGRAM] [--megapixels N]` prints a table by format and the files that
 * differ, and writes report.md, files.json and the contact sheet of the worst. Nothing outside of this machine is asked.
 */
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchServer, startServer } from '../bench/tools/server.ts';
import { startChromium } from './diff/chromium.ts';
import { type CorpusFile, picturesIn } from './diff/corpus.ts';
import { isShown, type Judged, judge, withThird } from './diff/judge.ts';
import { startPython } from './diff/python.ts';
import { reportOf } from './diff/report.ts';
import { createContactSheet } from './diff/sheet.ts';
import { startThirdReaders } from './diff/third.ts';

/** Nothing is enlarged, so this is every original's own size, up to the largest side that a recipe may have. */
const OWN_SIZE = 'w_8192,h_8192,fit_inside,f_png';
const LIMIT_MS = 60_000;

const { values: options } = parseArgs({
  options: {
    files: { type: 'string' },
    out: { type: 'string' },
    svg: { type: 'boolean', default: false },
    python: { type: 'string', default: 'python3' },
    // Of a picture that is compared: a rendition has no more, and two decoders' rows and ours are in memory at a time.
    megapixels: { type: 'string', default: '16' },
  },
});
if (!options.files) throw new Error('usage: npm run diff -- --files DIR [--out DIR] [--svg] [--python PROGRAM]');
const maxPixels = Number(options.megapixels) * 1e6;
const folder = resolve(options.files);
const out = resolve(options.out ?? mkdtempSync(join(tmpdir(), 'darkroom-diff-')));
mkdirSync(out, { recursive: true });
const originals = mkdtempSync(join(tmpdir(), 'darkroom-diff-originals-'));

const server = await startServer({
  ...{ DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_RESULTS: 'none', DARKROOM_FACES: 'off' },
  ...{ DARKROOM_SVG: options.svg ? 'on' : 'off' },
});
const chromium = await startChromium(maxPixels);
const pillow = await startPython(options.python, 'pillow.py', maxPixels);
const third = await startThirdReaders(options.python, chromium, maxPixels);
const sheet = createContactSheet();
const judged: Judged[] = [];
const tooLarge: string[] = [];
let isUp = true;
server.exited.then(() => {
  isUp = false;
});
try {
  for (const file of picturesIn(folder, options.svg)) {
    await look(file);
    if (!isUp) throw new Error(`the server ended at ${file.path}: ${server.log().slice(-2000)}`);
    if (judged.length % 100 === 0) console.error(`${judged.length} files, ${file.path}`);
  }
} finally {
  await server.stop();
  await chromium.close();
  pillow?.close();
  third.close();
  rmSync(originals, { recursive: true, force: true });
}
const second = pillow ? `Pillow ${pillow.version}` : 'none';
const report = reportOf(judged, { chromium: chromium.version, second, third: third.found });
const extra = [
  ...(tooLarge.length > 0 ? [`Not compared, over ${options.megapixels} megapixels: ${tooLarge.join(', ')}`] : []),
  ...(chromium.crashes() > 0 ? [`Chromium crashed or hung ${chromium.crashes()} times.`] : []),
];
const text = [report, ...extra, ''].join('\n');
writeFileSync(join(out, 'report.md'), text);
writeFileSync(join(out, 'files.json'), `${JSON.stringify(judged, null, 1)}\n`);
const sheeted = await sheet.write(join(out, 'worst.png'));
console.log(`${text}\nIn ${out}: report.md, files.json${sheeted ? ', worst.png' : ''}`);

async function look(file: CorpusFile): Promise<void> {
  const id = `o${judged.length + tooLarge.length}${extname(file.path).replace(/[^.\w]/g, '')}`;
  const original = join(originals, id);
  place(file, original);
  const theirs = await chromium.show(file.body, file.format);
  const others = (await pillow?.show(original)) ?? { why: 'no second decoder' };
  if ([theirs, others].some((shown) => 'why' in shown && shown.why.includes('too large to compare'))) {
    tooLarge.push(file.path);
  } else {
    const answer = await ask(server, id);
    const ours = 'refusal' in answer ? answer : await chromium.show(answer.body, 'png');
    const first = judge(file, ours, theirs, others);
    const asked = first.verdict === 'neither' && !('refusal' in ours);
    const result = asked ? withThird(first, ours, theirs, await third.show(original, file.format)) : first;
    judged.push(result);
    if (!('refusal' in ours)) await sheet.add(result, ours, isShown(theirs) ? theirs : others);
  }
  rmSync(original);
}

/** A hard link where the file system allows it. */
function place({ path, body }: CorpusFile, to: string): void {
  try {
    linkSync(join(folder, path), to);
  } catch {
    writeFileSync(to, body);
  }
}

async function ask({ baseUrl, path }: BenchServer, id: string): Promise<{ body: Buffer } | { refusal: string }> {
  try {
    const response = await fetch(`${baseUrl}${path(OWN_SIZE, id)}`, { signal: AbortSignal.timeout(LIMIT_MS) });
    const body = Buffer.from(await response.arrayBuffer());
    if (response.ok) return { body };
    const { error } = JSON.parse(body.toString()) as { error?: string };
    return { refusal: `${response.status} ${error}` };
  } catch (error) {
    return { refusal: `no answer: ${error instanceof Error ? error.message : error}` };
  }
}
