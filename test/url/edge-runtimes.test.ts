import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Miniflare } from 'miniflare';
import { browserSkip, launchBrowser, servePages } from '../helpers/browser.ts';
import { bundleForEdge } from '../helpers/edge.ts';
import { callFor, vectors } from '../helpers/vectors.ts';

const MAX_GZIPPED_BYTES = 6144;
const signer = await bundleForEdge(`export * from './src/url/edge.ts';`);
const cases = vectors.map((vector) => ({ ...callFor(vector), key: vector.key, id: vector.id, preset: vector.preset }));
const expected = vectors.map(({ path }) => `https://a.example${path}`);
const cleanUp: (() => Promise<unknown>)[] = [];
after(() => Promise.all(cleanUp.map((end) => end())));

describe('the edge signer', () => {
  it('imports nothing and is small', (t) => {
    assert.doesNotMatch(signer, /node:|\brequire\(|^import |\bimport\(|\bBuffer\b|\bprocess\b/m);
    const size = gzipSync(signer, { level: 9 }).length;
    t.diagnostic(`${signer.length} bytes minified, ${size} gzipped`);
    assert.ok(size < MAX_GZIPPED_BYTES, `${size}`);
  });

  it('would be caught with an import of Node', async () => {
    const byNode = await bundleForEdge(`export * from './src/url/sdk.ts';`, { external: ['node:crypto'] });
    assert.match(byNode, /node:/);
  });

  it('passes the vectors in the Workers runtime', async () => {
    const script = await bundleForEdge(`
      import { createImageUrls } from './src/url/edge.ts';
      export default { async fetch(request) {
        const cases = await request.json();
        return Response.json(await Promise.all(cases.map(({ key, presets, id, preset, options }) =>
          createImageUrls({ baseUrl: 'https://a.example', key, presets }).url(id, preset, options))));
      } };`);
    const worker = new Miniflare({ modules: true, script, compatibilityDate: '2026-01-01' });
    cleanUp.push(() => worker.dispose());
    const answer = await worker.dispatchFetch('http://worker.test/', { method: 'POST', body: JSON.stringify(cases) });
    assert.deepEqual(await answer.json(), expected);
  });

  it('passes the vectors in Chromium', { skip: browserSkip }, async () => {
    const [browser, pages] = await Promise.all([
      launchBrowser(),
      servePages({ '/': '<!doctype html><title>t</title>' }),
    ]);
    cleanUp.push(() => browser.close(), pages.close);
    const page = await browser.newPage();
    await page.goto(`${pages.url}/`);
    const signed = await page.evaluate(
      async ({ code, calls }) => {
        const { createImageUrls } = await import(`data:text/javascript;base64,${btoa(code)}`);
        return Promise.all(
          calls.map(({ key, presets, id, preset, options }) =>
            createImageUrls({ baseUrl: 'https://a.example', key, presets }).url(id, preset, options),
          ),
        );
      },
      { code: signer, calls: cases },
    );
    assert.deepEqual(signed, expected);
  });
});
