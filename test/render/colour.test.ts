import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { ADOBE_RGB, DISPLAY_P3, deltaE, fromSrgb, iccProfile, PROPHOTO, type Rgb } from '../helpers/icc.ts';
import { CELL, CHART, cellAt, chart, patch, pixelsOf, render, withProfile, withSegment } from '../helpers/pictures.ts';

const BEST = { quality: 100, chromaSubsampling: '4:4:4' };

/** Fails when any patch of the rendition is further than `limit` from the chart's own colour. */
async function assertChart(original: Buffer, limit: number, expected: Rgb[] = CHART): Promise<void> {
  const { body } = await render(original, { width: 120, output: 'png' });
  const picture = await pixelsOf(body);
  assert.equal((await sharp(body).metadata()).icc, undefined);
  const far = expected
    .map((colour, index) => ({ colour, found: patch(picture, ...cellAt(index, 120)) }))
    .map((row) => ({ ...row, distance: deltaE(row.found, row.colour) }))
    .filter(({ distance }) => distance > limit);
  assert.deepEqual(far, []);
}

describe('a colour chart comes out as sRGB, within ΔE 2', () => {
  for (const space of [ADOBE_RGB, PROPHOTO, DISPLAY_P3]) {
    const picture = chart((colour) => fromSrgb(colour, space));
    it(`from ${space.name}, JPEG`, async () => {
      await assertChart(withProfile(await picture.shallow().jpeg(BEST).toBuffer(), iccProfile(space)), 2);
    });
    it(`from ${space.name}, 16-bit PNG`, async () => {
      // The profile goes in through sharp's own file option, without any conversion of the numbers.
      const tagged = await pngWithProfile(await picture.deep().png().toBuffer(), iccProfile(space));
      assert.equal((await sharp(tagged).metadata()).depth, 'ushort');
      await assertChart(tagged, 2);
    });
    it(`from ${space.name}: reading it as sRGB would be noticed`, async () => {
      await assert.rejects(assertChart(await picture.shallow().jpeg(BEST).toBuffer(), 2));
    });
  }

  it('from linear light, 16-bit PNG: dark colours are not rounded to 8 bits before they are converted', async () => {
    const linear = { ...DISPLAY_P3, name: 'linear P3', gamma: 1 };
    const dark = CHART.map(([r, g, b], at): Rgb => (at % 2 === 0 ? [r, g, b] : [r / 8, g / 9, b / 10]));
    const picture = chart((colour) => fromSrgb(dark[CHART.indexOf(colour)]!, linear));
    await assertChart(await pngWithProfile(await picture.deep().png().toBuffer(), iccProfile(linear)), 1, dark);
    const rounded = await pngWithProfile(await picture.shallow().png().toBuffer(), iccProfile(linear));
    await assert.rejects(assertChart(rounded, 1, dark));
  });

  it('from sRGB without a profile: JPEG, PNG, WebP, AVIF, 16-bit PNG', async () => {
    const plain = chart();
    await assertChart(await plain.shallow().jpeg(BEST).toBuffer(), 2);
    await assertChart(await plain.shallow().png().toBuffer(), 1);
    await assertChart(await plain.shallow().webp({ quality: 100 }).toBuffer(), 3);
    await assertChart(await plain.shallow().avif({ quality: 95 }).toBuffer(), 3);
    await assertChart(await plain.deep().png().toBuffer(), 1);
  });

  it('from grey: 8-bit JPEG, 16-bit PNG', async () => {
    const greys = CHART.map(([r, g, b]) => Math.round((r + g + b) / 3));
    const expected = greys.map((grey): Rgb => [grey, grey, grey]);
    const picture = chart(([r, g, b]) => [Math.round((r + g + b) / 3) / 255]);
    await assertChart(await picture.shallow().greyscale().jpeg(BEST).toBuffer(), 2, expected);
    await assertChart(await picture.deep().png().toBuffer(), 2, expected);
  });
});

