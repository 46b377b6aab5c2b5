import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { ALL_FIELDS } from '../../src/playground/page/fields/groups.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';
import { browserSkip, launchBrowser } from '../helpers/browser.ts';
import { openPlayground, type PlaygroundPage } from '../helpers/playground-page.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const TOKEN = 'the-token-of-this-test-0123456789abcdef';
const ASSETS = `file:${join(ROOT, 'examples/assets')}`;
const SAMPLES = `file:${join(ROOT, 'samples')}`;

let server: TestServer;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'darkroom-playground-'));
  const presets = join(folder, 'presets.json');
  const signed = { width: 200, format: 'webp', overlays: [{ text: 'Photo: {seller}', size: 12 }] };
  const file = { format: 'original', keepMetadata: true };
  await writeFile(presets, JSON.stringify({ ...BUILT_IN_PRESETS, signed, file }));
  server = await startServer({
    ...{ DARKROOM_PLAYGROUND: 'on', DARKROOM_ASSETS: ASSETS, DARKROOM_API_TOKEN: TOKEN, DARKROOM_PRESETS: presets },
  });
  const originals = join(server.folder, 'data/originals');
  await mkdir(originals, { recursive: true });
  await copyFile(join(ROOT, 'test/decoders/files/alpha.heic'), join(originals, 'phone.heic'));
  for (const name of ['astronaut.jpg', 'coffee.jpg'])
    await copyFile(join(ROOT, 'samples', name), join(originals, name));
});
after(async () => {
  await server.dispose();
  await rm(folder, { recursive: true, force: true });
});

const bytesOf = async (answer: Response) => {
  assert.equal(answer.status, 200);
  return Buffer.from(await answer.arrayBuffer());
};

