import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { startApp, type TestApp } from '../../helpers/app.ts';
import { psd } from '../../helpers/decoded-files.ts';
import { s3Skip } from '../../helpers/s3.ts';
import { bucketSide, folderSide, UPLOAD_TOKEN, type UploadSide, uploadClient } from '../../helpers/upload-sides.ts';

/** What is uploaded decides, not what its browser says of it; for both kinds of originals. */

const picture = sharp({ create: { width: 400, height: 300, channels: 3, background: '#3060c0' } });
const jpeg = await picture.clone().jpeg().toBuffer();
const png = await picture.clone().png().toBuffer();
const webp = await picture.clone().webp().toBuffer();
const avif = await picture.clone().avif().toBuffer();
const gif = await picture.clone().gif().toBuffer();
const tiff = await picture.clone().tiff().toBuffer();
const heic = await readFile(new URL('../../decoders/files/photo.heic', import.meta.url));
/** A directory of one tag, the one that each DNG has. */
const dng = Buffer.from('II*\0\x08\0\0\0\x01\0\x12\xc6\x01\0\x04\0\0\0\x01\x04\0\0\0\0\0\0', 'latin1');
/** Photoshop's channels without a colour space. */
const multichannel = psd({ depth: 8 });
multichannel.writeUInt16BE(7, 24);
const html = Buffer.from('<!doctype html><script>alert(1)</script>');
const MAX_BYTES = 100_000;
const MAX_PIXELS = 400 * 300;
const ACCEPTED = [
  ...['image/jpeg', 'image/png', 'image/webp', 'image/avif', 'image/gif'],
  ...['image/heic', 'image/heif', 'image/jxl', 'image/tiff', 'image/jp2'],
  ...['image/vnd.adobe.photoshop', 'image/bmp', 'image/x-icon'],
];

