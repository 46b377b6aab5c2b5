/**
 * A page of 60 cards, from signed URLs, by next/image and as imgix writes it, in one Next.js shop, opened in Chromium over a slow line: what
 * the page weighs, how many pictures it asks for, and when the largest one shows. `node bench/cards.ts [--photos DIR] [--runs 3] [--until FILE]`
 * FILE: measures only once this file exists, so that a machine can be made quiet after the build.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { launchBrowser } from '../test/helpers/browser.ts';
import { installShop, packPackages, startShop } from '../test/shops/install.ts';
import { SHOPS } from '../test/shops/shop-list.ts';
import { CARD_PRESET, type Card, KINDS, type Kind, writeCardsShop } from './tools/cards-shop.ts';
import { benchOptions, median, photosIn, temporaryFolder } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { BENCH_KEY, signedPath, startServer } from './tools/server.ts';

const { photos, out, runs, until } = benchOptions({ runs: '3', until: '' });
const COUNT = 60;
const TOKEN = 'a-token-for-the-bench';
/** Lighthouse's slow 4G, applied by the browser: https://github.com/GoogleChrome/lighthouse/blob/main/docs/throttling.md */
const LINE = {
  offline: false,
  latency: 150,
  downloadThroughput: (1638.4 * 1024) / 8,
  uploadThroughput: (750 * 1024) / 8,
};
const VIEWS = {
  'phone, 390 px at 3x': { viewport: { width: 390, height: 844 }, deviceScaleFactor: 3 },
  'desktop, 1280 px at 1x': { viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1 },
};

const home = temporaryFolder();
// Of 1600 pixels: what is measured is the page, and encoders have work enough with them.
const originals = join(home.path, 'originals');
await mkdir(originals);
const names = photosIn(photos);
const files = await Promise.all(
  names.map((name) => sharp(join(photos, name)).rotate().resize(1600, 1600, { fit: 'inside' }).jpeg().toBuffer()),
);
const ids = Array.from({ length: COUNT }, (_, at) => `card-${at}.jpg`);
for (const [at, id] of ids.entries()) await writeFile(join(originals, id), files[at % files.length] ?? '');
const presets = join(home.path, 'presets.json');
await writeFile(presets, JSON.stringify({ card: CARD_PRESET }));
const server = await startServer({
  DARKROOM_ORIGINALS: `file:${originals}`,
  ...{ DARKROOM_PRESETS: presets, DARKROOM_API_TOKEN: TOKEN },
});

