import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { TEST_KEY } from '../helpers/app.ts';
import { browserSkip, launchBrowser } from '../helpers/browser.ts';
import { astronaut } from '../helpers/faces.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { until } from '../helpers/turns.ts';

/** Kept by every run, for people to look at. */
const SCREENSHOTS = new URL('../../data/screenshots/', import.meta.url).pathname;
const SAMPLES = new URL('../../samples/', import.meta.url).pathname;

let server: TestServer;
before(async () => {
  server = await startServer({ DARKROOM_PLAYGROUND: 'on' });
  await mkdir(join(server.folder, 'data/originals'), { recursive: true });
  await copyFile(join(SAMPLES, 'coffee.jpg'), join(server.folder, 'data/originals/coffee.jpg'));
});
after(() => server.dispose());

describe('the playground', { skip: browserSkip }, () => {
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];
  const seen: string[] = [];
  before(async () => {
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1200, height: 1000 } });
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('response', async (response) => {
      if (response.url().includes('/playground')) seen.push(await response.text().catch(() => ''));
    });
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.baseUrl });
    await page.goto(`${server.baseUrl}/playground`);
  });
  after(() => browser.close());

  const text = (id: string) => page.textContent(`#${id}`);
  /** The page has shown what was chosen. */
  const settled = (metadata: RegExp) =>
    page.waitForFunction(
      ({ source }) => {
        const [status, shown] = ['status', 'rendition-metadata'].map(
          (id) =>
            (
              globalThis as unknown as { document: { getElementById(id: string): { textContent: string } } }
            ).document.getElementById(id).textContent,
        );
        return status === '' && new RegExp(source).test(shown ?? '');
      },
      { source: metadata.source },
      { timeout: 15_000 },
    );

  it('shows a sample with its first preset', async () => {
    await settled(/150 × 150 · [\d.]+ KB · image\/webp · darkroom; /);
    assert.match((await page.getAttribute('#timing', 'aria-label')) ?? '', /decode [\d.]+ ms.*total [\d.]+ ms/);
  });

  it('takes a dropped photo, finds its face and frames on it', async () => {
    const transfer = await page.evaluateHandle(
      (bytes) => {
        const data = new (
          globalThis as unknown as { DataTransfer: new () => { items: { add(file: File): void } } }
        ).DataTransfer();
        data.items.add(new File([Uint8Array.from(bytes)], 'astronaut.jpg', { type: 'image/jpeg' }));
        return data;
      },
      [...astronaut],
    );
    await page.dispatchEvent('#drop', 'drop', { dataTransfer: transfer });
    await page.waitForSelector('#photos button[aria-pressed="true"][data-id^="product/"]', { timeout: 15_000 });
    await page.selectOption('#preset', 'avatar-large');
    await settled(/^256 × 256/);
    await page.waitForSelector('#overlay rect.face', { state: 'attached' });
    await page.waitForSelector('#overlay rect.crop', { state: 'attached' });
    assert.match((await text('original-metadata')) ?? '', /512 × 512 · jpeg · 1 faces/);
  });

  it('follows preset, size and format, with the numbers of that very response', async () => {
    await page.selectOption('#preset', 'small');
    await settled(/^300 × 300/);
    const first = [await text('rendition-metadata'), await text('timing')];
    await page.selectOption('#format', 'avif');
    await settled(/image\/avif/);
    await page.selectOption('#size', 'x2');
    await settled(/^512 × 512 · [\d.]+ KB · image\/avif/);
    assert.notDeepEqual([await text('rendition-metadata'), await text('timing')], first);
  });

  it('copies a URL that works, and markup', async () => {
    await page.click('[data-copy="url"]');
    await page.waitForFunction(
      () =>
        (
          globalThis as unknown as { document: { getElementById(id: string): { textContent: string } } }
        ).document.getElementById('status').textContent === 'Copied.',
    );
    const copied = await page.evaluate(() =>
      (
        globalThis as unknown as { navigator: { clipboard: { readText(): Promise<string> } } }
      ).navigator.clipboard.readText(),
    );
    assert.match(copied, /\/[\w-]{22}\/small@2x\.avif\/product\//);
    const answer = await fetch(copied);
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/avif']);
    assert.match(await page.inputValue('#markup'), /^<picture><source type="image\/avif"/);
  });

  it('shows all presets side by side', async () => {
    assert.equal(await page.locator('#all img').count(), 9);
    for (const image of await page.locator('#all img').all())
      await image.evaluate((img) => (img as unknown as { decode(): Promise<void> }).decode());
  });

  it('is used by keyboard', async () => {
    await page.focus('#photos li:first-child button');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#photos li:first-child button[aria-pressed="true"]');
    await page.focus('#preset');
    await page.keyboard.press('ArrowDown');
    await settled(/KB/);
  });

  it('fits a phone, dark and light, and leaves screenshots', async () => {
    await mkdir(SCREENSHOTS, { recursive: true });
    await page.click('#photos button[data-id^="product/"]');
    await page.selectOption('#preset', 'og');
    await settled(/KB/);
    await page.screenshot({ path: join(SCREENSHOTS, 'playground.png'), fullPage: true });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 375, height: 800 });
    await page.screenshot({ path: join(SCREENSHOTS, 'playground-phone-dark.png'), fullPage: true });
    const overflow = await page.evaluate(() => {
      const { document } = globalThis as unknown as {
        document: { documentElement: { scrollWidth: number; clientWidth: number } };
      };
      return document.documentElement.scrollWidth - document.documentElement.clientWidth;
    });
    assert.ok(overflow <= 0, `${overflow} px too wide`);
  });

  it('never got the key, and nothing went wrong in the page', () => {
    for (const secret of [TEST_KEY.toString('hex'), TEST_KEY.toString('base64')])
      assert.ok(!seen.some((body) => body.includes(secret)));
    assert.ok(seen.length > 10);
    assert.deepEqual(faults, []);
  });
});

