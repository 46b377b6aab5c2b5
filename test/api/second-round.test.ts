import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toRendition, toStoredObject } from '../../src/renditions/rendition.ts';
import { machinesOver, red, WINDOW_MS } from '../helpers/machines.ts';
import type { createMemoryStore } from '../helpers/memory-store.ts';
import { until } from '../helpers/turns.ts';

/** What arrives late: after a purge, and before its window is over. Found by `npm run fuzz:purge`. */

const ID = 'seller/42/a.png';
const LATE = `${encodeURIComponent(ID)}/small-late.webp`;

/** Holds second rounds, however long the purge takes, until a rendition of before arrived. */
function arrivesBeforeRounds({ hold, objects }: ReturnType<typeof createMemoryStore>): () => void {
  const arrived = Promise.withResolvers<void>();
  hold.list = () => arrived.promise;
  return () => {
    const late = toRendition({ body: red, contentType: 'image/webp', width: 4, height: 3 }, '0', 0);
    objects.set(LATE, toStoredObject(late));
    arrived.resolve();
  };
}

describe('the second round of a purge', () => {
  it('removes what a machine that stopped in its save left in the store, and tells the CDN again', async () => {
    const told: string[] = [];
    const { start, results } = machinesOver({ [ID]: red }, { now: Date.now, windowMs: 50 });
    const arrive = arrivesBeforeRounds(results);
    const cdn = async (id: string) => {
      told.push(id);
      return 'purged' as const;
    };
    const app = await start({ cdn });
    assert.equal((await app.purge(ID)).status, 200);
    arrive();
    await until(() => told.length === 2);
    assert.deepEqual(results.made(), []);
    assert.equal(results.record(ID).epoch, 1);
  });

  it('is no earlier for a machine whose clock is an hour ahead', async () => {
    const told: string[] = [];
    const machines = machinesOver({ [ID]: red });
    const cdn = async (id: string) => {
      told.push(id);
      return 'purged' as const;
    };
    const a = await machines.start({ cdn });
    const b = await machines.start({ cdn, now: () => machines.clock.ms + 3_600_000 });
    assert.equal((await a.purge(ID)).status, 200);
    await b.purges.bulk?.jobs.sweep();
    machines.clock.ms += WINDOW_MS - 1000;
    await b.purges.bulk?.jobs.sweep();
    assert.equal(told.length, 1);
    machines.clock.ms += 2000;
    await b.purges.bulk?.jobs.sweep();
    assert.equal(told.length, 2);
  });

  it('takes place without a CDN too', async () => {
    const { start, results } = machinesOver({ [ID]: red }, { now: Date.now, windowMs: 50 });
    const arrive = arrivesBeforeRounds(results);
    const app = await start();
    assert.equal((await app.purge(ID)).status, 200);
    arrive();
    await until(() => !results.objects.has(LATE));
  });
});

describe('the purge window', () => {
  it('leaves time for answers and saves that are on their way when memory is trusted no longer', async () => {
    const { start, clock, results } = machinesOver({ [ID]: red });
    const { see, saved } = await start();
    await see('small', ID);
    await saved();
    const asked = () => results.count('getIfChanged');
    const before = asked();
    clock.ms += 24_900;
    await see('small', ID);
    assert.equal(asked(), before);
    clock.ms += 200;
    await see('small', ID);
    assert.ok(asked() > before);
  });
});

describe('metadata of several originals', () => {
  it('is asked once more of those that were purged while the others took longer than the window', async () => {
    const slow = 'seller/42/slow.png';
    const { start, originals, passWindow } = machinesOver({ [ID]: red, [slow]: red });
    const [a, b] = [await start(), await start()];
    assert.equal((await a.meta([ID])).status, 200);
    const [reading, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    originals.hold.get = async (key) => {
      if (key !== slow) return;
      reading.resolve();
      await gate.promise;
    };
    const asked = a.meta([ID, slow]);
    await reading.promise;
    await b.purge(ID, '?original=true');
    passWindow();
    gate.resolve();
    const { images } = (await (await asked).json()) as { images: { error?: string; width?: number }[] };
    assert.deepEqual([images[0]?.error, images[1]?.width], ['original_not_found', 400]);
  });
});

describe('a purge with its original', () => {
  it('counts an original that came between the look for it and its deletion, and was read', async () => {
    const { start, originals, replace, passWindow } = machinesOver({});
    const [a, b] = [await start(), await start()];
    originals.hold.delete = async () => {
      delete originals.hold.delete;
      replace(ID, red);
      passWindow();
      assert.equal(await b.see('small', ID), 'red');
    };
    assert.deepEqual((await a.purge(ID, '?original=true')).removed, { memory: 0, results: 1, original: false });
    assert.equal(originals.objects.size, 0);
    passWindow();
    for (const machine of [a, b]) assert.equal(await machine.see('small', ID), 404);
  });
});

describe('what the API says of a picture', () => {
  it('is told for the grace while the record cannot be asked, and then read anew', async () => {
    const { start, originals, results, clock } = machinesOver({ [ID]: red });
    const app = await start();
    const meta = async () => {
      const answer = await app.meta([ID]);
      const { images } = (await answer.json()) as { images: { dominantColor?: string; error?: string }[] };
      return images[0]?.dominantColor ? 'described' : images[0]?.error;
    };
    assert.equal(await meta(), 'described');
    await app.saved();
    originals.objects.delete(ID);
    results.hold.get = () => Promise.reject(new Error('the bucket is down'));
    clock.ms += 60_000;
    assert.equal(await meta(), 'described');
    clock.ms += 600_000;
    assert.equal(await meta(), 'original_not_found');
  });
});
