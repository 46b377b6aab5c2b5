import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, it } from 'node:test';
import { createGzip, gzipSync } from 'node:zlib';
import { askedBy } from '../../src/legacy/suggest/asked.ts';
import { Counts } from '../../src/legacy/suggest/counts.ts';
import { requestOf } from '../../src/legacy/suggest/log-lines.ts';
import { suggestFromLogs } from '../../src/legacy/suggest/suggest.ts';
import { chooseWidths } from '../../src/legacy/suggest/widths.ts';
import { NO_ASSETS } from '../../src/presets/known-assets.ts';
import { checkPresets, type Preset } from '../../src/presets/schema.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';
import { imgproxyLog } from '../helpers/access-logs.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'darkroom-logs-'));
});
after(() => rm(folder, { recursive: true }));

const options = {
  ...{ running: checkPresets(BUILT_IN_PRESETS), pathPrefix: '', legacyPresets: {}, legacyWatermark: 'watermark.png' },
  ...{ renderTimeoutMs: 20_000, faces: true, loadAssets: async () => NO_ASSETS },
};
const asking = {
  presets: new Set(['card']),
  reading: { presets: {}, watermark: undefined, cloud: undefined },
  pathPrefix: '',
};
async function suggest(lines: readonly string[], name = 'access.log') {
  const file = join(folder, name);
  const text = lines.join('\n');
  await writeFile(file, name.endsWith('.gz') ? gzipSync(text) : text);
  return suggestFromLogs([file], options);
}

describe('a line of a log', () => {
  it('is read in the formats of servers and CDNs', () => {
    const path = '/sig/w:300/plain/a.jpg';
    const read = [
      [`1.2.3.4 - - [x] "GET ${path} HTTP/1.1" 200 12 "-" "agent"`, 200],
      [`1.2.3.4 - bob [x] "HEAD ${path} HTTP/2.0" 304 0`, 304],
      [`200 GET ${path} (127.0.0.1) 12.30ms`, 200],
      [`[I 260101 web:2271] 200 GET ${path} (127.0.0.1) 12.30ms`, 200],
      [`INFO [2026-11-26T12:00:00Z] Completed in 47.1ms ${path} request_id=x method=GET status=200`, 200],
      [`{"level":"INFO","message":"Completed in 1ms ${path}","status":200}`, 200],
      [`{"url":"${path}","status":"404"}`, 404],
      [`{"path":"${path}"}`, undefined],
      [`{"request":"GET ${path} HTTP/1.1","status":200}`, 200],
      [`{"request":{"method":"GET","uri":"${path}"},"status":200}`, 200],
      [`https://img.example.com${path}`, undefined],
      [path, undefined],
    ] as const;
    for (const [line, status] of read) assert.deepEqual(requestOf(line), { path, status }, line);
  });

  it('without a request is passed over', () => {
    const empty = [
      '',
      ' ',
      '{',
      '{"url":1}',
      '[]',
      'null',
      '{"a":{"b":{"c":{"url":"/x"}}}}',
      'hello world',
      `Started ${'/a/b'}`,
    ];
    for (const line of [...empty, '"POST /v1/images HTTP/1.1" 200']) assert.equal(requestOf(line), undefined, line);
  });
});

describe('what a URL asked for', () => {
  it('is told by ours, imgproxy, Thumbor and Cloudinary, signed or not', () => {
    const signature = 'A'.repeat(22);
    const recipes = [
      [
        `/${signature}/w_300,h_200,fit_cover@2x.webp/a.jpg`,
        { width: 300, height: 200, ratio: 2, format: 'webp', look: 'fit_cover' },
      ],
      [`/${signature}/w_300,h_200@600w/a.jpg`, undefined],
      [
        '/insecure/rs:fill:300:200/dpr:2/plain/a.jpg@webp',
        { width: 300, height: 200, ratio: 2, format: 'webp', look: 'fit_cover,g_center' },
      ],
      ['/unsafe/300x200/smart/a.jpg', { width: 300, height: 200, ratio: 1, format: 'base', look: 'fit_cover,en_1' }],
      [
        '/demo/image/upload/c_limit,w_300/dpr_2.0,f_auto,q_auto/v1/a.jpg',
        { width: 300, height: undefined, ratio: 2, format: 'auto', quality: 'auto' },
      ],
    ] as const;
    for (const [path, expected] of recipes) {
      const asked = askedBy(path, asking);
      if (!expected) {
        assert.ok(asked === undefined || asked.kind === 'recipe', path);
        continue;
      }
      assert.equal(asked?.kind, 'recipe', path);
      for (const [field, value] of Object.entries(expected))
        assert.equal(asked?.kind === 'recipe' && asked.recipe[field as 'look'], value, `${path} ${field}`);
    }
    assert.deepEqual(askedBy(`/${signature}/card@2x/a.jpg`, asking), { kind: 'preset', name: 'card' });
    assert.deepEqual(askedBy('/insecure/wm:1/plain/a.jpg', asking)?.kind, 'refused');
  });

  it('is nothing for other paths', () => {
    for (const path of [
      '/',
      '/css/site.css',
      '/products/shoes/red',
      '/favicon.ico',
      '/a/b/c/d',
      '/products/12345678/x',
      '/%zz/%zz/%zz',
    ])
      assert.equal(askedBy(path, asking), undefined, path);
  });
});

