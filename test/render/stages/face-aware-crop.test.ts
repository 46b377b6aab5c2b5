import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Probe } from '../../../src/faces/face.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { planFrame, windowToFaces } from '../../../src/render/stages/geometry.ts';
import { face } from '../../helpers/faces.ts';
import { letterF, patch, pixelsOf, render, storedAs } from '../../helpers/pictures.ts';

/** Grey, with a red square where the face is said to be. */
async function pictured(
  width: number,
  height: number,
  left: number,
  top: number,
  side: number,
  ground = '#808080',
): Promise<Buffer> {
  const red = await sharp({ create: { width: side, height: side, channels: 3, background: '#c01818' } })
    .png()
    .toBuffer();
  return sharp({ create: { width, height, channels: 3, background: ground } })
    .composite([{ input: red, left, top }])
    .png()
    .toBuffer();
}
const isRed = ([red = 0, green = 0]: readonly number[]) => red > 150 && green < 70;

/** Grey stripes in the upper part, and as many below in the colour of skin, to which libvips' attention goes. */
async function subjectAbove(width: number, height: number): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 3, 0x90);
  const stripes = (from: number, colour: readonly number[]) => {
    for (let y = Math.round(from * height); y < (from + 1 / 8) * height; y += 1)
      for (let x = 0; x < width; x += 1) if (x % 40 < 20) data.set(colour, (y * width + x) * 3);
  };
  stripes(1 / 8, [0x70, 0x70, 0x70]);
  stripes(3 / 4, [0xe0, 0xa4, 0x7e]);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** Shares of the pixels, in percent. */
async function darkAndSkin(body: Buffer, side: number): Promise<[dark: number, skin: number]> {
  const pixels = await pixelsOf(body);
  const all = Array.from({ length: side * side }, (_, at) => pixels.at(at % side, Math.floor(at / side)));
  const share = (is: (pixel: readonly number[]) => boolean) => (100 * all.filter(is).length) / all.length;
  return [share(([red = 0]) => red < 125), share(([red = 0, , blue = 0]) => red - blue > 50)];
}

const square: Partial<Recipe> = { width: 100, height: 100, fit: 'cover', gravity: 'auto' };

/** A lookup that knows its faces and records the detector inputs. */
function known(faces: ReturnType<typeof face>[] | undefined, asks = true) {
  const probes: Probe[] = [];
  const lookup = async (probe: () => Promise<Probe>) => {
    if (asks) probes.push(await probe());
    lookup.calls += 1;
    return faces;
  };
  lookup.calls = 0;
  return { lookup, probes };
}

