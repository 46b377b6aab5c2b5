import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { startApp, type TestApp } from '../helpers/app.ts';
import { cloudinaryPath, imgproxyPath, legacySettings, thumborPath } from '../helpers/legacy.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { rawGet } from '../helpers/raw-http.ts';

/** Old URLs through the whole server: what they are answered with, what they share with ours, and what they never get. */

const photo = await sharp({ create: { width: 400, height: 300, channels: 3, background: '#884422' } })
  .jpeg()
  .toBuffer();
const cutout = await sharp({ create: { width: 60, height: 40, channels: 4, background: '#88442280' } })
  .png()
  .toBuffer();
const seed = { 'shop/a.jpg': photo, 'shop/cutout.png': cutout, 'shop/a': photo, 'shop/a b/ü.jpg': photo };
const definitions = {
  card: { width: 120, height: 80, fit: 'cover', gravity: 'center', format: 'webp', enlarge: false, widths: [240] },
  // Named as a recipe is written: an old URL must not come to it.
  w_77: { width: 300, private: true, maxAge: 5 },
  file: { format: 'original' },
};
const SOURCE = 'https://cdn.example.com/photos/=shop/ s3://bucket/=shop/';

const started = new Set<TestApp>();
after(() => Promise.all(Array.from(started, (app) => app.dispose())));

async function startLegacy(scheme: 'imgproxy' | 'thumbor' | 'cloudinary', more: Record<string, string> = {}) {
  const originals = createMemoryStore(seed);
  const results = createMemoryStore();
  const lines: string[] = [];
  const app = await startApp({
    ...{ originals: originals.store, results: results.store, definitions, apiToken: 'a'.repeat(16) },
    ...{ deletable: originals.store, legacy: legacySettings(scheme, { SOURCE, ...more }) },
    log: (line) => lines.push(line),
  });
  started.add(app);
  return {
    app,
    originals,
    lines,
    async stop() {
      started.delete(app);
      await app.dispose();
    },
  };
}

/** The path as it is: `fetch` would resolve dots and encode letters. */
async function ask(app: TestApp, path: string, accept?: string) {
  const { status, headers, body } = await rawGet(app.baseUrl, path, {
    headers: accept === undefined ? {} : { accept },
  });
  const message = headers['x-error'] === undefined ? '' : String(JSON.parse(body.toString()).message);
  return { status, headers, body, code: headers['x-error'], message, from: headers['cache-status'] };
}

