import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { startApp, type TestApp } from '../../helpers/app.ts';
import { s3Skip } from '../../helpers/s3.ts';
import { bucketSide, folderSide, UPLOAD_TOKEN, type UploadSide, uploadClient } from '../../helpers/upload-sides.ts';

/** What is uploaded decides, not what its browser says of it; for both kinds of originals. */

const picture = sharp({ create: { width: 400, height: 300, channels: 3, background: '#3060c0' } });
const jpeg = await picture.clone().jpeg().toBuffer();
const png = await picture.clone().png().toBuffer();
const webp = await picture.clone().webp().toBuffer();
const avif = await picture.clone().avif().toBuffer();
const gif = await picture.clone().gif().toBuffer();
const MAX_PIXELS = 400 * 300;

function contentConformance(name: string, create: () => Promise<UploadSide>, skip: false | string = false): void {
  describe(`an upload to ${name}`, { skip }, () => {
    let side: UploadSide;
    let app: TestApp;
    let client: ReturnType<typeof uploadClient>;
    before(async () => {
      side = await create();
      app = await startApp({
        ...{ ...side.options, apiToken: UPLOAD_TOKEN, maxPixels: MAX_PIXELS },
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

    for (const contentType of ['text/html', 'IMAGE/SVG+XML', 'application/pdf', 'constructor']) {
      it(`gets no ticket for ${contentType}`, async () => {
        const answer = await client.post('/v1/images/upload-url', { filename: 'a.jpg', contentType, size: 100 });
        assert.deepEqual([answer.status, answer.code], [400, 'bad_request']);
        assert.match(answer.body.message, /contentType: expected image\/jpeg, .* or image\/gif/);
      });
    }
  });
}

contentConformance('a folder', folderSide);
contentConformance('an S3 bucket', bucketSide, s3Skip);
