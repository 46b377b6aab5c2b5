import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createPresets } from '../../src/presets/presets.ts';
import { estimateRender } from '../../src/render/cost-estimate.ts';
import { createRenderer } from '../../src/render/render.ts';
import { createHttpOrigin } from '../../src/stores/http/http-origin.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';
import { startApp, type TestApp, type TestAppOptions } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { startOriginServer } from '../helpers/origin-server.ts';
import { until } from '../helpers/turns.ts';

/** What the queue's count of input bytes, by which it refuses, knows of memory that renders really hold. */

const photo = await sharp({ create: { width: 1600, height: 1200, channels: 3, background: '#846' } })
  .jpeg()
  .toBuffer();
const disposables: (() => Promise<unknown>)[] = [];
after(() => Promise.all(disposables.map((dispose) => dispose())));

/** An app whose renders wait for `open()`. */
async function startHeld(options: TestAppOptions) {
  const gate = Promise.withResolvers<void>();
  const rendering = new Set<string>();
  const app = await startApp({
    ...options,
    wrapRenderer: (real) => ({
      ...real,
      async render(original, recipe, ...rest) {
        rendering.add(`${recipe.width} ${recipe.output}`);
        await gate.promise;
        return real.render(original, recipe, ...rest);
      },
    }),
  });
  disposables.push(() => {
    gate.resolve();
    return app.dispose();
  });
  return { app, rendering, open: gate.resolve };
}

const allServed = async (answers: Promise<Response>[]) => {
  for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
};
const released = (app: TestApp) => until(() => app.queue.inputBytes === 0);

describe('the bytes of an original', () => {
  it('count for each render that holds it, though it was read once for all of them', async () => {
    const { store, count } = createMemoryStore({ 'a.jpg': photo });
    const { app, rendering, open } = await startHeld({ originals: store, slots: 2 });
    const answers = [101, 102].map((width) => app.get(app.path(`w_${width},t_5`, 'a.jpg')));
    await until(() => rendering.size === 2);
    assert.deepEqual([count('get'), app.queue.inputBytes], [1, 2 * photo.length]);
    open();
    await allServed(answers);
    await released(app);
  });

  it('count as soon as its store says how many, before the first of them has come', async () => {
    const server = await startOriginServer();
    disposables.push(() => server.dispose());
    const body = Promise.withResolvers<void>();
    server.script('a.jpg', async (response) => {
      response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': photo.length });
      response.flushHeaders();
      await body.promise;
      response.end(photo);
    });
    const originals = createHttpOrigin({ baseUrl: server.url, timeoutMs: 100_000, allowPrivate: true });
    const { app, open } = await startHeld({ originals, slots: 2, inputBytes: photo.length + 10 });
    const first = app.get(app.path('small', 'a.jpg'));
    await until(() => app.queue.inputBytes === photo.length);
    server.seed('b.jpg', photo);
    const second = await app.get(app.path('small', 'b.jpg'));
    assert.deepEqual([second.status, second.headers.get('x-error')], [503, 'busy']);
    body.resolve();
    open();
    await allServed([first]);
    await released(app);
  });
});

describe('pixels of an original that are too large to be kept', () => {
  it('count for each render that is made of them', async () => {
    const { store } = createMemoryStore({ 'a.jpg': photo });
    const { app, rendering, open } = await startHeld({ originals: store, slots: 2 });
    // Larger than what is kept (1,200 px), so they last as long as the renders of this original.
    const answers = ['webp', 'jpeg'].map((format) => app.get(app.path(`w_1300,f_${format}`, 'a.jpg')));
    await until(() => rendering.size === 2);
    const third = app.get(app.path('w_1300,f_png', 'a.jpg'));
    await until(() => app.queue.waiting === 1 && app.queue.inputBytes > 2 * photo.length);
    assert.equal(app.queue.inputBytes, 2 * photo.length + 1300 * 975 * 3);
    open();
    await allServed([...answers, third]);
    await released(app);
  });
});

describe('the memory of a render', () => {
  it('counts the pixels that it decodes for others beside its own', async () => {
    const { store } = createMemoryStore({ 'a.jpg': photo });
    const { app, rendering, open } = await startHeld({ originals: store, slots: 2 });
    const { examine } = createRenderer({ maxPixels: 1e8, maxFrames: 1, timeoutSeconds: 100 });
    const presets = createPresets({ definitions: BUILT_IN_PRESETS, inline: true, faces: false });
    const original = await examine(photo);
    const own = (name: string) => estimateRender(original, presets.resolve(name, '', undefined).recipe).bytes;

    const alone = app.get(app.path('w_301', 'a.jpg'));
    await until(() => rendering.size === 1);
    assert.equal(app.queue.workBytes, own('w_301'));
    const forBoth = app.get(app.path('w_302', 'a.jpg'));
    await until(() => rendering.size === 2);
    assert.equal(app.queue.workBytes, own('w_301') + own('w_302') + 1200 * 900 * 3);
    open();
    await allServed([alone, forBoth]);
    await until(() => app.queue.workBytes === 0);
  });
});

describe('the pixels that are kept', () => {
  it('keep to what renders have left of their memory, those that come later too', async () => {
    const { store } = createMemoryStore({ 'a.jpg': photo });
    const { app, open } = await startHeld({ originals: store, slots: 2, decodeBytes: 8_000_000 });
    open();
    const decode = async () => {
      await allServed([303, 304].map((width) => app.get(app.path(`w_${width}`, 'a.jpg'))));
    };
    await decode();
    assert.equal(app.decodes.bytes, 1200 * 900 * 3);
    app.decodes.shrinkBy(7_000_000);
    assert.equal(app.decodes.bytes, 0);
    app.cache.deleteBelow('a.jpg/');
    await decode();
    assert.ok(app.decodes.bytes <= 1_000_000, String(app.decodes.bytes));
  });
});