describe('an old URL of imgproxy', () => {
  let app: TestApp;
  let lines: string[];
  let reads: () => number;
  before(async () => {
    const begun = await startLegacy('imgproxy');
    ({ app, lines } = begun);
    reads = () => begun.originals.calls.length;
  });
  const path = (options: string, source = 'https://cdn.example.com/photos/a.jpg') =>
    imgproxyPath(`/${options}/plain/${source}`);

  it('is answered in place, with the picture and the headers of ours', async () => {
    const answer = await ask(app, path('rs:fill:100:100/f:webp'));
    assert.equal(answer.status, 200);
    const { width, height, format } = await sharp(answer.body).metadata();
    assert.deepEqual([width, height, format], [100, 100, 'webp']);
    const ours = await ask(app, app.path('w_100,h_100,fit_cover,g_center,f_webp', 'shop/a.jpg'));
    const names = ['cache-control', 'cache-tag', 'content-type', 'etag', 'vary', 'content-security-policy'];
    for (const name of names) assert.equal(answer.headers[name], ours.headers[name], name);
    assert.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(answer.headers.location, undefined);
  });

  it('shares one rendition with all that ask for the same', async () => {
    const first = await ask(app, path('rs:fill:90:60/f:webp'));
    assert.match(String(first.from), /fwd=miss/);
    const base64 = Buffer.from('s3://bucket/a.jpg').toString('base64url');
    const same = [
      path('w:90/h:60/rt:fill/q:80', 'https://cdn.example.com/photos/a.jpg@webp'),
      path('dpr:2/rs:fill:45:30/f:webp/cb:7'),
      imgproxyPath(`/f:webp/rs:fill-down:90:60/g:ce/${base64}`),
      app.path('w_90,h_60,fit_cover,g_center,f_webp', 'shop/a.jpg'),
    ];
    for (const each of same) {
      const { from, headers } = await ask(app, each);
      assert.deepEqual([from, headers.etag], ['darkroom; hit; detail=memory', first.headers.etag], each);
    }
  });

  it('shares the rendition of a preset that is the same recipe', async () => {
    const ours = await ask(app, app.path('card@2x', 'shop/a.jpg'));
    assert.match(String(ours.from), /fwd=miss/);
    const old = await ask(app, path('rs:fill:240:160/f:webp'));
    assert.deepEqual([old.from, old.headers.etag], ['darkroom; hit; detail=memory', ours.headers.etag]);
  });

  it('keeps JPEG and PNG where it says no format, whatever Accept says', async () => {
    for (const [source, type] of [
      ['a.jpg', 'image/jpeg'],
      ['cutout.png', 'image/png'],
    ] as const) {
      const { headers } = await ask(
        app,
        path('w:50', `https://cdn.example.com/photos/${source}`),
        'image/avif,image/webp',
      );
      assert.deepEqual([headers['content-type'], headers.vary], [type, undefined]);
    }
    const best = path('w:50/f:best');
    const avif = await ask(app, best, 'image/avif');
    const base = await ask(app, best, 'image/*');
    assert.deepEqual([avif.headers['content-type'], avif.headers.vary], ['image/avif', 'Accept']);
    assert.deepEqual([base.headers['content-type'], base.headers.vary], ['image/jpeg', 'Accept']);
  });

  it('goes by Accept where the settings say so', async () => {
    const { app: negotiating } = await startLegacy('imgproxy', { FORMAT: 'auto' });
    const { headers } = await ask(negotiating, path('w:50'), 'image/webp');
    assert.deepEqual([headers['content-type'], headers.vary], ['image/webp', 'Accept']);
  });

  it('is refused without a right signature, and read by nobody', async () => {
    const right = path('w:61');
    const before = reads();
    const wrong = `${right[1] === 'A' ? '/B' : '/A'}${right.slice(2)}`;
    for (const bad of [wrong, right.replace('w:61', 'w:62'), `/${'A'.repeat(43)}/w:61/plain/s3://bucket/a.jpg`]) {
      const { status, code } = await ask(app, bad);
      assert.deepEqual([status, code], [403, 'bad_signature'], bad);
    }
    for (const word of ['insecure', 'unsafe', '_']) {
      const { status, code, message } = await ask(app, `/${word}/w:61/plain/s3://bucket/a.jpg`);
      assert.deepEqual([status, code], [403, 'bad_signature'], word);
      assert.equal(message, 'URLs of imgproxy are served here with a signature only.');
    }
    // Shorter than the settings say, though it is the beginning of the right one.
    const short = await ask(app, imgproxyPath('/w:61/plain/s3://bucket/a.jpg', 8));
    assert.equal(short.status, 403);
    assert.equal(reads(), before);
  });

  it('names what it cannot do, in a 404 that is kept for a minute', async () => {
    const { status, code, message, headers } = await ask(app, path('w:50/unsharp_masking:1:2:3'));
    assert.deepEqual([status, code], [404, 'unknown_preset']);
    assert.equal(message, "imgproxy's unsharp_masking:1:2:3 is not served here: its strengths have no equal");
    assert.equal(headers['cache-control'], 'public, max-age=60');
    assert.match((await ask(app, path('w:9000'))).message, /^w:9000 is not served here/);
  });

  it('names no original but those of the settings, and nothing is fetched', async () => {
    const before = reads();
    const addresses = [
      ...['https://evil.example/a.jpg', 'http://cdn.example.com/photos/a.jpg', 'https://cdn.example.com/other/a.jpg'],
      ...[
        'https://cdn.example.com.evil.example/photos/a.jpg',
        'https://cdn.example.com/photos/a.jpg%3Fw=1',
        '//cdn.example.com/a',
      ],
      ...[
        'file:///etc/passwd',
        'http://169.254.169.254/latest/',
        'local:///etc/passwd',
        's3://other/a.jpg',
        'data:image/png,x',
      ],
    ];
    for (const source of addresses) {
      const { status, code, message } = await ask(app, path('w:50', source));
      assert.deepEqual([status, code], [404, 'original_not_found'], source);
      assert.match(
        message,
        /^The source of this URL (stands for no original of this server|has a query or a fragment, which no original has)\.$/,
      );
    }
    for (const climbing of ['..%2Fsecret', '%2E%2E%2Fsecret', 'a%2F..%2F..%2Fb', '%252e%252e%2fb', 'a%00b']) {
      const { status } = await ask(app, path('w:50', `https://cdn.example.com/photos/${climbing}`));
      assert.equal(status, 400, climbing);
    }
    assert.equal(reads(), before);
    const missing = await ask(app, path('w:50', 'https://cdn.example.com/photos/gone.jpg'));
    assert.deepEqual([missing.status, missing.code], [404, 'original_not_found']);
  });

  it('reads keys with spaces and letters of any alphabet', async () => {
    for (const source of ['a%20b/%C3%BC.jpg', 'a%2520b/%25C3%25BC.jpg'])
      assert.equal((await ask(app, path('w:51', `https://CDN.example.com/photos/${source}`))).status, 200, source);
  });

  it('ends when it says so, and is kept no longer', async () => {
    const now = Math.floor(Date.now() / 1000);
    const gone = await ask(app, path(`w:52/exp:${now - 10}`));
    assert.deepEqual([gone.status, gone.code], [410, 'expired']);
    const living = await ask(app, path(`w:52/exp:${now + 500}`));
    const [, seconds] = /^public, max-age=(\d+)/.exec(String(living.headers['cache-control'])) ?? [];
    assert.ok(Number(seconds) <= 500 && Number(seconds) > 300, String(living.headers['cache-control']));
  });

  it('has no rights of ours', async () => {
    // A recipe whose spelling is the name of a private preset.
    const private_ = await ask(app, path('w:77', 'https://cdn.example.com/photos/a.jpg'));
    const { width } = await sharp(private_.body).metadata();
    assert.deepEqual([width, private_.headers['cache-control']], [77, 'public, max-age=31536000, immutable']);
    for (const options of ['raw:1', 'skp:jpg', 'fn:name.jpg', 'att:1', 'pr:file', 'pr:card']) {
      const { status, headers } = await ask(app, path(options));
      assert.deepEqual([status, headers['content-disposition']], [404, undefined], options);
    }
    for (const query of ['?exp=99999999999', '?dl=a.jpg', '?v=1', '?t.a=b', '?'])
      assert.equal((await ask(app, path('w:53') + query)).status, 400, query);
    // Its signature signs nothing of ours.
    const [, signature] = path('w:53').split('/');
    assert.equal((await ask(app, `/${signature}/card/shop/a.jpg`)).status, 403);
  });

  it('goes behind ours: what was signed here stays as it is', async () => {
    assert.equal((await ask(app, app.path('card', 'shop/a.jpg'))).status, 200);
    const gone = app.path('card', 'shop/a.jpg', 1);
    assert.equal((await ask(app, gone)).code, 'expired');
    assert.equal((await ask(app, app.path('none', 'shop/a.jpg'))).code, 'unknown_preset');
    const counted = async () =>
      /^darkroom_legacy_requests_total\{scheme="imgproxy",outcome="bad_signature"\} \d+$/m.exec(
        await app.metrics.text(),
      )?.[0];
    const before = await counted();
    for (const path of ['/favicon.ico', '/wp-login/xmlrpc', '/products/shoes-for-all'])
      assert.equal((await ask(app, path)).code, 'not_found', path);
    assert.equal((await ask(app, app.path('card', 'shop/a.jpg').replace('/card/', '/cart/'))).code, 'bad_signature');
    assert.equal(await counted(), before, 'what is not theirs is not counted as theirs');
    assert.equal(
      (await ask(app, `/${'A'.repeat(22)}/card/shop/a.jpg`)).message,
      'The signature is missing or does not match this URL.',
    );
  });

  it('is 304 for an ETag, and HEAD has no body', async () => {
    const known = await ask(app, path('w:54'));
    const again = await rawGet(app.baseUrl, path('w:54'), {
      headers: { 'if-none-match': String(known.headers.etag) },
    });
    assert.equal(again.status, 304);
    const head = await app.get(path('w:54'), { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('etag')], [200, known.headers.etag]);
  });

  it('follows purges and originals that are taken down', async () => {
    const { app: own, originals } = await startLegacy('imgproxy');
    assert.equal((await ask(own, path('w:55'))).status, 200);
    originals.objects.delete('shop/a.jpg');
    assert.equal((await ask(own, path('w:55'))).status, 200, 'from memory');
    assert.equal((await own.purge('shop/a.jpg')).status, 200);
    assert.equal((await ask(own, path('w:55'))).status, 404);
  });

  it('is counted by what became of it, and a line says what is left', async () => {
    const { app: own, lines: said, stop } = await startLegacy('imgproxy');
    const wanted = [path('w:56'), path('w:56'), path('unsharp_masking:1'), path('w:57', 'https://evil.example/a')];
    const refused = [path('w:58').replace('58', '59'), '/insecure/w:1/plain/a.jpg', `${path('w:60')}?a=1`];
    for (const each of [...wanted, ...refused, path('w:1', 's3://bucket/gone.jpg'), path('exp:1')])
      await ask(own, each);
    await ask(own, own.path('card', 'shop/a.jpg'));
    const text = await own.metrics.text();
    const count = (outcome: string) =>
      Number(
        new RegExp(`^darkroom_legacy_requests_total\\{scheme="imgproxy",outcome="${outcome}"\\} (\\d+)$`, 'm').exec(
          text,
        )?.[1],
      );
    const counts = { served: 2, unknown_option: 1, unknown_source: 1, bad_signature: 1, unsigned: 1, malformed: 1 };
    for (const [outcome, expected] of Object.entries({ ...counts, no_original: 1, expired: 1, failed: 0 }))
      assert.equal(count(outcome), expected, outcome);
    await stop();
    const line = said.map((each) => JSON.parse(each)).find(({ msg }) => /another server/.test(msg));
    assert.equal(line.left['imgproxy served'], 2);
    assert.deepEqual(line.answered, { w_56: 'shop/a.jpg' });
    assert.ok(line.refused.some((sentence: string) => sentence.startsWith("imgproxy's unsharp_masking:1")));
    assert.ok(line.refused.some((sentence: string) => sentence.endsWith(' (https://evil.example/a)')));
    const [, signature = ''] = path('w:56').split('/');
    assert.ok(!said.join('').includes(signature) && !lines.join('').includes(signature));
  });
});

