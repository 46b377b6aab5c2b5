/** The built documentation as its readers have it, in Chromium, from disk: `npm run docs` builds it, and CI does so before the tests. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { SIDEBAR } from '../../docs/.vitepress/sidebar.ts';
import { browserSkip, launchBrowser } from '../helpers/browser.ts';
import { ROOT } from '../helpers/edge.ts';

const SITE = join(ROOT, 'docs/.vitepress/dist');
/** For screenshots, to look at. */
const OUT = process.env.DOCS_OUT;
const TYPES: Readonly<Record<string, string>> = {
  ...{ '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json' },
  ...{ '.webp': 'image/webp', '.png': 'image/png', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' },
};
const skip = browserSkip || (existsSync(join(SITE, 'index.html')) ? false : 'the site is not built: npm run docs');

/** Serves the site as any host of files with clean URLs does. */
async function serveSite(): Promise<Server> {
  const server = createServer(async ({ url = '/' }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
    const candidates = extname(path) ? [path] : [`${path}.html`, join(path, 'index.html')];
    for (const candidate of candidates) {
      const body = await readFile(join(SITE, candidate)).catch(() => undefined);
      if (!body) continue;
      response.writeHead(200, { 'content-type': TYPES[extname(candidate)] ?? 'application/octet-stream' }).end(body);
      return;
    }
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

describe('the site of the documentation', { skip }, () => {
  let server: Server;
  let browser: Browser;
  let home: string;
  /** Errors of pages, answers that are none, and what was asked of other hosts, since the last look. */
  let faults: string[] = [];

  before(async () => {
    [server, browser] = await Promise.all([serveSite(), launchBrowser()]);
    home = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    if (OUT) await mkdir(OUT, { recursive: true });
  });
  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  async function open(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    faults = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('response', (answer) => answer.status() >= 400 && faults.push(`${answer.status()} ${answer.url()}`));
    await context.route(/^(?!data:|blob:)/, (route) => {
      const url = route.request().url();
      if (url.startsWith(`${home}/`)) return route.continue();
      faults.push(`asks ${url}`);
      return route.abort();
    });
    return page;
  }
  const shoot = async (page: Page, name: string) => {
    if (OUT) await page.screenshot({ path: join(OUT, `${name}.png`), fullPage: false });
  };
  /** By how many pixels the page is wider than the screen. */
  const overflow = (page: Page) =>
    page.$eval('html', (root) => {
      const { scrollWidth = 0, clientWidth = 0 } = root as unknown as Record<string, number>;
      return scrollWidth - clientWidth;
    });
  /** Of the page's ground, from 0 to 255. */
  const brightness = (page: Page) =>
    page.$eval('body', (body) => {
      const { getComputedStyle } = globalThis as unknown as {
        getComputedStyle(of: unknown): { backgroundColor: string };
      };
      return Number(/\d+/.exec(getComputedStyle(body).backgroundColor)?.[0]);
    });

  for (const [name, viewport] of Object.entries({
    wide: { width: 1280, height: 900 },
    phone: { width: 390, height: 844 },
  }))
    it(`shows its start page and the first page of each section, all pictures there, on a ${name} screen`, async () => {
      const context = await browser.newContext({ viewport });
      const page = await open(context);
      const links = ['/', ...SIDEBAR.map(({ items }) => items[0]?.link ?? '')];
      for (const link of [...links, '/project/nextjs', '/operations/jxl']) {
        await page.goto(home + link, { waitUntil: 'load' });
        assert.equal(await page.locator('main h1').count(), 1, link);
        assert.equal(await overflow(page), 0, `${link} is wider than the screen`);
        const broken = await page.$$eval('main img', (all) =>
          all
            .map((img) => img as unknown as { src: string; complete: boolean; naturalWidth: number })
            .filter(({ complete, naturalWidth }) => !complete || naturalWidth === 0)
            .map(({ src }) => src),
        );
        assert.deepEqual(broken, [], link);
        assert.deepEqual(faults, [], link);
        await shoot(page, `${name}${link.replaceAll('/', '-')}`);
      }
      await context.close();
    });

  it('has every page of the sidebar, one click away', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await open(context);
    await page.goto(`${home}/start`, { waitUntil: 'networkidle' });
    const shown = await page.$$eval('.VPSidebar a', (all) =>
      all.map((a) => new URL((a as unknown as { href: string }).href).pathname),
    );
    assert.deepEqual(
      shown,
      SIDEBAR.flatMap(({ items }) => items.map(({ link }) => link)),
    );
    await page.locator('.VPSidebar').getByText('Placeholders').click();
    await page.waitForURL(`${home}/placeholders`);
    await page.getByRole('heading', { level: 1, name: 'Placeholders' }).waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });

  it('finds a word and follows the hit', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await open(context);
    await page.goto(home, { waitUntil: 'networkidle' });
    await page.getByRole('button', { name: 'Search' }).first().click();
    await page.locator('.VPLocalSearchBox input').fill('watermark');
    const hit = page.locator('.VPLocalSearchBox .result').filter({ hasText: 'Watermark' }).first();
    await hit.waitFor();
    await shoot(page, 'search');
    await hit.click();
    await page.waitForURL(/\/operations\/watermark/);
    await page.getByRole('heading', { level: 1, name: /watermark/i }).waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });

  it('is light or dark as the reader wants it, and remembers', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
    const page = await open(context);
    await page.goto(`${home}/url`, { waitUntil: 'networkidle' });
    assert.ok((await brightness(page)) > 200);
    await page.getByRole('switch').first().click();
    assert.ok((await brightness(page)) < 60);
    await shoot(page, 'dark');
    await page.goto(`${home}/presets`, { waitUntil: 'networkidle' });
    assert.ok((await brightness(page)) < 60, 'the next page is dark too');
    assert.deepEqual(faults, []);
    await context.close();
  });

  it('has a menu on a phone, which leads to all pages', async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const page = await open(context);
    await page.goto(`${home}/storefront`, { waitUntil: 'networkidle' });
    await page.getByRole('button', { name: 'Menu', exact: true }).tap();
    const link = page.locator('.VPSidebar').getByText('In the browser, without the key');
    await link.waitFor();
    await shoot(page, 'phone-menu');
    await link.tap();
    await page.waitForURL(`${home}/client-only`);
    await page.getByRole('heading', { level: 1, name: /in the browser/i }).waitFor();
    assert.equal(await overflow(page), 0);
    assert.deepEqual(faults, []);
    await context.close();
  });
});
