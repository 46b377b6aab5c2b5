import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { createImageUrls, toHtml } from '../../src/url/sdk.ts';
import { startApp, TEST_KEY, type TestApp } from '../helpers/app.ts';
import { browserSkip, launchBrowser, servePages } from '../helpers/browser.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

/** Sizes in pixels: smaller than most presets, between pixel ratios, large enough for all; across and upright. */
const ORIGINALS = {
  'small.jpg': { width: 500, height: 300 },
  'upright.jpg': { width: 300, height: 450 },
  'between.jpg': { width: 900, height: 600 },
  'large.jpg': { width: 2400, height: 1600 },
};
const presets = {
  box: { width: 600, height: 600, fit: 'inside', format: 'webp' },
  framed: { width: 600, height: 600, fit: 'inside', format: 'webp', margin: 10 },
  column: { width: 400, widths: [400, 800, 1200], format: 'webp' },
  card: { width: 400, height: 300, fit: 'cover', widths: [400, 800, 1200], format: 'webp' },
  outer: { width: 300, height: 300, fit: 'outside', format: 'webp' },
} as const;
type Name = keyof typeof presets;

describe('the layout in Chromium', { skip: browserSkip }, () => {
  let app: TestApp;
  let pages: Awaited<ReturnType<typeof servePages>>;
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  const cards: { what: string; exact: boolean }[] = [];

  before(async () => {
    const files = await Promise.all(
      Object.entries(ORIGINALS).map(async ([id, size]) => {
        const photo = sharp({ create: { ...size, channels: 3, background: '#4060a0' } });
        return [id, await photo.jpeg().toBuffer()] as const;
      }),
    );
    const originals = createMemoryStore(Object.fromEntries(files)).store;
    app = await startApp({ originals, definitions: presets });
    const images = createImageUrls({ baseUrl: app.baseUrl, key: TEST_KEY.toString('hex'), presets });
    let html = '';
    for (const [id, meta] of Object.entries(ORIGINALS))
      for (const name of Object.keys(presets) as Name[])
        for (const known of [true, false])
          for (const kind of ['img', 'picture'] as const) {
            html += `<p>${toHtml(images[kind](id, name, known ? { meta } : {}), { alt: '' })}</p>`;
            cards.push({ what: `${kind} of ${id} as ${name}, ${known ? 'with' : 'without'} meta`, exact: known });
          }
    [browser, pages] = await Promise.all([
      launchBrowser(),
      servePages({ '/': `<!doctype html><title>t</title>${html}` }),
    ]);
  });
  after(() => Promise.all([browser?.close(), pages?.close(), app?.dispose()]));

  /** Sizes of all pictures in CSS pixels, once they are there, and whether their candidates held what they promised. */
  async function sizesAt(deviceScaleFactor: number) {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, deviceScaleFactor });
    await page.goto(`${pages.url}/`, { waitUntil: 'load' });
    const sizes = await page.$$eval('img', (all) =>
      all.map((img) => {
        const { naturalWidth, clientWidth, clientHeight } = img as unknown as Record<string, number>;
        return { naturalWidth: naturalWidth ?? 0, clientWidth: clientWidth ?? 0, clientHeight: clientHeight ?? 0 };
      }),
    );
    await page.close();
    return sizes;
  }

  it('is the same at each pixel ratio, and with meta that of the picture itself', async () => {
    const [once = [], twice = [], thrice = []] = [await sizesAt(1), await sizesAt(2), await sizesAt(3)];
    assert.equal(once.length, cards.length);
    for (const [at, { what, exact }] of cards.entries()) {
      const [one, two, three] = [once[at], twice[at], thrice[at]];
      assert.ok(one && two && three && one.naturalWidth > 0, what);
      for (const other of [two, three])
        assert.deepEqual([other.clientWidth, other.clientHeight], [one.clientWidth, one.clientHeight], what);
      // The browser counts a candidate as its pixels over the ratio that it promises.
      if (exact)
        for (const size of [one, two, three])
          assert.ok(
            Math.abs(size.naturalWidth - size.clientWidth) <= 1,
            `${what}: ${size.naturalWidth}, ${size.clientWidth}`,
          );
    }
  });
});
