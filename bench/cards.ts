/**
 * A page of 60 cards, from signed URLs, by next/image and as imgix writes it, in one Next.js shop, opened in Chromium over a slow line: what
 * the page weighs, how many pictures it asks for, and when the largest one shows. `node bench/cards.ts [--photos DIR] [--rounds 3] [--until FILE]`
 * FILE: each round (all pages once, some two minutes) begins when this file exists and takes it away at its end, so that a machine can be
 * made quiet for one round at a time, after the build: `touch FILE; while [ -e FILE ]; do sleep 1; done`.
 */
import { existsSync, rmSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { launchBrowser } from '../test/helpers/browser.ts';
import { installShop, packPackages, startShop } from '../test/shops/install.ts';
import { SHOPS } from '../test/shops/shop-list.ts';
import { CARD_PRESET, type Card, KINDS, type Kind, writeCardsShop } from './tools/cards-shop.ts';
import { benchOptions, median, photosIn, temporaryFolder } from './tools/options.ts';
import { busyCpus, untilTrue, within } from './tools/patience.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { BENCH_KEY, signedPath, startServer } from './tools/server.ts';

const { photos, out, rounds, until } = benchOptions({ rounds: '3', until: '' });
const COUNT = 60;
const TOKEN = 'a-token-for-the-bench';
/** For `--until FILE`: others may have to finish first. */
const QUIET_LIMIT_S = 3600;
/** Of a page: over this line the heaviest takes some 20 s. */
const PAGE_LIMIT_S = 120;
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
  try {
    const answer = await fetch(server.baseUrl + signedPath(recipe, pathname.slice(1)), {
      headers: { accept: headers.accept ?? '*/*' },
      signal: AbortSignal.timeout(60_000),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(bytes);
  } catch (error) {
    process.stderr.write(`${url}: ${error}\n`);
    response.writeHead(502).end();
  }
});
await new Promise<void>((resolve) => imgix.listen(0, '127.0.0.1', resolve));

const answer = await fetch(`${server.baseUrl}/v1/images/meta`, {
  method: 'POST',
  headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
  body: JSON.stringify({ ids }),
  signal: AbortSignal.timeout(120_000),
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
await untilTrue(60, 'the shop to answer', async () => {
  if (running.hasEnded()) throw new Error(running.output());
  const answer = fetch(`${running.url}/img`, { signal: AbortSignal.timeout(20_000) });
  return answer.then(
    ({ ok }) => ok,
    () => false,
  );
});

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

/** Opens a page, scrolls to each picture and waits for it. Each wait is bounded, since Playwright's own limits spare what runs in pages. */
async function measure(browser: Browser, kind: Kind, name: keyof typeof VIEWS, line?: typeof LINE): Promise<Measured> {
  const where = `of /${kind}, ${name}`;
  const soon = <T>(what: string, work: PromiseLike<T>, seconds = 30) => within(seconds, `${what} ${where}`, work);
  const context = await soon('a browser context', browser.newContext(VIEWS[name]));
  const page = await soon('a tab', context.newPage());
  const session = await soon('the debugger', context.newCDPSession(page));
  await soon('the debugger', session.send('Network.enable'));
  await soon('the debugger', session.send('Network.setCacheDisabled', { cacheDisabled: true }));
  if (line) await soon('the debugger', session.send('Network.emulateNetworkConditions', line));
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
  const limits = { timeout: PAGE_LIMIT_S * 1000 };
  await page.goto(`${running.url}/${kind}`, { waitUntil: 'networkidle', ...limits });
  const picturesAtLoad = pictures.size;
  const painted = page.evaluate(() => (globalThis as unknown as { lcp: number }).lcp);
  const lcpMs = await soon('the largest paint', painted);
  const lengths = page.$$eval('li > :first-child', (all) => all.map(({ outerHTML }) => outerHTML.length));
  const markup = await soon('the markup', lengths);
  for (const [at, img] of (await soon('the pictures', page.$$('img'))).entries()) {
    await img.scrollIntoViewIfNeeded(limits);
    const decoded = img.evaluate((element) => (element as unknown as { decode(): Promise<void> }).decode());
    await soon(`picture ${at + 1}`, decoded, PAGE_LIMIT_S);
  }
  await page.waitForLoadState('networkidle', limits);
  const bytes = [...pictures.values()].reduce((sum, each) => sum + each, 0);
  await soon('the end', context.close());
  const answer = await fetch(`${running.url}/${kind}`, { signal: AbortSignal.timeout(30_000) });
  const html = Buffer.from(await answer.arrayBuffer());
  return {
    ...{ htmlBytes: html.length, htmlGzipped: gzipSync(html).length, markupBytes: Math.round(median(markup)) },
    ...{ picturesAtLoad, picturesInAll: pictures.size, pictureBytes: bytes, lcpMs: Math.round(lcpMs) },
  };
}

const say = (text: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
const PAGES = (Object.keys(VIEWS) as (keyof typeof VIEWS)[]).flatMap((view) =>
  (Object.keys(KINDS) as Kind[]).map((kind) => ({ view, kind, all: [] as Measured[] })),
);
const browser = await within(60, 'Chromium', launchBrowser());
/** CPUs that others used just before each round. */
const busy: number[] = [];
try {
  // Everything is made once before: what is measured is the page, not encoders.
  for (const { view, kind } of PAGES) await measure(browser, kind, view);
  for (let round = 1; round <= Number(rounds); round += 1) {
    say(`ready for round ${round} of ${rounds}${until && `, which begins when ${until} exists`}`);
    if (until)
      await untilTrue(QUIET_LIMIT_S, `${until}, which says that the machine is quiet`, () => existsSync(until));
    busy.push(await busyCpus());
    for (const { view, kind, all } of PAGES) {
      const began = performance.now();
      const measured = await measure(browser, kind, view, LINE);
      all.push(measured);
      say(`${view}, /${kind}: LCP ${measured.lcpMs} ms, ${((performance.now() - began) / 1000).toFixed(1)} s in all`);
    }
    if (until) rmSync(until, { force: true });
  }
} finally {
  // One that hangs must not keep the others.
  const ends = [browser.close(), running.stop(), server.stop()].map((end) => within(20, 'an end', end));
  await Promise.allSettled(ends);
  imgix.closeAllConnections();
  imgix.close();
  home.remove();
}

const data = PAGES.map(({ view, kind, all }) => {
  const of = (field: keyof Measured) => median(all.map((each) => each[field]));
  const fields = Object.keys(all[0] ?? {}) as (keyof Measured)[];
  const measured = Object.fromEntries(fields.map((field) => [field, of(field)])) as unknown as Measured;
  return { view, kind, measured, lcpMs: all.map(({ lcpMs }) => lcpMs) };
});
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
const about = `${COUNT} cards of 4:3 in a Next.js 16 shop (HTML, scripts and styles are the same but for the pictures), Chromium over a line of 1.6 Mbit/s and 150 ms, no cache in the browser, every picture made before from ${names.length} photos of 1600 pixels in turn. Median of ${rounds} rounds, each of all pages once. HTML holds the markup twice, once for React's own use. Next's optimizer is as it comes: WebP of quality 75, whole pictures that the page crops. Of ThumbHashes ten data URLs count as pictures, which ask nobody. At 1x a place of 300 px takes the preset's 400 px, of the imgix list 308 px. CPUs that others used just before each round: ${busy.map((each) => each.toFixed(1)).join(', ')}.`;
writeReport(out, 'cards', [about, ...tables].join('\n\n'), data);
