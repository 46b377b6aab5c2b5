import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { flatPng } from '../helpers/bombs.ts';
import { bmp, decodedFiles, ico, psd } from '../helpers/decoded-files.ts';
import { startOriginServer } from '../helpers/origin-server.ts';
import { rawGet } from '../helpers/raw-http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let origin: Awaited<ReturnType<typeof startOriginServer>>;
let server: TestServer;
before(async () => {
  origin = await startOriginServer();
  server = await startServer({
    ...{ DARKROOM_ORIGINALS: origin.url, DARKROOM_ORIGIN_PRIVATE: 'on', DARKROOM_RESULTS: 'none' },
    ...{ DARKROOM_FACES: 'off', DARKROOM_SLOTS: '2', DARKROOM_SVG: 'on' },
  });
});
after(async () => {
  await server.dispose();
  await origin.dispose();
});

/** CPU of the whole process so far in milliseconds: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, fields 14 and 15. */
function cpuMs(): number {
  const [, fields = ''] = /\) (.*)/.exec(readFileSync(`/proc/${server.child.pid}/stat`, 'utf8')) ?? [];
  const [user, system] = fields.split(' ').slice(11, 13).map(Number);
  return 10 * ((user ?? 0) + (system ?? 0));
}

/** A file's header or its thread's limit ends it: 2 s of the decoder's CPU, and what the server needs to start it and to answer. */
const MOST_CPU_MS = 6000;

const good = await decodedFiles();
const bodyOf = (name: string) => Buffer.from(good.get(name)?.body ?? '');
/** A copy with numbers written over it. */
function changed(
  body: Buffer,
  ...numbers: readonly (readonly [at: number, value: number, bytes: 2 | 4, order: 'LE' | 'BE'])[]
) {
  const copy = Buffer.from(body);
  for (const [at, value, bytes, order] of numbers)
    order === 'LE' ? copy.writeUIntLE(value, at, bytes) : copy.writeUIntBE(value, at, bytes);
  return copy;
}

/** Writes over the value of a tag in the first directory of a little-endian TIFF. */
function withTag(tiff: Buffer, tag: number, value: number): Buffer {
  const directory = tiff.readUInt32LE(4);
  for (let n = 0, at = directory + 2; n < tiff.readUInt16LE(directory); n += 1, at += 12)
    if (tiff.readUInt16LE(at) === tag)
      return changed(tiff, [at + 2, 4, 2, 'LE'], [at + 4, 1, 4, 'LE'], [at + 8, value, 4, 'LE']);
  throw new Error(`no tag ${tag}`);
}

