import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { diffPresets } from '../../src/presets/presets-diff.ts';
import type { Renderer } from '../../src/render/render.ts';
import { coffee, face, fixedFinder } from '../helpers/faces.ts';
import { API_TOKEN, blue, machinesOver, red, shown } from '../helpers/machines.ts';

const ID = 'a/photo.jpg';
/** Large enough to be decoded once for several presets. */
const photo = await sharp(coffee).resize(3000).jpeg().toBuffer();
const YEAR = 'public, max-age=31536000, immutable';

/** Counts renders. */
function counted() {
  const counts = { renders: 0 };
  const wrapRenderer = (real: Renderer): Renderer => ({
    ...real,
    render(...job) {
      counts.renders += 1;
      return real.render(...job);
    },
  });
  return { counts, wrapRenderer };
}

const tagOf = async (answer: Promise<Response>) => (await answer).headers.get('etag') ?? assert.fail('no ETag');

describe('an ETag', () => {
  it('is of the bytes: another picture under the same id and URL has another one, and its 304 is not that of the first', async () => {
    const { start, replace } = machinesOver({ [ID]: red });
    const a = await start();
    const first = await tagOf(a.ask('small', ID));
    replace(ID, blue);
    await a.purge(ID);
    const answer = await a.ask('small', ID, { 'if-none-match': first });
    assert.notEqual(answer.headers.get('etag'), first);
    assert.equal(await shown(answer), 'blue');
    // The same bytes once more: the same tag once more.
    replace(ID, red);
    await a.purge(ID);
    assert.equal((await a.ask('small', ID, { 'if-none-match': first })).status, 304);
  });

  it('differs between a thumb that was made alone and one that was made after its siblings, as their bytes do', async () => {
    const thumbAfter = async (presets: readonly string[]) => {
      const { start } = machinesOver({ [ID]: photo });
      const machine = await start();
      for (const preset of presets) await (await machine.ask(preset, ID)).arrayBuffer();
      const answer = await machine.ask('thumb', ID);
      return { body: Buffer.from(await answer.arrayBuffer()), etag: answer.headers.get('etag') };
    };
    const [alone, again, after] = [await thumbAfter([]), await thumbAfter([]), await thumbAfter(['large', 'medium'])];
    assert.ok(alone.body.equals(again.body));
    assert.equal(alone.etag, again.etag);
    assert.ok(!alone.body.equals(after.body), 'what this test is about');
    assert.notEqual(alone.etag, after.etag);
  });

  it('is the same from memory, from the store and on every machine, with the time of the render', async () => {
    const { start } = machinesOver({ [ID]: red });
    const [a, b] = [await start(), await start()];
    const answers = [await a.ask('small', ID), await a.ask('small', ID)];
    await a.saved();
    answers.push(await b.ask('small', ID), await b.ask('small', ID));
    const statuses = answers.map(({ headers }) => headers.get('cache-status'));
    assert.deepEqual(statuses, [
      'darkroom; fwd=miss',
      'darkroom; hit; detail=memory',
      'darkroom; hit; detail=store',
      'darkroom; hit; detail=memory',
    ]);
    for (const name of ['etag', 'last-modified']) {
      const values = new Set(answers.map(({ headers }) => headers.get(name)));
      assert.equal(values.size, 1, name);
      assert.ok(!values.has(null), name);
    }
    const age = Date.now() - Date.parse(answers[0]?.headers.get('last-modified') ?? '');
    assert.ok(age >= 0 && age < 200_000, `${age}`);
    for (const { headers } of answers) assert.equal(headers.get('accept-ranges'), 'none');
  });
});

