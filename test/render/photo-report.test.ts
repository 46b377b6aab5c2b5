import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { type PHOTO_HINTS, withHints } from '../../src/api/meta/photo-hints.ts';
import { exifFacts } from '../../src/render/formats/exif-facts.ts';
import { createRenderer } from '../../src/render/render.ts';

const renderer = createRenderer({ maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 20 });
const LARGEST = { preset: 'retina', sidePx: 800 };

async function told(file: Buffer) {
  const picture = await renderer.describe(await renderer.examine(file), file.length);
  return withHints(picture, LARGEST).report ?? assert.fail('no report');
}
const sample = (name: string) => readFileSync(new URL(`../../samples/${name}`, import.meta.url));
const PHOTOS = ['coffee.jpg', 'astronaut.jpg', 'chelsea.png', 'rocket.webp'];

/** Bits in which two hashes differ. */
function distance(one: string, other: string): number {
  let [bits, count] = [BigInt(`0x${one}`) ^ BigInt(`0x${other}`), 0];
  for (; bits > 0n; bits >>= 1n) count += Number(bits & 1n);
  return count;
}
/** A photo, its pixels in memory, changed. */
async function changed(name: string, change: (image: Sharp, side: number) => Sharp): Promise<Buffer> {
  const { data, info } = await sharp(sample(name)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return change(sharp(data, { raw: { width, height, channels: 3 } }), Math.max(width, height))
    .jpeg({ quality: 85 })
    .toBuffer();
}
const cut = (image: Sharp, share: number, { width, height }: { width: number; height: number }) =>
  image.extract({
    left: Math.round(width * share),
    top: Math.round(height * share),
    width: Math.round(width * (1 - 2 * share)),
    height: Math.round(height * (1 - 2 * share)),
  });

describe('a photo report', () => {
  it('finds nothing to hint at in good photos', async () => {
    for (const name of PHOTOS) {
      const { hints, drawn, bytes, largestPreset, ...shares } = await told(sample(name));
      assert.deepEqual(hints, [], `${name}: ${JSON.stringify(shares)}`);
      assert.deepEqual([drawn, bytes], [false, sample(name).length]);
      assert.equal(largestPreset?.preset, 'retina');
    }
  });

  const FAULTS: [hint: (typeof PHOTO_HINTS)[number], change: (image: Sharp, side: number) => Sharp][] = [
    ['blurred', (image, side) => image.blur(side * 0.006)],
    ['dark', (image) => image.linear(0.16, 0)],
    ['bright', (image) => image.linear(3, 140)],
    ['low_contrast', (image) => image.linear(0.22, 110)],
    ['border', (image) => image.extend({ top: 90, bottom: 90, left: 90, right: 90, background: '#ffffff' })],
    ['border', (image) => image.extend({ top: 80, bottom: 80, background: '#000000' })],
    ['small', (image) => image.resize(320)],
  ];
  for (const [hint, change] of FAULTS) {
    it(`says ${hint}: ${change}`, async () => {
      for (const name of PHOTOS) {
        const { hints, ...report } = await told(await changed(name, change));
        assert.ok(hints.includes(hint), `${name}: ${JSON.stringify(report)}`);
      }
    });
  }

  it('says drawn, and nothing of blur or light then', async () => {
    const drawing = readFileSync(new URL('cases/12-red.png', import.meta.url));
    const { hints, drawn } = await told(drawing);
    assert.deepEqual([drawn, hints.filter((hint) => hint !== 'border')], [true, ['drawn']]);
  });

  it('says whether something is transparent, of an opaque alpha channel not', async () => {
    assert.equal((await told(sample('cutout.png'))).transparent, true);
    assert.equal((await told(await sharp(sample('coffee.jpg')).ensureAlpha().png().toBuffer())).transparent, false);
  });

  it('takes pictures of any size and shape', async () => {
    for (const [width, height] of [
      [1, 1],
      [3, 2],
      [1, 900],
      [900, 1],
      [17, 16],
    ] as const) {
      const report = await told(
        await sharp({ create: { width, height, channels: 3, background: '#336699' } })
          .png()
          .toBuffer(),
      );
      for (const share of [report.sharpness, report.exposure, report.contrast, report.border])
        assert.ok(share >= 0 && share <= 1, JSON.stringify(report));
      assert.match(report.hash, /^[0-9a-f]{16}$/);
    }
  });
});

describe('the perceptual hash', () => {
  it('stays within 4 bits of a picture that is encoded again or scaled, within 14 of one cropped by 2 %', async () => {
    for (const name of PHOTOS) {
      const { width, height } = await sharp(sample(name)).metadata();
      const { hash } = await told(sample(name));
      const to = async (file: Buffer) => distance(hash, (await told(file)).hash);
      const pixels = sharp(sample(name)).removeAlpha();
      assert.ok((await to(await pixels.clone().jpeg({ quality: 40 }).toBuffer())) <= 4, `${name} as a poor JPEG`);
      assert.ok((await to(await pixels.clone().webp({ quality: 50 }).toBuffer())) <= 4, `${name} as a WebP`);
      assert.ok((await to(await changed(name, (image) => image.resize(300)))) <= 4, `${name} at 300 px`);
      assert.ok(
        (await to(await changed(name, (image) => cut(image, 0.02, { width, height })))) <= 14,
        `${name} cropped`,
      );
    }
  });

  it('is far from those of other pictures', async () => {
    const hashes = await Promise.all(PHOTOS.map(async (name) => (await told(sample(name))).hash));
    for (const [at, one] of hashes.entries())
      for (const other of hashes.slice(at + 1)) assert.ok(distance(one, other) >= 18, `${one} ${other}`);
  });
});

describe('what a camera wrote', () => {
  const withExif = async (exif: Record<string, Record<string, string>>) =>
    (await sharp(await sharp(sample('coffee.jpg')).withExif(exif).jpeg().toBuffer()).metadata()).exif;

  it('is read: the time in its own zone, the model without its maker twice', async () => {
    const exif = await withExif({
      IFD0: { Make: 'Canon', Model: 'Canon EOS 30D' },
      IFD2: { DateTimeOriginal: '2026:05:01 12:30:05', OffsetTimeOriginal: '+02:00' },
    });
    assert.deepEqual(exifFacts(exif), { capturedAt: '2026-05-01T12:30:05+02:00', camera: 'Canon EOS 30D' });
    const phone = await withExif({ IFD0: { Make: 'Apple', Model: 'iPhone 6' } });
    assert.deepEqual(exifFacts(phone), { camera: 'Apple iPhone 6' });
  });

  it('is nothing where there is none, where it is broken, and never long', async () => {
    assert.deepEqual(exifFacts(undefined), {});
    for (const broken of ['', 'Exif\0\0', 'Exif\0\0MM\0*\xff\xff\xff\xff', 'nonsense'])
      assert.deepEqual(exifFacts(Buffer.from(broken, 'latin1')), {}, broken);
    const long = await withExif({ IFD0: { Make: 'x'.repeat(5000), Model: 'a\u0007b' } });
    assert.equal(exifFacts(long).camera?.length, 128);
  });
});
