import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { stripMetadata } from '../../src/render/formats/strip-metadata.ts';
import { letterF, pixelsOf, render, withProfile, withSegment } from '../helpers/pictures.ts';
import { cicp, gama, P3_CHRM, SRGB, SRGB_CHRM, withChunks } from '../helpers/told-colours.ts';

const SECRETS = [
  'Canon EOS Secret',
  'GPS-51.5',
  'Jane Photographer',
  'xmp:private',
  'iptc-byline',
  'a comment',
  'TAIL-OF-A-POLYGLOT',
];
const upright = sharp(letterF(240, 160), { raw: { width: 240, height: 160, channels: 3 } });

/** A JPEG that carries every kind of metadata that cameras and tools write. */
async function loaded(quality: number, blocks = 20): Promise<Buffer> {
  const exif = {
    IFD0: { Make: 'Canon EOS Secret', Artist: 'Jane Photographer', Copyright: '(c) 2026 Jane' },
    IFD2: { UserComment: 'a comment' },
    IFD3: { GPSProcessingMethod: 'GPS-51.5' },
  };
  let jpeg: Buffer = await upright.clone().withExif(exif).jpeg({ quality }).toBuffer();
  jpeg = withSegment(jpeg, 0xe1, Buffer.from('http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>xmp:private</x:xmpmeta>'));
  jpeg = withSegment(jpeg, 0xed, Buffer.from('Photoshop 3.0\x008BIM iptc-byline'));
  jpeg = withSegment(jpeg, 0xfe, Buffer.from('a comment'));
  for (let n = 0; n < blocks; n += 1) jpeg = withSegment(jpeg, 0xe1, Buffer.from(`Exif\0\0 GPS-51.5 number ${n}`));
  return Buffer.concat([jpeg, Buffer.from('TAIL-OF-A-POLYGLOT <script>')]);
}

function assertClean(file: Buffer, what: string): void {
  for (const secret of SECRETS) assert.ok(!file.includes(secret), `${what} holds ${secret}`);
}

describe('metadata', () => {
  it('is in no output, re-encoded or not', async () => {
    const original = await loaded(90);
    for (const secret of SECRETS) assert.ok(original.includes(secret), secret);
    for (const output of ['jpeg', 'webp', 'avif', 'png', 'base'] as const) {
      for (const width of [240, 100]) {
        const { body } = await render(original, { width, output });
        assertClean(body, `${output} at ${width}`);
        const { exif, xmp, iptc, icc, orientation } = await sharp(body).metadata();
        assert.deepEqual([exif, xmp, iptc, icc, orientation], [undefined, undefined, undefined, undefined, undefined]);
      }
    }
  });

  it('keeps copyright and creator on request, and nothing else', async () => {
    const original = await loaded(90, 0);
    for (const output of ['jpeg', 'webp', 'avif', 'png'] as const) {
      const { body } = await render(original, { width: 240, output, copyright: true });
      assert.ok(body.includes('(c) 2026 Jane') && body.includes('Jane Photographer'), output);
      for (const secret of SECRETS.filter((text) => text !== 'Jane Photographer'))
        assert.ok(!body.includes(secret), secret);
    }
    const bare = await upright.clone().jpeg().toBuffer();
    assert.equal(
      (await sharp((await render(bare, { width: 100, output: 'jpeg', copyright: true })).body).metadata()).exif,
      undefined,
    );
    const broken = withSegment(bare, 0xe1, Buffer.from('Exif\0\0MM\0*\xff\xff\xff\xff', 'latin1'));
    assert.equal((await render(broken, { width: 100, output: 'jpeg', copyright: true })).width, 100);
  });
});

describe('the original’s own pixels', () => {
  it('are kept, without metadata, where they weigh less than a new encoding', async () => {
    const original = await loaded(40);
    const { body, contentType, width } = await render(original, { width: 600, output: 'jpeg', quality: 90 });
    assert.deepEqual([contentType, width], ['image/jpeg', 240]);
    assertClean(body, 'kept jpeg');
    assert.deepEqual((await pixelsOf(body)).data, (await pixelsOf(original)).data);
    assert.ok(body.length < original.length);

    for (const format of ['png', 'webp'] as const) {
      const small = await upright
        .clone()
        .withExif({ IFD0: { Make: 'Canon EOS Secret' } })
        .toFormat(format, { quality: 30, effort: 6 })
        .toBuffer();
      const kept = await render(small, { width: 600, output: format, quality: 95 });
      assertClean(kept.body, format);
      assert.deepEqual((await pixelsOf(kept.body)).data, (await pixelsOf(small)).data);
      assert.ok(kept.body.length < small.length);
    }
  });

  it('are not kept when the recipe changes them, or when they weigh more', async () => {
    const small = await upright.clone().jpeg({ quality: 40 }).toBuffer();
    const large = await upright.clone().jpeg({ quality: 100 }).toBuffer();
    const kept = async (original: Buffer, recipe: object) => {
      const { body } = await render(original, { width: 600, output: 'jpeg', quality: 90, ...recipe });
      return (await pixelsOf(body)).data.equals((await pixelsOf(original)).data);
    };
    assert.equal(await kept(small, {}), true);
    assert.equal(await kept(large, { quality: 50 }), false);
    assert.equal((await render(small, { width: 100, output: 'jpeg' })).width, 100);
    assert.equal((await render(small, { width: 600, output: 'webp' })).contentType, 'image/webp');
    const turned = await upright.clone().withMetadata({ orientation: 3 }).jpeg({ quality: 40 }).toBuffer();
    assert.equal(await kept(turned, {}), false);
    const { icc } = await sharp(await upright.clone().withIccProfile('p3').jpeg().toBuffer()).metadata();
    const tagged = await render(withProfile(small, icc as Buffer), { width: 600, output: 'jpeg', quality: 90 });
    assert.equal((await sharp(tagged.body).metadata()).icc, undefined);
    assert.ok(!(await pixelsOf(tagged.body)).data.equals((await pixelsOf(small)).data));
  });
});

