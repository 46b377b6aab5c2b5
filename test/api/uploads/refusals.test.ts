import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { refusalResponse } from '../../../src/api/schemas.ts';
import { fileTypeOf } from '../../../src/api/uploads/file-type.ts';
import { explainRefusal } from '../../../src/api/uploads/refusals.ts';
import { errors, REFUSAL_REASONS } from '../../../src/errors.ts';
import { SHARP_MEDIA_TYPES } from '../../../src/render/sharp.ts';
import { startApp, type TestAppOptions } from '../../helpers/app.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';

const noisy = sharp({
  create: {
    width: 200,
    height: 150,
    channels: 3,
    background: '#000',
    noise: { type: 'gaussian', mean: 128, sigma: 40 },
  },
});
/** What `complete` says of a file. */
async function completed(file: Buffer, options: Partial<TestAppOptions> = {}) {
  const { store, objects } = createMemoryStore({ 'product/a.jpg': file });
  const app = await startApp({ originals: store, deletable: store, apiToken: 'a-token-of-the-tests', ...options });
  try {
    const answer = await app.complete('product/a.jpg');
    const body = await answer.json();
    // What the OpenAPI document says, and nothing else.
    if (answer.status !== 200) refusalResponse.strict().parse(body);
    const { error, message, requestId, ...facts } = body as Record<string, unknown>;
    return { status: answer.status, error, message: String(message), facts, keys: [...objects.keys()] };
  } finally {
    await app.dispose();
  }
}

describe('a broken upload says what is broken', () => {
  for (const format of ['jpeg', 'png', 'webp', 'avif', 'gif'] as const) {
    it(`${format}: its end, wherever it was cut`, async () => {
      const whole = await noisy.clone().toFormat(format).toBuffer();
      assert.equal((await completed(whole)).status, 200);
      for (const part of [0.4, 0.8]) {
        const { status, facts, message } = await completed(whole.subarray(0, Math.floor(whole.length * part)));
        assert.deepEqual([status, facts], [422, { reason: 'broken', part: 'end', format, quarantined: true }]);
        assert.match(message, /not a picture that can be read: the end is missing/);
      }
    });
  }

  for (const format of ['png', 'webp', 'avif', 'gif'] as const) {
    it(`${format}: its pixels`, async () => {
      const body = await noisy.clone().toFormat(format).toBuffer();
      body.fill(0xff, Math.floor(body.length * 0.4), Math.floor(body.length * 0.6));
      const { facts } = await completed(body);
      assert.deepEqual(facts, { reason: 'broken', part: 'pixels', format, quarantined: true });
    });
  }

  for (const [format, at, bytes] of [
    ['png', 12, 40],
    ['webp', 12, 40],
  ] as const) {
    it(`${format}: its header`, async () => {
      const body = await noisy.clone().toFormat(format).toBuffer();
      body.fill(0, at, at + bytes);
      const { facts } = await completed(body);
      assert.deepEqual(facts, { reason: 'broken', part: 'header', format, quarantined: true });
    });
  }

  it('its end, where a check of the header finds that it stops too soon', async () => {
    const jpeg = await noisy.clone().jpeg({ progressive: true }).toBuffer();
    const cause = new Error('the JPEG ends before its last passes');
    const { refusal } = explainRefusal(
      errors.originalUnreadable('No picture.', cause),
      jpeg,
      'header',
      SHARP_MEDIA_TYPES,
    );
    assert.deepEqual(refusal, { reason: 'broken', part: 'end', format: 'jpeg', quarantined: true });
  });

  it('or that it is of a kind that is not decoded, which is not its fault', async () => {
    const avif = await noisy.clone().avif().toBuffer();
    const cause = new Error('heif: Unsupported feature: Unsupported codec (4.3000)');
    const { refusal } = explainRefusal(
      errors.originalUnreadable('No picture.', cause),
      avif,
      'pixels',
      SHARP_MEDIA_TYPES,
    );
    assert.deepEqual([refusal?.reason, refusal?.found], ['unsupported_type', 'image/avif']);
  });
});

