/** HEIC through the renderer: upright, in its colours, with its alpha, and nothing beyond its limits. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../src/decoders/decoders.ts';
import { DarkroomError } from '../../src/errors.ts';
import type { Recipe } from '../../src/render/recipe.ts';
import { createRenderer } from '../../src/render/render.ts';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';
import { clap, codedIn, gridFile, heicFile, icc, imir, irot, nclx, TILE_PX } from '../helpers/heic-files.ts';
import { DISPLAY_P3, deltaE, iccProfile, type Rgb } from '../helpers/icc.ts';
import { PLAIN, patch, pixelsOf } from '../helpers/pictures.ts';
import { cicpProfile } from '../helpers/told-colours.ts';

const decoders = createDecoders({ threads: 2, idleMs: 60_000 });
after(() => decoders.close());
const limits = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 };
const renderer = createRenderer(limits, decoders);
const never = new AbortController().signal;

async function render(file: Buffer, recipe: Partial<Recipe> = {}) {
  const original = await renderer.examine(file);
  const own = recipe.width === undefined ? original.header.size : {};
  return renderer.render(original, { ...PLAIN, effort: 0, ...own, ...recipe }, createStepTimer(), async () => []);
}
const refusal = (file: Buffer, by = renderer) =>
  by.examine(file).then((original) => by.makeProxy(original, never).then(() => 'read', codeOf), codeOf);
const codeOf = (error: unknown) => (error instanceof DarkroomError ? error.code : String(error));

const quarters = gridFile({ columns: 2, rows: 2 });
const plain = await pixelsOf((await render(quarters)).body);
/** The colours of five places of the picture as it is stored, each a fraction of its sides. */
const PLACES = [
  [0.2, 0.2],
  [0.75, 0.15],
  [0.1, 0.8],
  [0.7, 0.65],
  [0.45, 0.5],
] as const;

async function assertShows(file: Buffer, place: (x: number, y: number) => readonly [number, number], what: string) {
  const shown = await pixelsOf((await render(file)).body);
  for (const [x, y] of PLACES) {
    const expected = patch(plain, Math.round(x * plain.width), Math.round(y * plain.height), 6);
    const [across, down] = place(x, y);
    const found = patch(shown, Math.round(across * shown.width), Math.round(down * shown.height), 6);
    assert.ok(deltaE(expected, found) < 2, `${what} at ${x}, ${y}: ${expected} ${found}`);
  }
}

