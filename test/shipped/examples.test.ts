import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Miniflare } from 'miniflare';
import sharp from 'sharp';
import presets from '../../examples/presets.json' with { type: 'json' };
import { createImageUrls, toHtml } from '../../src/url/sdk.ts';
import { startApp, TEST_KEY, type TestApp } from '../helpers/app.ts';
import { browserSkip, launchBrowser, servePages } from '../helpers/browser.ts';
import { bundle, bundleForEdge, ROOT } from '../helpers/edge.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { SHOPS, type Shop } from '../shops/shop-list.ts';

const key = TEST_KEY.toString('hex');
const ID = 'listings/7/front, "left".jpg';
let app: TestApp;
const cleanUp: (() => Promise<unknown>)[] = [];
before(async () => {
  const photo = await sharp({ create: { width: 2000, height: 1500, channels: 3, background: '#4060a0' } })
    .jpeg()
    .toBuffer();
  app = await startApp({ originals: createMemoryStore({ [ID]: photo }).store, definitions: presets });
});
after(async () => {
  await Promise.all(cleanUp.map((end) => end()));
  await app.dispose();
});

/** Every image URL in the markup, fetched from the real server. */
async function fetchAll(html: string): Promise<string[]> {
  const written = html
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replaceAll('&#38;', '&');
  const urls = [...new Set(written.match(/http:\/\/127\.0\.0\.1:\d+\/[^\s"]+/g) ?? [])];
  for (const url of urls) assert.equal((await fetch(url)).status, 200, url);
  return urls;
}

/** What code exports that imports the examples, whose packages are their sources here. */
async function exportsOf<T>(contents: string): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-example-'));
  cleanUp.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'example.cjs'), await bundle(contents, { format: 'cjs', platform: 'node' }));
  return createRequire(import.meta.url)(join(folder, 'example.cjs')) as T;
}

describe('examples', () => {
  it('plain HTML', async () => {
    const { listingPage } = await exportsOf<typeof import('../../examples/plain-html.ts')>(
      `export { listingPage } from './examples/plain-html.ts';`,
    );
    const html = listingPage([{ title: 'A "chair" & more', imageId: ID }], { baseUrl: app.baseUrl, key });
    assert.match(html, /alt="A &#34;chair&#34; &#38; more"/);
    // Four widths in three formats, and the image's own source.
    assert.equal((await fetchAll(html)).length, 13);
  });

  it('a React component', async () => {
    const src = createImageUrls({ baseUrl: app.baseUrl, key, presets }).url(ID, 'card');
    const { html } = await exportsOf<{ html: string }>(
      `import { renderToStaticMarkup } from 'react-dom/server';
       import { ListingCard } from './examples/react-card.tsx';
       export const html = renderToStaticMarkup(<ListingCard src={${JSON.stringify(src)}} title="Chair"
         meta={{ width: 2000, height: 1500, dominantColor: '#4060a0' }} />);`,
    );
    assert.match(html, /^<picture><source type="image\/avif" srcSet="/);
    assert.match(
      html,
      /<img loading="lazy" decoding="async" alt="Chair" src="[^"]+" sizes="[^"]+" width="400" height="300"/,
    );
    assert.match(html, /style="background-color:#4060a0"/);
    assert.equal((await fetchAll(html)).length, 13);
  });

  it('a loader for next/image', async () => {
    const src = createImageUrls({ baseUrl: app.baseUrl, key, presets }).url(ID, 'card', { expiresAt: 2_000_000_000 });
    const { default: loader } = await exportsOf<typeof import('../../examples/next-loader.ts')>(
      `export { default } from './examples/next-loader.ts';`,
    );
    for (const [asked, given] of [
      [16, 200],
      [200, 200],
      [640, 800],
      [3840, 1200],
    ] as const) {
      const answer = await fetch(loader({ src, width: asked }));
      assert.equal(answer.status, 200);
      assert.equal((await sharp(Buffer.from(await answer.arrayBuffer())).metadata()).width, given);
    }
  });

  it('a Cloudflare Worker', async () => {
    const script = await bundleForEdge(`export { default } from './examples/cloudflare-worker.ts';`);
    const bindings = { IMAGE_BASE_URL: app.baseUrl, DARKROOM_SIGNING_KEY: key };
    const worker = new Miniflare({ modules: true, script, bindings, compatibilityDate: '2026-01-01' });
    cleanUp.push(() => worker.dispose());
    const answer = await worker.dispatchFetch(`http://worker.test/?id=${encodeURIComponent(ID)}`);
    const html = await answer.text();
    assert.equal(
      html,
      toHtml(createImageUrls({ baseUrl: app.baseUrl, key, presets }).picture(ID, 'card'), { alt: '' }),
    );
    assert.equal((await fetchAll(html)).length, 13);
    assert.equal((await worker.dispatchFetch('http://worker.test/')).status, 400);
  });

  it('that are shops have the presets of their server, and the same listings', async () => {
    const read = async (shop: Shop, name: string) =>
      JSON.parse(await readFile(join(ROOT, 'examples', shop.name, shop.data, name), 'utf8'));
    const [first] = SHOPS;
    assert.ok(first);
    const listings = await read(first, 'listings.json');
    for (const shop of SHOPS) {
      assert.deepEqual(await read(shop, 'presets.json'), presets, shop.name);
      assert.deepEqual(await read(shop, 'listings.json'), listings, shop.name);
    }
  });

  it('are all listed in their README', async () => {
    const readme = await readFile(new URL('../../examples/README.md', import.meta.url), 'utf8');
    for (const file of ['plain-html.ts', 'react-card.tsx', 'next-loader.ts', 'cloudflare-worker.ts', 'presets.json'])
      assert.ok(readme.includes(`\`${file}\``), file);
  });
});

describe('picture() in a real page', { skip: browserSkip }, () => {
  const rows: [what: string, viewport: number, ratio: number, chosen: RegExp][] = [
    ['a phone at 1x', 360, 1, /card@400w\.avif/],
    ['a phone at 2x', 360, 2, /card@800w\.avif/],
    ['a phone at 3x', 390, 3, /card@1200w\.avif/],
    ['a desktop at 1x', 1400, 1, /card@400w\.avif/],
    ['a desktop at 2x', 1400, 2, /card@800w\.avif/],
  ];
  it('picks AVIF, and the source that fits width and pixel ratio', async () => {
    const html = toHtml(createImageUrls({ baseUrl: app.baseUrl, key, presets }).picture(ID, 'card'), { alt: 'chair' });
    const style = '<style>body{margin:0} img{width:min(100vw, 400px);height:auto}</style>';
    const pages = await servePages({ '/': `<!doctype html>${style}${html}` });
    const browser = await launchBrowser();
    cleanUp.push(() => browser.close(), pages.close);
    for (const [what, width, deviceScaleFactor, chosen] of rows) {
      const page = await browser.newPage({ viewport: { width, height: 800 }, deviceScaleFactor });
      const types: string[] = [];
      page.on('response', (response) => types.push(response.headers()['content-type'] ?? ''));
      await page.goto(`${pages.url}/`, { waitUntil: 'load' });
      const image = await page.$eval('img', (img) => {
        const { currentSrc, naturalWidth, complete } = img as unknown as Record<string, unknown>;
        return { currentSrc: String(currentSrc), naturalWidth, complete };
      });
      assert.match(image.currentSrc, chosen, what);
      assert.ok(image.complete && Number(image.naturalWidth) > 0, what);
      assert.ok(types.includes('image/avif'), types.join());
      await page.close();
    }
  });
});