describe('framing on faces', () => {
  it('puts the window on the face, with the same bytes whether it was known before or not', async () => {
    const original = await pictured(1200, 400, 1000, 100, 100);
    const fresh = known([face(1000 / 1200, 0.25, 100 / 1200, 0.25)]);
    const first = await render(original, square, fresh.lookup);
    assert.deepEqual([first.width, first.height, first.provisional], [100, 100, false]);
    const pixels = await pixelsOf(first.body);
    // 400 rows become 100: the face is 25 px, at x 250 of 300, and the window ends at the right edge.
    assert.ok(isRed(patch(pixels, 62, 37)), String(pixels.at(62, 37)));
    assert.ok(!isRed(patch(pixels, 20, 37)));
    const recalled = known([face(1000 / 1200, 0.25, 100 / 1200, 0.25)], false);
    assert.ok((await render(original, square, recalled.lookup)).body.equals(first.body));
    assert.equal(recalled.probes.length, 0);
  });

  it('asks with a probe of the upright picture on white, 320 px long for a small rendition, 640 px for a large one, never enlarged', async () => {
    const cutout = await sharp({ create: { width: 2000, height: 1000, channels: 4, background: '#00000000' } })
      .png()
      .toBuffer();
    const { lookup, probes } = known([]);
    await render(cutout, square, lookup);
    const sideways = await storedAs(6, letterF(60, 90), 60, 90, 'jpeg');
    await render(sideways, square, lookup);
    await render(cutout, { ...square, width: 900, height: 900 }, lookup);
    const [first, second, third] = probes;
    assert.deepEqual([first?.width, first?.height, first?.data.length], [320, 160, 320 * 160 * 4]);
    assert.ok(first?.data.every((value) => value === 255));
    assert.deepEqual([second?.width, second?.height], [60, 90]);
    assert.deepEqual([third?.width, third?.height], [640, 320]);
  });

  for (const channels of [3, 4] as const)
    it(`cuts the pixels of the look and changes none, of ${channels} channels`, async () => {
      const size = { width: 900, height: 700 };
      const noise = Buffer.from(
        Uint8Array.from({ length: 900 * 700 * channels }, (_, at) => Math.imul(at + 1, 2654435761) >>> 24),
      );
      const original = await sharp(noise, { raw: { ...size, channels } })
        .png()
        .toBuffer();
      const subject = face(0.4, 0.35, 0.1);
      const wide: Partial<Recipe> = { ...square, width: 900, height: 400, output: 'png' };
      const { body } = await render(original, wide, known([subject]).lookup);
      const cut = await sharp(body).raw().toBuffer({ resolveWithObject: true });
      assert.deepEqual([cut.info.width, cut.info.height, cut.info.channels], [900, 400, channels]);
      const plan = planFrame(size, { width: 900, height: 400, fit: 'cover', margin: 0 });
      const { top } = windowToFaces(plan, [subject], size, 1).window;
      assert.ok(top > 0 && top < 300 && top !== 150, `neither at an end nor in the middle: ${top}`);
      const row = 900 * channels;
      assert.ok(cut.data.equals(noise.subarray(top * row, (top + 400) * row)));
    });

  it('zooms in, without ever enlarging', async () => {
    const original = await pictured(800, 800, 600, 100, 80);
    const { lookup } = known([face(0.75, 0.125, 0.1)]);
    const near = await pixelsOf((await render(original, { ...square, faceZoom: 4 }, lookup)).body);
    // 80 px of 800 are 10 px of 100; four times nearer they are 40, with 13 of hair and 7 of air above them: rows 20 to 60.
    for (const [x, y] of [
      [50, 24],
      [50, 56],
      [35, 40],
      [65, 40],
    ] as const)
      assert.ok(isRed(patch(near, x, y)), `${x},${y}`);
    const far = await pixelsOf((await render(original, { ...square, faceZoom: 1.0001 }, lookup)).body);
    assert.ok(!isRed(patch(far, 50, 50)));
  });

  it('follows faces through a trimmed border', async () => {
    const inner = await pictured(600, 300, 450, 100, 100);
    const original = await sharp(inner)
      .extend({ top: 100, bottom: 100, left: 300, right: 300, background: '#ffffff' })
      .png()
      .toBuffer();
    const { lookup } = known([face(750 / 1200, 200 / 500, 100 / 1200, 100 / 500)]);
    const pixels = await pixelsOf((await render(original, { ...square, trim: 10 }, lookup)).body);
    assert.ok(isRed(patch(pixels, 66, 50)), String(pixels.at(66, 50)));
    assert.ok(!isRed(patch(pixels, 30, 50)));
  });

  it('moves the window of every frame of an animation', async () => {
    const frames = await Promise.all(
      ['#808080', '#707070', '#606060'].map((ground) => pictured(400, 100, 320, 20, 60, ground)),
    );
    const original = await sharp(frames, { join: { animated: true } })
      .gif({ delay: [50, 60, 70] })
      .toBuffer();
    const { lookup, probes } = known([face(0.8, 0.2, 0.15, 0.6)]);
    const { body } = await render(original, { ...square, animated: true, output: 'webp' }, lookup);
    assert.deepEqual([probes[0]?.width, probes[0]?.height], [400, 100]);
    assert.equal((await sharp(body, { animated: true }).metadata()).pages, 3);
    const pixels = await pixelsOf(body, { animated: true });
    for (const frame of [0, 1, 2]) assert.ok(isRed(patch(pixels, 50, frame * 100 + 50)), `frame ${frame}`);
  });

  it('keeps wide gamut, deep pictures and zooms too large to hold on the face as well', async () => {
    const base = await pictured(1200, 400, 1000, 100, 100);
    const { lookup } = known([face(1000 / 1200, 0.25, 100 / 1200, 0.25)]);
    const wide = await sharp(base).withIccProfile('p3').toColourspace('rgb16').png().toBuffer();
    for (const gamut of ['srgb', 'p3'] as const) {
      const pixels = await pixelsOf((await render(wide, { ...square, gamut }, lookup)).body);
      assert.ok(isRed(patch(pixels, 62, 37)), gamut);
    }
    const huge = await sharp(base).resize(7200, 2400, { fit: 'fill' }).jpeg().toBuffer();
    const pixels = await pixelsOf(
      (await render(huge, { ...square, faceZoom: 8, width: 900, height: 900 }, lookup)).body,
    );
    assert.ok(isRed(patch(pixels, 450, 450, 50)), String(pixels.at(450, 450)));
  });

  it('frames by attention where there are no faces, and says so when they could not be looked for', async () => {
    const original = await pictured(1200, 400, 1000, 100, 100);
    const none = await render(original, square, known([]).lookup);
    const failed = await render(original, square, known(undefined).lookup);
    assert.deepEqual([none.provisional, failed.provisional], [false, true]);
    assert.ok(none.body.equals(failed.body));
    const reds = async (body: Buffer) => {
      const pixels = await pixelsOf(body);
      return Array.from({ length: 100 * 100 }, (_, at) => pixels.at(at % 100, Math.floor(at / 100))).filter(isRed)
        .length;
    };
    assert.ok((await reds(none.body)) > 500);
    assert.equal(await reds((await render(original, { ...square, gravity: 'center' })).body), 0);
  });

  it('goes to detail without a face where the pixels are not held too, looked at now or before', async () => {
    const tall = await subjectAbove(400, 1200);
    const bordered = await sharp(tall)
      .extend({ top: 150, bottom: 50, left: 500, right: 20, background: '#ffffff' })
      .png()
      .toBuffer();
    const wide = await sharp(tall).withIccProfile('p3').png().toBuffer();
    const huge = await sharp(tall).resize(2400, 7200, { fit: 'fill', kernel: 'nearest' }).png().toBuffer();
    const cases: [what: string, original: Buffer, recipe: Partial<Recipe>][] = [
      ['in memory', tall, square],
      ['trimmed', bordered, { ...square, trim: 10 }],
      ['wide gamut', wide, { ...square, gamut: 'p3' }],
      ['above 16 megapixels', huge, { ...square, width: 2300, height: 2300 }],
    ];
    for (const [what, original, recipe] of cases) {
      const side = recipe.width ?? 0;
      const [looked, recalled, failed] = await Promise.all(
        [known([]), known([], false), known(undefined)].map(
          async ({ lookup }) => (await render(original, recipe, lookup)).body,
        ),
      );
      assert.ok(looked && recalled?.equals(looked) && failed?.equals(looked), what);
      const [dark, skin] = await darkAndSkin(looked, side);
      assert.ok(dark > 10 && skin === 0, `${what}: ${dark} % dark, ${skin} % skin`);
      const attention = await render(original, { ...recipe, gravity: 'attention' });
      assert.ok(!attention.body.equals(looked), `${what}, by attention`);
    }
  });

  it('leaves the frames of an animation in the middle without a face', async () => {
    const frames = await Promise.all(['#808080', '#707070'].map((ground) => pictured(400, 100, 320, 20, 60, ground)));
    const original = await sharp(frames, { join: { animated: true } })
      .gif({ delay: [50, 60] })
      .toBuffer();
    const moving: Partial<Recipe> = { ...square, animated: true, output: 'webp' };
    const { body } = await render(original, moving, known([]).lookup);
    assert.ok(body.equals((await render(original, { ...moving, gravity: 'center' })).body));
  });

  const notAsked: [what: string, recipe: Partial<Recipe>][] = [
    ...(['inside', 'outside', 'contain', 'fill'] as const).map((fit): [string, Partial<Recipe>] => [
      `fit ${fit}`,
      { ...square, fit },
    ]),
    ['gravity center', { ...square, gravity: 'center' }],
    ['gravity attention', { ...square, gravity: 'attention' }],
    ["the original's own shape", { ...square, width: 120, height: 40 }],
    ["the original's own size, with a zoom", { ...square, width: 1200, height: 400, faceZoom: 8 }],
    ['one side only', { ...square, height: undefined }],
  ];
  for (const [what, recipe] of notAsked) {
    it(`asks for no faces: ${what}`, async () => {
      const { lookup } = known([face(0.1, 0.1, 0.1)]);
      assert.equal((await render(await pictured(1200, 400, 1000, 100, 100), recipe, lookup)).provisional, false);
      assert.equal(lookup.calls, 0);
    });
  }

  it('refuses an unreadable original before faces are looked for', async () => {
    const { lookup } = known([]);
    const cut = (
      await sharp(letterF(400, 200), { raw: { width: 400, height: 200, channels: 3 } })
        .jpeg()
        .toBuffer()
    ).subarray(0, 900);
    await assert.rejects(render(cut, square, lookup), { code: 'original_unreadable' });
  });
});
