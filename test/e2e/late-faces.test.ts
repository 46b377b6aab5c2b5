import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { DETECTOR_VERSION, type Look } from '../../src/faces/face.ts';
import { recordKey } from '../../src/renditions/keys.ts';
import { startApp, type TestApp, type TestAppOptions } from '../helpers/app.ts';
import { astronaut, face, heldFinder, saw } from '../helpers/faces.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { turns, until } from '../helpers/turns.ts';

/** Three times as wide as high: every square crop of it depends on faces. */
const wide = await sharp({ create: { width: 1500, height: 500, channels: 3, background: '#708090' } })
  .composite([{ input: await sharp(astronaut).resize(500).toBuffer(), left: 900, top: 0 }])
  .jpeg()
  .toBuffer();
const FACES = [face(0.8, 0.2, 0.1, 0.3)];
const CUT_OFF: Look = { ...saw(FACES), complete: false };

const apps: TestApp[] = [];
after(() => Promise.all(apps.map((app) => app.dispose())));

/** A machine whose renders wait no time for a look, as if it were short of CPU. */
async function start(options: Partial<TestAppOptions> = {}) {
  const eyes = heldFinder();
  const results = createMemoryStore();
  const ids = Array.from({ length: 12 }, (_, n) => [`${n}.jpg`, wide] as const);
  const originals = createMemoryStore(Object.fromEntries(ids));
  let renders = 0;
  const log: Record<string, unknown>[] = [];
  const app = await startApp({
    ...{ originals: originals.store, results: results.store, finder: eyes, faceWaitMs: 1 },
    apiToken: 'token',
    deletable: originals.store,
    log: (line) => log.push(JSON.parse(line)),
    wrapRenderer: (renderer) => ({
      ...renderer,
      render(...job) {
        renders += 1;
        return renderer.render(...job);
      },
    }),
    ...options,
  });
  apps.push(app);
  async function ask(preset: string, id = '0.jpg') {
    const answer = await app.get(app.path(preset, id));
    const body = Buffer.from(await answer.arrayBuffer());
    const { headers, status } = answer;
    const [keeps, etag, source] = ['cache-control', 'etag', 'cache-status'].map((name) => headers.get(name));
    return { status, body, keeps, etag, source, lasting: etag !== null && /immutable/.test(keeps ?? '') };
  }
  const record = (id = '0.jpg') => JSON.parse(results.objects.get(recordKey(id))?.body.toString() ?? 'null');
  const faceSteps = () => log.flatMap(({ steps }) => (steps as { face?: string } | undefined)?.face ?? []);
  const saved = () => app.saves.drain(60_000);
  return { app, eyes, results, ask, record, faceSteps, saved, renders: () => renders };
}