describe('widths', () => {
  it('are as few as waste little, and of those that were asked for', () => {
    assert.deepEqual(chooseWidths([[300, 100]]), [300]);
    assert.deepEqual(
      chooseWidths([
        [300, 100],
        [301, 1],
        [600, 50],
      ]),
      [301, 600],
    );
    const many = Array.from({ length: 128 }, (_, at) => [100 + at * 15, 10] as const);
    const chosen = chooseWidths(many);
    assert.equal(chosen.length, 8);
    assert.equal(chosen.at(-1), 100 + 127 * 15);
    assert.deepEqual(chooseWidths([]), []);
  });
});

describe('counts', () => {
  it('hold the frequent ones of any number of names', () => {
    const counts = new Counts(10);
    for (let at = 0; at < 10_000; at += 1) counts.add(at % 3 === 0 ? 'often' : `rare ${at}`);
    assert.deepEqual([counts.first, counts.total], ['often', 10_000]);
    assert.ok(counts.sorted().length <= 10);
    assert.equal(
      counts.sorted().reduce((sum, [, count]) => sum + count, counts.dropped),
      10_000,
    );
  });
});

function* inBlocks(lines: Iterable<string>): Generator<string> {
  let block = '';
  for (const line of lines) {
    block += `${line}\n`;
    if (block.length < 65_536) continue;
    yield block;
    block = '';
  }
  yield block;
}