describe('what the colours of an original’s own pixels depend on', () => {
  it('stays: a JFIF header with a thumbnail loses just that, whatever its components are called', async () => {
    const bare = await upright.clone().jpeg({ quality: 40, chromaSubsampling: '4:4:4' }).toBuffer();
    const named = Buffer.from(bare);
    // Without JFIF's header decoders take components of these names for red, green and blue.
    const [frame, scan] = [named.indexOf(Buffer.from([0xff, 0xc0])), named.indexOf(Buffer.from([0xff, 0xda]))];
    for (const [n, name] of [...Buffer.from('RGB')].entries()) {
      named[frame + 10 + 3 * n] = name;
      named[scan + 5 + 2 * n] = name;
    }
    const jfif = Buffer.from('\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1');
    const own = named.indexOf('JFIF') < 0 ? named.subarray(2) : named.subarray(20);
    const withHeader = (header: Buffer) => Buffer.concat([named.subarray(0, 2), header, own]);
    const thumbnail = Buffer.concat([jfif, Buffer.alloc(3 * 4, 'TAIL')]);
    thumbnail.writeUInt16BE(thumbnail.length - 2, 2);
    thumbnail.set([2, 2], 16);
    const original = withHeader(thumbnail);
    assert.notDeepEqual((await pixelsOf(withHeader(Buffer.alloc(0)))).data, (await pixelsOf(original)).data);
    const { body } = await render(original, { width: 600, output: 'jpeg', quality: 95 });
    assert.ok(body.equals(withHeader(jfif)));
  });

  it('stays in a PNG: a gamma and primaries that are nearly sRGB’s', async () => {
    // Compressed harder than renditions are, so that its own pixels weigh less.
    const photo = sharp(new URL('../../samples/coffee.jpg', import.meta.url).pathname).resize(240, 160);
    const written = await photo.png({ compressionLevel: 9, adaptiveFiltering: true }).toBuffer();
    const noisy = stripMetadata(written, 'png') ?? assert.fail();
    const told = withChunks(noisy, gama(0.45455), SRGB_CHRM, ['tEXt', Buffer.from('Secret\0iptc-byline')]);
    const own = withChunks(noisy, gama(0.45455), SRGB_CHRM);
    assert.ok(stripMetadata(told, 'png', { keepColours: true })?.equals(own));
    // Pixels that were converted are sent where they weigh less.
    const { body } = await render(told, { width: 600, output: 'png' });
    assert.ok(body.equals(own) || (body.length < own.length && !body.includes('gAMA')));
    assert.ok(!body.includes('Secret'));
    // And nothing that says no more than that it is sRGB.
    for (const chunks of [[gama(0.45455)], [SRGB_CHRM], [SRGB, gama(0.45455), SRGB_CHRM], [cicp(1, 13)]])
      assert.ok((await render(withChunks(noisy, ...chunks), { width: 600, output: 'png' })).body.equals(noisy));
  });

  it('else the picture is encoded', async () => {
    const noisy = await upright.clone().png({ palette: true, colours: 8, dither: 1 }).toBuffer();
    for (const chunks of [
      [gama(1)],
      [gama(0.45455), P3_CHRM],
      [cicp(12, 13)],
      [cicp(9, 16), gama(0.45455), SRGB_CHRM],
    ]) {
      for (const output of ['png', 'webp'] as const) {
        const { body } = await render(withChunks(noisy, ...chunks), { width: 600, output });
        for (const type of ['gAMA', 'cHRM', 'cICP', 'iCCP', 'ICCP']) assert.ok(!body.includes(type), type);
        if (output === 'png') assert.notDeepEqual((await pixelsOf(body)).data, (await pixelsOf(noisy)).data);
      }
    }
  });
});

describe('stripMetadata', () => {
  it('gives undefined or a readable picture for files cut anywhere', async () => {
    for (const [format, name] of [
      ['jpeg', 'turned.jpg'],
      ['png', 'cutout.png'],
      ['webp', 'rocket.webp'],
    ] as const) {
      const file = readFileSync(new URL(`../../samples/${name}`, import.meta.url));
      assert.ok(stripMetadata(file, format), name);
      for (let share = 0; share < 100; share += 1) stripMetadata(file.subarray(0, (file.length * share) / 100), format);
      for (let at = 0; at < 2000; at += 7) {
        const flipped = Buffer.from(file);
        flipped[at] = flipped[at]! ^ 0xff;
        stripMetadata(flipped, format);
      }
    }
    assert.equal(stripMetadata(Buffer.alloc(0), 'jpeg'), undefined);
    assert.equal(stripMetadata(Buffer.from('whatever'), 'avif'), undefined);
  });

  it('keeps progressive JPEGs with all their scans, restart markers and Adobe’s marker', async () => {
    for (const options of [
      { progressive: true },
      { progressive: true, chromaSubsampling: '4:4:4', mozjpeg: true },
      { optimiseScans: true, progressive: true },
    ]) {
      const jpeg = await upright.clone().jpeg(options).toBuffer();
      const stripped = stripMetadata(jpeg, 'jpeg') ?? assert.fail();
      assert.deepEqual((await pixelsOf(stripped)).data, (await pixelsOf(jpeg)).data);
    }
    const cmyk = await upright.clone().toColourspace('cmyk').jpeg().toBuffer();
    assert.ok(stripMetadata(cmyk, 'jpeg')?.includes('Adobe'));
  });
});
