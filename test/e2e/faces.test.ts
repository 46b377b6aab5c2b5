import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createFaceFinder, type FaceFinder } from '../../src/faces/finder.ts';
import type { ObjectStore } from '../../src/stores/store.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { ASTRONAUT_FACE, astronaut, coffee, face, fixedFinder, probeOf, workerThat } from '../helpers/faces.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { startOriginServer } from '../helpers/origin-server.ts';
import { pixelsOf } from '../helpers/pictures.ts';
import { startServer } from '../helpers/server.ts';

/** The astronaut at the right of a wide picture, so that the middle shows nobody. */
const beside = await sharp({ create: { width: 1400, height: 512, channels: 3, background: '#708090' } })
  .composite([{ input: astronaut, left: 1400 - 512, top: 0 }])
  .jpeg()
  .toBuffer();
const FACE = { ...ASTRONAUT_FACE, left: ASTRONAUT_FACE.left + 1400 - 512 };

const never = new AbortController().signal;
const finders: FaceFinder[] = [];
const apps: TestApp[] = [];
after(() => Promise.all([...apps.map((app) => app.dispose()), ...finders.map((finder) => finder.close())]));
function finderWith(options: Partial<Parameters<typeof createFaceFinder>[0]> = {}): FaceFinder {
  const finder = createFaceFinder({ waiting: 16, idleMs: 60_000, ...options });
  finders.push(finder);
  return finder;
}
async function startWith(finder: FaceFinder, results?: ObjectStore): Promise<TestApp> {
  const app = await startApp({
    originals: createMemoryStore({ 'a.jpg': beside, 'coffee.jpg': coffee }).store,
    definitions: { ...BUILT_IN_PRESETS, attention: { ...BUILT_IN_PRESETS.thumb, gravity: 'attention' } },
    results,
    finder,
  });
  apps.push(app);
  return app;
}
const bodyOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());

describe('cover renditions', () => {
  it('show the face, whole and in its place', async () => {
    const finder = finderWith();
    const app = await startWith(finder);
    for (const [preset, width, height] of [
      ['thumb', 150, 150],
      ['og', 975, 512],
    ] as const) {
      const body = await bodyOf(await app.get(app.path(preset, 'a.jpg')));
      const { width: made, height: high } = await sharp(body).metadata();
      assert.deepEqual([made, high], [width, height]);
      // A larger copy, so that the face is large enough to be found in it again.
      const large = await probeOf(await sharp(body).resize(600).toBuffer());
      const [found] = (await finder.find(large, 'tiles', never)).faces;
      const size = (FACE.width * Math.max(width / 1400, height / 512)) / width;
      assert.ok(found && Math.abs(found.width - size) < 0.3 * size, `${preset}: ${found?.width} for ${size}`);
      assert.ok(found.left > 0.01 && found.top > 0.01 && found.left + found.width < 0.99, preset);
    }
  });

  it('zoom in for avatars', async () => {
    const app = await startWith(finderWith());
    const avatar = await pixelsOf(await bodyOf(await app.get(app.path('avatar-large', 'a.jpg'))));
    // Without a zoom the flat ground would take the left half; with it there is face and suit.
    const ground = [0x70, 0x80, 0x90];
    let flat = 0;
    for (let y = 0; y < 256; y += 4)
      for (let x = 0; x < 256; x += 4)
        if (avatar.at(x, y).every((value, channel) => Math.abs(value - (ground[channel] ?? 0)) < 4)) flat += 1;
    assert.ok(flat < 0.05 * 64 * 64, `${flat}`);
  });
});

describe('how often faces are looked for', () => {
  it('once for nine presets of one original, asked together, and never for inside', async () => {
    const finder = finderWith();
    const app = await startWith(finder);
    for (const preset of ['small', 'medium', 'large', 'retina']) await app.get(app.path(preset, 'a.jpg'));
    assert.equal(finder.running, false);
    await Promise.all(Object.keys(BUILT_IN_PRESETS).map((preset) => app.get(app.path(preset, 'a.jpg'))));
    assert.deepEqual(app.looks, ['found']);
    await app.get(app.path('thumb', 'coffee.jpg'));
    assert.deepEqual(app.looks, ['found', 'none']);
  });

  it('never in a second process with the same results, not even for presets that were not made yet', async () => {
    const results = createMemoryStore();
    const first = await startWith(finderWith(), results.store);
    const before = await bodyOf(await first.get(first.path('thumb', 'a.jpg')));
    await first.dispose();
    for (const key of results.objects.keys()) if (!key.endsWith('original.json')) results.objects.delete(key);
    const finder = finderWith();
    const second = await startWith(finder, results.store);
    const again = await bodyOf(await second.get(second.path('thumb', 'a.jpg')));
    for (const preset of Object.keys(BUILT_IN_PRESETS)) await second.get(second.path(preset, 'a.jpg'));
    assert.deepEqual([second.looks, finder.running], [[], false]);
    assert.ok(again.equals(before), 'known faces give the same bytes');
  });

  it('never when they are off, in a real process too', async () => {
    const settings = async (faces: 'on' | 'off') => {
      const origin = await startOriginServer();
      origin.seed('a.jpg', beside);
      const server = await startServer({
        DARKROOM_ORIGINALS: origin.url,
        DARKROOM_ORIGIN_PRIVATE: 'on',
        DARKROOM_FACES: faces,
      });
      for (const preset of Object.keys(BUILT_IN_PRESETS))
        assert.equal((await server.get(server.path(preset, 'a.jpg'))).status, 200);
      const tasks = `/proc/${server.child.pid}/task`;
      const names = await Promise.all((await readdir(tasks)).map((task) => readFile(`${tasks}/${task}/comm`, 'utf8')));
      const steps = server.log().map((line) => Object.keys((line.steps as object | undefined) ?? {}));
      await server.stop();
      await Promise.all([server.dispose(), origin.dispose()]);
      return { thread: names.some((name) => name.trim() === 'face'), timed: steps.flat().includes('face') };
    };
    assert.deepEqual(await settings('off'), { thread: false, timed: false });
    assert.deepEqual(await settings('on'), { thread: true, timed: true });
  });
});

