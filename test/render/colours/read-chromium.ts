/**
 * What Chromium shows of each kind, on canvases in sRGB and Display P3: `node -C development test/render/colours/read-chromium.ts`
 * writes chromium.json beside this file, as hexadecimal numbers of red, green and blue in the middle of each patch.
 */
import { writeFileSync } from 'node:fs';
import { launchBrowser } from '../../helpers/browser.ts';
import { FOLDER, PATCH, PATCHES, toldKinds } from '../../helpers/told-colours.ts';

/** In the page: the numbers in the middle of each patch, or null where it shows no picture. */
const READER = `async (source, colorSpace, points) => {
  const image = new Image();
  image.src = source;
  try { await image.decode(); } catch { return null; }
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext('2d', { colorSpace, willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return points.flatMap(([x, y]) => Array.from(context.getImageData(x, y, 1, 1).data.subarray(0, 3)));
}`;

const browser = await launchBrowser();
try {
  const page = await browser.newPage();
  const points = PATCHES.map(({ left, top }) => [left + PATCH / 2, top + PATCH / 2] as const);
  const shown: Record<string, { srgb: string; p3: string } | 'not shown'> = {};
  for (const { name, file, type } of await toldKinds()) {
    const url = `data:${type};base64,${file.toString('base64')}`;
    const read = (space: 'srgb' | 'display-p3'): Promise<number[] | null> =>
      page.evaluate(`(${READER})(...${JSON.stringify([url, space, points])})`);
    const [srgb, p3] = [await read('srgb'), await read('display-p3')];
    shown[name] =
      srgb && p3 ? { srgb: Buffer.from(srgb).toString('hex'), p3: Buffer.from(p3).toString('hex') } : 'not shown';
  }
  writeFileSync(
    new URL('chromium.json', FOLDER),
    `${JSON.stringify({ browser: `Chromium ${browser.version()}`, shown }, null, 1)}\n`,
  );
} finally {
  await browser.close();
}
