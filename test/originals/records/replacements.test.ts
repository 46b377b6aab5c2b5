import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { CdnPurge } from '../../../src/api/cdn-purge.ts';
import type { ObjectStore, ObjectVersion } from '../../../src/stores/store.ts';
import { face, fixedFinder, saw } from '../../helpers/faces.ts';
import { blue, green, machinesOver, red, WINDOW_MS } from '../../helpers/machines.ts';
import { turns, until } from '../../helpers/turns.ts';

const ID = 'seller/42/a.png';
const PRESETS = ['thumb', 'small', 'medium', 'large'];
const REPLACED = 'an original was replaced: what was made of it goes';

/** A CDN that takes every call and remembers the ids. */
function cdnOf() {
  const told: string[] = [];
  const cdn: CdnPurge = async (id) => {
    told.push(id);
    return 'purged';
  };
  return { told, cdn };
}

describe('an original that was replaced in its store', () => {
  it('is noticed by the machine that reads it next, and no preset of the old picture is sent by any after the window', async () => {
    const { told, cdn } = cdnOf();
    const { start, results, replace, passWindow, stored } = machinesOver({ [ID]: red }, { cdn });
    const [a, b] = [await start(), await start()];
    for (const machine of [a, b]) for (const preset of ['thumb', 'small']) await machine.see(preset, ID);
    await Promise.all([a.saved(), b.saved()]);
    replace(ID, blue);
    // Pixels in memory would do; after a restart there are none.
    const c = await start();
    assert.equal(await c.see('thumb', ID), 'red', 'nothing was read: a stored rendition is sent as it is');
    assert.equal(await c.see('large', ID), 'blue');
    await until(() => told.length === 1);
    await c.saved();
    assert.deepEqual([told, c.warnings, c.noticed], [[ID], [REPLACED], ['noticed']]);
    assert.equal(results.record(ID).epoch, 1);
    for (const preset of PRESETS) assert.equal(await c.see(preset, ID), 'blue', 'at once, where it was noticed');
    passWindow();
    for (const machine of [a, b])
      for (const preset of PRESETS) assert.equal(await machine.see(preset, ID), 'blue', preset);
    await Promise.all([a, b, c].map(({ saved }) => saved()));
    assert.deepEqual([...new Set(await stored())], ['blue']);
    assert.deepEqual([a.noticed, b.noticed], [[], []], 'one machine was enough');
  });

  it('is told to the CDN once more after the window', async () => {
    const { told, cdn } = cdnOf();
    const { start, replace, passWindow } = machinesOver({ [ID]: red }, { cdn });
    const a = await start();
    await a.see('small', ID);
    replace(ID, blue);
    a.decodes.forget(ID);
    assert.equal(await a.see('medium', ID), 'blue');
    await until(() => told.length === 1);
    const jobs = a.purges.bulk?.jobs ?? assert.fail();
    await jobs.sweep();
    assert.equal(told.length, 1, 'not due yet');
    passWindow();
    await jobs.sweep();
    assert.equal(told.length, 2);
  });

  it('gets a crop by its own faces, not by those of the picture before', async () => {
    const wide = (left: string, right: string) =>
      sharp({ create: { width: 800, height: 200, channels: 3, background: right } })
        .composite([{ input: { create: { width: 400, height: 200, channels: 3, background: left } }, left: 0, top: 0 }])
        .png()
        .toBuffer();
    // The face is where the picture is red.
    const finder = {
      ...fixedFinder([]),
      find: async ({ data }: { data: Uint8Array }) =>
        saw([(data[0] ?? 0) > (data[2] ?? 0) ? face(0.05, 0.3, 0.1) : face(0.85, 0.3, 0.1)]),
    };
    const { start, results, replace } = machinesOver({ [ID]: await wide('#d01010', '#1010d0') }, { finder });
    const first = await start();
    assert.equal(await first.see('thumb', ID), 'red');
    await first.saved();
    replace(ID, await wide('#1010d0', '#d01010'));
    const next = await start();
    // The new epoch takes its time; what the record says of faces is read much sooner.
    results.hold.put = () => turns(200);
    assert.equal(await next.see('avatar-large', ID), 'red');
    await next.saved();
    assert.equal(results.record(ID).faces[0].left, 0.85);
  });

  it('has nothing left in the record of the one before', async () => {
    const { start, results, replace } = machinesOver({ [ID]: red });
    const a = await start();
    assert.equal((await a.meta([ID])).status, 200);
    await a.saved();
    const before = results.record(ID);
    replace(ID, await sharp(blue).resize(200).png().toBuffer());
    a.decodes.forget(ID);
    await a.see('small', ID);
    await a.saved();
    const { epoch, picture, source } = results.record(ID);
    assert.deepEqual([before.epoch, before.picture.width, epoch, picture], [0, 400, 1, undefined]);
    assert.notEqual(source.sha256, before.source.sha256);
    const { images } = (await (await a.meta([ID])).json()) as { images: { width: number; dominantColor: string }[] };
    assert.equal(images[0]?.width, 200);
  });
});

/** A store whose objects have the versions that a test gives them. */
const withVersion = (store: ObjectStore, version: (told: ObjectVersion) => ObjectVersion): ObjectStore => ({
  ...store,
  async get(key, limits) {
    const object = await store.get(key, limits);
    return object?.version && { ...object, version: version(object.version) };
  },
});

