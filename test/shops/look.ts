/** What Chromium shows of a page of a shop. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';

/** So that a page is painted before its pictures come: else nothing could shift. */
const PICTURE_DELAY_MS = 150;

export interface View {
  readonly width: number;
  readonly ratio: number;
}

export interface Shown {
  readonly currentSrc: string;
  readonly alt: string;
  /** CSS pixels. */
  readonly width: number;
  readonly height: number;
  /** Of the file, as the browser counts it. */
  readonly natural: readonly [width: number, height: number];
}

export interface Look {
  readonly images: readonly Shown[];
  /** Cumulative layout shift (https://web.dev/articles/cls). */
  readonly shift: number;
  /** What shifted, from where to where. */
  readonly shifted: readonly string[];
  /** Errors of the console and of the page, and answers that are none. */
  readonly faults: readonly string[];
  /** All that the shop sent, as text. */
  readonly sent: string;
}

interface Shift {
  shift: number;
  shifted: string[];
}
interface ShiftEntry {
  readonly value: number;
  readonly startTime: number;
  readonly sources: readonly { node?: { nodeName: string }; previousRect: object; currentRect: object }[];
}

export async function lookAt(
  browser: Browser,
  url: string,
  { view, pictures, screenshot }: { view: View; pictures: string; screenshot?: string | undefined },
): Promise<Look> {
  const viewport = { width: view.width, height: 900 };
  const context = await browser.newContext({ viewport, deviceScaleFactor: view.ratio });
  try {
    const page = await context.newPage();
    const faults: string[] = [];
    const sent: Promise<string>[] = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('response', (response) => {
      if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
      if (!response.url().startsWith(pictures)) sent.push(response.text().catch(() => ''));
    });
    await page.route(`${pictures}/**`, async (route) => {
      await delay(PICTURE_DELAY_MS);
      await route.continue();
    });
    await page.addInitScript(() => {
      const counter = globalThis as unknown as Shift;
      counter.shift = 0;
      counter.shifted = [];
      const observer = new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries() as unknown as ShiftEntry[]) {
          counter.shift += value;
          for (const { node, previousRect, currentRect } of sources)
            counter.shifted.push(`${node?.nodeName} ${JSON.stringify([previousRect, currentRect])}`);
        }
      });
      // Node's types know other kinds of entries only.
      const kind = 'layout-shift' as string as 'mark';
      observer.observe({ type: kind, buffered: true });
    });
    await page.goto(url, { waitUntil: 'load' });
    await page.waitForSelector('img');
    const images = await showAll(page);
    const { shift, shifted } = await page.evaluate(() => {
      const { shift, shifted } = globalThis as unknown as Shift;
      return { shift, shifted };
    });
    // Last: a picture of the whole page resizes the view, which shifts all.
    if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
    return { images, shift, shifted, faults, sent: (await Promise.all(sent)).join('\n') };
  } finally {
    await context.close();
  }
}

/** Scrolls to each picture, so that the lazy ones load, and waits for it. */
async function showAll(page: Page): Promise<Shown[]> {
  for (const img of await page.$$('img')) {
    await img.scrollIntoViewIfNeeded();
    await img.evaluate((element) => (element as unknown as { decode(): Promise<void> }).decode());
  }
  return page.$$eval('img', (all) =>
    all.map((element) => {
      const img = element as unknown as Record<'currentSrc' | 'alt', string> & Record<string, number>;
      const { width, height } = element.getBoundingClientRect();
      return {
        ...{ currentSrc: img.currentSrc, alt: img.alt, width, height },
        natural: [img.naturalWidth ?? 0, img.naturalHeight ?? 0] as const,
      };
    }),
  );
}
