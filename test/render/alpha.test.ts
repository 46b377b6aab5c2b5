import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createRenderer } from '../../src/render/render.ts';
import { pixelsOf, render } from '../helpers/pictures.ts';
import { avif, PATCH, PATCHES, withNclx, withOtherRange, withSplitAssociations } from '../helpers/told-colours.ts';

const middles = PATCHES.map(({ left, top }) => [left + PATCH / 2, top + PATCH / 2] as const);

async function patches(file: Buffer, recipe: Parameters<typeof render>[1] = {}): Promise<number[][]> {
  const { at, channels } = await pixelsOf((await render(file, { output: 'png', ...recipe })).body);
  assert.equal(channels, 4);
  return middles.map(([x, y]) => at(x, y));
}

const straight = await patches(avif('alpha'));
const stretched = (alpha: number) => Math.min(255, Math.max(0, ((alpha - 16) * 255) / 219));

/** Fails where a patch's colour or alpha is further than this from its own. Dividing by little alpha leaves few levels. */
function assertNear(found: number[][], expected: number[][], within: (alpha: number) => number): void {
  const far = found
    .map((pixel, n) => ({ n, pixel, wanted: expected[n] ?? [] }))
    .filter(({ pixel, wanted }) =>
      pixel.some((value, at) => Math.abs(value - (wanted[at] ?? 0)) > within(wanted[3] ?? 0)),
    );
  assert.deepEqual(far, []);
}
const byAlpha = (alpha: number) => 2 + 255 / alpha;

describe('alpha of an AVIF', () => {
  it('is divided out where colours were multiplied by it: 8 and 10 bits, sRGB and P3', async () => {
    assertNear(await patches(avif('alpha-premultiplied')), straight, byAlpha);
    const p3 = withNclx(avif('alpha'), { primaries: 12 });
    const [deep, inP3] = [avif('alpha-premultiplied-p3-10'), { gamut: 'p3' } as const];
    assertNear(await patches(deep), await patches(p3), byAlpha);
    assertNear(await patches(deep, inP3), await patches(p3, inP3), byAlpha);
    const raw = await pixelsOf(avif('alpha-premultiplied'));
    const first = middles.map(([x, y]) => raw.at(x, y));
    assert.throws(() => assertNear(first, straight, byAlpha), 'libvips alone would be far off');
  });

  it('is stretched where its stream, or a box of its own, says limited range; full range is left alone', async () => {
    const wanted = straight.map(([r, g, b, alpha = 0]) => [r ?? 0, g ?? 0, b ?? 0, stretched(alpha)]);
    assertNear(await patches(withOtherRange(avif('alpha'), 'alpha')), wanted, () => 1);
    assertNear(await patches(withSplitAssociations(withOtherRange(avif('alpha'), 'alpha'))), wanted, () => 1);
    const both = await patches(withOtherRange(avif('alpha-premultiplied'), 'alpha'));
    // Colours were multiplied by the alpha that is meant.
    assert.deepEqual(
      both.map((pixel) => pixel[3]),
      wanted.map((pixel) => Math.round(pixel[3] ?? 0)),
    );
    assert.deepEqual(
      straight.slice(0, 8).map((pixel) => pixel[3]),
      [40, 60, 90, 128, 160, 200, 230, 255],
    );
  });

  it('is right in smaller renditions, in shared decodes, on white, and in descriptions', async () => {
    const onWhite = { output: 'jpeg', quality: 100 } as const;
    for (const recipe of [{ width: 96 }, { width: 48, height: 48, fit: 'cover' }] as const) {
      const [a, b] = await Promise.all(
        ['alpha', 'alpha-premultiplied'].map(async (name) =>
          pixelsOf((await render(avif(name), { ...recipe, ...onWhite })).body),
        ),
      );
      const furthest = a?.data.reduce((most, value, n) => Math.max(most, Math.abs(value - (b?.data[n] ?? 0))), 0);
      assert.ok(furthest !== undefined && furthest <= 8, `${furthest} levels`);
    }
    const renderer = createRenderer({ maxPixels: 1_000_000, maxFrames: 10, timeoutSeconds: 20 });
    const [one, other] = await Promise.all(
      ['alpha', 'alpha-premultiplied'].map(async (name) =>
        renderer.describe(await renderer.examine(avif(name)), avif(name).length),
      ),
    );
    assert.equal(one?.dominantColor, other?.dominantColor);
    const original = await renderer.examine(avif('alpha-premultiplied'));
    const size = { width: 192, height: 72 };
    const header = { ...original.header, stored: size, coding: 'pixels' };
    const [shared] = await renderer.decodeDownscaled(original, [{ kind: 'pixels', decodedFrom: 'original', header }]);
    assert.equal(shared?.kind, 'pixels');
    const at = (x: number, y: number) => [...(shared.pixels.data.subarray((y * 192 + x) * 4).subarray(0, 4) ?? [])];
    assertNear(
      middles.map(([x, y]) => at(x, y)),
      straight,
      byAlpha,
    );
  });

  it('of other originals costs no second decode', async () => {
    const renderer = createRenderer({ maxPixels: 1_000_000, maxFrames: 10, timeoutSeconds: 20 });
    const png = await sharp(avif('alpha')).png().toBuffer();
    for (const file of [avif('alpha'), avif('p3'), avif('pq'), avif('grey-limited'), png]) {
      const { header } = await renderer.examine(file);
      assert.deepEqual([header.mend, header.coding.includes('mended')], [undefined, false]);
    }
    assert.equal((await renderer.examine(avif('alpha-premultiplied'))).header.coding, 'avif, mended');
  });
});