const svg = (inner: string, size = 'width="100" height="100"') =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${size}>${inner}</svg>`,
  );
const nested = Array.from(
  { length: 30 },
  (_, n) => `<g id="n${n + 1}">${`<use xlink:href="#n${n}"/>`.repeat(10)}</g>`,
).join('');
const entities = Array.from({ length: 9 }, (_, n) => `<!ENTITY e${n + 1} "${`&e${n};`.repeat(10)}">`).join('');
const turbulence =
  '<filter id="f"><feTurbulence baseFrequency="0.9" numOctaves="99999"/></filter><rect width="4000" height="4000" filter="url(#f)"/>';
const layers = `${'<g opacity="0.9"><rect width="9" height="9"/>'.repeat(200)}${'</g>'.repeat(200)}`;

/** What a bomb may be answered: by its header, and where that tells nothing, after the thread was ended. */
const BOMBS: readonly (readonly [what: string, body: Buffer, ...statuses: number[]])[] = [
  ['TIFF of 4 GB strips', withTag(bodyOf('tiff'), 279, 0xfffffff0), 422],
  ['TIFF whose strips lie behind its end', withTag(bodyOf('tiff'), 273, 0xfffffff0), 422],
  ['TIFF of 4 billion pixels', withTag(withTag(bodyOf('tiff'), 256, 65_000), 257, 65_000), 413],
  ['TIFF of tiles larger than itself', withTag(withTag(bodyOf('tiff tiled'), 322, 65_520), 323, 65_520), 413],
  ['TIFF of billions of strips', Buffer.concat([bodyOf('tiff').subarray(0, 8)]), 422],
  ['JPEG XL of 2^60 pixels', Buffer.from('ff0afcffffffff1ffeffffffff0f', 'hex'), 413, 422],
  ['JPEG XL of 1,000 frames', readFileSync(new URL('../decoders/files/thousand-frames.jxl', import.meta.url)), 200],
  ['JPEG 2000 of 4 billion pixels', changed(bodyOf('jp2 bare'), [8, 65_000, 4, 'BE'], [12, 65_000, 4, 'BE']), 413],
  ['JPEG 2000 of a tile a pixel', changed(bodyOf('jp2 bare'), [24, 1, 4, 'BE'], [28, 1, 4, 'BE']), 413],
  ['PSD of 300,000 pixels a side', changed(psd({ depth: 8 }), [14, 300_000, 4, 'BE'], [18, 300_000, 4, 'BE']), 413],
  ['PSD of 49 megapixels in 18 KB', changed(psd({ depth: 8 }), [14, 7000, 4, 'BE'], [18, 7000, 4, 'BE']), 422],
  ['BMP of 2^31 pixels', changed(bmp({ bits: 24 }), [18, 0x7fffffff, 4, 'LE'], [22, 1, 4, 'LE']), 413],
  ['BMP of a height of −2^31', changed(bmp({ bits: 24 }), [22, 0x80000000, 4, 'LE']), 413],
  [
    'BMP of 16 megapixels in runs',
    changed(bmp({ bits: 8, runs: true }), [18, 4000, 4, 'LE'], [22, 4000, 4, 'LE']),
    200,
    413,
    422,
  ],
  ['ICO of 65,535 pictures', changed(bodyOf('ico'), [4, 65_535, 2, 'LE']), 200, 422],
  ['ICO with a PNG bomb', ico(flatPng(20_000, 20_000, 10)), 413],
  [
    'SVG of nested use',
    svg(`<defs><g id="n0"><rect width="9" height="9"/></g>${nested}</defs><use xlink:href="#n30"/>`),
    413,
    422,
  ],
  [
    'SVG of entities in entities',
    Buffer.concat([Buffer.from(`<!DOCTYPE svg [<!ENTITY e0 "ha">${entities}]>`), svg('<desc>&e9;</desc>')]),
    413,
    422,
  ],
  [
    'SVG of an external entity',
    Buffer.concat([Buffer.from('<!DOCTYPE svg [<!ENTITY e SYSTEM "file:///etc/passwd">]>'), svg('<desc>&e;</desc>')]),
    200,
    422,
  ],
  ['SVG of a million pixels a side', svg('<rect width="9" height="9"/>', 'width="1000000" height="1000000"'), 413],
  ['SVG of turbulence', svg(turbulence, 'width="4000" height="4000"'), 200, 413, 422],
  ['SVG of 200 layers', svg(layers, 'width="2000" height="2000"'), 200, 413, 422],
  ['SVG of 100,000 groups in each other', svg('<g>'.repeat(100_000) + '</g>'.repeat(100_000)), 413, 422],
];

describe('bombs in formats that are decoded outside sharp', () => {
  for (const [n, [what, body, ...statuses]] of BOMBS.entries())
    it(`${what}: ${statuses.join(' or ')}, soon, and the next picture is served`, async (t) => {
      origin.seed(`bomb-${n}`, body);
      const since = cpuMs();
      const { status } = await rawGet(server.baseUrl, server.path('thumb', `bomb-${n}`));
      const cost = cpuMs() - since;
      t.diagnostic(`${status} after ${cost} ms of CPU`);
      assert.ok(statuses.includes(status), `status ${status}`);
      assert.ok(cost < MOST_CPU_MS, `${cost} ms of CPU`);
      origin.seed(`good-${n}`, bodyOf('bmp'));
      assert.equal((await rawGet(server.baseUrl, server.path('thumb', `good-${n}`))).status, 200);
    });
});
