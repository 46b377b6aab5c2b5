import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Pixels } from './pixels.ts';

/** A picture, or why a decoder shows none. */
export type Shown = Pixels | { readonly why: string };

export interface Chromium {
  readonly version: string;
  /** A file as a canvas in sRGB shows it: upright, the first frame. A browser that crashes or hangs is replaced. */
  show(body: Buffer, format: string): Promise<Shown>;
  /** How often it was replaced. */
  crashes(): number;
  close(): Promise<void>;
}

const PROGRAM = process.env.TEST_CHROMIUM ?? '/usr/bin/chromium';
const LIMIT_MS = 30_000;
const START_LIMIT_MS = 100_000;
const TOO_SLOW = new Error('too slow');
const ARGS = [
  ...['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--force-color-profile=srgb'],
  // No name and no address but this machine's is found, whatever a picture refers to.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  // Chromium's flag for JPEG XL, which is off by default; the name has changed between versions.
  '--enable-features=JXL,JPEGXL,JXLImageFormat',
];
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; img-src 'self'; connect-src 'self'",
};
/** In the page: draws a picture and posts its rows. Returns why not. */
const DRAW = `async (number, maxPixels) => {
  const image = new Image();
  image.src = '/picture/' + number;
  try { await image.decode(); } catch { return 'not shown'; }
  const { naturalWidth: width, naturalHeight: height } = image;
  if (width * height === 0) return 'no size of its own';
  if (width * height > maxPixels) return 'too large to compare';
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { colorSpace: 'srgb', willReadFrequently: true });
  context.drawImage(image, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  await fetch('/rows/' + number + '/' + width + '/' + height, { method: 'POST', body: data });
  return 'drawn';
}`;

export async function startChromium(maxPixels: number): Promise<Chromium> {
  let picture: { number: number; body: Buffer; type: string } | undefined;
  let rows: Pixels | undefined;
  let [number, crashes] = [0, 0];
  const server = createServer(async (request, response) => {
    const [, kind, of, width, height] = (request.url ?? '').split('/');
    // A browser that crashes leaves half of its rows.
    const data = kind === 'rows' ? await buffer(request).catch(() => undefined) : undefined;
    if (data && Number(of) === picture?.number) rows = { width: Number(width), height: Number(height), data };
    if (kind === 'picture' && Number(of) === picture?.number)
      response.writeHead(200, { ...HEADERS, 'content-type': picture.type }).end(picture.body);
    else if (kind === 'rows' || kind === '') response.writeHead(200, { ...HEADERS, 'content-type': 'text/html' }).end();
    else response.writeHead(404, HEADERS).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  let { browser, page } = await open(port);

  const draw = async (body: Buffer, format: string): Promise<Shown> => {
    number += 1;
    rows = undefined;
    // Chromium recognises all but SVG by content, whatever the type says.
    picture = { number, body, type: format === 'svg' ? 'image/svg+xml' : 'image/x-any' };
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(TOO_SLOW), LIMIT_MS);
    const crashed = () => late.reject(new Error('crashed'));
    page.once('crash', crashed);
    try {
      const why = await Promise.race([page.evaluate<string>(`(${DRAW})(${number}, ${maxPixels})`), late.promise]);
      return rows ?? { why };
    } finally {
      clearTimeout(timer);
      page.off('crash', crashed);
    }
  };
  return {
    version: browser.version(),
    crashes: () => crashes,
    async show(body, format) {
      for (let isRetry = false; ; isRetry = true) {
        try {
          return await draw(body, format);
        } catch (error) {
          crashes += 1;
          await browser.close().catch(() => {});
          ({ browser, page } = await open(port));
          // What crashed may have been the picture before this one, so only a second crash is this picture's own.
          if (isRetry || error === TOO_SLOW) return { why: String(error).slice(0, 100) };
        }
      }
    },
    async close() {
      await browser.close().catch(() => {});
      server.closeAllConnections();
      server.close();
    },
  };
}

async function open(port: number): Promise<{ browser: Browser; page: Page }> {
  const browser = await chromium.launch({ executablePath: PROGRAM, args: ARGS, timeout: START_LIMIT_MS });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  return { browser, page };
}
