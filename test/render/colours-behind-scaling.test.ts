import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { readHeader } from '../../src/render/formats/header.ts';
import { tiffAround } from '../../src/render/formats/rows-tiff.ts';
import type { OriginalSource } from '../../src/render/picture-source.ts';
import { convertsLate, toSrgb } from '../../src/render/stages/colour.ts';
import { openPixels, openSource, scaledPixels } from '../../src/render/stages/decode.ts';
import { doubtfulProfiles, OTHER_COLOURS } from '../helpers/profiled.ts';

const LIMITS = { maxPixels: 1e8, maxFrames: 1, timeoutSeconds: 20 };
const [WIDTH, HEIGHT] = [960, 720];
const PATCH_PX = 60;
const SIZE = { width: WIDTH / 3, height: HEIGHT / 3 };

/** Patches of all colours, with a fine texture in the lower half, under this profile. */
async function jpegWith(icc: Buffer): Promise<OriginalSource> {
  const at = 1024 + icc.length;
  const memory = new ArrayBuffer(at + WIDTH * HEIGHT * 3);
  const pixels = new Uint8Array(memory, at);
  for (let y = 0; y < HEIGHT; y += 1)
    for (let x = 0; x < WIDTH; x += 1) {
      const patch = 16 * Math.floor(y / PATCH_PX) + Math.floor(x / PATCH_PX);
      const grain = y < HEIGHT / 2 ? 0 : 12 * (((x * 7 + y * 13) % 5) - 2);
      const levels = [patch % 6, Math.floor(patch / 6) % 6, Math.floor(patch / 36)].map(
        (step) => 30 + 38 * step + grain,
      );
      for (const [channel, level] of levels.entries())
        pixels[3 * (y * WIDTH + x) + channel] = Math.max(0, Math.min(255, level));
    }
  const tiff = tiffAround({ memory, at, width: WIDTH, height: HEIGHT, channels: 3, icc, orientation: 1 });
  const body = await sharp(tiff).keepIccProfile().jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
  return { kind: 'original', body, header: await readHeader(sharp, body, LIMITS) };
}

const early = async (source: OriginalSource) =>
  toSrgb(openSource(sharp, source, LIMITS).resize({ ...SIZE, fit: 'fill' }), source.header)
    .raw()
    .toBuffer();

describe('colours that are converted behind scaling', () => {
  for (const [name, icc] of Object.entries(OTHER_COLOURS))
    it(`are those of all pixels converted before: ${name}`, async () => {
      const source = await jpegWith(icc);
      assert.ok(convertsLate(source.header, SIZE));
      const late = await scaledPixels(sharp, source, SIZE, LIMITS);
      const expected = await early(source);
      const mean = late.data.reduce((sum, level, at) => sum + Math.abs(level - expected[at]!), 0) / expected.length;
      assert.ok(mean <= 1, `${mean} levels apart in the mean`);
      const bare = await openPixels(sharp, late).png().toBuffer();
      assert.equal((await sharp(bare).metadata()).icc, undefined);
      for (let y = 10; y < SIZE.height / 2; y += PATCH_PX / 3)
        for (let x = 10; x < SIZE.width; x += PATCH_PX / 3)
          for (let channel = 0; channel < 3; channel += 1) {
            const at = 3 * (y * SIZE.width + x) + channel;
            const apart = Math.abs(late.data[at]! - expected[at]!);
            assert.ok(apart <= 2, `${apart} levels apart in a patch at ${x}, ${y}`);
          }
    });

  it('are none of linear light, of tables, or of what is hardly scaled', async () => {
    for (const name of ['linear light', 'a table of colours']) {
      const { header } = await jpegWith(doubtfulProfiles()[name]!);
      assert.equal(convertsLate(header, SIZE), false, name);
    }
    const { header } = await jpegWith(OTHER_COLOURS['Adobe RGB']!);
    assert.equal(convertsLate(header, { width: WIDTH - 100, height: HEIGHT - 75 }), false);
  });
});
