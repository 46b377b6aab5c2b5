import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import sharp from 'sharp';
import { encodeBySvtAv1, measuredBySvtAv1, type Planes, takesPlanes } from '../../../src/render/formats/svt-av1.ts';
import type { Pixels } from '../../../src/render/pixels.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer } from '../../../src/render/render.ts';
import { RENDER_VERSION } from '../../../src/render/sharp.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { browserSkip, launchBrowser, servePages } from '../../helpers/browser.ts';
import { deltaE } from '../../helpers/icc.ts';
import { CELL, CHART, cellAt, chart, PLAIN, patch, pixelsOf, render } from '../../helpers/pictures.ts';
import { svtAv1Skip } from '../../helpers/svt-av1.ts';

const coffee = readFileSync(new URL('../../../samples/coffee.jpg', import.meta.url));

/** A gradient either way, with blue against both. */
function gradient(width: number, height: number, channels: 3 | 4 = 3): Pixels {
  const data = Buffer.alloc(width * height * channels, 255);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [red, green] = [Math.round((255 * x) / width), Math.round((255 * y) / height)];
      data.set([red, green, 255 - Math.round((red + green) / 2)], (y * width + x) * channels);
    }
  }
  return { data, width, height, channels, frames: 1 };
}

/** Full-range BT.601, chroma of four pixels each, behind each other. */
function planesOf({ data, width, height }: Pixels): Planes {
  const [across, down] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const planes = Buffer.alloc(width * height + 2 * across * down);
  const at = (x: number, y: number) => 3 * (Math.min(y, height - 1) * width + Math.min(x, width - 1));
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const [red = 0, green = 0, blue = 0] = data.subarray(at(x, y));
      planes[y * width + x] = (19_595 * red + 38_470 * green + 7471 * blue + 32_768) >> 16;
    }
  for (let y = 0; y < down; y += 1)
    for (let x = 0; x < across; x += 1) {
      const four = [at(2 * x, 2 * y), at(2 * x + 1, 2 * y), at(2 * x, 2 * y + 1), at(2 * x + 1, 2 * y + 1)];
      const [red = 0, green = 0, blue = 0] = [0, 1, 2].map((c) => four.reduce((sum, from) => sum + data[from + c]!, 0));
      const offset = 2 ** 25 + 2 ** 17 - 1;
      const to = width * height + y * across + x;
      planes[to] = (-11_059 * red - 21_709 * green + 32_768 * blue + offset) >> 18;
      planes[to + across * down] = (32_768 * red - 27_439 * green - 5329 * blue + offset) >> 18;
    }
  return { planes, width, height };
}

/** Mean distance of a channel, 0 to 255. */
function distance(a: Uint8Array, b: Uint8Array): number {
  assert.equal(a.length, b.length);
  return a.reduce((sum, value, at) => sum + Math.abs(value - (b[at] ?? 0)), 0) / a.length;
}

const threads = () => readdirSync('/proc/self/task').length;

