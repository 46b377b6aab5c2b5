import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { recordKey } from '../src/renditions/keys.ts';
import { pathOfKey } from '../src/stores/folder/file-names.ts';
import { parseImageUrl } from '../src/url/image-url.ts';
import { createSignatures } from '../src/url/signature.ts';
import { TEST_KEY } from './helpers/app.ts';
import { startServer, type TestServer } from './helpers/server.ts';
import { until } from './helpers/turns.ts';

const CLI = new URL('../src/cli.ts', import.meta.url).pathname;
const TOKEN = 'a-token-of-the-tests';
const key = TEST_KEY.toString('hex');
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'darkroom-cli-'));
});
after(() => rm(folder, { recursive: true }));

/** Runs the real command in an empty folder. */
function darkroom(args: string[], env: Record<string, string> = {}) {
  const { PATH = '' } = process.env;
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const options = { cwd: folder, env: { PATH, DARKROOM_SIGNING_KEYS: key, ...env }, timeout: 20_000 };
    execFile(process.execPath, [CLI, ...args], options, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
    );
  });
}

describe('darkroom', () => {
  it('helps', async () => {
    for (const args of [['--help'], ['-h'], ['help'], ['sign', '--help']]) {
      const { code, stdout } = await darkroom(args);
      assert.equal(code, 0);
      for (const command of [
        'serve',
        'sign',
        'keys new',
        'presets check',
        'presets suggest',
        'purge',
        'verify',
        'health',
      ])
        assert.ok(stdout.includes(command));
    }
  });

  const misunderstood = [
    ...[
      [],
      ['develop'],
      ['sign'],
      ['sign', 'thumb'],
      ['sign', 'thumb', 'a', 'b'],
      ['keys'],
      ['keys', 'old'],
      ['toString'],
    ],
    ...[
      ['presets', 'check'],
      ['purge'],
      ['health', 'now'],
      ['sign', 'thumb', 'a', '--wdith', '3'],
      ['sign', 'thumb', 'a', '--width', 'x'],
    ],
  ];
  for (const args of misunderstood) {
    it(`exits 2 with help: ${args.join(' ') || '(nothing)'}`, async () => {
      const { code, stdout, stderr } = await darkroom(args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /^darkroom: .+\n\ndarkroom <command>/);
    });
  }

  it('signs what a server accepts', async () => {
    const { code, stdout } = await darkroom([
      'sign',
      'thumb',
      'a b/ü.jpg',
      '--ratio',
      '2',
      '--format',
      'avif',
      '--expires-in',
      '60',
      '--base-url',
      'https://img.example.com',
    ]);
    assert.equal(code, 0);
    const url = new URL(stdout.trim());
    const parsed = parseImageUrl(url.pathname + url.search);
    assert.deepEqual(
      [parsed.preset, parsed.suffix, parsed.id, url.host],
      ['thumb', '@2x.avif', 'a b/ü.jpg', 'img.example.com'],
    );
    assert.ok(createSignatures([TEST_KEY]).verify(parsed.signature, parsed));
    assert.ok(Math.abs((parsed.expiresAt ?? 0) - Date.now() / 1000 - 60) < 10);
    const json = await darkroom(['sign', 'thumb', 'a.jpg', '--json']);
    assert.match(JSON.parse(json.stdout).url, /^http:\/\/127\.0\.0\.1:8080\/[\w-]{22}\/thumb\/a\.jpg$/);
  });

  it('exits 1 with a reason for what cannot be signed', async () => {
    for (const [args, reason] of [
      [['sign', 'crad', 'a.jpg'], /no preset "crad"/],
      [['sign', 'thumb', '../a'], /cannot be the id/],
      [['sign', 'thumb', 'a.jpg', '--width', '333'], /no width 333/],
    ] as const) {
      const { code, stderr, stdout } = await darkroom([...args, '--json']);
      assert.equal(code, 1);
      assert.match(stderr, reason);
      assert.match(JSON.parse(stdout).error, reason);
    }
    const bad = await darkroom(['sign', 'thumb', 'a.jpg'], { DARKROOM_SIGNING_KEYS: 'secret-but-short' });
    assert.equal(bad.code, 1);
    assert.doesNotMatch(bad.stderr, /secret-but-short/);
  });

  it('signs with the key of the folder, and makes none where a server made none', async () => {
    const keyless = { DARKROOM_SIGNING_KEYS: '' };
    const refused = await darkroom(['sign', 'thumb', 'a.jpg'], keyless);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /^darkroom: there is no signing key here: expected DARKROOM_SIGNING_KEYS, or the folder/,
    );
    assert.ok(!existsSync(join(folder, 'data')));
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'data/signing-key'), `${key}\n`);
    const { stdout } = await darkroom(['sign', 'thumb', 'a.jpg'], keyless);
    await rm(join(folder, 'data'), { recursive: true });
    assert.equal(stdout, (await darkroom(['sign', 'thumb', 'a.jpg'])).stdout);
  });

  it('makes keys that differ and that the server takes', async () => {
    const [one, two] = await Promise.all([darkroom(['keys', 'new']), darkroom(['keys', 'new', '--json'])]);
    assert.match(one.stdout, /^[0-9a-f]{64}\n$/);
    assert.notEqual(JSON.parse(two.stdout).key, one.stdout.trim());
  });

  it('tells what a presets file would change', async () => {
    const running = {
      card: { width: 400, height: 300, fit: 'cover', quality: 80 },
      old: { width: 10 },
      same: { width: 5 },
    };
    const next = {
      card: { width: 400, height: 300, fit: 'cover', quality: 70, widths: [200] },
      fresh: { width: 9 },
      same: { width: 5 },
    };
    await writeFile(join(folder, 'running.json'), JSON.stringify(running));
    await writeFile(join(folder, 'next.json'), JSON.stringify(next));
    const env = { DARKROOM_PRESETS: 'running.json' };
    const { code, stdout } = await darkroom(['presets', 'check', 'next.json'], env);
    assert.deepEqual(
      [code, stdout.trim().split('\n')],
      [
        0,
        [
          'next.json is valid.',
          'card: changed; quality 80 → 70; widths [] → [200]; renditions are made again',
          'fresh: added',
          'old: removed',
          'same: same',
        ],
      ],
    );
    const { changes } = JSON.parse((await darkroom(['presets', 'check', 'next.json', '--json'], env)).stdout);
    assert.deepEqual(changes[0].fields.quality, { from: 80, to: 70 });
    await writeFile(join(folder, 'faces.json'), JSON.stringify({ card: { width: 9, redact: { faces: 'blur' } } }));
    const faceless = await darkroom(['presets', 'check', 'faces.json'], { DARKROOM_FACES: 'off' });
    assert.equal(faceless.code, 1);
    assert.match(faceless.stderr, /card\.redact\.faces: .*DARKROOM_FACES/);
    assert.equal((await darkroom(['presets', 'check', 'faces.json'])).code, 0);
    await writeFile(join(folder, 'bad.json'), JSON.stringify({ card: { width: 0, fit: 'cover' } }));
    for (const [file, reason] of [
      ['bad.json', /card/],
      ['missing.json', /missing\.json cannot be read/],
    ] as const) {
      const answer = await darkroom(['presets', 'check', file]);
      assert.equal(answer.code, 1);
      assert.match(answer.stderr, reason);
    }
  });

  it('says which assets of a presets file are missing', async () => {
    const preset = { width: 100, overlays: [{ image: 'logo.png' }] };
    await writeFile(join(folder, 'marked.json'), JSON.stringify({ card: preset }));
    const check = (env = {}) => darkroom(['presets', 'check', 'marked.json'], env);
    assert.match((await check()).stderr, /card names the image logo\.png/);
    const assets = join(folder, 'assets');
    await mkdir(assets);
    const env = { DARKROOM_ASSETS: `file:${assets}` };
    assert.match((await check(env)).stderr, /card names the image logo\.png/);
    await writeFile(join(assets, 'logo.png'), 'broken');
    assert.match((await check(env)).stderr, /logo\.png is no image that can be read/);
    await writeFile(
      join(assets, 'logo.png'),
      await sharp({ create: { width: 9, height: 9, channels: 3, background: '#f00' } })
        .png()
        .toBuffer(),
    );
    assert.deepEqual((await check(env)).code, 0);
  });
});

