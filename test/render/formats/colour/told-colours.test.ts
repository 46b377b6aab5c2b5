import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { DarkroomError } from '../../../../src/errors.ts';
import { boxBytes, u8 } from '../../../../src/render/formats/box-writer.ts';
import { itemsOf } from '../../../../src/render/formats/colour/avif/boxes.ts';
import { withProperties } from '../../../../src/render/formats/colour/avif/with-properties.ts';
import { toldColours } from '../../../../src/render/formats/colour/told-colours.ts';
import { createRenderer } from '../../../../src/render/render.ts';
import { DISPLAY_P3, iccProfile } from '../../../helpers/icc.ts';
import { pixelsOf, render } from '../../../helpers/pictures.ts';
import {
  avif,
  cicp,
  gama,
  iccp,
  P3_CHRM,
  pngs,
  SRGB,
  toldKinds,
  u32,
  withChunks,
  withoutNclx,
  withSplitAssociations,
} from '../../../helpers/told-colours.ts';

const { rgb, grey } = await pngs();
const profile = iccProfile(DISPLAY_P3);
const shown = async (file: Buffer) => (await pixelsOf((await render(file, { output: 'png' })).body)).data;
const renderer = createRenderer({ maxPixels: 1_000_000, maxFrames: 10, timeoutSeconds: 20 });

describe('what a file says of its colours', () => {
  it('counts by the precedence of PNG’s third edition', async () => {
    const [asIs, byProfile, byCicp, linear] = await Promise.all(
      [[], [iccp(profile)], [cicp(9, 13)], [gama(1)]].map((chunks) => shown(withChunks(rgb, ...chunks))),
    );
    const same = async (expected: Buffer | undefined, ...chunks: Parameters<typeof withChunks>[1][]) =>
      assert.ok((await shown(withChunks(rgb, ...chunks))).equals(expected ?? Buffer.alloc(0)), String(chunks));
    await same(byCicp, iccp(profile), cicp(9, 13));
    await same(byCicp, SRGB, gama(1), cicp(9, 13));
    await same(asIs, iccp(profile), cicp(1, 13));
    await same(byProfile, iccp(profile), SRGB, gama(1), P3_CHRM);
    await same(asIs, SRGB, gama(1), P3_CHRM);
    await same(linear, cicp(12, 13, 1), gama(1));
    await same(linear, ['cICP', Buffer.from([12, 13, 0])], gama(1));
    // Chunks whose checksums are wrong are not there.
    const broken = withChunks(rgb, iccp(profile), gama(1));
    const at = broken.indexOf('iCCP');
    broken[at + 20] = (broken[at + 20] ?? 0) ^ 0xff;
    assert.ok((await shown(broken)).equals(linear ?? Buffer.alloc(0)));
  });

  it('stretches a cICP of limited range, by the PNG specification', async () => {
    const { at } = await pixelsOf((await render(withChunks(rgb, cicp(1, 13, 0, 0)), { output: 'png' })).body);
    // Greys 10, 110 and 215 of the picture.
    assert.deepEqual([at(36, 36)[0], at(108, 36)[0], at(180, 36)[0]], [0, 109, 232]);
  });

  it('is told by profiles alone to what reads it: no chunk or box of it is left in renditions', async () => {
    for (const { name, file } of await toldKinds()) {
      if (!/cICP P|p3|hlg/.test(name)) continue;
      for (const gamut of ['srgb', 'p3'] as const) {
        const { body } = await render(file, { output: 'png', gamut });
        for (const type of ['cICP', 'gAMA', 'cHRM']) assert.ok(!body.includes(type), `${name} ${type}`);
        const { icc } = await sharp(body).metadata();
        assert.equal(icc !== undefined, gamut === 'p3' && /P3|p3|hlg|PQ(?!, grey|, deep)/.test(name), name);
      }
    }
  });
});