describe('a HEIC', () => {
  it('of tiles has each tile in its place', async () => {
    for (const [n, [x, y]] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ].entries() as ArrayIterator<[number, [number, number]]>) {
      const own = await pixelsOf((await render(heicFile(`tile-${n}.heic`))).body);
      for (const [left, top] of [
        [60, 60],
        [450, 80],
        [256, 430],
      ] as const) {
        const found = patch(plain, x * TILE_PX + left, y * TILE_PX + top);
        assert.ok(deltaE(patch(own, left, top), found) < 1, `tile ${n}`);
      }
    }
  });

  it('is turned and mirrored as its container says, in the order in which that says it', async () => {
    const turnLeft = (x: number, y: number) => [y, 1 - x] as const;
    const across = (x: number, y: number) => [1 - x, y] as const;
    const down = (x: number, y: number) => [x, 1 - y] as const;
    const then =
      (...steps: (typeof across)[]) =>
      (x: number, y: number) =>
        steps.reduce<readonly [number, number]>(([a, b], step) => step(a, b), [x, y]);
    const turned = (steps: number) => then(...Array(steps).fill(turnLeft));
    for (const steps of [0, 1, 2, 3]) {
      for (const [properties, place] of [
        [[irot(steps)], turned(steps)],
        [[irot(steps), imir(1)], then(turned(steps), across)],
        [[imir(1), irot(steps)], then(across, turned(steps))],
        [[imir(0), irot(steps)], then(down, turned(steps))],
      ] as const)
        await assertShows(gridFile({ columns: 2, rows: 2, properties }), place, `${steps} ${properties.length}`);
    }
  });

  it('is cut as its container says, and then turned', async () => {
    // The middle 768 × 512 of 1024 × 1024.
    const cut = clap(768, 1, 512, 1, 0, 1, 0, 1);
    const { width, height } = await render(gridFile({ columns: 2, rows: 2, properties: [cut, irot(1)] }));
    assert.deepEqual([width, height], [512, 768]);
    const shown = await pixelsOf((await render(gridFile({ columns: 2, rows: 2, properties: [cut] }))).body);
    for (const [x, y] of [
      [100, 100],
      [600, 400],
    ] as const)
      assert.ok(deltaE(patch(plain, x + 128, y + 256), patch(shown, x, y)) < 2);
  });

  it('keeps the colours of its profile for wide presets, and is converted for the others', async () => {
    const wide = gridFile({ columns: 2, rows: 2, properties: [icc(iccProfile(DISPLAY_P3))] });
    const asSrgb = await pixelsOf((await render(wide)).body);
    const asP3 = await pixelsOf((await render(wide, { gamut: 'p3' })).body);
    const proxy = await renderer.makeProxy(await renderer.examine(wide), never);
    const recipe = { ...PLAIN, width: 512, height: 512, gamut: 'p3' } as const;
    const small = await pixelsOf((await renderer.render(proxy, recipe, createStepTimer(), async () => [])).body);
    assert.equal(proxy.header.hasProfile, true);
    for (const [x, y] of PLACES) {
      const at = [2 * Math.round(x * 512), 2 * Math.round(y * 512)] as const;
      const stored = patch(plain, ...at);
      // The same numbers mean more saturated colours in Display P3.
      assert.ok(deltaE(stored, patch(asP3, ...at)) < 6, `P3 ${stored} ${patch(asP3, ...at)}`);
      assert.ok(deltaE(patch(asP3, ...at, 6), patch(small, at[0] / 2, at[1] / 2)) < 5, 'by the proxy image');
    }
    const saturated = (colours: Rgb) => Math.max(...colours) - Math.min(...colours);
    const red = [Math.round(0.3 * 1024), Math.round(0.75 * 1024)] as const;
    assert.ok(saturated(patch(asSrgb, ...red)) > saturated(patch(plain, ...red)) + 5);
  });

  it('has the colours of its code points where it has no profile, of HDR too', async () => {
    const by = async (properties: Buffer[], gamut: Recipe['gamut'] = 'srgb') =>
      pixelsOf((await render(gridFile({ columns: 2, rows: 2, properties }), { gamut })).body);
    // Code points say by which matrix the tiles become RGB, beside a profile too.
    const [p3, both] = [[nclx(12, 13, 6)], [nclx(12, 13, 6), icc(iccProfile(DISPLAY_P3))]];
    const [told, profiled] = [await by(p3), await by(both)];
    const toldWide = await by(p3, 'p3');
    const [narrow, hdr] = [await by([nclx(1, 13, 6)]), await by([nclx(9, 16, 6)])];
    const inProfile = await by([nclx(1, 13, 6), icc(cicpProfile(16))]);
    for (const [x, y] of PLACES) {
      const at = [Math.round(x * 1024), Math.round(y * 1024)] as const;
      assert.ok(deltaE(patch(profiled, ...at), patch(told, ...at)) < 6, 'as with a profile of about these colours');
      assert.ok(deltaE(patch(narrow, ...at), patch(toldWide, ...at)) < 3, 'a rendition in P3 has its numbers');
      assert.ok(deltaE(patch(hdr, ...at), patch(narrow, ...at)) > 5, 'numbers of PQ are never sent raw');
      assert.ok(deltaE(patch(hdr, ...at), patch(inProfile, ...at)) < 3, 'nor where a profile tells of them');
    }
  });

  it('of other codings is read too: alpha, grey, 10 bits in 4:2:2, a first picture of several', async () => {
    const cutOut = await pixelsOf((await render(heicFile('alpha.heic'))).body);
    assert.equal(cutOut.channels, 4);
    assert.deepEqual([cutOut.at(2, 2)[3], cutOut.at(160, 120)[3]], [0, 255]);
    const photo = await pixelsOf((await render(heicFile('photo.heic'), { width: 320, height: 240 })).body);
    const deep = await pixelsOf((await render(heicFile('deep-422.heic'))).body);
    const grey = await pixelsOf((await render(heicFile('grey.heic'))).body);
    for (const [x, y] of [
      [60, 200],
      [160, 100],
      [250, 60],
    ] as const) {
      assert.ok(deltaE(patch(photo, x, y), patch(deep, x, y)) < 4, `${patch(photo, x, y)} ${patch(deep, x, y)}`);
      const [level = 0] = patch(grey, x, y);
      const [red, green, blue] = patch(photo, x, y);
      assert.ok(Math.abs(level - (0.299 * red + 0.587 * green + 0.114 * blue)) < 4);
    }
    const { width, height } = await render(heicFile('three-pictures.heic'));
    assert.deepEqual([width, height], [64, 64]);
  });

  it('of 48 megapixels with a gain map has more items than libvips allows, and is read', async () => {
    const { header } = await renderer.examine(gridFile({ columns: 16, rows: 17, width: 8064, height: 8700 }));
    assert.deepEqual(header.size, { width: 8064, height: 8700 });
  });
});

