/** Originals that are dear to decode are decoded once in their life, and their renditions do not depend on the order. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import type { PictureSource } from '../../src/render/picture-source.ts';
import type { Renderer } from '../../src/render/render.ts';
import { startApp, type TestApp, type TestAppOptions } from '../helpers/app.ts';
import { face, fixedFinder } from '../helpers/faces.ts';
import { gridFile, heicFile, icc, irot } from '../helpers/heic-files.ts';
import { DISPLAY_P3, iccProfile } from '../helpers/icc.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { until } from '../helpers/turns.ts';

/** 3 megapixels, on its side. */
const phone = gridFile({ columns: 4, rows: 3, properties: [irot(3), icc(iccProfile(DISPLAY_P3))] });
const PRESETS = ['thumb', 'small', 'medium', 'large', 'retina', 'og', 'avatar-small', 'avatar-medium', 'avatar-large'];
const TOKEN = 'a token of the shop';
const apps: TestApp[] = [];
after(() => Promise.all(apps.map((app) => app.dispose())));

async function start(options: Partial<TestAppOptions> = {}, results = createMemoryStore()) {
  const originals = createMemoryStore({ 'a.heic': phone, 'small.heic': heicFile('photo.heic') });
  const counts = { proxies: 0 };
  const made: { kind: PictureSource['kind']; width: number }[] = [];
  const wrapRenderer = (real: Renderer): Renderer => ({
    ...real,
    makeProxy(...args) {
      counts.proxies += 1;
      return real.makeProxy(...args);
    },
    render(source, ...rest) {
      made.push({ kind: source.kind, width: source.header.stored.width });
      return real.render(source, ...rest);
    },
  });
  const app = await startApp({
    ...{
      originals: originals.store,
      deletable: originals.store,
      results: results.store,
      wrapRenderer,
      apiToken: TOKEN,
    },
    ...options,
  });
  apps.push(app);
  async function picture(preset: string, id = 'a.heic'): Promise<Buffer> {
    const answer = await app.get(app.path(preset, id));
    assert.equal(answer.status, 200, `${preset} ${await answer.clone().text()}`);
    return Buffer.from(await answer.arrayBuffer());
  }
  const saved = () => app.saves.drain(60_000);
  return { app, originals, results, counts, made, picture, saved };
}