/** How many threads of this process are real-time ones: their policy is not 0. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function realTimeThreads(): number {
  const policies = readdirSync('/proc/self/task').map((thread) => {
    try {
      const [, fields = ''] = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(') ');
      // The third field is the first one here.
      return fields.split(' ')[41 - 3];
    } catch {
      return '0';
    }
  });
  return policies.filter((policy) => policy !== '0').length;
}

describe('AVIF by SVT-AV1', { skip: svtAv1Skip }, () => {
  it('is what a render gives for an opaque picture, and a part of every key', async () => {
    // The engine makes it of planes: see below.
    const bySharp = createRenderer({ maxPixels: 1_000_000, maxFrames: 1, timeoutSeconds: 60 });
    const source = await bySharp.examine(coffee);
    const recipe: Recipe = { ...PLAIN, width: 400, output: 'avif', quality: 80 };
    const { body } = await bySharp.render(source, recipe, createStepTimer(), async () => []);
    // PNG keeps the same pixels.
    const { data, width, height } = await pixelsOf((await render(coffee, { width: 400 })).body);
    const pixels = { data, width, height, channels: 3, frames: 1 } as const;
    assert.ok(body.equals(await encodeBySvtAv1(pixels, 'ms-ssim', 57.3, 0)));
    assert.match(RENDER_VERSION, / svt-av1 4\.1\.0$/);
  });

  it('takes planes as they are: those of a picture give the file that its pixels give, with its SSIM', async () => {
    assert.ok(takesPlanes(), 'the addon is of another source than stands here: npm run build:avif');
    for (const [width, height] of [
      [64, 48],
      [33, 17],
      [250, 131],
    ] as const) {
      const pixels = gradient(width, height);
      const [one, other] = [
        await measuredBySvtAv1(pixels, 'ms-ssim', 60, 0, true),
        await measuredBySvtAv1(planesOf(pixels), 'ms-ssim', 60, 0, true),
      ];
      assert.ok(one.body.equals(other.body), `${width} × ${height}`);
      assert.equal(one.ssim, other.ssim);
    }
    const { planes } = planesOf(gradient(64, 48));
    for (const wrong of [planes.subarray(1), Buffer.concat([planes, planes]), Buffer.alloc(0)])
      await assert.rejects(encodeBySvtAv1({ planes: wrong, width: 64, height: 48 }, 'ssim', 60, 0), /do not agree/);
    await assert.rejects(encodeBySvtAv1({ planes, width: 65, height: 48 }, 'ssim', 60, 0), /do not agree/);
  });

  it('keeps the colours of a chart within ΔE 2, corners of the cube within ΔE 4', async () => {
    const original = await chart().shallow().png().toBuffer();
    const picture = await pixelsOf((await render(original, { output: 'avif', quality: 95 })).body);
    for (const [index, colour] of CHART.entries()) {
      const found = patch(picture, ...cellAt(index, CELL * 4));
      assert.ok(deltaE(found, colour) <= 2, `${colour}: ${found}`);
    }
    for (const colour of [0, 1, 2, 3, 4, 5, 6, 7].map((bits) =>
      [bits & 1, bits & 2, bits & 4].map((b) => (b ? 255 : 0)),
    )) {
      const data = Buffer.from(Array.from({ length: 64 * 64 }, () => colour).flat());
      const file = await encodeBySvtAv1({ data, width: 64, height: 64, channels: 3, frames: 1 }, 'ms-ssim', 90, 0);
      const found = patch(await pixelsOf(file), 32, 32);
      assert.ok(deltaE(found, colour as [number, number, number]) <= 4, `${colour}: ${found}`);
    }
  });

  it('takes every size, odd ones too, to its last row and column', async () => {
    const side = fc.integer({ min: 16, max: 300 });
    const tuning = fc.constantFrom('ssim' as const, 'ms-ssim' as const);
    await fc.assert(
      fc.asyncProperty(
        side,
        side,
        tuning,
        fc.constantFrom(3 as const, 4 as const),
        async (width, height, by, channels) => {
          const pixels = gradient(width, height, channels);
          const found = await pixelsOf(await encodeBySvtAv1(pixels, by, 80, 0));
          assert.deepEqual([found.width, found.height, found.channels], [width, height, 3]);
          const expected = gradient(width, height).data;
          // A level a pixel or sixteen, of which chroma keeps every second.
          const tolerance = 3 + 120 / Math.min(width, height);
          assert.ok(distance(found.data, expected) < tolerance);
          const row = width * 3;
          assert.ok(distance(found.data.subarray(-row), expected.subarray(-row)) < 2 * tolerance, 'last row');
        },
      ),
      { numRuns: 60, seed: 7 },
    );
  });

  it('makes the same file every time, many at a time, and leaves no thread behind', async () => {
    const pixels = gradient(320, 200);
    const alone = await encodeBySvtAv1(pixels, 'ms-ssim', 60, 0);
    const before = threads();
    const many = await Promise.all(Array.from({ length: 24 }, () => encodeBySvtAv1(pixels, 'ms-ssim', 60, 0)));
    for (const file of many) assert.ok(file.equals(alone));
    // A thread is gone from the list a moment after it was joined.
    for (let waited = 0; threads() > before + 4 && waited < 50; waited += 1) await sleep(20);
    assert.ok(threads() <= before + 4, `${threads()} threads, ${before} before`);
  });

  it('puts no thread before Node’s, though SVT-AV1 would, run by root', async () => {
    let ended = false;
    const encoding = encodeBySvtAv1(gradient(1200, 900), 'ms-ssim', 80, 1).finally(() => {
      ended = true;
    });
    for (let n = 0; !ended; n += 1) {
      assert.equal(realTimeThreads(), 0, n === 0 ? 'at the beginning' : 'under way');
      await sleep(5);
    }
    await encoding;
    assert.equal(realTimeThreads(), 0, 'afterwards');
  });

  it('makes smaller files with effort, and larger ones with quality', async () => {
    const size = async (recipe: object) =>
      (await render(coffee, { width: 400, output: 'avif', quality: 80, ...recipe })).body.length;
    assert.ok((await size({ effort: 2 })) < (await size({ effort: 0 })));
    assert.equal(await size({ effort: 0 }), await size({}));
    assert.ok((await size({ effort: 9, width: 64 })) > 0);
    assert.ok((await size({ quality: 1 })) < (await size({ quality: 100 })));
  });

  it('leaves transparent parts, copyright, wide gamuts and the tiniest pictures to libaom', async () => {
    const cutout = readFileSync(new URL('../../../samples/cutout.png', import.meta.url));
    assert.equal((await sharp((await render(cutout, { width: 200, output: 'avif' })).body).metadata()).hasAlpha, true);
    const wide = readFileSync(new URL('../../../samples/wide-gamut.jpg', import.meta.url));
    assert.equal(
      (await sharp((await render(wide, { width: 200, output: 'avif', gamut: 'p3' })).body).metadata()).hasProfile,
      true,
    );
    const signed = await sharp(coffee)
      .resize(100)
      .withExif({ IFD0: { Copyright: 'A. Seller' } })
      .jpeg()
      .toBuffer();
    const kept = await sharp((await render(signed, { output: 'avif', copyright: true })).body).metadata();
    assert.ok(kept.exif?.includes('A. Seller'));
    const tiny = (await render(coffee, { width: 8, height: 5, fit: 'fill', output: 'avif' })).body;
    assert.deepEqual(
      await sharp(tiny)
        .metadata()
        .then(({ width, height }) => [width, height]),
      [8, 5],
    );
  });

  it('rejects bad calls instead of crashing', async () => {
    const { data, ...size } = gradient(32, 32);
    await assert.rejects(encodeBySvtAv1({ ...size, data: data.subarray(1) }, 'ssim', 80, 0), /sizes do not agree/);
    await assert.rejects(
      encodeBySvtAv1({ data, width: 1, height: 1024, channels: 3, frames: 1 }, 'ssim', 80, 0),
      /set_parameter/,
    );
  });

  it('is read by Chromium with the same colours', { skip: browserSkip }, async () => {
    const { body } = await render(coffee, { width: 301, output: 'avif', quality: 85 });
    const script = `(async () => {
      const image = new Image(); image.src = 'data:image/avif;base64,${body.toString('base64')}'; await image.decode();
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight), context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      return [image.naturalWidth, image.naturalHeight, ...context.getImageData(0, 0, canvas.width, canvas.height).data];
    })()`;
    const [browser, pages] = await Promise.all([launchBrowser(), servePages({ '/': '<!doctype html>' })]);
    try {
      const page = await browser.newPage();
      await page.goto(`${pages.url}/`);
      const [width, height, ...rgba] = (await page.evaluate(script)) as number[];
      const here = await pixelsOf(body);
      assert.deepEqual([width, height], [here.width, here.height]);
      assert.ok(distance(Uint8Array.from(rgba.filter((_, at) => at % 4 < 3)), here.data) < 1);
    } finally {
      await browser.close();
      await pages.close();
    }
  });
});