describe('when looking fails', () => {
  const faults: [what: string, finder: () => FaceFinder][] = [
    ['the thread crashes', () => finderWith({ workerUrl: workerThat('onTask(() => process.exit(1)); ready();') })],
    ['the thread throws', () => finderWith({ workerUrl: workerThat('onTask(() => { throw 1; }); ready();') })],
    ['the model does not load', () => finderWith({ workerUrl: workerThat('throw new Error("no model")') })],
    ['the thread never starts', () => finderWith({ workerUrl: workerThat('for (;;);'), start: { cpuMs: 300 } })],
    [
      'a detection never returns',
      () => finderWith({ workerUrl: workerThat('onTask(() => { for (;;); }); ready();'), look: { cpuMs: 300 } }),
    ],
    ['too many wait', () => finderWith({ waiting: 0 })],
    ['the code is not there', () => finderWith({ workerUrl: new URL('file:///nowhere/worker.js') })],
  ];
  for (const [what, finder] of faults) {
    it(`${what}: 200 with an attention crop, kept nowhere, and everything else goes on`, async () => {
      const results = createMemoryStore();
      const app = await startWith(finder(), results.store);
      const answer = await app.get(app.path('thumb', 'a.jpg'));
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('cache-control'), 'public, max-age=60');
      assert.equal(answer.headers.get('etag'), null);
      assert.match(answer.headers.get('cache-tag') ?? '', /^o-/);
      const body = await bodyOf(answer);
      assert.deepEqual([(await sharp(body).metadata()).width, (await sharp(body).metadata()).height], [150, 150]);
      await app.saves.drain(60_000);
      assert.deepEqual([app.cache.entries, results.made()], [0, []]);
      assert.deepEqual([app.looks, app.warnings], [['failed'], ['faces could not be looked for']]);
      const soon = await app.get(app.path('thumb', 'a.jpg', Math.floor(Date.now() / 1000) + 30));
      assert.match(soon.headers.get('cache-control') ?? '', /^public, max-age=(2\d|30)$/);
      for (const preset of ['medium', 'attention'])
        assert.match((await app.get(app.path(preset, 'a.jpg'))).headers.get('cache-control') ?? '', /immutable/);
    });
  }

  it('looks again at the next request, keeps what it then makes, and serves both alike from then on', async () => {
    let healthy = false;
    const seen = fixedFinder([face(0.85, 0.15, 0.07, 0.2)]);
    const finder: FaceFinder = {
      ...seen,
      find: async () => (healthy ? seen.find(undefined as never, 'tiles', never) : Promise.reject(new Error('ill'))),
    };
    const results = createMemoryStore();
    const app = await startWith(finder, results.store);
    const target = app.path('thumb', 'a.jpg');
    assert.equal((await app.get(target)).headers.get('etag'), null);
    healthy = true;
    const good = await app.get(target);
    assert.match(good.headers.get('cache-control') ?? '', /immutable/);
    assert.match((await app.get(target)).headers.get('cache-status') ?? '', /memory/);
    await app.saves.drain(60_000);
    assert.equal(results.objects.size, 2);
  });
});

describe('what a detector could say', () => {
  const odd: [what: string, faces: ReturnType<typeof face>[]][] = [
    ['nobody', []],
    ['200 faces', Array.from({ length: 200 }, (_, at) => face((at % 20) / 20, Math.floor(at / 20) / 10, 0.04))],
    ['one as large as the picture', [face(0, 0, 1)]],
    ['specks', [face(0.99999, 0.99999, 0.000001)]],
  ];
  for (const [what, faces] of odd) {
    it(`${what}: 200`, async () => {
      const app = await startWith(fixedFinder(faces));
      for (const preset of ['thumb', 'og', 'avatar-small', 'avatar-large']) {
        const answer = await app.get(app.path(preset, 'a.jpg'));
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('cache-control') ?? '', /immutable/);
      }
    });
  }
});