describe('darkroom against a running server', () => {
  let server: TestServer;
  before(async () => {
    // A look for faces that comes too late, on a busy machine, would keep the rendition out of the cache.
    server = await startServer({ DARKROOM_API_TOKEN: TOKEN, DARKROOM_FACES: 'off' });
  });
  after(() => server.dispose());

  it('asks for its health', async () => {
    const { code, stdout } = await darkroom(['health'], { PORT: String(server.port) });
    assert.deepEqual([code, stdout.trim()], [0, 'ok 0.1.0']);
    const gone = await darkroom(['health', '--server', 'http://127.0.0.1:9', '--json']);
    assert.equal(gone.code, 1);
    assert.ok(JSON.parse(gone.stdout).error);
  });

  it('uploads by the API into the folder and purges by the command', async () => {
    const photo = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#888' } })
      .jpeg()
      .toBuffer();
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ filename: 'a.jpg', contentType: 'image/jpeg', size: photo.length });
    const answer = await server.get('/v1/images/upload-url', { method: 'POST', headers, body });
    const offer = (await answer.json()) as {
      imageId: string;
      uploadUrl: string;
      headers: Record<string, string>;
      urls: Record<string, string>;
    };
    const sent = await fetch(offer.uploadUrl, { method: 'PUT', headers: offer.headers, body: new Uint8Array(photo) });
    assert.equal(sent.status, 201);
    const done = await server.get(`/v1/images/${encodeURIComponent(offer.imageId)}/complete`, {
      method: 'POST',
      headers,
      body: '{}',
    });
    assert.equal(done.status, 200);
    assert.equal((await fetch(offer.urls.thumb ?? '')).status, 200);

    const env = { PORT: String(server.port), DARKROOM_API_TOKEN: TOKEN };
    const purged = await darkroom(['purge', offer.imageId, '--original'], env);
    assert.equal(purged.code, 0);
    assert.match(purged.stdout, /: 1 from memory, \d from the store, original removed, CDN none/);
    assert.equal((await fetch(offer.urls.thumb ?? '')).status, 404);
    assert.equal((await darkroom(['purge', 'a'], { ...env, DARKROOM_API_TOKEN: 'another-token-entirely' })).code, 1);
    const without = await darkroom(['purge', 'a'], { PORT: String(server.port) });
    assert.deepEqual([without.code, /DARKROOM_API_TOKEN is not set/.test(without.stderr)], [1, true]);
    assert.ok(!server.output().includes(TOKEN));
  });

  it('walks the records below a prefix, and purges what was replaced or is gone, unless too much of it is', async () => {
    const { folder: home, path, port } = server;
    const [originals, results] = [join(home, 'data/originals'), join(home, 'data/results')];
    const pictureOf = (background: string) =>
      sharp({ create: { width: 9, height: 9, channels: 3, background } })
        .png()
        .toBuffer();
    const [replaced, gone, other] = ['walk/replaced.png', 'walk/gone.png', 'other.png'];
    await mkdir(join(originals, 'walk'), { recursive: true });
    const shown = async (id: string) => {
      const answer = await server.get(path('thumb', id));
      return answer.status === 200 ? answer.headers.get('etag') : answer.status;
    };
    const before: (string | number | null)[] = [];
    for (const id of [replaced, gone, other]) {
      await writeFile(join(originals, id), await pictureOf('#d01010'));
      before.push(await shown(id));
      await until(() => existsSync(join(results, pathOfKey(recordKey(id)) ?? '')));
    }
    const env = {
      ...{ PORT: String(port), DARKROOM_API_TOKEN: TOKEN },
      ...{ DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_RESULTS: `file:${results}` },
    };
    const verify = (args: string[], more = {}) => darkroom(['verify', ...args], { ...env, ...more });

    const wrong = { DARKROOM_ORIGINALS: `file:${join(home, 'data')}` };
    const stopped = await verify(['--purge'], wrong);
    assert.equal(stopped.code, 1);
    assert.match(stopped.stdout, /, 3 gone, 0 not known\nMore than 1 % are gone: is this the right bucket/);
    assert.equal((await verify(['--force'], wrong)).code, 0);

    await writeFile(join(originals, replaced), await pictureOf('#1010d0'));
    for (const id of [gone, other]) await rm(join(originals, id));
    const { code, stdout } = await verify(['--prefix', 'walk/', '--json']);
    const report = { checked: 2, replaced: [replaced], gone: [gone], unknown: [], stopped: false };
    assert.deepEqual([code, JSON.parse(stdout)], [0, report]);
    assert.deepEqual([await shown(replaced), await shown(gone), await shown(other)], before, 'nothing was purged');

    const refused = await verify(['--prefix', 'walk/', '--purge'], { DARKROOM_API_TOKEN: 'another-token-entirely' });
    assert.equal(refused.code, 1);
    for (const id of [replaced, gone])
      assert.ok(refused.stdout.includes(`\nnot purged: ${id}: The server answered 403`));
    assert.match(refused.stdout, /^replaced: walk/);

    const purged = await verify(['--prefix', 'walk/', '--purge']);
    assert.equal(purged.code, 0);
    assert.match(
      purged.stdout,
      /^replaced: walk\/replaced\.png\ngone: walk\/gone\.png\n2 compared: 1 replaced, 1 gone/,
    );
    assert.match(purged.stdout, /\nwalk\/gone\.png: 1 from memory, 1 from the store, original kept, CDN none$/m);
    const now = [await shown(replaced), await shown(gone), await shown(other)];
    assert.deepEqual(now.slice(1), [404, before[2]]);
    assert.ok(typeof now[0] === 'string' && now[0] !== before[0]);
  });
});
