import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { startApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

/** A URL that was resolved once is resolved from memory; its answers are the same in every other way. */

const photo = await sharp({ create: { width: 400, height: 300, channels: 3, background: '#846' } })
  .png()
  .toBuffer();
const originals = createMemoryStore({ 'a.png': photo });
const definitions = { card: { width: 100, format: 'auto' }, pinned: { width: 100, format: 'webp' } };
const app = await startApp({ originals: originals.store, definitions });
after(() => app.dispose());

describe('a URL that is resolved from memory', () => {
  for (const [preset, vary] of [
    ['card', 'Accept'],
    ['pinned', null],
  ] as const) {
    it(`says Vary: ${vary} on its errors, as it did on its picture (${preset})`, async () => {
      const path = app.path(preset, 'a.png');
      const ask = async () => {
        const answer = await app.get(path, { headers: { accept: 'image/webp' } });
        await answer.arrayBuffer();
        return [answer.status, answer.headers.get('vary')];
      };
      originals.objects.set('a.png', { body: photo, contentType: undefined, cacheControl: undefined, metadata: {} });
      assert.deepEqual(await ask(), [200, vary]);
      originals.objects.clear();
      app.cache.deleteBelow('a.png/');
      app.decodes.forget('a.png');
      assert.deepEqual(await ask(), [404, vary]);
    });
  }

  it('is in the log and the metrics as it was the first time', async () => {
    const path = app.path('pinned', 'missing.png');
    for (let n = 0; n < 2; n += 1) assert.equal((await app.get(path)).status, 404);
    const text = await app.metrics.text();
    assert.match(text, /^darkroom_requests_total\{status="404",outcome="original_not_found",preset="pinned"\} [23]$/m);
  });
});
