import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { proxyKey } from '../../src/originals/proxy.ts';
import { familyOf, renditionKey } from '../../src/renditions/keys.ts';
import { startApp, type TestApp, type TestAppOptions } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { PLAIN } from '../helpers/pictures.ts';
import { until } from '../helpers/turns.ts';

/** The shop's own versions of an original (`v`): nothing that was made of one stands in for another. */

const dots = Buffer.from(Array.from({ length: 200 * 150 * 3 }, (_, at) => (at * 37) % 251));
/** Dear to decode, so that it leaves a proxy image. */
const photo = await sharp(dots, { raw: { width: 200, height: 150, channels: 3 } })
  .resize(4000, 3000)
  .jpeg({ progressive: true })
  .toBuffer();
const definitions = {
  wide: { width: 600, format: 'webp' },
  small: { width: 200, format: 'webp' },
  tiny: { width: 80, format: 'webp' },
};
const apps: TestApp[] = [];
after(() => Promise.all(apps.map((app) => app.dispose())));

async function start(results = createMemoryStore(), options: Partial<TestAppOptions> = {}) {
  const originals = createMemoryStore({ 'a.jpg': photo, 'b.jpg': photo });
  const app = await startApp({ originals: originals.store, results: results.store, definitions, ...options });
  apps.push(app);
  const ask = async (preset: string, version?: string, id = 'a.jpg') => {
    const answer = await app.get(app.path(preset, id, undefined, version === undefined ? {} : { version }));
    await answer.arrayBuffer();
    return [answer.status, answer.headers.get('cache-status')];
  };
  const reads = () => originals.calls.filter((call) => call.startsWith('get ')).length;
  const proxies = () => [...results.objects.keys()].filter((key) => key.includes('/working-')).length;
  return { app, originals, results, ask, reads, proxies };
}

describe('a version of an original', () => {
  it('has decoded pixels of its own', async () => {
    const { ask, reads } = await start();
    let expected = 0;
    for (const version of ['1', '2', undefined]) {
      expected += 1;
      for (const preset of ['wide', 'small', 'tiny']) {
        assert.equal((await ask(preset, version))[0], 200);
        assert.equal(reads(), expected, `${preset} ${version}`);
      }
    }
  });

  it('has a proxy image of its own, on every machine', async () => {
    const first = await start();
    await first.ask('wide', '1');
    await until(() => first.proxies() === 1);
    await first.app.saves.drain(60_000);
    const next = await start(first.results);
    await next.ask('small', '1');
    assert.equal(next.reads(), 0, 'made of the proxy image');
    await next.ask('small', '2');
    assert.equal(next.reads(), 1);
    await next.ask('small');
    assert.equal(next.reads(), 2);
    await until(() => next.proxies() === 3);
  });

  it('has no stand-in from another one when all places are taken', async () => {
    const { ask, originals } = await start(undefined, { slots: 1, waiting: 0 });
    await ask('wide', '1');
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    originals.hold.get = async (key) => (key === 'b.jpg' ? held : undefined);
    const busy = ask('wide', undefined, 'b.jpg');
    await until(() => originals.calls.includes('get b.jpg'));
    assert.deepEqual(await ask('small', '1'), [200, 'darkroom; hit; detail=nearest']);
    for (const other of ['2', undefined]) assert.equal((await ask('small', other))[0], 503);
    release();
    assert.equal((await busy)[0], 200);
  });

  it('stands in every key, and leaves those without one as they are', () => {
    const recipe = { ...PLAIN, width: 100, height: 100 };
    const keys = [undefined, '1', '2', '1\n2'].map((version) => {
      const versioned = { preset: 'p', suffix: '', recipe: version === undefined ? recipe : { ...recipe, version } };
      return [renditionKey('a', versioned, 'r'), familyOf('a', versioned), proxyKey('a', 'r', version)];
    });
    for (const at of [0, 1, 2]) assert.equal(new Set(keys.map((key) => key[at])).size, keys.length);
  });
});