describe('an old URL below a path prefix', () => {
  it('is answered there, and its signature covers what is behind the prefix', async () => {
    const originals = createMemoryStore(seed);
    const legacy = legacySettings('imgproxy', { SOURCE });
    const app = await startApp({ originals: originals.store, pathPrefix: '/images', legacy });
    started.add(app);
    const path = imgproxyPath('/w:50/plain/s3://bucket/a.jpg');
    assert.equal((await ask(app, `/images${path}`)).status, 200);
    assert.equal((await ask(app, path)).status, 404);
    assert.equal((await ask(app, `/imagesx${path}`)).status, 404);
  });
});

describe('a server without old URLs', () => {
  it('answers none', async () => {
    const app = await startApp({ originals: createMemoryStore(seed).store });
    started.add(app);
    assert.equal((await ask(app, imgproxyPath('/w:50/plain/shop/a.jpg'))).code, 'bad_signature');
    assert.doesNotMatch(await app.metrics.text(), /^darkroom_legacy_requests_total.* [1-9]/m);
  });
});

describe('an old URL of Thumbor', () => {
  let app: TestApp;
  before(async () => {
    ({ app } = await startLegacy('thumbor', { SOURCE: 'cdn.example.com/photos/=shop/ =shop/' }));
  });

  it('is answered in place, from an address with or without its scheme, or from a path', async () => {
    const sources = [
      'cdn.example.com/photos/a.jpg',
      'https%3A%2F%2Fcdn.example.com%2Fphotos%2Fa.jpg',
      'http://cdn.example.com/photos/a.jpg',
    ];
    for (const source of [...sources, 'a.jpg']) {
      const { status, body } = await ask(app, thumborPath(`80x80/smart/filters:format(webp)/${source}`));
      assert.equal(status, 200, source);
      const { width, height, format } = await sharp(body).metadata();
      assert.deepEqual([width, height, format], [80, 80, 'webp']);
    }
    const { status, code } = await ask(app, thumborPath('80x80/https://evil.example/a.jpg'));
    assert.deepEqual([status, code], [404, 'original_not_found']);
  });

  it('is refused unsafe and forged', async () => {
    for (const path of ['/unsafe/80x80/a.jpg', `/${'A'.repeat(27)}=/80x80/a.jpg`, `${thumborPath('80x80/a.jpg')}g`])
      assert.equal((await ask(app, path)).code, 'bad_signature', path);
  });

  it('is kept as long as max_age says, and shares its rendition', async () => {
    const long = await ask(app, thumborPath('fit-in/70x0/a.jpg'));
    const short = await ask(app, thumborPath('fit-in/70x0/filters:max_age(60)/a.jpg'));
    assert.equal(short.headers['cache-control'], 'public, max-age=60');
    assert.deepEqual([short.from, short.headers.etag], ['darkroom; hit; detail=memory', long.headers.etag]);
  });

  it('enlarges as Thumbor does, and fits without', async () => {
    const sizes = { '800x600': 800, 'fit-in/800x600': 400, '800x600/filters:no_upscale()': 400 };
    for (const [options, expected] of Object.entries(sizes)) {
      const { body } = await ask(app, thumborPath(`${options}/a.jpg`));
      assert.equal((await sharp(body).metadata()).width, expected, options);
    }
  });
});