function contentConformance(name: string, create: () => Promise<UploadSide>, skip: false | string = false): void {
  describe(`an upload to ${name}`, { skip }, () => {
    let side: UploadSide;
    let app: TestApp;
    let client: ReturnType<typeof uploadClient>;
    before(async () => {
      side = await create();
      app = await startApp({
        ...{ ...side.options, apiToken: UPLOAD_TOKEN, maxPixels: MAX_PIXELS, maxOriginalBytes: MAX_BYTES },
        maxFrames: 3,
      });
      client = uploadClient(app);
    });
    after(async () => {
      await app.dispose();
      await side.dispose();
    });

    const keys = async (prefix: string) => {
      const found: string[] = [];
      const { signal } = new AbortController();
      for await (const page of side.originals.list(prefix, { signal })) found.push(...page);
      return found;
    };
    /** The whole round of a file. */
    const upload = async (body: Buffer, contentType: string, filename = 'front.jpg') => {
      const given = await client.offer(body, contentType, { filename });
      const sent = await client.put(given, body);
      assert.ok(sent.ok, `${sent.status} ${await sent.text()}`);
      return { given, answer: await client.complete(given.imageId) };
    };
    const untouched = async (id: string, body: Buffer) => {
      const kept = await side.originals.get(id, { signal: new AbortController().signal, maxBytes: 1_000_000 });
      assert.ok(kept?.body.equals(body));
      assert.deepEqual(await keys(`.quarantine/${id}`), []);
    };

    const good: [what: string, body: Buffer, format: string, contentType: string, ending: string, filename?: string][] =
      [
        ['a PNG named .jpg', png, 'png', 'image/jpeg', '.jpg'],
        ['a WebP named .jpg', webp, 'webp', 'image/jpeg', '.jpg'],
        ['an AVIF named .jpg', avif, 'avif', 'image/jpeg', '.jpg'],
        ['a GIF named .jpg', gif, 'gif', 'image/jpeg', '.jpg'],
        ['a HEIC named .jpg', heic, 'heic', 'image/jpeg', '.jpg'],
        ['a HEIC as a phone says it', heic, 'heic', 'image/heic', '.heic', 'IMG_1.HEIC'],
        ['a HEIC of no type', heic, 'heic', '', '.heic', 'IMG_1.HEIC'],
        ['a JPEG named .png', jpeg, 'jpeg', 'image/png', '.png', 'front.png'],
        ['a JPEG of type image/jpg', jpeg, 'jpeg', 'image/jpg', '.jpg'],
        ['a JPEG of type image/pjpeg', jpeg, 'jpeg', 'image/pjpeg', '.jpg'],
        ['a JPEG of type IMAGE/JPEG', jpeg, 'jpeg', 'IMAGE/JPEG', '.jpg', 'FRONT.JPG'],
        ['a JPEG of a type with parameters', jpeg, 'jpeg', 'image/jpeg; charset=binary', '.jpg'],
        ['a JPEG of no type', jpeg, 'jpeg', '', '.jpg', 'front.JPEG'],
        ['a JPEG of no type and no ending', jpeg, 'jpeg', '', '', 'front'],
        ['a JPEG of a type that says nothing', jpeg, 'jpeg', 'application/octet-stream', '.jpg'],
        // A phone that converts while it sends, and keeps the name.
        ['a JPEG named .heic', jpeg, 'jpeg', 'image/heic', '.heic', 'IMG_1.HEIC'],
        ['a JPEG of type image/heif', jpeg, 'jpeg', 'image/heif', '.heif'],
        ['a JPEG of type image/heic-sequence', jpeg, 'jpeg', 'image/heic-sequence', '.heic'],
        ['a PNG of type image/tiff', png, 'png', 'image/tiff', '.tiff'],
        ['a PNG of type image/bmp', png, 'png', 'image/bmp', '.bmp'],
        ['a TIFF', tiff, 'tiff', 'image/tiff', '.tiff'],
        ['a TIFF named .jpg', tiff, 'tiff', 'image/jpeg', '.jpg'],
        ['a TIFF of no type', tiff, 'tiff', '', '.tiff', 'scan.TIF'],
      ];
    for (const [what, body, format, contentType, ending, filename] of good) {
      it(`is good when it is ${what}`, async () => {
        const { given, answer } = await upload(body, contentType, filename);
        const { imageId, width, height, bytes } = answer.body;
        assert.deepEqual([answer.status, answer.body.format], [200, format]);
        assert.deepEqual([imageId, width, height, bytes], [given.imageId, 400, 300, body.length]);
        assert.equal(given.imageId.replace(/^product\/[\w-]{22}/, ''), ending);
        for (const url of [given.urls.thumb, given.urls.og]) {
          assert.ok(url);
          const shown = await fetch(url);
          assert.deepEqual([shown.status, (await shown.arrayBuffer()).byteLength > 0], [200, true]);
        }
        await untouched(given.imageId, body);
      });
    }

    const later: [found: string, body: Buffer, contentType: string][] = [
      ['image/tiff', dng, 'image/tiff'],
      ['image/vnd.adobe.photoshop', multichannel, ''],
    ];
    for (const [found, body, contentType] of later) {
      it(`is refused and stays when it is ${found} said to be “${contentType}”`, async () => {
        const { given, answer } = await upload(body, contentType);
        const { error, reason, accepted, quarantined, message } = answer.body;
        assert.deepEqual([answer.status, answer.code, error], [422, 'original_unreadable', 'original_unreadable']);
        assert.deepEqual([reason, accepted, answer.body.found], ['unsupported_type', ACCEPTED, found]);
        assert.equal(quarantined, false);
        assert.match(message, new RegExp(`it is ${found} of a kind that is not decoded.*stays where it is`));
        await untouched(given.imageId, body);
        assert.equal((await client.complete(given.imageId)).body.reason, 'unsupported_type', 'again');
      });
    }

    const bad: [what: string, body: () => Promise<Buffer>, facts: object][] = [
      [
        'HTML',
        async () => html,
        { reason: 'unsupported_type', accepted: ACCEPTED, found: 'text/html', quarantined: true },
      ],
      [
        'bytes of nothing known',
        async () => Buffer.alloc(100, 'hello '),
        { reason: 'unsupported_type', accepted: ACCEPTED, quarantined: true },
      ],
      [
        'half a JPEG',
        async () => jpeg.subarray(0, jpeg.length / 2),
        { reason: 'broken', part: 'end', format: 'jpeg', quarantined: true },
      ],
      [
        'too many pixels',
        () => picture.clone().resize(401, 300).jpeg().toBuffer(),
        { reason: 'too_many_pixels', limit: MAX_PIXELS, quarantined: true },
      ],
    ];
    for (const [what, make, facts] of bad) {
      it(`is quarantined with its reason when it is ${what}`, async () => {
        const body = await make();
        const { given, answer } = await upload(body, 'image/jpeg');
        const { error, message, requestId, ...said } = answer.body;
        assert.deepEqual([answer.status, answer.code, error], [422, 'original_unreadable', 'original_unreadable']);
        assert.deepEqual(said, facts);
        assert.match(message, /The upload is quarantined\.$/);
        assert.ok(requestId);
        assert.deepEqual(await keys(given.imageId), []);
        assert.deepEqual(await keys(`.quarantine/${given.imageId}`), [`.quarantine/${given.imageId}`]);
        assert.equal((await client.complete(given.imageId)).status, 404);
      });
    }

    it('says its limit when it lies there with more bytes than are read, and stays', async () => {
      const id = 'product/large.jpg';
      const body = Buffer.concat([jpeg, Buffer.alloc(MAX_BYTES)]);
      const object = { body, contentType: 'image/jpeg', cacheControl: undefined, metadata: {} };
      await side.originals.put(id, object, { signal: new AbortController().signal });
      const answer = await client.complete(id);
      assert.deepEqual([answer.status, answer.code], [413, 'original_too_large']);
      assert.deepEqual([answer.body.reason, answer.body.limit], ['too_large', MAX_BYTES]);
      await untouched(id, body);
    });

    it('says its reason when it is empty, or was changed behind the back', async () => {
      const put = (key: string, body: Buffer) =>
        side.originals.put(
          key,
          { body, contentType: 'image/jpeg', cacheControl: undefined, metadata: {} },
          { signal: new AbortController().signal },
        );
      await put('product/empty.jpg', Buffer.alloc(0));
      assert.equal((await client.complete('product/empty.jpg')).body.reason, 'empty');
      const { given } = await upload(jpeg, 'image/jpeg');
      await put(given.key, png);
      assert.equal((await client.complete(given.imageId)).body.reason, 'changed');
    });

    const noTicket: [what: string, ask: object, facts: object, message: RegExp][] = [
      [
        'HTML',
        { contentType: 'text/html' },
        { reason: 'unsupported_type', accepted: ACCEPTED, found: 'text/html' },
        /contentType: expected image\/jpeg, image\/png, image\/webp, image\/avif, image\/gif, image\/heic, .* or image\/x-icon/,
      ],
      [
        'SVG',
        { contentType: 'IMAGE/SVG+XML' },
        { reason: 'unsupported_type', accepted: ACCEPTED, found: 'image/svg+xml' },
        /contentType: /,
      ],
      ['an object’s own words', { contentType: 'constructor' }, { reason: 'unsupported_type' }, /contentType: /],
      ['an empty file', { size: 0 }, { reason: 'empty' }, /size: /],
      ['too many bytes', { size: MAX_BYTES + 1 }, { reason: 'too_large', limit: MAX_BYTES }, /size: expected at most/],
    ];
    for (const [what, ask, facts, message] of noTicket) {
      it(`gets no ticket for ${what}, and the reason`, async () => {
        const answer = await client.post('/v1/images/upload-url', {
          ...{ filename: 'a.jpg', contentType: 'image/jpeg', size: 100, ...ask },
        });
        assert.deepEqual([answer.status, answer.code, answer.body.error], [400, 'bad_request', 'bad_request']);
        assert.partialDeepStrictEqual(answer.body, facts);
        assert.match(answer.body.message, message);
      });
    }

    it('leaves the bodies of refused image requests as they were', async () => {
      const given = await client.offer(jpeg.subarray(1));
      await client.put(given, jpeg.subarray(1));
      const shown = await fetch(given.urls.thumb ?? '');
      assert.equal(shown.status, 422);
      assert.deepEqual(Object.keys((await shown.json()) as object), ['error', 'message', 'requestId']);
      const tooWide = await picture.clone().resize(401, 300).jpeg().toBuffer();
      const wide = await client.offer(tooWide);
      await client.put(wide, tooWide);
      const refused = await fetch(wide.urls.thumb ?? '');
      assert.deepEqual([refused.status, refused.headers.get('x-error')], [413, 'original_too_large']);
      assert.deepEqual(Object.keys((await refused.json()) as object), ['error', 'message', 'requestId']);
    });
  });
}

contentConformance('a folder', folderSide);
contentConformance('an S3 bucket', bucketSide, s3Skip);
