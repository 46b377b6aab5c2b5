import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { startOriginServer } from '../helpers/origin-server.ts';
import { createTestBucket, s3Skip } from '../helpers/s3.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { until } from '../helpers/turns.ts';

/** Sizes of the nine built-in presets for an original of 1600×1200. */
const EXPECTED: Record<string, [width: number, height: number, format: string]> = {
  thumb: [150, 150, 'webp'],
  small: [300, 225, 'webp'],
  medium: [600, 450, 'webp'],
  large: [1200, 900, 'webp'],
  retina: [1600, 1200, 'webp'],
  og: [1200, 630, 'jpeg'],
  'avatar-small': [48, 48, 'webp'],
  'avatar-medium': [128, 128, 'webp'],
  'avatar-large': [256, 256, 'webp'],
};

/** Something to see: a gradient with a bright disc, so that the attention crop has work to do. */
async function drawing() {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1600" height="1200"><defs><linearGradient id="g"><stop stop-color="#123"/>
    <stop offset="1" stop-color="#9bd"/></linearGradient></defs><rect width="1600" height="1200" fill="url(#g)"/><circle cx="1100" cy="500" r="200" fill="#fc3"/></svg>`;
  return sharp(await sharp(Buffer.from(svg)).png().toBuffer());
}

/** A look that a busy machine does not finish in time makes a rendition that is not kept; test/e2e/faces.test.ts looks. */
const FACES_OFF = { DARKROOM_FACES: 'off' };

const originals: Record<string, Buffer> = {};
before(async () => {
  const picture = await drawing();
  originals['folder/photo.jpg'] = await picture.clone().jpeg().toBuffer();
  originals['photo.png'] = await picture.clone().png().toBuffer();
  originals['photo.webp'] = await picture.clone().webp().toBuffer();
  originals['photo.gif'] = await picture.clone().gif().toBuffer();
});

async function assertAllPresets(server: TestServer, detail: 'fwd=miss' | 'hit; detail=store') {
  for (const id of Object.keys(originals)) {
    for (const [preset, [width, height, format]] of Object.entries(EXPECTED)) {
      const response = await server.get(server.path(preset, id));
      const body = Buffer.from(await response.arrayBuffer());
      assert.equal(response.status, 200, `${preset} of ${id}: ${body}`);
      assert.equal(response.headers.get('cache-status'), `darkroom; ${detail}`);
      assert.equal(response.headers.get('content-type'), `image/${format}`);
      const found = await sharp(body).metadata();
      assert.deepEqual([found.width, found.height, found.format], [width, height, format], `${preset} of ${id}`);
    }
  }
}

describe('all presets of all formats', () => {
  it('from a folder, with results in a folder', async () => {
    const server = await startServer(FACES_OFF);
    for (const [id, body] of Object.entries(originals)) {
      const file = join(server.folder, 'data/originals', id);
      await mkdir(join(file, '..'), { recursive: true });
      await writeFile(file, body);
    }
    await assertAllPresets(server, 'fwd=miss');
    assert.equal(await server.stop(), 0);
    assert.match(
      (await readdir(join(server.folder, 'data/results/folder%2Fphoto.jpg'))).join(),
      /thumb-[0-9a-f]{16}\.webp/,
    );
    await server.dispose();
  });

  it('from an HTTP origin, with nothing kept', async () => {
    const origin = await startOriginServer();
    for (const [id, body] of Object.entries(originals)) origin.seed(id, body);
    const server = await startServer({
      ...FACES_OFF,
      DARKROOM_ORIGINALS: origin.url,
      DARKROOM_ORIGIN_PRIVATE: 'on',
      DARKROOM_RESULTS: 'none',
    });
    await assertAllPresets(server, 'fwd=miss');
    assert.equal(await server.stop(), 0);
    await Promise.all([server.dispose(), origin.dispose()]);
  });
});

describe('all presets of all formats in S3', { skip: s3Skip }, () => {
  let source: Awaited<ReturnType<typeof createTestBucket>>;
  let target: typeof source;
  before(async () => {
    [source, target] = await Promise.all([createTestBucket(), createTestBucket()]);
    for (const [id, body] of Object.entries(originals)) await source.put(`up/${id}`, body);
  });
  after(() => Promise.all([source.dispose(), target.dispose()]));

  const start = () =>
    startServer({
      ...FACES_OFF,
      DARKROOM_ORIGINALS: `s3://${source.bucket}/up`,
      DARKROOM_RESULTS: `s3://${target.bucket}/out`,
      AWS_ENDPOINT_URL_S3: source.endpoint,
    });

  it('renders once, keeps all with their headers, and a restarted process serves them without rendering', async () => {
    const first = await start();
    await assertAllPresets(first, 'fwd=miss');
    assert.equal(await first.stop(), 0);
    await first.dispose();

    const all = await target.listKeys();
    const sidecars = all.filter((key) => key.endsWith('/original.json'));
    assert.equal(sidecars.length, Object.keys(originals).length);
    // Of what is dear to decode, a proxy image too.
    const keys = all.filter((key) => !sidecars.includes(key) && !/\/working-[0-9a-f]{16}\.jpg$/.test(key));
    assert.equal(keys.length, Object.keys(originals).length * Object.keys(EXPECTED).length);
    const thumb = keys.find((key) => key.startsWith('out/folder%2Fphoto.jpg/thumb-')) ?? assert.fail(keys.join());
    assert.match(thumb, /^out\/folder%2Fphoto\.jpg\/thumb-[0-9a-f]{16}\.webp$/);
    const { ContentType, CacheControl, Metadata } = await target.head(thumb);
    assert.deepEqual([ContentType, CacheControl], ['image/webp', 'public, max-age=31536000, immutable']);
    assert.deepEqual([Metadata?.width, Metadata?.height], ['150', '150']);

    const second = await start();
    await assertAllPresets(second, 'hit; detail=store');
    const outcomes = second
      .log()
      .filter(({ msg }) => msg === 'request')
      .map(({ outcome }) => outcome);
    assert.deepEqual(new Set(outcomes), new Set(['store']));
    await second.dispose();
  });

  it('saves behind the answer', async () => {
    const server = await start();
    const id = 'photo.png';
    const before = (await target.listKeys()).length;
    assert.equal((await server.get(server.path('thumb@2x.avif', id))).status, 200);
    let after = before;
    await until(() => {
      void target.listKeys().then((keys) => (after = keys.length));
      return after === before + 1;
    });
    await server.dispose();
  });
});
