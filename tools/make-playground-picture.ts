/** Makes docs/pictures/playground.webp anew: the playground in Chromium, with a preset that is being made. Loopback only. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { launchBrowser } from '../test/helpers/browser.ts';
import { openPlayground } from '../test/helpers/playground-page.ts';
import { startServer } from '../test/helpers/server.ts';

const ROOT = new URL('../', import.meta.url).pathname;
const SIZE = { width: 1440, height: 1000 };
const FIELDS = {
  ...{ width: 1200, height: 630, fit: 'cover', format: 'webp', saturation: 1.15, radius: 24 },
  overlays: [{ image: 'logo.png', position: 'southeast', offset: { x: 44, y: 40 }, width: 14, opacity: 0.9 }],
};

const folder = mkdtempSync(join(tmpdir(), 'darkroom-picture-'));
const server = await startServer({
  ...{ DARKROOM_PLAYGROUND: 'on', DARKROOM_RESULTS: `file:${folder}` },
  ...{ DARKROOM_ORIGINALS: `file:${ROOT}samples`, DARKROOM_ASSETS: `file:${ROOT}examples/assets` },
});
const browser = await launchBrowser();
try {
  const state = new URLSearchParams({ id: 'astronaut.jpg', from: 'og', name: 'hero', set: JSON.stringify(FIELDS) });
  const { page, settled } = await openPlayground(browser, `${server.baseUrl}/playground#${state}`, SIZE);
  await settled(/^512 × 269/);
  await page.locator('#original-layer .mark.face').waitFor({ state: 'attached' });
  for (const group of ['Geometry', 'Adjust']) await page.locator('#controls summary', { hasText: group }).click();
  const picture = await page.screenshot();
  await sharp(picture).webp({ quality: 82 }).toFile(join(ROOT, 'docs/pictures/playground.webp'));
} finally {
  await browser.close();
  await server.dispose();
  rmSync(folder, { recursive: true, force: true });
}
