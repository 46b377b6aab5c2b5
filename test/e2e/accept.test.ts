import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { startApp, type TestApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { rawGet } from '../helpers/raw-http.ts';

const photo = await sharp({ create: { width: 60, height: 40, channels: 3, background: '#a1b2c3' } })
  .jpeg()
  .toBuffer();
const cutout = await sharp({ create: { width: 60, height: 40, channels: 4, background: '#a1b2c380' } })
  .png()
  .toBuffer();
const originals = createMemoryStore({ 'photo.jpg': photo, 'cutout.png': cutout });
const definitions = {
  card: { width: 30, format: 'auto' },
  huge: { width: 3000, height: 3000, format: 'auto' },
  moving: { width: 30, format: 'auto', animated: true },
};
let app: TestApp;
before(async () => {
  app = await startApp({ originals: originals.store, definitions });
});
after(() => app.dispose());

/** Accept headers as they were seen in the wild, with the format that each must get. */
const SEEN: [who: string, accept: string | undefined, format: 'avif' | 'webp' | 'base'][] = [
  ['Chrome 121 and later, img', 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'avif'],
  ['Chrome 32 to 84, img', 'image/webp,image/apng,image/*,*/*;q=0.8', 'webp'],
  ['Chrome 18 to 31, img', 'image/webp,*/*;q=0.8', 'webp'],
  [
    'Chrome, page',
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
    'avif',
  ],
  [
    'Chrome 80, page',
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.9',
    'webp',
  ],
  ['Firefox 128 and later, img', 'image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5', 'avif'],
  ['Firefox 93 to 127, img', 'image/avif,image/webp,*/*', 'avif'],
  ['Firefox 65 to 92, img', 'image/webp,*/*', 'webp'],
  ['Firefox before 65, img', 'image/png,image/*;q=0.8,*/*;q=0.5', 'base'],
  ['Firefox, page', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8', 'avif'],
  [
    'Safari 16.4 and later, img',
    'image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5',
    'avif',
  ],
  ['Safari 14 to 16.3, img', 'image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5', 'webp'],
  ['Safari before 14, img', 'image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5', 'base'],
  ['Safari, page', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'base'],
  ['Edge 18, img', 'image/webp, image/png, image/svg+xml, image/*; q=0.8, */*; q=0.5', 'webp'],
  ['Internet Explorer 11, img', 'image/png, image/svg+xml, image/jxr, image/*; q=0.8, */*; q=0.5', 'base'],
  [
    'Opera Mini',
    'text/html, application/xml;q=0.9, application/xhtml+xml, image/png, image/webp, image/jpeg, image/gif, image/x-xbitmap, */*;q=0.1',
    'webp',
  ],
  ['Samsung Internet', 'image/webp,image/apng,image/*,*/*;q=0.8', 'webp'],
  ['curl, wget', '*/*', 'base'],
  ['no header', undefined, 'base'],
  ['Googlebot image', 'image/*', 'base'],
  ['Facebook crawler', '*/*', 'base'],
  ['Outlook', 'image/jpeg, image/gif, image/pjpeg, application/x-ms-application, application/xaml+xml, */*', 'base'],
  ['a CDN that normalised to one', 'image/avif', 'avif'],
  ['a CDN that normalised to the other', 'image/webp', 'webp'],
  ['a CDN that normalised to none', 'image/jpeg', 'base'],
  ['avif refused', 'image/avif;q=0,image/webp,*/*', 'webp'],
  ['both refused', 'image/avif;q=0, image/webp;q=0.0, */*', 'base'],
  ['order and small weights say nothing', '*/*, image/webp;q=0.9, image/avif;q=0.001', 'avif'],
  ['parameters', 'image/avif;profile=1;q=0.5', 'avif'],
  ['capitals and spaces', ' IMAGE/WebP ; Q=1 , text/plain', 'webp'],
  ['look-alikes', 'image/avif-sequence, image/webpx, ximage/webp, application/image/avif', 'base'],
  ['junk', ',;q=,/,image/,;;,=', 'base'],
];

describe('the Accept table', () => {
  const etags = { avif: new Set<unknown>(), webp: new Set<unknown>(), base: new Set<unknown>() };
  for (const [who, accept, format] of SEEN) {
    it(`${who}: ${format}`, async () => {
      const headers: Record<string, string> = accept === undefined ? {} : { accept };
      const answer = await rawGet(app.baseUrl, app.path('card', 'photo.jpg'), { headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], `image/${format === 'base' ? 'jpeg' : format}`);
      assert.equal(answer.headers.vary, 'Accept');
      etags[format].add(answer.headers.etag);

      const clear = await rawGet(app.baseUrl, app.path('card', 'cutout.png'), { headers });
      assert.equal(clear.headers['content-type'], `image/${format === 'base' ? 'png' : format}`);
      const pinned = await rawGet(app.baseUrl, app.path('card.webp', 'photo.jpg'), { headers });
      assert.deepEqual([pinned.headers['content-type'], pinned.headers.vary], ['image/webp', undefined]);
    });
  }

  it('knows three classes, each with one ETag', () => {
    assert.deepEqual([etags.avif.size, etags.webp.size, etags.base.size], [1, 1, 1]);
    assert.equal(new Set([...etags.avif, ...etags.webp, ...etags.base]).size, 3);
  });

  it('gives webp where avif would cost too much, and base to whoever reads only avif then', async () => {
    const both = await rawGet(app.baseUrl, app.path('huge', 'photo.jpg'), {
      headers: { accept: 'image/avif,image/webp' },
    });
    const only = await rawGet(app.baseUrl, app.path('huge', 'photo.jpg'), { headers: { accept: 'image/avif' } });
    const pinned = await rawGet(app.baseUrl, app.path('huge.avif', 'photo.jpg'));
    assert.deepEqual(
      [both.headers['content-type'], only.headers['content-type'], pinned.headers['content-type']],
      ['image/webp', 'image/jpeg', 'image/webp'],
    );
  });

  it('gives what can move to presets that move', async () => {
    const answer = await rawGet(app.baseUrl, app.path('moving', 'photo.jpg'), {
      headers: { accept: 'image/avif,image/webp' },
    });
    assert.equal(answer.headers['content-type'], 'image/webp');
  });
});
