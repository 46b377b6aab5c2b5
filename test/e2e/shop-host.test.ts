import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createImageUrls } from '../../src/url/sdk.ts';
import { TEST_KEY } from '../helpers/app.ts';
import { browserSkip, launchBrowser, servePages } from '../helpers/browser.ts';
import { attribute, startCollector } from '../helpers/collector.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

/** A real process under the shop's own host: a path prefix, a secret of its CDN, and a picture that a browser saves. */

const SECRETS = ['n3w'.repeat(8), 'o1d'.repeat(8)] as const;
const SAMPLES = new URL('../../samples', import.meta.url).pathname;
const ID = 'coffee.jpg';
const images = (baseUrl: string) => createImageUrls({ baseUrl: `${baseUrl}/images`, key: TEST_KEY });

const collector = await startCollector();

describe('pictures under the host of a shop', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({
      ...{ DARKROOM_PATH_PREFIX: '/images', DARKROOM_ORIGIN_SECRET: SECRETS.join(','), DARKROOM_METRICS_PORT: '0' },
      ...{ DARKROOM_ORIGINALS: `file:${SAMPLES}`, DARKROOM_PLAYGROUND: 'on', DARKROOM_LOG_LEVEL: 'trace' },
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_SCHEDULE_DELAY: '600000' },
    });
  });
  after(() => server.dispose());
  const status = async (url: string, secret?: string) => {
    const answer = await fetch(url, secret === undefined ? {} : { headers: { 'x-origin-secret': secret } });
    await answer.arrayBuffer();
    return answer.status;
  };

  it('are there below the prefix, for the CDN, and for nobody else', async () => {
    const url = images(server.baseUrl).url(ID, 'thumb', { version: '2' });
    for (const secret of SECRETS) assert.equal(await status(url, secret), 200);
    assert.equal(await status(url), 403);
    assert.equal(await status(url.replace('/images', ''), SECRETS[0]), 404);
  });

  it('leave health and metrics open, and close the playground, which would sign for all', async () => {
    for (const path of ['/health', '/ready', '/images/health', '/images/ready'])
      assert.equal(await status(server.baseUrl + path), 200, path);
    assert.equal(await status(`http://127.0.0.1:${server.startUp.metricsPort}/metrics`), 200);
    assert.equal(await status(`${server.baseUrl}/playground`), 403);
    assert.equal(await status(`${server.baseUrl}/playground`, SECRETS[1]), 200);
    const headers = { 'x-origin-secret': SECRETS[0], 'content-type': 'application/json' };
    const signed = await fetch(`${server.baseUrl}/playground/api/sign`, {
      ...{
        method: 'POST',
        headers,
        body: JSON.stringify({ id: ID, preset: 'thumb', download: 'a.webp', version: '3' }),
      },
    });
    const { url } = (await signed.json()) as { url: string };
    assert.equal(url, images(server.baseUrl).url(ID, 'thumb', { download: 'a.webp', version: '3' }));
  });

  it('are printed at the start as they can be fetched', async () => {
    const [, printed = ''] = new RegExp(`(http://localhost\\S+/\\w+/${ID})`).exec(server.output()) ?? [];
    assert.match(printed, /^http:\/\/localhost:\d+\/images\//);
    assert.equal(await status(printed.replace('localhost', '127.0.0.1'), SECRETS[0]), 200);
  });

  it('tell neither secret nor signature to logs and traces', async () => {
    const signature = images(server.baseUrl).url(ID, 'thumb', { version: '2' }).split('/')[4] ?? '';
    assert.equal(await server.stop(), 0);
    const paths = collector.spans().map((span) => attribute(span, 'url.path'));
    assert.ok(paths.includes(`/images/-/thumb/${ID}`) && paths.includes('/-'), paths.join());
    const [, log = ''] = /(\{"level".*)$/s.exec(server.output()) ?? [];
    for (const text of [collector.text(), server.output()])
      for (const secret of SECRETS) assert.ok(!text.includes(secret));
    assert.ok(log.length > 0 && !collector.text().includes(signature));
  });
});

describe('dl', { skip: browserSkip }, () => {
  it('has a browser save the picture under its name, and show it without', async () => {
    const server = await startServer({ DARKROOM_ORIGINALS: `file:${SAMPLES}`, DARKROOM_FACES: 'off' });
    const browser = await launchBrowser();
    const urls = createImageUrls({ baseUrl: server.baseUrl, key: TEST_KEY });
    const name = "Größe 5 'it's' 2€.webp";
    const link = urls.url(ID, 'thumb', { download: name });
    const pages = await servePages({
      '/': `<!doctype html><title>t</title><a href="${link}">save</a><img src="${link}">`,
    });
    try {
      const page = await browser.newPage();
      await page.goto(`${pages.url}/`);
      const shown = await page.evaluate(
        'document.querySelector("img").decode().then(() => document.querySelector("img").naturalWidth)',
      );
      assert.equal(shown, 150);
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('a')]);
      assert.equal(download.suggestedFilename(), name);
      assert.equal(await download.failure(), null);
    } finally {
      await Promise.all([browser.close(), pages.close(), server.dispose()]);
    }
  });
});