describe('print colours', () => {
  it('with their profile come out within ΔE 10, the chart’s own loss in print included', async () => {
    const cmyk = await chart().shallow().withIccProfile('cmyk').jpeg({ quality: 100 }).toBuffer();
    const { space, hasProfile } = await sharp(cmyk).metadata();
    assert.deepEqual([space, hasProfile], ['cmyk', true]);
    await assertChart(cmyk, 10);
  });

  it('without a profile come out as browsers show them: what ink and black let through', async () => {
    const cmyk = await chart().shallow().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    const { space, hasProfile } = await sharp(cmyk).metadata();
    assert.deepEqual([space, hasProfile], ['cmyk', false]);
    // libvips writes CMYK as Adobe does: inverted, with an APP14 marker that says so.
    assert.ok(cmyk.includes(Buffer.from('Adobe')));
    const inks = await sharp(cmyk).pipelineColourspace('cmyk').toColourspace('cmyk').raw().toBuffer();
    const expected = CHART.map((_, index): Rgb => {
      const [x, y] = cellAt(index, CELL * 4);
      const [cyan, magenta, yellow, black] = [...inks.subarray((y * CELL * 4 + x) * 4).subarray(0, 4)];
      return [cyan, magenta, yellow].map((ink) => ((255 - ink!) * (255 - black!)) / 255) as Rgb;
    });
    await assertChart(cmyk, 2, expected);
  });
});

describe('wide gamut', () => {
  // Display P3's own green is outside sRGB.
  const green = async () => {
    const data = Buffer.from(Array.from({ length: 64 * 64 }, () => [0, 255, 0]).flat());
    const jpeg = await sharp(data, { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg(BEST)
      .toBuffer();
    const { icc } = await sharp(await sharp(jpeg).withIccProfile('p3').jpeg().toBuffer()).metadata();
    return withProfile(jpeg, icc as Buffer);
  };

  it('is kept on request, and pixels and profile agree', async () => {
    for (const output of ['png', 'avif', 'webp', 'jpeg'] as const) {
      const { body } = await render(await green(), { width: 32, output, gamut: 'p3', quality: 95 });
      const [r, g, b] = patch(await pixelsOf(body), 16, 16);
      assert.ok(r! < 30 && g! > 245 && b! < 30, `${output} ${[r, g, b]}`);
      const { icc } = await sharp(body).metadata();
      assert.ok(icc?.includes(Buffer.from('P3')) || icc?.includes(Buffer.from('\0P\x003')), `${output} carries P3`);
    }
  });

  it('becomes sRGB otherwise', async () => {
    const { body } = await render(await green(), { width: 32 });
    assert.deepEqual(
      [patch(await pixelsOf(body), 16, 16), (await sharp(body).metadata()).icc],
      [[0, 255, 0], undefined],
    );
  });

  it('asks nothing of an sRGB original', async () => {
    const { body } = await render(await chart().shallow().png().toBuffer(), { width: 32, gamut: 'p3' });
    assert.equal((await sharp(body).metadata()).icc, undefined);
  });
});

describe('odd profiles', () => {
  it('that are broken do not refuse a photo', async () => {
    const jpeg = await chart().shallow().jpeg(BEST).toBuffer();
    await assertChart(
      withProfile(jpeg, Buffer.from('no profile at all, but long enough to be looked at: '.repeat(9))),
      2,
    );
    await assertChart(withSegment(jpeg, 0xe2, Buffer.from('ICC_PROFILE\0\u0002\u0003cut', 'latin1')), 2);
  });
});

/** Splices an iCCP chunk (W3C PNG, 11.3.2.3) behind the header. */
async function pngWithProfile(png: Buffer, icc: Buffer): Promise<Buffer> {
  const { crc32, deflateSync } = await import('node:zlib');
  const content = Buffer.concat([Buffer.from('iCCPtest\0\0', 'latin1'), deflateSync(icc)]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length - 4);
  crc.writeUInt32BE(crc32(content));
  return Buffer.concat([png.subarray(0, 33), length, content, crc, png.subarray(33)]);
}
