import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import { recordKey } from '../../src/renditions/keys.ts';
import { startApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

const TOKEN = 'a-token-of-the-tests';
const coffee = readFileSync(new URL('../../samples/coffee.jpg', import.meta.url));
const photo = await sharp(coffee)
  .withExif({
    IFD0: { Make: 'Nikon', Model: 'NIKON D40' },
    IFD2: { DateTimeOriginal: '2026:05:01 12:30:05' },
    IFD3: { GPSLatitudeRef: 'N' },
  })
  .jpeg()
  .toBuffer();

async function start(context: TestContext, files: Record<string, Buffer>, records: Record<string, Buffer> = {}) {
  const originals = createMemoryStore(files);
  const results = createMemoryStore(records);
  const app = await startApp({
    ...{ originals: originals.store, deletable: originals.store, results: results.store, apiToken: TOKEN },
  });
  context.after(() => app.dispose());
  // biome-ignore lint/suspicious/noExplicitAny: the tests check the answers field by field
  const ask = async (path: string, body?: unknown): Promise<any> => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    return (await app.get(path, { method: 'POST', headers, ...(body ? { body: JSON.stringify(body) } : {}) })).json();
  };
  const meta = async (ids: string[], more: object = {}) => (await ask('/v1/images/meta', { ids, ...more })).images;
  const record = (id: string) => JSON.parse(results.objects.get(recordKey(id))?.body.toString() ?? 'null');
  return { app, originals, results, ask, meta, record };
}

describe('the photo report', () => {
  it('is in the answers of complete and meta, the same, and in the record', async (context) => {
    const { app, ask, meta, record } = await start(context, { 'product/a.jpg': photo });
    const completed = await ask('/v1/images/product%2Fa.jpg/complete');
    const { report } = completed;
    assert.deepEqual(Object.keys(report).sort(), [
      ...['border', 'bytes', 'contrast', 'drawn', 'exposure', 'hash', 'hints'],
      ...['largestPreset', 'sharpness', 'transparent', 'version'],
    ]);
    assert.deepEqual([report.bytes, report.drawn, report.transparent], [photo.length, false, false]);
    assert.equal(report.largestPreset.preset, 'retina');
    assert.equal(report.largestPreset.filled, Math.round((100 * completed.width) / 2400) / 100);
    assert.deepEqual(report.hints, report.largestPreset.filled < 0.5 ? ['small'] : []);
    const [told] = await meta(['product/a.jpg']);
    assert.deepEqual(told.report, report);
    await app.saves.drain(60_000);
    const { hints, largestPreset, ...recorded } = report;
    assert.deepEqual(record('product/a.jpg').picture.report, recorded);
  });

  it('tells capture time and camera only where it is asked to, and keeps them nowhere', async (context) => {
    const { app, ask, meta, results } = await start(context, { 'a.jpg': photo, 'b.jpg': photo });
    const exif = { capturedAt: '2026-05-01T12:30:05', camera: 'NIKON D40' };
    assert.ok(!JSON.stringify([await ask('/v1/images/a.jpg/complete'), await meta(['a.jpg'])]).includes('NIKON'));
    assert.deepEqual((await ask('/v1/images/b.jpg/complete?exif=true')).exif, exif);
    const asked = await meta(['a.jpg', 'b.jpg', 'missing.jpg'], { exif: true });
    assert.deepEqual(
      asked.slice(0, 2).map((each: { exif: object }) => each.exif),
      [exif, exif],
    );
    assert.equal(asked[2].error, 'original_not_found');
    assert.equal((await ask('/v1/images/b.jpg/complete?exif=yes')).error, 'bad_request');
    await app.saves.drain(60_000);
    for (const { body } of results.objects.values()) assert.ok(!body.includes('NIKON') && !body.includes('12:30:05'));
  });

  it('is made anew for records of earlier versions; where it cannot be, what they hold is told', async (context) => {
    const first = await start(context, { 'a.jpg': photo });
    const [{ report }] = await first.meta(['a.jpg']);
    await first.app.saves.drain(60_000);
    const known = first.record('a.jpg');
    const { report: _, ...older } = known.picture;
    for (const picture of [older, { ...older, report: { version: 0, sharpness: 'much' } }]) {
      const records = { [recordKey('a.jpg')]: Buffer.from(JSON.stringify({ ...known, picture, later: 7 })) };
      const second = await start(context, { 'a.jpg': photo }, records);
      assert.deepEqual((await second.meta(['a.jpg']))[0].report, report);
      assert.deepEqual((await second.meta(['a.jpg']))[0].report, report);
      assert.equal(second.originals.count('get'), 1);
      await second.app.saves.drain(60_000);
      const { later, picture: kept } = second.record('a.jpg');
      assert.deepEqual([later, kept.report.hash], [7, report.hash]);
    }
    const gone = await start(
      context,
      {},
      { [recordKey('a.jpg')]: Buffer.from(JSON.stringify({ ...known, picture: older })) },
    );
    const [told] = await gone.meta(['a.jpg']);
    assert.deepEqual([told.width, told.thumbhash, told.report], [older.width, older.thumbhash, undefined]);
  });
});

describe('an image that meta cannot read', () => {
  it('carries the reason that complete gives', async (context) => {
    const half = photo.subarray(0, photo.length / 2);
    const wide = await sharp({ create: { width: 70_000, height: 1, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    const files = {
      ...{ 'html.jpg': Buffer.from('<html>'), 'empty.jpg': Buffer.alloc(0), 'half.jpg': half, 'wide.png': wide },
      ...{ 'paper.jpg': Buffer.from('%PDF-1.7 and more of it', 'latin1') },
    };
    const { ask, meta } = await start(context, files);
    const images = await meta(Object.keys(files));
    const reasons = images.map(({ reason, part }: { reason: string; part?: string }) => [reason, part]);
    assert.deepEqual(reasons, [
      ['unsupported_type', undefined],
      ['empty', undefined],
      ['broken', 'end'],
      ['side_too_long', undefined],
      ['unsupported_type', undefined],
    ]);
    assert.equal(images[3].limit, 65_535);
    for (const [at, id] of Object.keys(files).entries()) {
      const { reason } = await ask(`/v1/images/${id}/complete`);
      assert.equal(reason, images[at].reason, id);
      assert.ok(!/quarantine|stays/.test(images[at].message), images[at].message);
    }
  });
});