describe('presets are made on the playground', { skip: browserSkip }, () => {
  let browser: Browser;
  let opened: PlaygroundPage;
  let page: Page;
  /** Bytes that the page got, by their address. */
  const pictures = new Map<string, Buffer>();
  before(async () => {
    browser = await launchBrowser();
    opened = await openPlayground(browser, `${server.baseUrl}/playground#id=coffee.jpg&from=og`);
    page = opened.page;
    await page.route(/,o_image:/, async (route) => {
      const response = await route.fetch();
      pictures.set(route.request().url(), await response.body());
      await route.fulfill({ response });
    });
    await opened.settled(/^600 × 315/);
  });
  after(() => browser.close());

  /** By fractions of the picture that the element lies over. */
  async function drag(handle: string, over: string, across: number, down: number): Promise<void> {
    const [from, frame] = [await page.locator(handle).boundingBox(), await page.locator(over).boundingBox()];
    assert.ok(from && frame);
    const [x, y] = [from.x + from.width / 2, from.y + from.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + (across * frame.width) / 2, y + (down * frame.height) / 2);
    await page.mouse.move(x + across * frame.width, y + down * frame.height);
    await page.mouse.up();
  }
  const json = async () => JSON.parse(await page.inputValue('#json'));

  it('with a focal point, a watermark and a text that are dragged; another server makes the same bytes of its JSON', async () => {
    await page.getByRole('button', { name: 'Focal point', exact: true }).click();
    await drag('#original-layer .focal', '#original-layer', 0.2, 0.25);
    await opened.address(/"gravity":{"x":0\.(69|7)\d*,"y":0\.(74|75)\d*}/);
    await page.locator('#controls summary', { hasText: 'Overlays' }).click();
    await page.getByRole('button', { name: 'Add an image' }).click();
    await page.selectOption('#controls [data-path="overlays.0.image"] select', 'logo.png');
    await page.getByRole('button', { name: 'Add a text' }).click();
    await page.fill('#controls [data-path="overlays.1.text"] textarea', 'Photo: {seller} <b>&');
    await page.fill('#variables input[name="seller"]', 'Łucja & Ömer');
    await opened.settled(/^600 × 315/);
    await drag('#result-layer .chip:nth-child(1)', '#result-layer', -0.85, -0.8);
    await drag('#result-layer .chip:nth-child(2)', '#result-layer', 0, 0.4);
    await page.fill('#name', 'hero');
    await opened.address(/"position":"northwest".*"position":"south".*t\.seller=Łucja & Ömer/);
    await opened.settled(/^600 × 315/);
    const made = await json();
    const [image, text] = made.hero.overlays;
    assert.equal(image.position, 'northwest');
    assert.ok(image.offset.x > 50 && image.offset.x < 350, JSON.stringify(image));
    assert.deepEqual([text.position, text.text], ['south', 'Photo: {seller} <b>&']);

    const shown = await page.inputValue('#url');
    assert.match(decodeURI(shown), /\/w_1200,h_630,fit_cover,.*o_image:.*\?t\.seller=/);
    const recipe = await page.inputValue('#recipe');
    assert.ok(decodeURIComponent(shown).includes(`/${recipe}/`));

    const presets = join(server.folder, 'hero.json');
    await writeFile(presets, await page.inputValue('#json'));
    const other = await startServer({
      DARKROOM_PRESETS: presets,
      DARKROOM_ASSETS: ASSETS,
      DARKROOM_ORIGINALS: SAMPLES,
    });
    const { createImageUrls } = await import('../../src/url/sdk.ts');
    const { TEST_KEY } = await import('../helpers/app.ts');
    const images = createImageUrls({ baseUrl: other.baseUrl, key: TEST_KEY, presets: made as Record<string, object> });
    const named = images.url('coffee.jpg', 'hero', { variables: { seller: 'Łucja & Ömer' } });
    const bytes = await bytesOf(await fetch(named));
    assert.ok(bytes.equals(pictures.get(shown) ?? Buffer.alloc(0)), 'the bytes that the page showed');
    assert.ok(bytes.equals(await bytesOf(await fetch(shown))), 'the bytes of the signed URL');
    await other.dispose();
  });

  it('with a crop and a covered part that are dragged and taken out again', async () => {
    await page.selectOption('#preset', 'small');
    await page.getByRole('button', { name: 'Crop', exact: true }).click();
    await opened.address(/"crop":{"x":"10%","y":"10%","width":"80%","height":"80%"}/);
    await drag('#original-layer .cut .corner.nw', '#original-layer', 0.2, 0.1);
    await opened.address(/"crop":{"x":"(29|30)[.\d]*%","y":"(19|20)[.\d]*%","width":"(59|60|61)/);
    await opened.settled(/^300 × 2\d\d/);
    await page.locator('#original-layer .cut .body').focus();
    await page.keyboard.press('Delete');
    await page.getByRole('button', { name: 'Cover a part' }).click();
    await page.keyboard.press('ArrowLeft');
    await opened.address(/"boxes":\[{"x":0.39,"y":0.4,"width":0.2,"height":0.2}\]/);
    await page.keyboard.press('Delete');
    await opened.settled(/^300 × 200/);
    assert.deepEqual((await json()).small, { width: 300, height: 300, format: 'webp' });
  });

  it('by a link that is followed while the page still has an address to write', async () => {
    const link = `#${new URLSearchParams({ id: 'coffee.jpg', set: JSON.stringify({ width: 123 }) })}`;
    const follow = `location.hash = ${JSON.stringify(link)}; dispatchEvent(new Event('pagehide')); location.hash`;
    const kept = await page.evaluate<string>(follow);
    assert.equal(kept, link);
    await opened.settled(/^123 × 82/);
  });

  it('with a control for every field, which shows what a link says and leaves it as it is', async () => {
    const fields = {
      ...{ width: 320, height: 200, fit: 'cover', gravity: 'north', crop: { x: '5%', width: 400, height: '50%' } },
      ...{ trim: { tolerance: 20 }, rotate: 90, flip: 'both', padding: [1, 2, 3, 4], background: '#ffeedd' },
      ...{ brightness: 1.1, duotone: { shadows: '#10204a', highlights: '#ffe9c9' }, sharpen: 1.2 },
      ...{ redact: { faces: 'blur', boxes: [{ x: 0.1, y: 0.2, width: 0.3, height: 0.4 }], style: '#102030' } },
      ...{ radius: '12.5%', border: { width: 2, color: '#ffffff' }, format: 'webp', quality: 'auto', ssim: 0.95 },
      ...{ qualities: { avif: 50 }, lossless: false, chroma: '4:4:4', widths: [320, 640], pixelRatios: [1, 1.5] },
      ...{ formats: ['webp', 'png'], maxAge: 3600, private: true },
      overlays: [
        { text: 'a', color: '#ffffff80', outline: { color: '#000000', width: 1 } },
        { image: 'logo.png', tile: true },
      ],
    };
    await page.goto(
      `${server.baseUrl}/playground#${new URLSearchParams({ id: 'coffee.jpg', set: JSON.stringify(fields) })}`,
    );
    await page.reload();
    await page.locator('#status[data-kind="failed"]', { hasText: 'chroma' }).waitFor();
    assert.deepEqual((await json()).preset, fields);
    for (const name of Object.keys(ALL_FIELDS))
      assert.ok((await page.locator(`#controls [data-path="${name}"]`).count()) > 0, name);
    await page.locator('#controls summary', { hasText: 'Encode' }).click();
    await page.locator('#controls [data-path="chroma"] select').selectOption({ label: 'Auto' });
    await page
      .locator('#status[data-kind="done"]', { hasText: 'A recipe in a URL cannot say widths, pixelRatios, formats' })
      .waitFor();
    const { chroma: _, ...others } = fields;
    assert.deepEqual((await json()).preset, others);
    assert.equal(await page.locator('#controls .fault').count(), 0);
  });

  it('beside all others, with a value for each variable, and where the browser does not read what comes out', async () => {
    await page.fill('#id', 'phone.heic');
    await page.keyboard.press('Enter');
    await page.selectOption('#preset', 'file');
    await opened.settled(/not shown by this browser · [\d.]+ K?B · hei[cf]/);
    await page.click('#photos button[data-id="coffee.jpg"]');
    await page.selectOption('#preset', 'small');
    await opened.settled(/300 × 200/);
    await page.locator('#sheet li', { hasText: 'signed' }).scrollIntoViewIfNeeded();
    await page.locator('#sheet li', { hasText: /^signed200 × 133 · [\d.]+ K?B · webp$/ }).waitFor();
    await page.fill('#id', 'not-there.jpg');
    await page.keyboard.press('Enter');
    await page.locator('#status[data-kind="failed"]').waitFor();
    await page.click('#photos button[data-id="coffee.jpg"]');
  });

  it('weighed in three formats at four qualities', async () => {
    await page.selectOption('#preset', 'thumb');
    await opened.settled(/^150 × 150/);
    await page.click('#weigh-start');
    await page.locator('#weigh-status', { hasText: 'Bytes of each file' }).waitFor();
    const rows = await page.locator('#weigh tr').allTextContents();
    assert.equal(rows.length, 12);
    for (const row of rows) assert.match(row, /^(avif|webp|jpeg) (50|65|75|85)[\d.]+ K?B(\d+ ms|kept)$/);
  });

  it('and originals are edited for all of them, with a token that stays in the tab', async () => {
    await page.selectOption('#preset', 'thumb');
    await opened.settled(/^150 × 150/);
    const secret = (text: string) => assert.ok(!text.includes(TOKEN.slice(0, 12)), text);
    await page.locator('#edit summary').click();
    await page.fill('#alt', 'A cup of coffee');
    await page.locator('#edit-tools').getByRole('button', { name: 'Turn right' }).click();
    await page.locator('#edit-tools').getByRole('button', { name: 'Cover a part' }).click();
    await page.fill('#token', 'wrong');
    await page.click('#save-edit');
    await page.locator('#edit-status', { hasText: 'not that of this server' }).waitFor();
    await page.fill('#token', TOKEN);
    await page.keyboard.press('Enter');
    await page.locator('#edit-status', { hasText: 'Saved' }).waitFor();
    await opened.settled(/^150 × 150/);
    await page.locator('#original-metadata', { hasText: '400 × 600' }).waitFor();
    const headers = { authorization: `Bearer ${TOKEN}` };
    const { edit, alt, v, width } = (await (await server.get('/v1/images/coffee.jpg', { headers })).json()) as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      [edit, alt, width],
      [{ rotate: 90, redact: [{ x: 0.4, y: 0.4, width: 0.2, height: 0.2 }] }, ...['A cup of coffee', 400]],
    );
    assert.ok((await page.inputValue('#url')).endsWith(`?v=${v}`));
    await page.reload();
    await opened.settled(/^150 × 150/);
    assert.equal(await page.inputValue('#token'), TOKEN);
    assert.equal(await page.evaluate('document.querySelector("#edit").open'), false);
    for (const address of opened.asked) secret(address);
    secret(page.url());
    secret(server.output());
    assert.deepEqual(await page.evaluate('[Object.keys(localStorage), document.cookie]'), [[], '']);
    await page.locator('#edit summary').click();
    await page.click('#forget-token');
    assert.deepEqual(await page.evaluate('Object.values(sessionStorage)'), []);
    assert.deepEqual(
      opened.faults.filter((fault) => !/40[34]/.test(fault)),
      [],
    );
  });

  it('says what it is where there is no original yet', async () => {
    const empty = await startServer({ DARKROOM_PLAYGROUND: 'on' });
    const { page: other, faults } = await openPlayground(browser, empty.baseUrl);
    await other.getByRole('heading', { name: 'Nothing to show yet' }).waitFor();
    assert.match(
      (await other.textContent('#welcome')) ?? '',
      /This is the playground of a Darkroom.*DARKROOM_ORIGINALS/s,
    );
    assert.deepEqual([await other.isVisible('#drop'), await other.isVisible('#controls')], [true, false]);
    await mkdir(join(empty.folder, 'data/originals'), { recursive: true });
    await cp(join(ROOT, 'samples/coffee.jpg'), join(empty.folder, 'data/originals/a.jpg'));
    await other.fill('#id', 'a.jpg');
    await other.keyboard.press('Enter');
    await other.locator('#rendition-metadata', { hasText: '600 × 315' }).waitFor();
    assert.ok(await other.isVisible('#controls'));
    assert.deepEqual(faults, []);
    await empty.dispose();
  });
});