describe('an old URL of Cloudinary', () => {
  let app: TestApp;
  before(async () => {
    ({ app } = await startLegacy('cloudinary', { SOURCE: 'https://cdn.example.com/photos/=shop/ =*.jpg' }));
  });
  const path = (transformation: string, name = 'shop/a.jpg') =>
    cloudinaryPath(`${transformation}/v12/${name}`, { signed: `${transformation}/${name}` });

  it('is answered in place, by public id', async () => {
    const { status, body } = await ask(app, path('c_fill,g_center,h_80,w_90/f_webp,q_60'));
    assert.equal(status, 200);
    const { width, height, format } = await sharp(body).metadata();
    assert.deepEqual([width, height, format], [90, 80, 'webp']);
  });

  it('is answered from a fetched address that the settings name', async () => {
    const fetched = (source: string) => cloudinaryPath(`w_90/${source}`, { kind: 'fetch' });
    assert.equal((await ask(app, fetched('https://cdn.example.com/photos/a.jpg'))).status, 200);
    assert.equal((await ask(app, fetched('https%3A%2F%2Fcdn.example.com%2Fphotos%2Fa.jpg'))).status, 200);
    assert.equal((await ask(app, fetched('https://evil.example/a.jpg'))).code, 'original_not_found');
  });

  it('negotiates f_auto, with Vary', async () => {
    const { headers } = await ask(app, path('f_auto,w_91'), 'image/avif,image/webp');
    assert.deepEqual([headers['content-type'], headers.vary], ['image/avif', 'Accept']);
  });

  it("takes the SDKs' analytics, and no other query", async () => {
    assert.equal((await ask(app, `${path('w_92')}?_a=BAMAK+X`)).status, 400);
    assert.equal((await ask(app, `${path('w_92')}?_a=BAMAKyX0`)).status, 200);
    assert.equal((await ask(app, `${path('w_92')}?_a=B&x=1`)).status, 400);
  });

  it('is refused unsigned, forged, and of other kinds', async () => {
    for (const bad of [
      '/demo/image/upload/w_90/shop/a.jpg',
      path('w_90').replace('w_90', 'w_91'),
      '/demo/image/upload/s--AAAAAAAA--/shop/a.jpg',
    ])
      assert.equal((await ask(app, bad)).code, 'bad_signature', bad);
    for (const kind of ['facebook', 'sprite'])
      assert.equal((await ask(app, cloudinaryPath('w_90/a.jpg', { kind }))).code, 'bad_request', kind);
    assert.equal((await ask(app, path('w_90').replace('/image/', '/video/'))).code, 'bad_request');
  });
});