describe('darkroom presets suggest', () => {
  const line = (path: string, status = 200) => `1.2.3.4 - - [x] "GET ${path} HTTP/1.1" ${status} 1 "-" "-"`;
  const times = (count: number, path: string) => Array.from({ length: count }, () => line(path));

  it('makes one preset of a size at all its pixel ratios and formats', async () => {
    const { presets, report } = await suggest([
      ...times(60, '/s/rs:fill:300:200/plain/a.jpg@webp'),
      ...times(30, '/s/rs:fill:300:200/dpr:2/plain/b.jpg@avif'),
      ...times(20, '/s/rs:fill:600:400/plain/b.jpg'),
      line('/s/rs:fill:300:200/plain/gone.jpg', 404),
      line('/site.css'),
    ]);
    assert.deepEqual(presets, {
      'cover-3x2-300': { width: 300, height: 200, fit: 'cover', gravity: 'center', pixelRatios: [1, 2] },
    });
    assert.deepEqual([report.lines, report.pictures, report.covered], [112, 110, 110]);
  });

  it('keeps apart what looks different, and says the widths that are no pixel ratio', async () => {
    const { presets } = await suggest([
      ...times(50, '/s/rs:fit:400:0/q:70/plain/a.jpg@webp'),
      ...times(50, '/s/rs:fit:1000:0/q:70/plain/a.jpg@webp'),
      ...times(20, '/s/rs:fill:100:100/g:sm/plain/a.jpg'),
      ...times(20, '/s/rs:fill:100:100/bl:5/plain/a.jpg'),
    ]);
    assert.deepEqual(presets, {
      'inside-w-1000': { width: 1000, format: 'webp', quality: 70, widths: [400], pixelRatios: [1] },
      'cover-1x1-100-blur': { width: 100, height: 100, fit: 'cover', gravity: 'center', blur: 5, pixelRatios: [1] },
      'cover-1x1-100-attention': { width: 100, height: 100, fit: 'cover', gravity: 'attention', pixelRatios: [1] },
    });
  });

  it('tells what is there already, what is left, and which options have no equal', async () => {
    const { table, report } = await suggest(
      [
        ...times(10, `/${'A'.repeat(22)}/thumb@2x/a.jpg`),
        ...times(5, '/s/rs:auto:300:200/plain/a.jpg'),
        ...times(35, '/unsafe/300x0/a.jpg'),
      ],
      'access.log.gz',
    );
    assert.deepEqual([report.pictures, report.covered], [50, 45]);
    assert.match(table, /^50 lines, 50 requests for pictures$/m);
    assert.match(table, /^inside-w-300 +35 +70\.0 %/m);
    assert.match(table, /^thumb \(is there\) +10 +20\.0 %/m);
    assert.match(table, /^covered: 45 \(90\.0 %\); left: 5 \(10\.0 %\), of which:$/m);
    assert.match(table, /^ {2}5: imgproxy's rs:auto:300:200 is not served here: the shape/m);
  });

  it('proposes no preset that names an asset that is not there', async () => {
    const marked = times(20, '/s/rs:fit:300:0/wm:1:soea/plain/a.jpg');
    assert.deepEqual((await suggest(marked)).presets, {});
    const loadAssets = async () => ({ ...NO_ASSETS, image: () => 'digest' });
    const { presets } = await suggestFromLogs([join(folder, 'access.log')], { ...options, loadAssets });
    const overlays = [{ image: 'watermark.png', position: 'southeast' }];
    assert.deepEqual(presets, { 'inside-w-300-o': { width: 300, overlays, pixelRatios: [1] } });
  });

  it('reads a log of 200,000 lines, its memory bounded, into presets that are accepted', async (context) => {
    const file = join(folder, 'large.log.gz');
    const log = imgproxyLog(200_000);
    await pipeline(Readable.from(inBlocks(log.lines)), createGzip({ level: 1 }), createWriteStream(file));
    const before = process.hrtime.bigint();
    const { presets, report } = await suggestFromLogs([file], options);
    context.diagnostic(`${Number(process.hrtime.bigint() - before) / 1e6} ms`);
    assert.deepEqual([report.lines, report.pictures], [200_000, log.pictures()]);
    const checked: Record<string, Preset> = checkPresets(presets);
    // 150 and 64 are of one shape.
    const names = ['cover-1x1-150', 'cover-3x2-300', 'inside-1x1-1200', 'inside-w-600'];
    assert.deepEqual(Object.keys(checked).sort(), names);
    assert.ok(report.covered > 0.95 * report.pictures, String(report.covered));
    const [first] = Object.entries(checked);
    assert.deepEqual([first?.[0], first?.[1].pixelRatios], ['cover-3x2-300', [1, 2, 3]]);
  });

  it('is a command that prints presets alone, and says of a file that it cannot be read', async () => {
    const cli = new URL('../../src/cli.ts', import.meta.url).pathname;
    const run = (args: string[]) =>
      new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
        const settings = { cwd: folder, env: { PATH: process.env.PATH ?? '' }, timeout: 60_000 };
        execFile(process.execPath, [cli, 'presets', ...args], settings, (error, stdout, stderr) =>
          resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
        );
      });
    await writeFile(join(folder, 'small.log'), times(9, '/s/rs:fill:300:200/plain/a.jpg').join('\n'));
    const { code, stdout, stderr } = await run(['suggest', 'small.log']);
    assert.equal(code, 0);
    assert.match(stderr, /^9 lines, 9 requests for pictures\npreset +requests +share/);
    await writeFile(join(folder, 'suggested.json'), stdout);
    const check = await run(['check', 'suggested.json']);
    assert.deepEqual([check.code, /^cover-3x2-300: added$/m.test(check.stdout)], [0, true]);
    await writeFile(join(folder, 'broken.gz'), 'no gzip at all');
    for (const file of ['missing.log', 'broken.gz']) {
      const failed = await run(['suggest', file]);
      assert.deepEqual([failed.code, failed.stderr.startsWith(`darkroom: ${file} cannot be read: `)], [1, true]);
    }
    assert.equal((await run(['suggest'])).code, 2);
  });
});