describe('the alpha of an AVIF', () => {
  const [quarter, half, back] = [1, 2, 3].map((turns) => boxBytes('irot', u8(turns))) as [Buffer, Buffer, Buffer];
  const [upsideDown, mirrored] = [0, 1].map((axis) => boxBytes('imir', u8(axis))) as [Buffer, Buffer];

  /** The file with these transforms, of its picture and, if `both`, of its alpha. */
  function turned(file: Buffer, transforms: readonly Buffer[], both: boolean): Buffer {
    const properties = transforms.map((_, n) => (itemsOf(file)?.properties.length ?? 0) + n);
    return (both ? ['picture', 'alpha'] : ['picture']).reduce((before, part) => {
      const items = itemsOf(before);
      const alpha = items?.references.find(({ type }) => type === 'auxl')?.from ?? 0;
      const item = part === 'alpha' ? alpha : (items?.primary ?? 0);
      const boxes = part === 'alpha' ? [] : transforms;
      const after = items && withProperties(before, items, { item, properties, essential: true }, ...boxes);
      assert.ok(after);
      return after;
    }, file);
  }

  it('is turned as the picture is, whether or not its item says so', async () => {
    const upright = await shown(avif('alpha'));
    for (const transforms of [[quarter], [half], [back], [upsideDown], [mirrored], [quarter, mirrored]]) {
      const expected = await shown(turned(avif('alpha'), transforms, true));
      assert.ok(!expected.equals(upright));
      for (const file of [avif('alpha'), withSplitAssociations(avif('alpha'))])
        assert.ok((await shown(turned(file, transforms, false))).equals(expected), String(transforms));
    }
  });

  it('is turned once, and as it says itself where it says something', () => {
    const both = turned(avif('alpha'), [mirrored], true);
    assert.equal(toldColours(both).body, both);
  });
});

describe('files that tell nothing', () => {
  it('are handed on as they are, the very same bytes: JPEG, WebP, GIF, PNG and AVIF in sRGB', async () => {
    const image = sharp(rgb);
    const files = await Promise.all([
      ...(['jpeg', 'webp', 'gif', 'png', 'avif'] as const).map((format) => image.clone().toFormat(format).toBuffer()),
      image.clone().jpeg({ progressive: true }).toBuffer(),
      image.clone().greyscale().jpeg().toBuffer(),
      image.clone().withIccProfile('p3').jpeg().toBuffer(),
    ]);
    for (const file of [...files, grey, avif('full'), withoutNclx(avif('full'))])
      assert.equal((await renderer.examine(file)).body, file);
  });
});

describe('broken files', () => {
  /** A render, or an answer that says that the file is at fault. */
  const answered = async (file: Buffer) => {
    await render(file, { output: 'webp', width: 20 }).catch((error: unknown) => {
      assert.ok(error instanceof DarkroomError && error.status < 500, String(error));
    });
  };

  it('are read without a fault, cut or changed anywhere', async () => {
    const files = ['p3-grid', 'pq', 'alpha-premultiplied', 'grey-limited'].map(avif);
    files.push(withChunks(rgb, cicp(9, 16), gama(1), ['cLLI', u32(1, 2)]));
    for (const [n, file] of files.entries()) {
      for (let at = 0; at < Math.min(file.length, 450); at += 1 + (n % 2)) {
        toldColours(file.subarray(0, at));
        for (const value of [0xff, (file[at] ?? 0) ^ 1]) {
          const changed = Buffer.from(file);
          changed[at] = value;
          toldColours(changed);
          if ((at + n) % 32 === 0 && value === 0xff) await answered(changed);
        }
      }
    }
  });

  it('take no long time: boxes and chunks that are many, or say that they hold more than they do', async () => {
    const file = avif('alpha-premultiplied');
    const iref = file.indexOf('iref');
    const claims = Buffer.from('0000000c6175786c0001ffff', 'hex');
    const many = Buffer.concat(Array.from({ length: 80_000 }, () => claims));
    const meta = file.indexOf('meta');
    const grown = Buffer.concat([file.subarray(0, iref + 8), many, file.subarray(iref + 8)]);
    grown.writeUInt32BE(grown.readUInt32BE(meta - 4) + many.length, meta - 4);
    grown.writeUInt32BE(grown.readUInt32BE(iref - 4) + many.length, iref - 4);
    const boxes = Buffer.alloc(16_000_000);
    for (let at = 0; at < boxes.length; at += 8) boxes.write('\0\0\0\x08free', at, 'latin1');
    const chunks = Buffer.alloc(12_000_000);
    for (let at = 0; at < chunks.length; at += 12) chunks.write('\0\0\0\0tEXt', at, 'latin1');
    const before = process.cpuUsage();
    toldColours(grown);
    toldColours(Buffer.concat([file.subarray(0, file.readUInt32BE(0)), boxes]));
    toldColours(Buffer.concat([rgb.subarray(0, 33), chunks, rgb.subarray(33)]));
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 2_000_000, `${user + system} µs`);
  });
});
