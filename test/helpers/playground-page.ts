import type { Browser, BrowserContext, Page } from 'playwright-core';

/** The playground in a browser, with all that it was sent and all that went wrong in it. */
export interface PlaygroundPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts and of the console. */
  readonly faults: readonly string[];
  /** Addresses of all requests. */
  readonly asked: readonly string[];
  /** What the playground's own routes answered. */
  readonly answers: readonly string[];
  /** Until the page shows what was chosen, and its rendition is so. */
  settled(metadata: RegExp): Promise<void>;
  /** Until the address says this. */
  address(part: RegExp): Promise<void>;
}

/** For machines that are ten times slower; below the limit of a test. */
const LIMIT_MS = 110_000;

export async function openPlayground(
  browser: Browser,
  url: string,
  options: { readonly width?: number; readonly height?: number; readonly colorScheme?: 'dark' | 'light' } = {},
): Promise<PlaygroundPage> {
  const { width = 1280, height = 1000, colorScheme = 'light' } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  context.setDefaultTimeout(LIMIT_MS);
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(url).origin });
  const page = await context.newPage();
  const [faults, asked, answers]: string[][] = [[], [], []];
  page.on('console', (message) => message.type() === 'error' && faults?.push(message.text()));
  page.on('pageerror', (error) => faults?.push(String(error)));
  page.on('request', (request) => asked?.push(request.url()));
  page.on('response', async (response) => {
    if (response.url().includes('/playground')) answers?.push(await response.text().catch(() => ''));
  });
  await page.goto(url);
  return {
    ...{ page, context, faults: faults ?? [], asked: asked ?? [], answers: answers ?? [] },
    settled: (metadata) =>
      page
        .locator('body:has(#status[data-kind="done"]) #rendition-metadata', { hasText: metadata })
        .waitFor({ state: 'attached' }),
    address: (part) => page.waitForURL((at) => part.test(decodeURIComponent(at.hash.replaceAll('+', ' ')))),
  };
}
