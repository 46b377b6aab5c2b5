import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cacheControl, passingCacheControl } from '../../src/http/http-cache.ts';
import { diffPresets } from '../../src/presets/presets-diff.ts';
import { startApp } from '../helpers/app.ts';
import { originals } from '../helpers/contract-originals.ts';

/** What a preset says about how long its answers are kept, and by whom. */

describe('the lifetime of a preset', () => {
  it('is written as RFC 5861 and RFC 9111 have it', () => {
    for (const [lifetime, header] of [
      [{}, 'public, max-age=31536000, immutable'],
      [{ maxAge: 60, staleWhileRevalidate: 30 }, 'public, max-age=60, stale-while-revalidate=30'],
      [{ staleWhileRevalidate: 30 }, 'public, max-age=31536000, immutable, stale-while-revalidate=30'],
      [{ private: true }, 'private, max-age=31536000, immutable'],
      [{ private: true, maxAge: 5, staleWhileRevalidate: 9 }, 'private, max-age=5, stale-while-revalidate=9'],
      [{ private: false, maxAge: 5 }, 'public, max-age=5'],
    ] as const)
      assert.equal(cacheControl(undefined, 1000, lifetime), header);
  });

  it('never reaches beyond the expiry of the URL, stale or not', () => {
    const lifetime = { maxAge: 60, staleWhileRevalidate: 30 };
    assert.equal(cacheControl(1200, 1000, lifetime), 'public, max-age=60, stale-while-revalidate=30');
    assert.equal(cacheControl(1070, 1000, lifetime), 'public, max-age=60, stale-while-revalidate=10');
    assert.equal(cacheControl(1040, 1000, lifetime), 'public, max-age=40');
    assert.equal(cacheControl(900, 1000, lifetime), 'public, max-age=0');
  });

  it('is a minute at most where the answer may not last, and never stale', () => {
    assert.equal(passingCacheControl(undefined, 1000, { staleWhileRevalidate: 30 }), 'public, max-age=60');
    assert.equal(passingCacheControl(undefined, 1000, { private: true, maxAge: 5 }), 'private, max-age=5');
  });

  it('is sent for named presets and inline recipes, from render and memory, and shares their renditions', async () => {
    const common = { width: 100, format: 'webp' } as const;
    const app = await startApp({
      originals: originals.store,
      definitions: {
        mine: { ...common, private: true, maxAge: 60 },
        brief: { ...common, maxAge: 60, staleWhileRevalidate: 5 },
      },
    });
    for (const [preset, header] of [
      ['mine', 'private, max-age=60'],
      ['brief', 'public, max-age=60, stale-while-revalidate=5'],
      ['w_50,f_webp,age_9,swr_8,private_1', 'private, max-age=9, stale-while-revalidate=8'],
    ] as const)
      for (let round = 0; round < 2; round += 1) {
        const answer = await app.get(app.path(preset, 'a.jpg'));
        await answer.arrayBuffer();
        assert.deepEqual([answer.status, answer.headers.get('cache-control')], [200, header], preset);
      }
    for (const wrong of ['w_50,swr_0', 'w_50,age_x', 'w_50,private_2'])
      assert.equal((await app.get(app.path(wrong, 'a.jpg'))).status, 404, wrong);
    await app.dispose();
  });

  it('changes no key', () => {
    const card = { width: 100 };
    const [change] = diffPresets({ card }, { card: { ...card, private: true, staleWhileRevalidate: 5 } });
    assert.deepEqual([change?.change, change?.remade], ['changed', false]);
  });
});
