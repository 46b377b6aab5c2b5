import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { recordKey } from '../../src/renditions/keys.ts';
import type { ObjectStore } from '../../src/stores/store.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { face, fixedFinder } from '../helpers/faces.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

/** What happens between the moment at which a purge begins to forget and the one at which its stores are empty. */

const picture = (width: number, background: string) =>
  sharp({ create: { width, height: 300, channels: 3, background } })
    .png()
    .toBuffer();
const [red, green] = await Promise.all([picture(400, '#d01010'), picture(500, '#10d010')]);
const ID = 'a/b.png';
const apps: TestApp[] = [];
after(() => Promise.all(apps.map((app) => app.dispose())));

/** Holds a call back that has come, until it is let go. */
function gate() {
  const [come, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const pass = () => {
    come.resolve();
    return open.promise;
  };
  return { pass, come: come.promise, open: open.resolve };
}

/** An app that has rendered the red picture once, and a purge of it that waits at the named call. */
async function startPurging(at: 'delete' | 'deleteAll') {
  const { pass, come, open } = gate();
  const originals = createMemoryStore({ [ID]: red });
  const results = createMemoryStore();
  const held: Partial<Record<typeof at, ObjectStore['delete']>> = {};
  const holding = (store: ObjectStore): ObjectStore => ({
    ...store,
    async delete(...what) {
      await held.delete?.(...what);
      return store.delete(...what);
    },
    async deleteAll(...what) {
      await held.deleteAll?.(...what);
      return store.deleteAll(...what);
    },
  });
  const originalStore = holding(originals.store);
  const app = await startApp({
    ...{
      originals: originalStore,
      deletable: originalStore,
      results: holding(results.store),
      apiToken: 't'.repeat(20),
    },
    finder: fixedFinder([face(0.1, 0.1, 0.3)]),
  });
  apps.push(app);
  const colour = async () => {
    const answer = await app.get(app.path('small', ID));
    if (answer.status !== 200) return answer.status;
    const { dominant } = await sharp(Buffer.from(await answer.arrayBuffer())).stats();
    return dominant.r > dominant.g ? 'red' : 'green';
  };
  const width = async () => {
    const answer = await (await app.meta([ID])).json();
    return (answer as { images: { width?: number }[] }).images[0]?.width;
  };
  assert.equal(await colour(), 'red');
  await app.saves.drain(60_000);
  held[at] = pass;
  const purged = app.purge(ID, at === 'delete' ? '?original=true' : '');
  await come;
  const finish = async () => {
    delete held[at];
    open();
    assert.equal((await purged).status, 200);
  };
  return { app, originals, results, colour, width, finish };
}

describe('while a purge empties the result store', () => {
  it('a rendition that is read from it is gone from memory when the purge is done', async () => {
    const { originals, colour, finish } = await startPurging('deleteAll');
    originals.objects.set(ID, { ...originals.objects.get(ID)!, body: green });
    // Of the old picture or of the new one: the purge is not done yet.
    assert.ok(['red', 'green'].includes(String(await colour())));
    await finish();
    assert.equal(await colour(), 'green');
  });

  it('what was known about the original is not read back from it for good', async () => {
    const { originals, width, finish } = await startPurging('deleteAll');
    originals.objects.set(ID, { ...originals.objects.get(ID)!, body: green });
    await width();
    await finish();
    assert.equal(await width(), 500);
  });
});

describe('a purge while the sidecar of an original is being read', () => {
  it('leaves nothing of what was read', async () => {
    const { pass, come, open } = gate();
    const first = await startPurging('deleteAll');
    await first.width();
    await first.app.saves.drain(60_000);
    const { results } = first;
    let held = true;
    const slow: ObjectStore = {
      ...results.store,
      async get(key, limits) {
        const found = await results.store.get(key, limits);
        if (held && key.endsWith('.json')) await pass();
        return found;
      },
    };
    const originals = createMemoryStore({ [ID]: red });
    const app = await startApp({ originals: originals.store, results: slow, apiToken: 't'.repeat(20) });
    apps.push(app);
    const meta = async () => {
      const answer = (await (await app.meta([ID])).json()) as { images: { width?: number }[] };
      return answer.images[0]?.width;
    };
    assert.ok(results.objects.has(recordKey(ID)));
    const reading = meta();
    await come;
    held = false;
    originals.objects.set(ID, { ...originals.objects.get(ID)!, body: green });
    assert.equal((await app.purge(ID)).status, 200);
    open();
    await reading;
    assert.equal(await meta(), 500);
    await first.finish();
  });
});

describe('while a purge deletes the original', () => {
  it('a rendition that is made of it is gone from memory and store when the purge is done', async () => {
    const { app, results, colour, finish } = await startPurging('delete');
    app.cache.deleteBelow(`${encodeURIComponent(ID)}/`);
    results.objects.clear();
    assert.equal(await colour(), 'red');
    await finish();
    assert.equal(await colour(), 404);
    await app.saves.drain(60_000);
    assert.deepEqual([app.cache.entries, results.made()], [0, []]);
  });

  it('nothing that was learned of it is known when the purge is done', async () => {
    const { app, results, width, finish } = await startPurging('delete');
    results.objects.clear();
    assert.equal(await width(), 400);
    await finish();
    assert.equal(await width(), undefined);
    await app.saves.drain(60_000);
    assert.equal(results.record(ID).picture, undefined);
  });
});
