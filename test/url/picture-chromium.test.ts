import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { createImageUrls, toHtml } from '../../src/url/sdk.ts';
import { startApp, TEST_KEY, type TestApp } from '../helpers/app.ts';
import { browserSkip, launchBrowser, servePages } from '../helpers/browser.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

const meta = { width: 2500, height: 2500 };
const presets = {
  // 1.44 megapixels, of which AVIF is made, then 5.76.
  large: { width: 1200, height: 1200, fit: 'inside', format: 'auto', pixelRatios: [1, 2] },
  wide: { width: 800, height: 600, fit: 'cover', format: 'auto', widths: [400, 800, 1600, 2400] },
  'without-webp': {
    width: 1200,
    height: 1200,
    fit: 'inside',
    format: 'auto',
    pixelRatios: [1, 2],
    formats: ['avif', 'jpeg'],
  },
  huge: { width: 2000, height: 2000, fit: 'inside', format: 'auto', pixelRatios: [1] },
  moving: { width: 100, height: 100, fit: 'cover', format: 'auto', animated: true, pixelRatios: [1] },
} as const;

/** At each pixel ratio, on a screen that is wider than all of them. */
const CHOSEN: Readonly<Record<keyof typeof presets, readonly string[]>> = {
  large: ['.avif', '@2x.webp', '@2x.webp'],
  wide: ['@800w.avif', '@1600w.avif', '@2400w.webp'],
  'without-webp': ['.avif', '@2x.avif', '@2x.avif'],
  huge: ['.webp', '.webp', '.webp'],
  moving: ['.webp', '.webp', '.webp'],
};
/** Pixels across that the file has. */
const ACROSS: Readonly<Record<keyof typeof presets, readonly number[]>> = {
  large: [1200, 2400, 2400],
  wide: [800, 1600, 2400],
  'without-webp': [1200, 2400, 2400],
  huge: [2000, 2000, 2000],
  moving: [100, 100, 100],
};

describe('the choice of Chromium in a <picture>', { skip: browserSkip }, () => {
  let app: TestApp;
  let pages: Awaited<ReturnType<typeof servePages>>;
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  const names = Object.keys(presets) as (keyof typeof presets)[];

  before(async () => {
    const frames = Buffer.alloc(100 * 200 * 3, 90).fill(200, 100 * 100 * 3);
    const moving = sharp(frames, { raw: { width: 100, height: 200, channels: 3, pageHeight: 100 } });
    const originals = createMemoryStore({
      'large.jpg': await sharp({ create: { ...meta, channels: 3, background: '#4060a0' } })
        .jpeg()
        .toBuffer(),
      'moving.gif': await moving.gif({ delay: [100, 100] }).toBuffer(),
    }).store;
    app = await startApp({ originals, definitions: presets });
    const images = createImageUrls({ baseUrl: app.baseUrl, key: TEST_KEY.toString('hex'), presets });
    const markup = names.map((name) =>
      toHtml(name === 'moving' ? images.picture('moving.gif', name) : images.picture('large.jpg', name, { meta }), {
        alt: name,
      }),
    );
    [browser, pages] = await Promise.all([
      launchBrowser(),
      servePages({ '/': `<!doctype html><title>t</title>${markup.join('')}` }),
    ]);
  });
  after(() => Promise.all([browser?.close(), pages?.close(), app?.dispose()]));

  for (const [at, deviceScaleFactor] of [1, 2, 3].entries())
    it(`is the size for a screen of ${deviceScaleFactor}x, in the best format that is made of that size`, async () => {
      const page = await browser.newPage({ viewport: { width: 2000, height: 900 }, deviceScaleFactor });
      await page.goto(`${pages.url}/`, { waitUntil: 'load' });
      const shown = await page.$$eval('img', (all) =>
        all.map((img) => {
          const { currentSrc, alt } = img as unknown as Record<'currentSrc' | 'alt', string>;
          return { currentSrc, alt };
        }),
      );
      await page.close();
      assert.deepEqual(
        shown.map(({ alt }) => alt),
        names,
      );
      for (const { currentSrc, alt } of shown) {
        const name = alt as keyof typeof presets;
        const suffix = CHOSEN[name][at] ?? '';
        assert.match(currentSrc, new RegExp(`/${name}${suffix}/`));
        const answer = await fetch(currentSrc);
        const format = name === 'without-webp' && at > 0 ? 'webp' : suffix.split('.')[1];
        assert.equal(answer.headers.get('content-type'), `image/${format}`, currentSrc);
        const { width } = await sharp(await answer.bytes()).metadata();
        assert.equal(width, ACROSS[name][at], currentSrc);
      }
    });
});