describe('an upload over a limit says which', () => {
  const still = () => noisy.clone().png().toBuffer();
  const scans = async () => {
    const body = await noisy.clone().jpeg({ progressive: true }).toBuffer();
    const scan = body.indexOf(Buffer.from([0xff, 0xda]));
    const header = body.subarray(scan, scan + 2 + body.readUInt16BE(scan + 2));
    return Buffer.concat([body.subarray(0, scan), ...Array.from({ length: 101 }, () => header), body.subarray(scan)]);
  };
  const wide = () =>
    sharp({ create: { width: 65_536, height: 1, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
  const cases: [reason: string, limit: number, body: () => Promise<Buffer>, options: Partial<TestAppOptions>][] = [
    ['too_many_pixels', 29_999, still, { maxPixels: 29_999 }],
    ['side_too_long', 65_535, wide, {}],
    ['too_many_scans', 100, scans, {}],
  ];
  for (const [reason, limit, body, options] of cases) {
    it(reason, async () => {
      const { status, error, facts } = await completed(await body(), options);
      assert.deepEqual([status, error], [422, 'original_unreadable']);
      assert.deepEqual(facts, { reason, limit, quarantined: true });
    });
  }

  it('too_much_memory, of this server: it stays', async () => {
    const { status, error, facts, keys } = await completed(await still(), { workBytes: 1000 });
    assert.deepEqual([status, error, facts], [413, 'original_too_large', { reason: 'too_much_memory' }]);
    assert.deepEqual(keys, ['product/a.jpg']);
  });
});

it('every reason stands in docs/uploads.md', async () => {
  const page = await readFile(new URL('../../../docs/uploads.md', import.meta.url), 'utf8');
  for (const reason of REFUSAL_REASONS) assert.match(page, new RegExp(`^\\| .*\`${reason}\`.* \\|`, 'm'));
});

describe('the type of a file', () => {
  const latin1 = (text: string) => Buffer.from(text, 'latin1');
  const box = (...brands: string[]) =>
    Buffer.concat([
      Buffer.from([0, 0, 0, 12 + 4 * brands.length]),
      latin1(`ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`),
      Buffer.alloc(40),
    ]);
  const cases: [type: string | undefined, file: Buffer][] = [
    ['image/avif', box('avif')],
    ['image/avif', box('mif1', 'avif', 'miaf')],
    ['image/heic', box('heic', 'mif1', 'heic')],
    ['image/heic', box('mif1', 'mif1', 'heix')],
    ['image/heic', box('msf1', 'hevc')],
    ['image/heif', box('mif1', 'miaf')],
    ['video/quicktime', box('qt  ', 'qt  ')],
    ['video/mp4', box('isom', 'iso2', 'avc1')],
    ['image/tiff', latin1('II*\0\x08\0\0\0')],
    ['image/tiff', latin1('MM\0*\0\0\0\x08')],
    ['image/bmp', latin1('BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0')],
    ['image/jxl', latin1('\xff\x0a\xfa\x7f')],
    ['image/jxl', latin1('\0\0\0\x0cJXL \r\n\x87\n')],
    ['image/jp2', latin1('\0\0\0\x0cjP  \r\n\x87\n')],
    ['image/vnd.adobe.photoshop', latin1('8BPS\0\x01')],
    ['image/x-icon', latin1('\0\0\x01\0\x01\0')],
    ['image/svg+xml', latin1('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['image/svg+xml', Buffer.from('\ufeff<?xml version="1.0"?>\n<!-- made by hand -->\n<svg\nwidth="3"/>')],
    ['text/html', latin1('\n<!DOCTYPE html><svg >')],
    ['application/pdf', latin1('%PDF-1.7')],
    ['application/zip', latin1('PK\x03\x04')],
    [undefined, latin1('BMW for sale, hardly used')],
    [undefined, latin1('I like <svg >')],
    [undefined, latin1('\xff\xd8')],
    [undefined, Buffer.alloc(0)],
    [undefined, Buffer.alloc(3)],
  ];
  for (const [type, file] of cases)
    it(`is ${type} for ${JSON.stringify(file.toString('latin1', 0, 24))}`, () => assert.equal(fileTypeOf(file), type));

  for (const format of ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const)
    it(`is image/${format} for what sharp writes as ${format}`, async () =>
      assert.equal(fileTypeOf(await noisy.clone().toFormat(format).toBuffer()), `image/${format}`));
});
