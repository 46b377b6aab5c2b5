import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import type { PictureSource } from '../../src/render/picture-source.ts';
import type { Recipe } from '../../src/render/recipe.ts';
import type { Renderer } from '../../src/render/render.ts';
import { describeDownscaled, downscaledSize, suffices } from '../../src/render/stages/downscaled.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { face, fixedFinder } from '../helpers/faces.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { until } from '../helpers/turns.ts';

/** Fine lines and soft slopes everywhere: a JPEG of quality 80 visibly loses some of it. */
function texture(width: number, height: number): Sharp {
  const data = Buffer.alloc(width * height * 3);
  for (let at = 0; at < data.length; at += 1) {
    const [x, y] = [((at / 3) | 0) % width, (at / 3 / width) | 0];
    const slope = 70 * Math.sin(x / 37 + (at % 3)) * Math.cos(y / 29);
    data[at] = 128 + slope + 40 * Math.sin(x / 1.3 + y / 2.1) * Math.sin(y / 3.7 + (at % 3));
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

const FORMATS = {
  png: (picture: Sharp) => picture.png({ compressionLevel: 1 }),
  'progressive.jpg': (picture: Sharp) => picture.jpeg({ quality: 97, progressive: true }),
  avif: (picture: Sharp) => picture.avif({ quality: 90, effort: 0 }),
};
/** Around 1,200 px, the longer side of a proxy image: a proxy image has the size of all but the last two. */
const ORIGINALS: readonly (readonly [keyof typeof FORMATS, number, number])[] = [
  ['png', 1200, 900],
  ['png', 1199, 1199],
  ['progressive.jpg', 900, 1200],
  ['avif', 1200, 900],
  ['png', 1201, 900],
  ['progressive.jpg', 1300, 975],
];
const FACES = 'w_150,h_150,fit_cover,g_faces,f_jpeg';
const SMALL = ['w_200,f_jpeg', 'w_320,f_png'];
const LARGE = ['w_640,f_jpeg,q_95', 'w_900,f_jpeg,q_95', 'w_1080,f_webp'];
const ORDERS: Readonly<Record<string, readonly string[]>> = {
  'small ones first': [...SMALL, FACES, ...LARGE],
  'faces first': [FACES, ...SMALL, ...LARGE],
  'small and large in turn': [
    'w_200,f_jpeg',
    'w_900,f_jpeg,q_95',
    'w_320,f_png',
    'w_640,f_jpeg,q_95',
    FACES,
    'w_1080,f_webp',
  ],
};
/** Decibels below which no eye sees a difference; the losses of a proxy image cost two and more. */
const TOLERANCE_DB = 0.3;

const apps: TestApp[] = [];
after(() => Promise.all(apps.map((app) => app.dispose())));

/** One machine, with nothing in its memory. */
async function startMachine(
  originals: Readonly<Record<string, Buffer>>,
  results: ReturnType<typeof createMemoryStore>,
) {
  const renders: { readonly source: PictureSource; readonly recipe: Recipe }[] = [];
  const wrapRenderer = (real: Renderer): Renderer => ({
    ...real,
    render(source, recipe, ...rest) {
      renders.push({ source, recipe });
      return real.render(source, recipe, ...rest);
    },
  });
  const finder = fixedFinder([face(0.4, 0.3, 0.2)]);
  const store = createMemoryStore(originals).store;
  const app = await startApp({ originals: store, results: results.store, finder, wrapRenderer });
  apps.push(app);
  return {
    app,
    /** A rendition, and the render that made it. */
    async picture(preset: string, id: string) {
      const answer = await app.get(app.path(preset, id));
      assert.equal(answer.status, 200, `${preset} ${id}`);
      const body = Buffer.from(await answer.arrayBuffer());
      return { body, ...(renders.at(-1) ?? assert.fail('nothing was rendered')) };
    },
  };
}

/** Peak signal-to-noise ratio in decibels, beside all of the original's pixels scaled once. */
async function psnr(rendition: Buffer, original: Sharp): Promise<number> {
  const { data, info } = await sharp(rendition).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const ideal = await original.clone().resize({ width, height, fit: 'fill' }).raw().toBuffer();
  assert.equal(ideal.length, data.length);
  let squares = 0;
  for (let at = 0; at < data.length; at += 1) squares += (data[at]! - ideal[at]!) ** 2;
  return 10 * Math.log10(255 ** 2 / Math.max(squares / data.length, 1e-3));
}

const comesFromProxy = (source: PictureSource) =>
  source.kind === 'proxy' || (source.kind === 'pixels' && source.decodedFrom === 'proxy');

function proxySuffices({ header }: PictureSource, recipe: Recipe): boolean {
  const proxy = describeDownscaled(header, downscaledSize(header.size), 'jpeg');
  return suffices({ kind: 'proxy', header: proxy }, recipe);
}

describe('a second machine, for which only the proxy image is in the store', () => {
  for (const [format, width, height] of ORIGINALS) {
    it(`makes renditions of ${format} ${width} × ${height} as near to it as the first one's`, async () => {
      const id = `a.${format}`;
      const original = await FORMATS[format](texture(width, height)).toBuffer();
      const decoded = sharp(await sharp(original).raw().toBuffer(), { raw: { width, height, channels: 3 } });
      const results = createMemoryStore();
      const first = await startMachine({ [id]: original }, results);
      const near = new Map<string, number>();
      for (const preset of [...SMALL, FACES, ...LARGE]) {
        const { body, source } = await first.picture(preset, id);
        assert.ok(!comesFromProxy(source), preset);
        if (LARGE.includes(preset)) near.set(preset, await psnr(body, decoded));
      }
      await until(() => [...results.objects.keys()].some((key) => key.includes('/working-')));
      assert.equal(await first.app.saves.drain(60_000), 0);
      const proxies = [...results.objects].filter(([key]) => key.includes('/working-'));

      for (const [order, presets] of Object.entries(ORDERS)) {
        const store = createMemoryStore();
        for (const [key, proxy] of proxies) store.objects.set(key, proxy);
        const second = await startMachine({ [id]: original }, store);
        const losses: string[] = [];
        let fromProxy = 0;
        for (const preset of presets) {
          const { body, source, recipe } = await second.picture(preset, id);
          if (comesFromProxy(source)) {
            fromProxy += 1;
            assert.ok(proxySuffices(source, recipe), `${order}: ${preset}`);
            continue;
          }
          const expected = near.get(preset);
          const got = expected === undefined ? Number.POSITIVE_INFINITY : await psnr(body, decoded);
          if (expected !== undefined && got < expected - TOLERANCE_DB)
            losses.push(`${order}: ${preset} ${got.toFixed(1)} dB, ${expected.toFixed(1)} on the first machine`);
        }
        assert.deepEqual(losses, []);
        assert.ok(fromProxy >= 1, `${order}: none made from the proxy image`);
      }
    });
  }
});