describe('a photo as phones write it', () => {
  // Real ones are looked at by bench/heic.ts, from a folder outside: theirs are not ours to hand on.
  it('comes in all nine presets: tiles, turned by its container, with a wide profile', async () => {
    const file = gridFile({ columns: 2, rows: 2, properties: [icc(iccProfile(DISPLAY_P3)), irot(3)] });
    for (const { format, ...preset } of Object.values(BUILT_IN_PRESETS)) {
      const { body, width, height } = await render(file, { ...preset, output: format });
      const { width: across, height: down } = await sharp(body).metadata();
      assert.deepEqual([across, down], [width, height]);
      assert.ok(Math.max(width, height) <= Math.min(1024, Math.max(preset.width ?? 0, preset.height ?? 0)));
    }
  });
});

describe('a HEIC is refused', () => {
  const small = heicFile('photo.heic');

  it('by its header, where it is a bomb', async () => {
    const bomb = gridFile({ columns: 40, rows: 40, width: 20_000, height: 20_000 });
    const before = process.cpuUsage();
    assert.equal(await refusal(bomb), 'original_too_large');
    const { user, system } = process.cpuUsage(before);
    assert.ok((user + system) / 1000 < 1000);
    assert.equal(await refusal(gridFile({ columns: 100, rows: 100 })), 'original_unreadable');
  });

  it('where its header and its pixels tell of different sizes, whichever is larger', async () => {
    const coded = codedIn(heicFile('tile-0.heic'));
    const files = [
      gridFile({ columns: 2, rows: 2, said: { width: 900, height: 900 } }),
      gridFile({ columns: 2, rows: 2, width: 9000, height: 9000, said: { width: 1024, height: 1024 } }),
      gridFile({
        columns: 1,
        rows: 1,
        width: 512,
        height: 512,
        tileAt: () => ({ ...coded, data: coded.data.subarray(40) }),
      }),
    ];
    for (const file of files)
      await assert.rejects(render(file), (error) => /original_(unreadable|too_large)/.test(codeOf(error)));
  });

  it('where it ends too soon, anywhere', async () => {
    for (const part of [0.02, 0.3, 0.6, 0.9, 0.99])
      assert.equal(await refusal(small.subarray(0, Math.round(part * small.length))), 'original_unreadable', `${part}`);
  });

  it('where a box says that it goes on behind what holds it, or behind the file, in every version', async () => {
    const inner = ['hdlr', 'iloc', 'iinf', 'pitm', 'iprp', 'iref'].map((type) => small.indexOf(type) - 4);
    for (const at of inner.filter((found) => found > 0))
      for (const bytes of [small.length, 0x7fffffff])
        for (const version of [0, 1, 2]) {
          const changed = Buffer.from(small);
          changed.writeUInt32BE(bytes, at);
          changed.writeUInt8(version, at + 8);
          const code = await refusal(changed);
          assert.ok(['original_unreadable', 'original_too_large'].includes(code), `${code} at ${at}`);
        }
  });

  it('where its decoder is left out', async () => {
    const without = createDecoders({ threads: 1, idleMs: 1000, without: ['heic'] });
    assert.equal(await refusal(small, createRenderer(limits, without)), 'original_unreadable');
    assert.equal(await refusal(small, createRenderer(limits)), 'original_unreadable');
    await without.close();
  });
});
