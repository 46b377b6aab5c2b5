import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import sharp from 'sharp';
import { type FileMetadata, plainJpegHeader } from '../../../../src/render/formats/jpeg/plain-header.ts';

const FIELDS = ['format', 'width', 'height', 'autoOrient', 'orientation', 'space', 'channels', 'depth'] as const;
const MORE = ['hasAlpha', 'isProgressive', 'icc', 'exif', 'pages'] as const;

const told = (header: FileMetadata) => Object.fromEntries([...FIELDS, ...MORE].map((field) => [field, header[field]]));
const bySharp = (file: Buffer) =>
  sharp(file, { limitInputPixels: false })
    .metadata()
    .catch(() => undefined);

/** What sharp says must be what is told; `left` to sharp is told as undefined. */
async function assertSame(file: Buffer, what: string): Promise<'same' | 'left'> {
  const [plain, said] = [plainJpegHeader(file), await bySharp(file)];
  if (!plain) return 'left';
  assert.ok(said, `${what}: sharp refuses it`);
  assert.deepEqual(told(plain), told(said), what);
  return 'same';
}

const sample = (name: string) => readFileSync(new URL(`../../../../samples/${name}`, import.meta.url));
const picture = sharp({ create: { width: 40, height: 24, channels: 3, background: '#a63' } });
const plain = await picture.clone().jpeg().toBuffer();

type Entry = readonly [tag: number, type: number, count: number, value: number];
/** EXIF's first directory, 8 bytes into its TIFF or later. */
function exifOf(order: 'II' | 'MM', entries: readonly Entry[], directory = 8): Buffer {
  const tiff = Buffer.alloc(directory + 6 + 12 * entries.length);
  const short = (value: number, at: number) =>
    order === 'II' ? tiff.writeUInt16LE(value, at) : tiff.writeUInt16BE(value, at);
  const long = (value: number, at: number) =>
    order === 'II' ? tiff.writeUInt32LE(value, at) : tiff.writeUInt32BE(value, at);
  tiff.write(order, 'latin1');
  short(42, 2);
  long(directory, 4);
  short(entries.length, directory);
  for (const [n, [tag, type, count, value]] of entries.entries()) {
    const at = directory + 2 + 12 * n;
    short(tag, at);
    short(type, at + 2);
    long(count, at + 4);
    if (type === 3) short(value, at + 8);
    else long(value, at + 8);
  }
  return Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
}

/** With this segment behind the start marker. */
function withSegment(marker: number, body: Buffer, file: Buffer = plain): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([file.subarray(0, 2), head, body, file.subarray(2)]);
}

test('a plain header', async (t) => {
  await t.test('is told as sharp tells it: of photos, with a profile, and turned in each way', async () => {
    for (const name of ['astronaut.jpg', 'coffee.jpg', 'turned.jpg', 'wide-gamut.jpg'])
      assert.equal(await assertSame(sample(name), name), 'same');
    for (let orientation = 1; orientation <= 8; orientation += 1) {
      const bySharp = await picture.clone().withMetadata({ orientation }).jpeg().toBuffer();
      assert.equal(await assertSame(bySharp, `orientation ${orientation}`), 'same');
      for (const order of ['II', 'MM'] as const) {
        const file = withSegment(0xe1, exifOf(order, [[0x0112, 3, 1, orientation]], orientation * 8));
        assert.equal(await assertSame(file, `${order} ${orientation}`), 'same');
      }
    }
    const samplings = ['4:4:4', '4:2:0'];
    for (const chromaSubsampling of samplings)
      assert.equal(
        await assertSame(await picture.clone().jpeg({ chromaSubsampling }).toBuffer(), chromaSubsampling),
        'same',
      );
    assert.equal(await assertSame(withSegment(0xe1, exifOf('MM', [])), 'no entries'), 'same');
  });

  await t.test('is left to sharp where it may be read in two ways', async () => {
    const turned: Entry = [0x0112, 3, 1, 6];
    const odd: Record<string, Buffer> = {
      progressive: await picture.clone().jpeg({ progressive: true }).toBuffer(),
      grey: await picture.clone().toColourspace('b-w').jpeg().toBuffer(),
      cmyk: await picture.clone().toColourspace('cmyk').jpeg().toBuffer(),
      adobe: withSegment(0xee, Buffer.from('Adobe\0\x64\0\0\0\0\0', 'latin1')),
      'two orientations': withSegment(0xe1, exifOf('II', [turned, [0x0112, 3, 1, 3]])),
      'a long orientation': withSegment(0xe1, exifOf('II', [[0x0112, 4, 1, 6]])),
      'two values': withSegment(0xe1, exifOf('MM', [[0x0112, 3, 2, 6]])),
      'orientation 9': withSegment(0xe1, exifOf('MM', [[0x0112, 3, 1, 9]])),
      'orientation 0': withSegment(0xe1, exifOf('MM', [[0x0112, 3, 1, 0]])),
      'two EXIF segments': withSegment(0xe1, exifOf('II', [turned]), withSegment(0xe1, exifOf('II', []))),
      'a directory outside': withSegment(0xe1, exifOf('II', [turned]).fill(0xf0, 10, 12)),
      'half a profile': withSegment(0xe2, Buffer.from('ICC_PROFILE\0\x01\x02half', 'latin1')),
      'another JFIF': withSegment(0xe0, Buffer.from('JFIF\0\x02\x01\0\0\x01\0\x01\0\0', 'latin1')),
      'fill bytes': Buffer.concat([plain.subarray(0, 2), Buffer.from([0xff]), plain.subarray(2)]),
      'cut short': plain.subarray(0, 100),
      'another format': sample('chelsea.png'),
      empty: Buffer.alloc(0),
    };
    for (const [what, file] of Object.entries(odd)) assert.equal(plainJpegHeader(file), undefined, what);
  });

  await t.test('is never told otherwise than by sharp, whatever bytes of it are changed', async () => {
    const { data } = await picture
      .clone()
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer({ resolveWithObject: true });
    const outcomes = { same: 0, left: 0 };
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let n = 0; n < 800; n += 1) {
      const file = Buffer.from(data);
      const at = 2 + random(data.length - 2);
      file[at] = random(4) === 0 ? random(256) : (file[at] ?? 0) ^ (1 << random(8));
      outcomes[await assertSame(file, `byte ${at} is ${file[at]}`)] += 1;
    }
    assert.ok(outcomes.same > 200 && outcomes.left > 100, JSON.stringify(outcomes));
  });
});