describe('a HEIC photo', () => {
  it('is decoded once for all nine presets asked for at the same time, upright and from its proxy image', async () => {
    const { picture, counts, made, originals } = await start();
    const answers = await Promise.all(PRESETS.map((preset) => picture(preset)));
    const sizes = await Promise.all(answers.map(async (answer) => (await sharp(answer).metadata()).autoOrient));
    assert.deepEqual(
      sizes.map(({ width, height }) => `${width}×${height}`),
      ['150×150', '225×300', '450×600', '900×1200', '1536×2048', '1200×630', '48×48', '128×128', '256×256'],
    );
    assert.equal(counts.proxies, 1);
    // `retina` is the original's own size here, so it may be read once more for that.
    assert.ok(originals.count('get') <= 2);
    assert.deepEqual(made.map(({ kind }) => kind).sort(), ['original', ...Array(8).fill('proxy')]);
  });

  it('has the same bytes in whatever order, from memory, from the store and without a store', async () => {
    const orders = [
      ['large', 'thumb', 'medium', 'w_400,gamut_p3,f_jpeg'],
      ['w_400,gamut_p3,f_jpeg', 'medium', 'thumb', 'large'],
    ];
    const seen: Record<string, Buffer>[] = [];
    const stored = createMemoryStore();
    for (const [order = [], options, results] of [
      [orders[0], {}, stored],
      [orders[1], {}, undefined],
      [orders[1], { results: undefined }, undefined],
      [orders[1], {}, stored],
    ] as const) {
      const { picture, saved, results: store } = await start(options, results);
      const found: Record<string, Buffer> = {};
      for (const preset of order) found[preset] = await picture(preset);
      seen.push(found);
      await saved();
      // Only the proxy image stays for the next machine.
      for (const key of [...store.objects.keys()]) if (!/\/working-/.test(key)) store.objects.delete(key);
    }
    for (const found of seen.slice(1))
      for (const preset of orders[0]!) assert.ok(found[preset]?.equals(seen[0]?.[preset] as Buffer), preset);
  });

  it('is not read again by a machine that finds its proxy image, nor decoded by one that needs to read it', async () => {
    const results = createMemoryStore();
    const first = await start({}, results);
    await first.picture('medium');
    await first.saved();
    const second = await start({}, results);
    await second.picture('small');
    assert.deepEqual([second.counts.proxies, second.originals.count('get')], [0, 0]);
    await second.picture('w_500,gamut_p3,f_jpeg');
    const third = await start({}, results);
    await third.picture('w_510,gamut_p3,f_jpeg');
    assert.deepEqual([second.counts.proxies, third.counts.proxies, third.originals.count('get')], [0, 0, 1]);
  });

  it('gets its proxy image when an upload of it is completed, and is described by it', async () => {
    const { app, picture, counts, saved, results } = await start();
    const answer = await app.complete('a.heic');
    const { width, height, format, frames } = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual([answer.status, width, height, format, frames], [200, 1536, 2048, 'heic', 1]);
    await saved();
    assert.ok([...results.objects.keys()].some((key) => /^a\.heic\/working-/.test(key)));
    await picture('medium');
    const { images } = (await (await app.meta(['a.heic', 'small.heic'])).json()) as { images: { format: string }[] };
    assert.deepEqual(
      images.map(({ format: told }) => told),
      ['heic', 'heic'],
    );
    assert.equal(counts.proxies, 1);
  });

  it('is decoded as a whole for trims, its own pixels, and nothing else', async () => {
    const { picture, made } = await start();
    for (const preset of ['w_1536,f_jpeg', 'w_300,t_10,f_webp', 'w_1535,f_webp', 'w_300,c_1,f_webp'])
      await picture(preset);
    assert.deepEqual(
      made.map(({ kind }) => kind),
      ['original', 'original', 'proxy', 'proxy'],
    );
  });

  it('keeps its copyright, which presets may ask for, and nothing else of its metadata', async () => {
    const told = { IFD0: { Copyright: 'Anna', Artist: 'Otto', Model: 'Phone 9' } };
    const jpeg = sharp({ create: { width: 8, height: 8, channels: 3, background: '#888' } }).withExif(told);
    const { exif = Buffer.alloc(0) } = await sharp(await jpeg.jpeg().toBuffer()).metadata();
    const photo = gridFile({ columns: 4, rows: 3, exif: exif.subarray(6) });
    const { picture, originals, made } = await start();
    originals.objects.set('told.heic', { body: photo, contentType: undefined, cacheControl: undefined, metadata: {} });
    const [kept, plain] = await Promise.all(
      ['w_300,c_1,f_jpeg', 'w_300,f_jpeg'].map((preset) => picture(preset, 'told.heic')),
    );
    assert.ok(made.every(({ kind }) => kind === 'proxy'));
    for (const text of ['Anna', 'Otto']) assert.ok(kept?.includes(text) && !plain?.includes(text), text);
    assert.ok(!kept?.includes('Phone 9'));
  });

  it('that is small is decoded anew each time, because that costs less than to keep it', async () => {
    const { picture, counts, saved, results } = await start();
    await picture('thumb', 'small.heic');
    await saved();
    assert.equal(counts.proxies, 0);
    assert.ok(![...results.objects.keys()].some((key) => /working-/.test(key)));
  });

  it('is cropped to its faces', async () => {
    const finder = fixedFinder([face(0.1, 0.75, 0.2, 0.15)]);
    const [left, right] = await Promise.all([
      start({ finder }),
      start({ finder: fixedFinder([face(0.7, 0.05, 0.2, 0.15)]) }),
    ]);
    const [low, high] = await Promise.all([left.picture('og'), right.picture('og')]);
    assert.equal(finder.looks, 1);
    assert.ok(!low.equals(high));
  });

  it('of another epoch is decoded again', async () => {
    const { app, picture, counts, saved } = await start();
    await picture('medium');
    await saved();
    assert.equal((await app.purge('a.heic')).status, 200);
    await picture('medium');
    assert.equal(counts.proxies, 2);
  });

  it('is decoded to its end for those that wait, though the first of them left', async () => {
    const { app, picture, counts, originals } = await start();
    const read = Promise.withResolvers<void>();
    originals.hold.get = () => read.promise;
    const leaving = new AbortController();
    const first = app.get(app.path('medium', 'a.heic'), { signal: leaving.signal }).catch(() => 'left');
    await until(() => app.flights.size === 1);
    const second = picture('large');
    await until(() => app.flights.size === 2);
    read.resolve();
    await until(() => counts.proxies > 0);
    leaving.abort();
    assert.equal(await first, 'left');
    assert.ok((await second).length > 0);
  });
});