describe('a look that a machine short of CPU is late with', () => {
  it('costs one provisional render: the next answer waits for it, and is final', async () => {
    const { app, eyes, ask, record, faceSteps, saved, renders } = await start();
    const first = await ask('thumb');
    assert.deepEqual([first.status, first.keeps, first.etag], [200, 'public, max-age=60', null]);
    const next = Array.from({ length: 5 }, () => ask('thumb'));
    await until(() => app.flights.size === 1);
    await turns(20);
    assert.deepEqual([renders(), app.queue.running, app.provisional, app.looks], [1, 0, ['late'], []]);
    assert.deepEqual(faceSteps(), ['late']);

    eyes.looks[0]?.resolve(saw(FACES));
    for (const { lasting, body } of await Promise.all(next)) {
      assert.ok(lasting);
      assert.ok(!body.equals(first.body), 'framed by the face');
    }
    assert.deepEqual([renders(), app.looks, app.provisional, eyes.looks.length], [2, ['found'], ['late'], 1]);
    assert.equal(faceSteps().at(-1), 'ok');
    await saved();
    assert.equal(record().faces.length, 1);
  });

  it('is given up on after a while by those that can send the provisional rendition, which is kept in memory until it ends', async () => {
    const { app, eyes, ask, faceSteps, renders } = await start({ faceInsteadMs: 5 });
    const first = await ask('thumb');
    for (let n = 0; n < 5; n += 1) {
      const again = await ask('thumb');
      assert.deepEqual([again.keeps, again.etag, again.source], [first.keeps, null, 'darkroom; hit; detail=memory']);
      assert.ok(again.body.equals(first.body));
    }
    assert.deepEqual([renders(), app.provisional, app.cache.entries], [1, ['late'], 1]);
    assert.deepEqual(faceSteps(), Array(6).fill('late'));
    eyes.looks[0]?.resolve(saw(FACES));
    await until(() => app.looks.length === 1);
    assert.ok((await ask('thumb')).lasting);
  });

  it('is waited for, without a slot, by every other rendition of its original', async () => {
    const { app, eyes, ask, renders } = await start();
    assert.equal((await ask('thumb')).lasting, false);
    const others = ['og', 'avatar-large', 'avatar-small'].map((preset) => ask(preset));
    assert.ok((await ask('medium')).lasting, 'that one shows all of it');
    await until(() => app.flights.size === 3);
    await turns(20);
    assert.deepEqual([app.queue.running, app.queue.waiting, renders()], [0, 0, 2]);
    eyes.looks[0]?.resolve(saw(FACES));
    assert.deepEqual(
      (await Promise.all(others)).map(({ lasting }) => lasting),
      [true, true, true],
    );
    assert.deepEqual([app.provisional, eyes.looks.length], [['late'], 1]);
  });

  it('lets one of the renders go on that wait for it together', async () => {
    const { app, eyes, ask } = await start();
    const both = [ask('thumb'), ask('og')];
    const first = await Promise.race(both);
    assert.equal(first.lasting, false);
    await turns(20);
    eyes.looks[0]?.resolve(saw(FACES));
    const lasting = (await Promise.all(both)).filter((answer) => answer.lasting);
    assert.deepEqual([lasting.length, app.provisional], [1, ['late']]);
  });

  it('ends in 503 with Retry-After, not in another provisional render, when it takes longer than a render may', async () => {
    const { app, eyes, ask, renders } = await start({ renderTimeoutMs: 300, nearest: false });
    assert.equal((await ask('thumb')).status, 200);
    assert.equal((await ask('og')).status, 503);
    assert.deepEqual([renders(), app.provisional, app.queue.running], [1, ['late'], 0]);
    eyes.looks[0]?.resolve(saw(FACES));
    await until(() => app.looks.length === 1);
    assert.ok((await ask('og')).lasting);
  });

  it('is one of eight at most: the next render keeps its slot until its look ends', async () => {
    const { app, eyes, ask } = await start({ slots: 1 });
    for (let n = 0; n < 8; n += 1) assert.equal((await ask('thumb', `${n}.jpg`)).lasting, false);
    const ninth = ask('thumb', '8.jpg');
    await until(() => eyes.looks.length === 9);
    // A hundred times as long as the others waited.
    await sleep(100);
    assert.equal(app.queue.running, 1);
    eyes.looks[8]?.resolve(saw(FACES));
    assert.ok((await ninth).lasting);
    eyes.looks[0]?.resolve(saw(FACES));
    await until(() => app.looks.length === 2);
    assert.equal((await ask('thumb', '9.jpg')).lasting, false, 'there is room for one more');
    for (const look of eyes.looks) look.resolve(saw(FACES));
    await until(() => app.looks.length === 10);
    for (let n = 0; n < 10; n += 1) assert.ok((await ask('thumb', `${n}.jpg`)).lasting);
  });

  it('and that fails leaves nothing in memory, and no second late answer', async () => {
    const { app, eyes, ask, record, saved } = await start();
    assert.equal((await ask('thumb')).lasting, false);
    eyes.looks[0]?.reject(new Error('killed'));
    await until(() => app.looks.length === 1);
    await turns();
    assert.equal(app.cache.entries, 0);
    const next = ask('thumb');
    await until(() => eyes.looks.length === 2);
    await turns(20);
    eyes.looks[1]?.resolve(saw(FACES));
    assert.ok((await next).lasting);
    assert.deepEqual([app.provisional, app.looks], [['late'], ['failed', 'found']]);
    await saved();
    assert.equal(record().faces.length, 1);
  });

  it('at a picture that was purged meanwhile is neither recorded nor waited for', async () => {
    const { app, eyes, ask, record, saved } = await start();
    assert.equal((await ask('thumb')).lasting, false);
    await app.purge('0.jpg');
    assert.equal(app.cache.entries, 0);
    eyes.looks[0]?.resolve(saw(FACES));
    await until(() => app.looks.length === 1);
    await saved();
    assert.equal(record()?.faces, undefined);
  });
});

describe('a look that was cut off by its limit of work', () => {
  it('frames the crop, is recorded nowhere and done again; from the second time on with pauses', async () => {
    const { app, eyes, ask, faceSteps, record, saved } = await start({ faceWaitMs: 60_000 });
    const asked = async (look: number, said: Look) => {
      const answer = ask('thumb');
      await until(() => eyes.looks.length === look + 1);
      eyes.looks[look]?.resolve(said);
      return answer;
    };
    const first = await asked(0, CUT_OFF);
    assert.deepEqual([first.status, first.keeps, first.etag], [200, 'public, max-age=60', null]);
    const second = await asked(1, { ...CUT_OFF, depth: 'whole' });
    const resting = await ask('thumb');
    assert.deepEqual([second.etag, resting.etag, eyes.looks.length], [null, null, 2]);
    assert.ok(resting.body.equals(first.body));
    await saved();
    assert.equal(record()?.faces, undefined);
    assert.deepEqual(app.looks, ['cut_off', 'cut_off']);
    assert.deepEqual(app.provisional, ['cut_off', 'cut_off', 'cut_off']);
    assert.deepEqual(faceSteps(), ['cut_off', 'cut_off', 'cut_off']);
  });

  it('is forgotten when the next one goes to its end', async () => {
    const { app, eyes, ask } = await start({ faceWaitMs: 60_000 });
    const first = ask('thumb');
    await until(() => eyes.looks.length === 1);
    eyes.looks[0]?.resolve(CUT_OFF);
    const before = await first;
    const second = ask('thumb');
    await until(() => eyes.looks.length === 2);
    eyes.looks[1]?.resolve(saw(FACES));
    const lasting = await second;
    assert.ok(lasting.lasting && lasting.body.equals(before.body), 'the same faces, now surely');
    assert.deepEqual(app.looks, ['cut_off', 'found']);
  });
});

