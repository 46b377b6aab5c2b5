import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../src/decoders/decoders.ts';
import { createRenderer } from '../../src/render/render.ts';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';
import { PLAIN } from '../helpers/pictures.ts';
import { cicp, PATCH, PATCHES, pngs, withChunks } from '../helpers/told-colours.ts';

const decoders = createDecoders({ threads: 1, idleMs: 10_000 });
after(() => decoders.close());
const renderer = createRenderer({ maxPixels: 1e8, maxFrames: 200, timeoutSeconds: 120 }, decoders);

/** The middle of each patch. */
async function shown(file: Buffer, recipe: object = {}): Promise<number[]> {
  const source = await renderer.examine(file);
  const { body } = await renderer.render(source, { ...PLAIN, ...recipe }, createStepTimer(), async () => []);
  const { data, info } = await sharp(body).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  return PATCHES.flatMap(({ left, top }) => {
    const at = ((top + PATCH / 2) * info.width + left + PATCH / 2) * info.channels;
    return [...data.subarray(at, at + 3)];
  });
}

describe('a JPEG XL in HDR is tone-mapped as a PNG of the same numbers is, which test/render/told-colours.test.ts compares with Chromium', () => {
  for (const [name, primaries, transfer, within] of [
    ['patches-pq', 9, 16, 1],
    ['patches-p3-pq', 12, 16, 1],
    ['patches-hlg', 9, 18, 1],
    // Its numbers are others by the coding.
    ['patches-hlg-lossy', 9, 18, 12],
    ['patches-grey-pq', 9, 16, 1],
  ] as const)
    for (const gamut of ['srgb', 'p3'] as const)
      it(`${name}, for ${gamut}`, async () => {
        const { rgb, grey } = await pngs();
        const png = withChunks(name.includes('grey') ? grey : rgb, cicp(primaries, transfer));
        const file = readFileSync(new URL(`files/${name}.jxl`, import.meta.url));
        const [expected, found] = [await shown(png, { gamut }), await shown(file, { gamut })];
        const worst = Math.max(...expected.map((level, n) => Math.abs(level - found[n]!)));
        assert.ok(worst <= within, `${worst} levels off`);
      });
});