/** Answers imgix's parameters with the same picture. */
const imgix = createServer(async ({ url = '', headers }, response) => {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const recipe = `w_${searchParams.get('w')},h_${searchParams.get('h')},fit_cover,f_auto`;
  const answer = await fetch(server.baseUrl + signedPath(recipe, pathname.slice(1)), {
    headers: { accept: headers.accept ?? '*/*' },
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(bytes);
});
await new Promise<void>((resolve) => imgix.listen(0, '127.0.0.1', resolve));

const answer = await fetch(`${server.baseUrl}/v1/images/meta`, {
  method: 'POST',
  headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
  body: JSON.stringify({ ids }),
});
const { images } = (await answer.json()) as { images: (Card['meta'] & { id: string; [more: string]: unknown })[] };
const cards = images.map(({ id, width, height, dominantColor, thumbhash }) => ({
  id,
  meta: { width, height, dominantColor, thumbhash },
}));

const shop = SHOPS.find(({ name }) => name === 'next');
if (!shop) throw new Error('examples/next is gone');
const env = {
  ...process.env,
  IMAGE_BASE_URL: server.baseUrl,
  IMGIX_BASE_URL: `http://127.0.0.1:${(imgix.address() as AddressInfo).port}`,
  DARKROOM_SIGNING_KEY: BENCH_KEY.toString('hex'),
  ...{ NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' as const },
};
const prepare = async (folder: string) => {
  await writeCardsShop(folder, cards);
  await cp(originals, join(folder, 'public/originals'), { recursive: true });
};
const folder = await installShop(shop, { packed: await packPackages(), env, more: [], prepare });
const running = await startShop(shop, folder, env);
while (
  !(await fetch(`${running.url}/img`).then(
    ({ ok }) => ok,
    () => false,
  ))
) {
  if (running.hasEnded()) throw new Error(running.output());
  await delay(100);
}

interface Measured {
  readonly htmlBytes: number;
  readonly htmlGzipped: number;
  /** Of a card's picture in the HTML, once. */
  readonly markupBytes: number;
  readonly picturesAtLoad: number;
  readonly picturesInAll: number;
  readonly pictureBytes: number;
  readonly lcpMs: number;
}

async function measure(browser: Browser, kind: Kind, view: (typeof VIEWS)[keyof typeof VIEWS], line?: typeof LINE) {
  const context = await browser.newContext(view);
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  if (line) await session.send('Network.emulateNetworkConditions', line);
  const pictures = new Map<string, number>();
  session.on('Network.responseReceived', ({ requestId, type }) => type === 'Image' && pictures.set(requestId, 0));
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (pictures.has(requestId)) pictures.set(requestId, encodedDataLength);
  });
  await page.addInitScript(() => {
    const kind = 'largest-contentful-paint' as string as 'mark';
    const observer = new PerformanceObserver((list) => {
      Object.assign(globalThis, { lcp: list.getEntries().at(-1)?.startTime });
    });
    observer.observe({ type: kind, buffered: true });
  });
  await page.goto(`${running.url}/${kind}`, { waitUntil: 'networkidle', timeout: 120_000 });
  const picturesAtLoad = pictures.size;
  const lcpMs = await page.evaluate(() => (globalThis as unknown as { lcp: number }).lcp);
  const markup = await page.$$eval('li > :first-child', (all) => all.map(({ outerHTML }) => outerHTML.length));
  for (const img of await page.$$('img')) {
    await img.scrollIntoViewIfNeeded();
    await img.evaluate((element) => (element as unknown as { decode(): Promise<void> }).decode());
  }
  await page.waitForLoadState('networkidle');
  const bytes = [...pictures.values()].reduce((sum, each) => sum + each, 0);
  await context.close();
  const html = Buffer.from(await (await fetch(`${running.url}/${kind}`)).arrayBuffer());
  return {
    ...{ htmlBytes: html.length, htmlGzipped: gzipSync(html).length, markupBytes: Math.round(median(markup)) },
    ...{ picturesAtLoad, picturesInAll: pictures.size, pictureBytes: bytes, lcpMs: Math.round(lcpMs) },
  };
}

const browser = await launchBrowser();
/** Processes that waited for a CPU when the measurement began. */
let busy = 0;
const data: { view: string; kind: Kind; measured: Measured }[] = [];
try {
  // Everything is made once before: what is measured is the page, not encoders.
  for (const view of Object.values(VIEWS))
    for (const kind of Object.keys(KINDS) as Kind[]) await measure(browser, kind, view);
  process.stderr.write('ready\n');
  while (until && !existsSync(until)) await delay(500);
  const [load = 0] = loadavg();
  busy = load;
  for (const [name, view] of Object.entries(VIEWS))
    for (const kind of Object.keys(KINDS) as Kind[]) {
      const all: Measured[] = [];
      for (let run = 0; run < Number(runs); run += 1) all.push(await measure(browser, kind, view, LINE));
      const of = (field: keyof Measured) => median(all.map((each) => each[field]));
      const fields = Object.keys(all[0] ?? {}) as (keyof Measured)[];
      const measured = Object.fromEntries(fields.map((field) => [field, of(field)])) as unknown as Measured;
      data.push({ view: name, kind, measured });
    }
} finally {
  await browser.close();
  await running.stop();
  await server.stop();
  imgix.closeAllConnections();
  imgix.close();
  home.remove();
}

const kib = (bytes: number) => (bytes / 1024).toFixed(1);
const tables = Object.keys(VIEWS).map((name) => {
  const rows = data
    .filter(({ view }) => view === name)
    .map(({ kind, measured: m }) => [
      KINDS[kind],
      ...[kib(m.htmlBytes), kib(m.htmlGzipped), m.markupBytes, m.picturesAtLoad, m.picturesInAll, kib(m.pictureBytes)],
      m.lcpMs,
    ]);
  const head = [
    'markup',
    'HTML, KiB',
    'gzipped',
    'a card, bytes',
    'pictures before scrolling',
    'in all',
    'their KiB',
    'LCP, ms',
  ];
  return `## ${name[0]?.toUpperCase()}${name.slice(1)}\n\n${markdownTable(head, rows)}`;
});
const about = `${COUNT} cards of 4:3 in a Next.js 16 shop (HTML, scripts and styles are the same but for the pictures), Chromium over a line of 1.6 Mbit/s and 150 ms, no cache in the browser, every picture made before from ${names.length} photos of 1600 pixels in turn. Median of ${runs} runs. HTML holds the markup twice, once for React's own use. Next's optimizer is as it comes: WebP of quality 75, whole pictures that the page crops. Of ThumbHashes ten data URLs count as pictures, which ask nobody. Load of the machine at the start: ${busy.toFixed(1)}.`;
writeReport(out, 'cards', [about, ...tables].join('\n\n'), data);
