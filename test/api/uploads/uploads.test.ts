import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { createFolderUploads } from '../../../src/api/uploads/folder-upload-target.ts';
import { startApp, TEST_KEY, type TestApp } from '../../helpers/app.ts';
import { browserSkip, launchBrowser, servePages } from '../../helpers/browser.ts';
import { createFolderOriginals } from '../../helpers/folder-originals.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';
import { rawGet } from '../../helpers/raw-http.ts';
import { s3Skip } from '../../helpers/s3.ts';
import {
  bucketSide,
  folderSide,
  type Offer,
  UPLOAD_TOKEN as TOKEN,
  type UploadSide,
  uploadClient,
} from '../../helpers/upload-sides.ts';

const PIXELS = 200_000;
const photo = await sharp({ create: { width: 400, height: 300, channels: 3, background: '#3060c0' } })
  .jpeg()
  .toBuffer();
const bomb = await sharp({ create: { width: 1000, height: 1000, channels: 3, background: '#fff' } })
  .jpeg()
  .toBuffer();
const html = Buffer.from('<!doctype html><script>alert(1)</script>');

/** The same tests for both kinds of originals. `refused`: the status with which each kind answers the same mistake. */
function uploadConformance(
  name: string,
  create: () => Promise<UploadSide>,
  refused: Record<'type' | 'length' | 'expired' | 'key' | 'again', number>,
  skip: false | string = false,
): void {
  describe(`uploads to ${name}`, { skip }, () => {
    let side: UploadSide;
    let app: TestApp;
    let client: ReturnType<typeof uploadClient>;
    const results = createMemoryStore();
    before(async () => {
      side = await create();
      app = await startApp({ ...side.options, results: results.store, apiToken: TOKEN, maxPixels: PIXELS });
      client = uploadClient(app);
    });
    after(async () => {
      await app.dispose();
      await side.dispose();
    });

    const post = (...given: Parameters<typeof client.post>) => client.post(...given);
    const offer = (...given: Parameters<typeof client.offer>) => client.offer(...given);
    const put = (...given: Parameters<typeof client.put>) => client.put(...given);
    const complete = (id: string) => client.complete(id);
    const nothingServed = async ({ urls }: Offer, statuses = [404]) => {
      for (const url of Object.values(urls)) assert.ok(statuses.includes((await fetch(url)).status), url);
      assert.deepEqual(results.made(), []);
    };

    it('make the whole round: offer, PUT, complete, pictures', async () => {
      const before = Date.now() / 1000;
      const given = await offer(photo);
      assert.match(given.imageId, /^product\/[\w-]{22}\.jpg$/);
      assert.deepEqual([given.key, given.method], [given.imageId, 'PUT']);
      assert.ok(given.expiresAt >= before + 298 && given.expiresAt <= before + 302);
      assert.doesNotMatch(given.uploadUrl, /checksum|crc32/i);
      assert.deepEqual(Object.keys(given.urls), ['thumb', 'small', 'medium', 'large', 'retina', 'og']);
      assert.deepEqual(Object.keys((await offer(photo, 'image/jpeg', { category: 'avatar' })).urls), [
        'avatar-small',
        'avatar-medium',
        'avatar-large',
      ]);
      assert.notEqual((await offer(photo)).imageId, given.imageId);
      await nothingServed(given);

      const sent = await put(given, photo);
      assert.ok(sent.ok, `${sent.status} ${await sent.text()}`);
      const { status, body } = await complete(given.imageId);
      assert.equal(status, 200);
      const { imageId, bytes, width, height, format, frames } = body;
      assert.deepEqual(
        [imageId, bytes, width, height, format, frames],
        [given.imageId, photo.length, 400, 300, 'jpeg', 1],
      );
      await app.saves.drain(1000);
      // The record, and nothing rendered ahead.
      assert.deepEqual([...results.objects.keys()], [`${encodeURIComponent(given.imageId)}/original.json`]);
      for (const url of Object.values(given.urls)) assert.equal((await fetch(url)).status, 200, url);
      assert.equal((await complete(given.imageId)).status, 200, 'twice is no harm');
      await app.saves.drain(1000);
      results.objects.clear();
    });

    it('by curl, as a script would', async () => {
      const given = await offer(photo);
      const folder = await mkdtemp(join(tmpdir(), 'darkroom-curl-'));
      await writeFile(join(folder, 'a.jpg'), photo);
      const headers = Object.entries(given.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
      const upload = ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-T', join(folder, 'a.jpg')];
      const { stdout } = await promisify(execFile)('curl', [...upload, ...headers, given.uploadUrl]);
      assert.match(stdout, /^20[01]$/);
      await rm(folder, { recursive: true });
      assert.equal((await complete(given.imageId)).status, 200);
      await app.saves.drain(1000);
      results.objects.clear();
    });

    it('are refused with another type, another length, another key, or late; and nothing is there', async () => {
      const given = await offer(photo);
      assert.equal((await put(given, photo, { 'content-type': 'text/html' })).status, refused.type);
      assert.equal((await put(given, Buffer.concat([photo, photo]))).status, refused.length);
      assert.equal((await put(given, photo.subarray(1))).status, refused.length);
      const elsewhere = given.uploadUrl.includes('X-Amz')
        ? given.uploadUrl.replace(encodeURIComponent(given.key).replace('%2F', '/'), 'product/other.jpg')
        : given.uploadUrl.replace(/uploads\/(.)/, (_, letter) => `uploads/${letter === 'A' ? 'B' : 'A'}`);
      assert.notEqual(elsewhere, given.uploadUrl);
      assert.equal((await put({ ...given, uploadUrl: elsewhere }, photo)).status, refused.key);
      assert.equal((await complete(given.imageId)).status, 404);
      await nothingServed(given);

      const target = side.options.bucket;
      const terms = { key: 'product/late.jpg', contentType: 'image/jpeg', size: photo.length };
      if (target) {
        const late = await target.ticket({ ...terms, expiresAt: Math.floor(Date.now() / 1000) + 1 }, '');
        await new Promise((resolve) => setTimeout(resolve, 2100));
        assert.equal(
          (await fetch(late.url, { method: 'PUT', headers: late.headers, body: new Uint8Array(photo) })).status,
          refused.expired,
        );
      } else {
        const { receiver } = side.options;
        assert.ok(receiver);
        const uploads = createFolderUploads({ receiver, signingKey: TEST_KEY, maxBytes: 1024 * 1024 });
        const late = await uploads.ticket({ ...terms, expiresAt: 1000 }, app.baseUrl);
        assert.equal(
          (await fetch(late.url, { method: 'PUT', headers: late.headers, body: new Uint8Array(photo) })).status,
          refused.expired,
        );
      }
    });

    it('never replace what is there', async () => {
      const given = await offer(photo);
      const both = await Promise.all([put(given, photo), put(given, photo)]);
      const statuses = both.map(({ status }) => status).sort();
      assert.ok(statuses[0] === 200 || statuses[0] === 201, statuses.join());
      assert.equal((await put(given, photo)).status, refused.again);
      assert.equal((await complete(given.imageId)).status, 200);
      await app.saves.drain(1000);
      results.objects.clear();
    });

    const bad: [what: string, body: Buffer, type: string, reason: RegExp][] = [
      ['an HTML file named .jpg', html, 'image/jpeg', /not a picture/],
      ['a pixel bomb', bomb, 'image/jpeg', /more than 200000 pixels/],
      ['half a picture', photo.subarray(0, photo.length / 2), 'image/jpeg', /not a picture/],
    ];
    for (const [what, body, type, reason] of bad) {
      it(`are quarantined when they are ${what}`, async () => {
        const given = await offer(body, type);
        assert.ok((await put(given, body)).ok);
        // Before complete() examines it, the image route refuses it as no picture.
        await nothingServed(given, [413, 422]);
        const answer = await complete(given.imageId);
        assert.equal(answer.status, 422);
        assert.match(answer.body.message, reason);
        assert.match(answer.body.message, /quarantined/);
        await app.saves.drain(1000);
        await nothingServed(given);
        assert.equal((await complete(given.imageId)).status, 404);
        const signal = new AbortController().signal;
        const kept = await side.originals.get(`.quarantine/${given.imageId}`, { signal, maxBytes: 1_000_000 });
        assert.ok(kept?.body.equals(body));
        assert.equal((await app.get(app.path('thumb', `.quarantine/${given.imageId}`))).status, 404);
        assert.equal((await complete(`.quarantine/${given.imageId}`)).status, 404);
        const asked = await post('/v1/images/meta', { ids: [`.quarantine/${given.imageId}`] });
        assert.equal(asked.body.images[0].error, 'original_not_found');
      });
    }

    it('notice an original that was changed behind the back', async () => {
      const given = await offer(photo);
      await put(given, photo);
      assert.equal((await complete(given.imageId)).status, 200);
      const other = await sharp(photo).negate().jpeg().toBuffer();
      const object = { body: other, contentType: 'image/jpeg', cacheControl: undefined, metadata: {} };
      await side.originals.put(given.key, object, { signal: new AbortController().signal });
      const answer = await complete(given.imageId);
      assert.deepEqual([answer.status, /was changed/.test(answer.body.message)], [422, true]);
      await app.saves.drain(1000);
      await nothingServed(given);
    });

    it('from a page in a browser, across origins', { skip: browserSkip }, async () => {
      const given = await offer(photo);
      const [browser, pages] = await Promise.all([
        launchBrowser(),
        servePages({ '/': '<!doctype html><title>shop</title>' }),
      ]);
      try {
        const page = await browser.newPage();
        await page.goto(`${pages.url}/`);
        const status = await page.evaluate(
          async ({ url, headers, bytes }) => {
            const body = Uint8Array.from(bytes);
            return (await fetch(url, { method: 'PUT', headers, body })).status;
          },
          { url: given.uploadUrl, headers: given.headers, bytes: [...photo] },
        );
        assert.ok(status === 200 || status === 201, `${status}`);
      } finally {
        await Promise.all([browser.close(), pages.close()]);
      }
      assert.equal((await complete(given.imageId)).status, 200);
      await app.saves.drain(1000);
      results.objects.clear();
    });

    const wrong: [what: string, more: object, message: RegExp][] = [
      ['HTML', { contentType: 'text/html' }, /contentType: expected image\/jpeg/],
      ['SVG', { contentType: 'image/svg+xml' }, /contentType: /],
      ['no size', { size: undefined }, /size: /],
      ['size 0', { size: 0 }, /size: /],
      ['a size over the limit', { size: 51 * 1024 * 1024 }, /size: expected at most/],
      ['no name', { filename: '' }, /filename: /],
      ['an unknown category', { category: 'banner' }, /category: /],
      ['a key of its own', { key: '../x' }, /key/],
    ];
    for (const [what, more, message] of wrong) {
      it(`are not offered for ${what}`, async () => {
        const ask = { filename: 'a.jpg', contentType: 'image/jpeg', size: 100, ...more };
        const answer = await post('/v1/images/upload-url', ask);
        assert.equal(answer.status, 400);
        assert.match(answer.body.message, message);
      });
    }
  });
}

uploadConformance('a folder', folderSide, { type: 400, length: 400, expired: 410, key: 403, again: 412 });
uploadConformance('an S3 bucket', bucketSide, { type: 403, length: 403, expired: 403, key: 403, again: 412 }, s3Skip);

describe('the upload route', () => {
  it('is not there without a token or with originals elsewhere, and takes no other method', async () => {
    const app = await startApp({ originals: createMemoryStore().store });
    assert.equal((await app.get('/v1/uploads/x.y', { method: 'PUT', body: 'x' })).status, 404);
    await app.dispose();
    const folder = await createFolderOriginals();
    const open = await startApp({ ...folder.app, apiToken: TOKEN });
    for (const ticket of ['x', 'x.y', '.', 'e30.', `${'x'.repeat(3000)}.y`])
      assert.equal((await open.get(`/v1/uploads/${ticket}`, { method: 'PUT', body: 'x' })).status, 403, ticket);
    assert.equal((await rawGet(open.baseUrl, '/v1/uploads/x.y')).status, 403);
    assert.equal((await open.get('/v1/uploads/x.y', { method: 'POST', body: 'x' })).status, 404);
    await open.dispose();
    await folder.dispose();
  });
});
