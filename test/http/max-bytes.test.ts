import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { startApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { until } from '../helpers/turns.ts';

const photo = readFileSync(new URL('../../samples/coffee.jpg', import.meta.url));
const definitions = {
  tiny: { width: 200, format: 'webp', maxBytes: 1 },
  roomy: { width: 200, format: 'webp', maxBytes: 2000 },
};

describe('an answer over its limit of bytes', () => {
  it('says so from render, memory and store, with the same bytes, and one within it says nothing', async (t) => {
    const originals = createMemoryStore({ 'a.jpg': photo });
    const results = createMemoryStore();
    const options = { originals: originals.store, results: results.store, definitions };
    const first = await startApp(options);
    const ask = async (app: typeof first, preset: string, etag?: string) => {
      const headers = etag === undefined ? {} : { 'if-none-match': etag };
      const answer = await app.get(app.path(preset, 'a.jpg'), { headers });
      const body = Buffer.from(await answer.arrayBuffer());
      const { status } = answer;
      const [from, over] = ['cache-status', 'x-darkroom-max-bytes'].map((name) => answer.headers.get(name));
      return { status, body, from, over, etag: answer.headers.get('etag') ?? '' };
    };
    const rendered = await ask(first, 'tiny');
    assert.deepEqual([rendered.status, rendered.over], [200, 'exceeded']);
    assert.deepEqual(rendered.body.subarray(8, 12).toString(), 'WEBP');
    const kept = await ask(first, 'tiny');
    assert.deepEqual([kept.over, kept.from], ['exceeded', 'darkroom; hit; detail=memory']);
    assert.equal((await ask(first, 'tiny', kept.etag)).status, 304);
    const within = await ask(first, 'roomy');
    assert.ok(within.body.length <= 2000 && within.body.length > rendered.body.length, `${within.body.length}`);
    assert.equal(within.over, null);
    await until(() => [...results.objects.keys()].filter((key) => key.endsWith('.webp')).length === 2);
    await first.dispose();

    const second = await startApp(options);
    t.after(() => second.dispose());
    const stored = await ask(second, 'tiny');
    assert.deepEqual(
      [stored.over, stored.from, stored.etag],
      ['exceeded', 'darkroom; hit; detail=store', rendered.etag],
    );
    assert.deepEqual(stored.body, rendered.body);
  });
});