describe('how deep a look goes', () => {
  it('is what the rendition needs; a larger one has the tiles searched, once, and moves no smaller one', async () => {
    const { app, eyes, ask, record, saved, results } = await start({ faceWaitMs: 60_000 });
    const depths = () => eyes.looks.map(({ depth }) => depth);
    const small = 'w_60,h_60,fit_cover,f_webp';
    const first = ask(small);
    await until(() => eyes.looks.length === 1);
    eyes.looks[0]?.resolve({ faces: [], depth: 'whole', complete: true });
    const { body } = await first;
    await saved();
    assert.deepEqual([record().depth, record().faces, record().detector], ['whole', [], DETECTOR_VERSION]);

    const larger = [ask('og'), ask('avatar-large')];
    await until(() => eyes.looks.length === 2);
    eyes.looks[1]?.resolve(saw(FACES));
    for (const answer of await Promise.all(larger)) assert.ok(answer.lasting);
    assert.ok((await ask('thumb')).lasting);
    await saved();
    assert.deepEqual(depths(), ['whole', 'tiles']);
    assert.deepEqual([record().depth, record().faces.length, record().wholeFaces], ['tiles', 1, []]);

    const kept = [...results.objects.keys()].filter((key) => key.includes('w_60'));
    for (const key of kept) results.objects.delete(key);
    const other = await start({ results: results.store, faceWaitMs: 60_000 });
    assert.ok((await other.ask(small)).body.equals(body), 'the same key, the same bytes');
    assert.ok((await other.ask('avatar-medium')).lasting);
    assert.deepEqual([other.eyes.looks.length, app.provisional], [0, []]);
  });

  it('waits for a look under way that goes less deep, and shares one that goes deeper', async () => {
    const { eyes, ask } = await start({ faceWaitMs: 60_000, slots: 4 });
    const shallow = ask('w_60,h_60,fit_cover,f_webp');
    await until(() => eyes.looks.length === 1);
    const deep = ask('og');
    await sleep(200);
    assert.equal(eyes.looks.length, 1);
    eyes.looks[0]?.resolve({ faces: [], depth: 'whole', complete: true });
    assert.ok((await shallow).lasting);
    await until(() => eyes.looks.length === 2);
    const another = ask('avatar-large');
    await turns(50);
    eyes.looks[1]?.resolve(saw(FACES));
    assert.deepEqual([(await deep).lasting, (await another).lasting, eyes.looks.length], [true, true, 2]);
  });

  it('is left at what a look under way found that need not have gone as deep, but did', async () => {
    const { eyes, ask } = await start({ faceWaitMs: 60_000, slots: 4 });
    const shallow = ask('w_60,h_60,fit_cover,f_webp');
    await until(() => eyes.looks.length === 1);
    assert.equal(eyes.looks[0]?.depth, 'whole');
    const deep = ask('og');
    await sleep(100);
    eyes.looks[0]?.resolve(saw([]));
    assert.deepEqual([(await shallow).lasting, (await deep).lasting, eyes.looks.length], [true, true, 1]);
  });

  it('falls back to what a look less deep found when the deeper one fails', async () => {
    const { eyes, ask, app } = await start({ faceWaitMs: 60_000 });
    const shallow = ask('w_60,h_60,fit_cover,f_webp');
    await until(() => eyes.looks.length === 1);
    eyes.looks[0]?.resolve({ faces: FACES, depth: 'whole', complete: true });
    await shallow;
    const failed = ask('avatar-large');
    await until(() => eyes.looks.length === 2);
    eyes.looks[1]?.reject(new Error('killed'));
    const { lasting, body } = await failed;
    const again = ask('avatar-large');
    await until(() => eyes.looks.length === 3);
    eyes.looks[2]?.resolve(saw(FACES));
    const final = await again;
    assert.deepEqual([lasting, final.lasting, app.looks], [false, true, ['found', 'failed', 'found']]);
    assert.ok(final.body.equals(body));
  });
});
