import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { TEST_KEY } from '../helpers/app.ts';
import { browserSkip, launchBrowser } from '../helpers/browser.ts';
import { astronaut } from '../helpers/faces.ts';
import { openPlayground, type PlaygroundPage } from '../helpers/playground-page.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { until } from '../helpers/turns.ts';

/** Kept by every run, for people to look at. */
const SCREENSHOTS = new URL('../../data/screenshots/', import.meta.url).pathname;
const SAMPLES = new URL('../../samples/', import.meta.url).pathname;
/** A file of this name would run where a page wrote it as markup. */
const HOSTILE = "a<img src=x onerror=document.title='hit'>&quot;.jpg";

let server: TestServer;
before(async () => {
  server = await startServer({ DARKROOM_PLAYGROUND: 'on' });
  const originals = join(server.folder, 'data/originals');
  await mkdir(originals, { recursive: true });
  await copyFile(join(SAMPLES, 'astronaut.jpg'), join(originals, 'astronaut.jpg'));
  await copyFile(join(SAMPLES, 'coffee.jpg'), join(originals, HOSTILE));
  await mkdir(SCREENSHOTS, { recursive: true });
});
after(() => server.dispose());

describe('the playground', { skip: browserSkip }, () => {
  let browser: Browser;
  let opened: PlaygroundPage;
  let page: Page;
  before(async () => {
    browser = await launchBrowser();
    opened = await openPlayground(browser, `${server.baseUrl}/`);
    page = opened.page;
  });
  after(() => browser.close());

  const text = (id: string) => page.textContent(`#${id}`);
  const tooWide = () =>
    page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  const openGroups = () =>
    page.evaluate('document.querySelectorAll("details").forEach((each) => { each.open = true })');

  it('is where / leads, and opens on a picture that shows a face and a crop', async () => {
    await opened.settled(/512 × 269 · [\d.]+ KB · jpeg · darkroom; /);
    assert.equal(new URL(page.url()).pathname, '/playground');
    await page.locator('#original-layer .mark.face').waitFor({ state: 'attached' });
    await page.locator('#original-layer .mark.window').waitFor({ state: 'attached' });
    assert.match((await page.getAttribute('#timing', 'aria-label')) ?? '', /decode [\d.]+ ms.*total [\d.]+ ms/);
    assert.match((await text('original-metadata')) ?? '', /512 × 512 · jpeg · 1 face/);
  });

  it('takes a dropped photo', async () => {
    const transfer = await page.evaluateHandle(
      `(() => { const data = new DataTransfer();
        data.items.add(new File([Uint8Array.from(${JSON.stringify([...astronaut])})], 'a.jpg', { type: 'image/jpeg' }));
        return data; })()`,
    );
    await page.dispatchEvent('#drop', 'drop', { dataTransfer: transfer });
    await page.locator('#photos button[aria-pressed="true"][data-id^="product/"]').waitFor();
    await page.selectOption('#preset', 'avatar-large');
    await opened.settled(/^256 × 256/);
  });

  it('follows preset, size and format, and copies a URL that works', async () => {
    await page.selectOption('#preset', 'small');
    await opened.settled(/^300 × 300/);
    await page.selectOption('#format', 'avif');
    await opened.settled(/avif/);
    await page.selectOption('#size', 'x2');
    await opened.settled(/^512 × 512 · [\d.]+ KB · avif/);
    await page.click('[data-copy="url"]');
    await page.locator('#status', { hasText: 'Signed URL copied.' }).waitFor();
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    assert.match(copied, /\/[\w-]{22}\/small@2x\.avif\/product\//);
    const answer = await fetch(copied);
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/avif']);
    assert.match(await page.inputValue('#markup'), /^<picture><source type="image\/avif"/);
  });

  it('shows all presets with their sizes', async () => {
    await page.locator('#sheet li').last().scrollIntoViewIfNeeded();
    const told = page.locator('#sheet li > .quiet', { hasText: /^\d+ × \d+ · [\d.]+ K?B · \w+$/ });
    await told.nth(8).waitFor();
    await page.click('#sheet [data-preset="thumb"]');
    await opened.settled(/^150 × 150/);
  });

  it('is used by keyboard alone', async () => {
    await page.goto(`${server.baseUrl}/playground#from=thumb`);
    await page.reload();
    await opened.settled(/^150 × 150/);
    /** By Tab until the element has the focus, which is to be seen. */
    const tabTo = async (selector: string) => {
      for (let tabs = 0; tabs < 150; tabs += 1) {
        await page.keyboard.press('Tab');
        const [is, outline] = await page.evaluate<[boolean, string]>(
          `[document.activeElement?.matches(${JSON.stringify(selector)}) ?? false, getComputedStyle(document.activeElement).outlineStyle]`,
        );
        if (!is) continue;
        assert.notEqual(outline, 'none', selector);
        return;
      }
      assert.fail(`Tab does not lead to ${selector}`);
    };
    await tabTo('#photos button[data-id="astronaut.jpg"]');
    await page.keyboard.press('Enter');
    await opened.address(/id=astronaut\.jpg/);
    await tabTo('#tools button:first-child');
    await page.keyboard.press('Enter');
    await opened.address(/"gravity":{"x":0.5,"y":0.5}/);
    for (const key of ['ArrowRight', 'ArrowUp', 'Shift+ArrowUp']) await page.keyboard.press(key);
    await opened.address(/"gravity":{"x":0.51,"y":0.39}/);
    await tabTo('#controls [data-path="width"] input[type="range"]');
    await page.keyboard.press('ArrowRight');
    await opened.address(/"width":151/);
    await opened.settled(/^151 × 150/);
    await tabTo('#controls details:nth-child(2) > summary');
    await page.keyboard.press('Enter');
    await tabTo('#controls [data-path="grayscale"] input');
    await page.keyboard.press('Space');
    await opened.address(/"grayscale":true/);
    await opened.settled(/^151 × 150/);
    await tabTo('[data-copy="json"]');
    await page.keyboard.press('Enter');
    const json = JSON.parse(await page.evaluate<string>('navigator.clipboard.readText()'));
    assert.deepEqual(json.thumb, {
      ...{ width: 151, height: 150, fit: 'cover', gravity: { x: 0.51, y: 0.39 }, grayscale: true, format: 'webp' },
      quality: 75,
    });
  });

  it('keeps its state in the address', async () => {
    await page.fill('#name', 'my card');
    await page.check('input[name="view"][value="compare"]');
    await opened.address(/name=my-card.*view=compare/);
    await page.locator('#result-frame.compared #before').waitFor();
    assert.deepEqual(
      await page.evaluate(`(async () => { const image = document.querySelector('#before'); await image.decode();
        return [image.naturalWidth, image.naturalHeight]; })()`),
      [151, 150],
    );
    const shown = async () => [
      await page.inputValue('#json'),
      await page.inputValue('#url'),
      await text('rendition-metadata'),
    ];
    const before = await shown();
    const [, { page: other }] = await Promise.all([page.reload(), openPlayground(browser, page.url())]);
    await opened.settled(/^151 × 150/);
    await other.locator('#rendition-metadata', { hasText: '151 × 150' }).waitFor();
    // The look of the first page had to render; those after it did not.
    const plain = (all: (string | null)[]) => all.map((each) => each?.replace(/ · darkroom; .*/, ''));
    assert.deepEqual(plain(await shown()), plain(before));
    assert.equal(await other.inputValue('#json'), before[0]);
    await other.locator('#result-frame.compared').waitFor();
    await other.focus('#divider');
    await other.keyboard.press('End');
    assert.equal(
      await other.evaluate("document.querySelector('#result-frame').style.getPropertyValue('--at')"),
      '100%',
    );
    await other.close();
  });

  it('shows ids, names and texts as texts', async () => {
    const link = new URL(`${server.baseUrl}/playground`);
    const markup = '<img src=x onerror="document.title=\'hit\'">';
    const fields = {
      width: 90,
      redact: { [markup]: 1 },
      overlays: [{ text: markup }, { image: markup }],
      [markup]: markup,
    };
    link.hash = new URLSearchParams({
      id: HOSTILE,
      name: markup,
      from: markup,
      set: JSON.stringify(fields),
    }).toString();
    const { page: other, faults } = await openPlayground(browser, link.href);
    await other.locator('#controls .fault', { hasText: 'overlays.1.image' }).waitFor();
    await other.locator('#controls .fault', { hasText: `redact: Unrecognized key: "${markup}"` }).waitFor();
    await other.click('#controls [aria-label="Reset Overlays"]');
    await other.click('#controls [aria-label="Reset Redact"]');
    await other.locator('#status[data-kind="failed"]', { hasText: 'nrecognized' }).waitFor();
    assert.deepEqual(await other.evaluate("[document.title, document.querySelectorAll('[src=x], [onerror]').length]"), [
      ...['Darkroom playground', 0],
    ]);
    assert.equal(await other.inputValue('#id'), HOSTILE);
    await other.click('#photos li:first-child button');
    await other.selectOption('#preset', 'thumb');
    await other.locator('#rendition-metadata', { hasText: '150 × 150' }).waitFor();
    assert.equal(await other.title(), 'Darkroom playground');
    assert.deepEqual(faults, []);
    await other.close();
  });

  it('fits a phone and a wide page, dark and light, and leaves screenshots', async () => {
    const grounds = new Set<string>();
    await page.goto(`${server.baseUrl}/playground#id=astronaut.jpg&from=og`);
    await page.reload();
    await opened.settled(/^512 × 269/);
    for (const [width, height] of [
      [1440, 1000],
      [390, 844],
    ] as const)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme });
        grounds.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
        await page.screenshot({ path: join(SCREENSHOTS, `playground-${width}-${colorScheme}.png`) });
        assert.ok((await tooWide()) <= 0, `${await tooWide()} px too wide at ${width}`);
      }
    assert.equal(grounds.size, 2);
    await openGroups();
    await page.getByRole('button', { name: 'Add an image' }).click();
    await page.getByRole('button', { name: 'Add a text' }).click();
    assert.ok((await tooWide()) <= 0, `${await tooWide()} px too wide with all groups open`);
    const unnamed = await page.evaluate<string[]>(
      `[...document.querySelectorAll('input, select, textarea, button')]
        .filter((each) => !(each.labels?.length || each.ariaLabel || each.textContent.trim() || each.querySelector('img[alt]')))
        .map((each) => each.outerHTML)`,
    );
    assert.deepEqual(unnamed, [], 'every control has a name for screen readers');
  });

  it('never got the key, and nothing went wrong in the page', () => {
    for (const secret of [TEST_KEY.toString('hex'), TEST_KEY.toString('base64')])
      assert.ok(!opened.answers.some((body) => body.includes(secret)));
    assert.ok(opened.answers.length > 40);
    assert.deepEqual(opened.faults, []);
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

  it('sends files of the page and no other', async () => {
    for (const path of ['main.ts', 'fields/geometry.ts', 'styles/base.css', 'page.html'])
      assert.equal((await server.get(`/playground/page/${path}`)).status, 200, path);
    const script = await (await server.get('/playground/page/main.ts')).text();
    assert.doesNotMatch(script, /: Promise<void>/);
    for (const path of [
      '',
      'fields',
      '../playground.ts',
      '%2e%2e/playground.ts',
      '..%2fplayground.ts',
      'main.ts%00',
      'x.ts',
    ])
      assert.ok((await server.get(`/playground/page/${path}`)).status >= 400, path);
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
      for (const path of ['/', '/playground', '/playground/page/main.ts', '/playground/api/presets', '/v1/uploads/x.y'])
        assert.equal((await closed.get(path)).status >= 400, true, path);
      assert.equal((await closed.get('/v1/uploads/x.y', { method: 'PUT', body: 'x' })).status, 404);
      await closed.dispose();
    }
  });
});