describe('the playground and others', () => {
  it('signs nothing for another site', async () => {
    const body = JSON.stringify({ id: 'coffee.jpg', preset: 'thumb' });
    const headers = { 'content-type': 'application/json' };
    for (const site of ['cross-site', 'same-site']) {
      const answer = await server.get('/playground/api/sign', {
        method: 'POST',
        body,
        headers: { ...headers, 'sec-fetch-site': site },
      });
      assert.equal(answer.status, 403, site);
    }
    const own = await server.get('/playground/api/sign', {
      method: 'POST',
      body,
      headers: { ...headers, 'sec-fetch-site': 'same-origin' },
    });
    assert.equal(own.status, 200);
    assert.equal(own.headers.get('access-control-allow-origin'), null);
  });

  it('answers mistakes with the reason', async () => {
    const headers = { 'content-type': 'application/json' };
    for (const [path, body, message] of [
      ['sign', { id: 'a.jpg', preset: 'nope' }, /no preset/],
      ['sign', { preset: 'thumb' }, /id: /],
      ['details', { id: 'a.jpg', preset: 'thumb', format: 'bmp' }, /format: /],
      ['upload-url', { filename: 'a', contentType: 'text/html', size: 3 }, /contentType: /],
    ] as const) {
      const answer = await server.get(`/playground/api/${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      assert.equal(answer.status, 400);
      assert.equal(answer.headers.get('cache-control'), 'no-store');
      assert.match(((await answer.json()) as { message: string }).message, message);
    }
  });

  it('is there by itself with a key that the server made, and warns where strangers may reach it', async () => {
    const open = await startServer({ DARKROOM_SIGNING_KEYS: undefined });
    assert.equal((await open.get('/playground')).status, 200);
    assert.ok(!open.log().some(({ msg }) => msg.includes('playground')));
    await open.dispose();
    const reachable = await startServer({ DARKROOM_PLAYGROUND: 'on', HOST: '0.0.0.0' });
    await until(() =>
      reachable.log().some(({ msg }) => /playground signs URLs for every visitor.*0\.0\.0\.0/.test(msg)),
    );
    await reachable.dispose();
  });

  it('is not there with a key of its own, in production, or when it is off', async () => {
    const off = { DARKROOM_SIGNING_KEYS: undefined, DARKROOM_PLAYGROUND: 'off' };
    for (const settings of [{}, { NODE_ENV: 'production' }, off]) {
      const closed = await startServer(settings);
      for (const path of ['/playground', '/playground/page.js', '/playground/api/presets', '/v1/uploads/x.y'])
        assert.equal((await closed.get(path)).status >= 400, true, path);
      assert.equal((await closed.get('/v1/uploads/x.y', { method: 'PUT', body: 'x' })).status, 404);
      await closed.dispose();
    }
  });
});