describe('an original that was replaced in a store', () => {
  // Uncompressed, so that one weighs as much as the other.
  const plain = (picture: Buffer) => sharp(picture).png({ compressionLevel: 0 }).toBuffer();

  it('that names no ETag is noticed by its digest, whatever its length', async () => {
    const [first, second] = [await plain(red), await plain(blue)];
    assert.equal(first.length, second.length);
    const { start, originals, results, replace } = machinesOver({ [ID]: first });
    const a = await start({ originals: withVersion(originals.store, (told) => ({ ...told, etag: undefined })) });
    for (const preset of ['small', 'thumb']) {
      assert.equal(await a.see(preset, ID), 'red');
      a.decodes.forget(ID);
      await a.saved();
    }
    assert.deepEqual([results.record(ID).epoch, results.record(ID).source.etags], [0, []]);
    replace(ID, second);
    assert.equal(await a.see('medium', ID), 'blue');
    assert.deepEqual([results.record(ID).epoch, a.noticed], [1, ['noticed']]);
    assert.equal(await a.see('small', ID), 'blue');
  });

  it('that has one ETag for all is noticed by its length', async () => {
    const { start, originals, results, replace } = machinesOver({ [ID]: red });
    const a = await start({ originals: withVersion(originals.store, (told) => ({ ...told, etag: '"one"' })) });
    assert.equal(await a.see('small', ID), 'red');
    replace(ID, await plain(blue));
    a.decodes.forget(ID);
    assert.equal(await a.see('medium', ID), 'blue');
    assert.deepEqual([results.record(ID).epoch, a.noticed], [1, ['noticed']]);
  });
});

describe('a weak ETag', () => {
  it('is the strong one without its mark, whichever came first: nothing new is learned', async () => {
    const { start, originals, results } = machinesOver({ [ID]: red });
    let etag = 'W/"one"';
    const a = await start({ originals: withVersion(originals.store, (told) => ({ ...told, etag })) });
    for (const [at, each] of ['W/"one"', '"one"', 'W/"one"'].entries()) {
      etag = each;
      assert.equal(await a.see(PRESETS[at] ?? '', ID), 'red');
      a.decodes.forget(ID);
      await a.saved();
      assert.deepEqual(results.record(ID).source.etags, ['"one"'], each);
    }
  });
});

describe('the same bytes under another ETag', () => {
  it('begin no new epoch: the record learns up to eight of their tags', async () => {
    const { told, cdn } = cdnOf();
    const { start, originals, results, replace } = machinesOver({ [ID]: red }, { cdn });
    let etags: string[] = [];
    for (let copy = 0; copy < 10; copy += 1) {
      replace(ID, red, { copy: String(copy) });
      const machine = await start();
      assert.equal(await machine.see(PRESETS[copy % 4] ?? '', ID), 'red');
      machine.decodes.forget(ID);
      assert.equal(await machine.see(`w_${100 + copy},f_png`, ID), 'red');
      await machine.saved();
      assert.deepEqual([results.record(ID).epoch, machine.warnings, machine.noticed], [0, [], []]);
      etags = results.record(ID).source.etags;
      assert.equal(etags.length, Math.min(8, copy + 1));
    }
    const { etag } = (await originals.store.head(ID, { signal: new AbortController().signal })) as { etag: string };
    assert.deepEqual([etags.at(-1), new Set(etags).size, told], [etag, 8, []]);
  });
});

describe('a store that hands out one picture, then another', () => {
  it('begins at most one new epoch within a window, over all machines; the rest is sent for a minute and kept nowhere', async () => {
    const { told, cdn } = cdnOf();
    const { start, clock, results, replace, stored } = machinesOver({ [ID]: red }, { cdn });
    const machines = [await start(), await start()];
    await machines[0]?.see('small', ID);
    await machines[0]?.saved();
    let answers = 0;
    for (let round = 0; round < 6; round += 1) {
      replace(ID, round % 2 ? red : blue);
      for (const [at, machine] of machines.entries()) {
        machine.decodes.forget(ID);
        const answer = await machine.ask(`w_${100 + round},h_${100 + at},f_png`, ID);
        assert.equal(answer.status, 200);
        if (answer.headers.get('cache-control') === 'public, max-age=60') {
          assert.equal(answer.headers.get('etag'), null);
          answers += 1;
        }
        await machine.saved();
      }
    }
    assert.ok(answers > 0);
    assert.deepEqual([results.record(ID).epoch, told.length], [1, 1]);
    assert.deepEqual([...new Set(await stored())], ['blue']);
    assert.ok(machines.some(({ noticed }) => noticed.includes('limited')));
    clock.ms += WINDOW_MS + 1;
    replace(ID, green);
    for (const machine of machines) {
      machine.decodes.forget(ID);
      assert.equal(await machine.see('medium', ID), 'green');
    }
    assert.equal(results.record(ID).epoch, 2);
  });

  it('keeps no pixels and no proxy image of what is sent for a minute, of which others would be made', async () => {
    const { start, replace, stored } = machinesOver({ [ID]: red });
    const a = await start();
    await a.see('small', ID);
    replace(ID, blue);
    a.decodes.forget(ID);
    assert.equal(await a.see('medium', ID), 'blue');
    await a.saved();
    // Decoded once for all presets.
    replace(ID, await sharp(red).resize(2400, 1800, { fit: 'fill' }).jpeg({ progressive: true }).toBuffer());
    a.decodes.forget(ID);
    for (const preset of ['thumb', 'og', 'retina']) {
      const both = await Promise.all([a.ask(preset, ID), a.ask(`${preset}@2x`, ID)]);
      const kept = both.map(({ headers }) => headers.get('cache-control'));
      assert.deepEqual(kept, ['public, max-age=60', 'public, max-age=60'], preset);
    }
    await a.saved();
    assert.deepEqual([a.decodes.entries, [...new Set(await stored())]], [0, ['blue']]);
  });
});