describe('a 304', () => {
  const forms = (etag: string) => [etag, `W/${etag}`, `"other", ${etag}`, `"a" ,W/${etag}, "b"`, '*'];

  it('from memory asks no store and renders nothing, in every form, for HEAD as for GET', async () => {
    const { counts, wrapRenderer } = counted();
    const { start, originals, results } = machinesOver({ [ID]: red });
    const a = await start({ wrapRenderer });
    const etag = await tagOf(a.ask('small', ID));
    await a.saved();
    const before = [counts.renders, originals.calls.length, results.calls.length];
    for (const ifNoneMatch of forms(etag))
      for (const method of ['GET', 'HEAD']) {
        const init = { method, headers: { 'if-none-match': ifNoneMatch } };
        const { status, headers } = await a.get(a.path('small', ID), init);
        const told = [headers.get('etag'), headers.get('cache-control'), headers.get('content-length')];
        assert.deepEqual([status, ...told], [304, etag, YEAR, null], `${method} ${ifNoneMatch}`);
      }
    assert.deepEqual([counts.renders, originals.calls.length, results.calls.length], before);
    for (const ifNoneMatch of ['"other"', etag.slice(1, -1), `"${etag.slice(1, 5)}"`, '']) {
      const answer = await a.ask('small', ID, { 'if-none-match': ifNoneMatch });
      assert.equal(answer.status, 200, ifNoneMatch);
    }
  });

  it('comes from the store without reading the original, and else after the render', async () => {
    const { counts, wrapRenderer } = counted();
    const { start, originals, results } = machinesOver({ [ID]: red }, { wrapRenderer });
    const a = await start();
    const etag = await tagOf(a.ask('small', ID));
    await a.saved();
    for (const ifNoneMatch of forms(etag)) {
      const fresh = await start();
      assert.equal((await fresh.ask('small', ID, { 'if-none-match': ifNoneMatch })).status, 304);
      assert.equal(fresh.cache.entries, 1, 'the next one is answered from memory');
    }
    assert.deepEqual([counts.renders, originals.count('get')], [1, 1]);
    const none = { results: undefined };
    for (const ifNoneMatch of forms(etag))
      assert.equal((await (await start(none)).ask('small', ID, { 'if-none-match': ifNoneMatch })).status, 304);
    assert.deepEqual([counts.renders, originals.count('get')], [6, 6]);
    assert.equal(results.made().length, 1);
  });

  it('is never sent for what does not exist, was purged, cannot be read, is not allowed or is refused', async () => {
    const { start, originals } = machinesOver({ [ID]: red, 'page.html': Buffer.from('<html>') });
    const a = await start();
    const etag = await tagOf(a.ask('small', ID));
    const forged = a.path('small', ID).replace(/^\/./, '/_');
    await a.purge(ID, '?original=true');
    const expired = a.path('small', ID, 1000);
    for (const ifNoneMatch of [etag, '*', `W/${etag}`]) {
      const headers = { 'if-none-match': ifNoneMatch };
      const statuses = await Promise.all(
        [a.path('small', 'never.jpg'), a.path('small', ID), a.path('small', 'page.html'), a.path('nosuch', ID)]
          .concat(forged, expired)
          .map(async (path) => {
            const answer = await a.get(path, { headers });
            assert.deepEqual([answer.headers.get('etag'), answer.headers.get('last-modified')], [null, null]);
            return answer.status;
          }),
      );
      assert.deepEqual(statuses, [404, 404, 422, 404, 403, 410], ifNoneMatch);
    }
    assert.equal(originals.objects.has(ID), false);
  });

  it('is not sent for what caches are to forget soon: it has no ETag', async () => {
    const finder = { ...fixedFinder([face(0.1, 0.1, 0.3)]), find: () => Promise.reject(new Error('no detector')) };
    const { start } = machinesOver({ [ID]: red }, { finder });
    const a = await start();
    const answer = await a.ask('thumb', ID, { 'if-none-match': '*' });
    const told = ['etag', 'last-modified', 'cache-control'].map((name) => answer.headers.get(name));
    assert.deepEqual([answer.status, ...told], [200, null, null, 'public, max-age=60']);
  });

  it('is not sent of a preset that was edited, though the URL is the same', async () => {
    const card = (quality: number) => ({ card: { width: 200, height: 200, fit: 'cover', format: 'webp', quality } });
    const { start } = machinesOver({ [ID]: coffee });
    const etag = await tagOf((await start({ definitions: card(90) })).ask('card', ID));
    const edited = await start({ definitions: card(30) });
    assert.equal((await edited.ask('card', ID, { 'if-none-match': etag })).status, 200);
  });
});

describe('a purge', () => {
  it('answers no validator, and is not to be kept', async () => {
    const { start } = machinesOver({ [ID]: red });
    const a = await start();
    const init = { method: 'DELETE', headers: { authorization: `Bearer ${API_TOKEN}`, 'if-none-match': '*' } };
    const answer = await a.get(`/v1/images/${encodeURIComponent(ID)}`, init);
    const told = [answer.headers.get('cache-control'), answer.headers.get('etag')];
    assert.deepEqual([answer.status, ...told], [200, 'no-store', null]);
  });
});

describe('a preset with a lifetime of its own', () => {
  it('is answered with it, fresh, from memory and as 304, from the renditions that it had before', async () => {
    const card = { width: 100 };
    const machines = machinesOver({ [ID]: red });
    const before = await machines.start({ definitions: { card } });
    const first = await before.ask('card', ID);
    assert.equal(first.headers.get('cache-control'), YEAR);
    await before.saved();

    const { counts, wrapRenderer } = counted();
    const after = await machines.start({ definitions: { card: { ...card, maxAge: 3600 } }, wrapRenderer });
    const etag = first.headers.get('etag') ?? '';
    for (const headers of [{}, {}, { 'if-none-match': etag }]) {
      const answer = await after.ask('card', ID, headers);
      assert.equal(answer.status, 'if-none-match' in headers ? 304 : 200);
      assert.equal(answer.headers.get('cache-control'), 'public, max-age=3600');
      assert.equal(answer.headers.get('etag'), etag);
    }
    assert.equal(counts.renders, 0);
    assert.equal(diffPresets({ card }, { card: { ...card, maxAge: 60 } })[0]?.remade, false);
  });
});
