import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { startApp, type TestApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

const [width, height] = [1600, 1200];
/** Black bars on white: a drawing. With a sensor's noise over them: none. */
async function bars(noise: number): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 3);
  let state = 1;
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      state = (state * 48_271) % 2_147_483_647;
      const at = (y * width + x) * 3;
      data.fill((x % 40 < 6 ? 10 : 150) + (noise * state) / 2_147_483_647, at, at + 3);
    }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

const apps: TestApp[] = [];
after(() => Promise.all(apps.map((app) => app.dispose())));

describe('the proxy image', () => {
  it('is made of a dear photo, and of no drawing, whose edges it would blur', async () => {
    const results = createMemoryStore();
    const originals = createMemoryStore({ 'drawn.png': await bars(0), 'photo.png': await bars(90) });
    const app = await startApp({ originals: originals.store, results: results.store });
    apps.push(app);
    // The second decodes for all that may follow.
    for (const id of ['drawn.png', 'photo.png'])
      for (const preset of ['og', 'medium']) {
        const answer = await app.get(app.path(preset, id));
        assert.equal(answer.status, 200);
        await answer.arrayBuffer();
      }
    await app.saves.drain(60_000);
    const proxies = [...results.objects.keys()].filter((key) => key.includes('/working-'));
    assert.deepEqual(
      proxies.map((key) => key.split('/')[0]),
      ['photo.png'],
    );
  });
});
