import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import type { Renderer } from '../../src/render/render.ts';
import { startApp, type TestApp, type TestAppOptions } from '../helpers/app.ts';
import { face, fixedFinder } from '../helpers/faces.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { recordPacks } from '../helpers/packs.ts';
import { until } from '../helpers/turns.ts';

/** Large enough to be worth a proxy image: 12 megapixels with something to see in every corner. */
const hills = Array.from({ length: 400 * 300 * 3 }, (_, at) => {
  const [x, y] = [((at / 3) | 0) % 400, (at / 1200) | 0];
  return 128 + 90 * Math.sin(x / 23 + (at % 3)) * Math.cos(y / 31);
});
const large = sharp(Buffer.from(hills), { raw: { width: 400, height: 300, channels: 3 } }).resize(4000, 3000);
const photo = await large.clone().jpeg().toBuffer();
const turned = await sharp(photo).withMetadata({ orientation: 6 }).toBuffer();
const cutOut = await large.clone().ensureAlpha(0.5).resize(3000, 2250).webp({ effort: 0 }).toBuffer();
const progressive = await large.clone().jpeg({ progressive: true }).toBuffer();
const SEED = { 'a.jpg': photo, 'turned.jpg': turned, 'cut-out.webp': cutOut, 'progressive.jpg': progressive };
const COPY = /\/working-[0-9a-f]{16}\.jpg$/;

const apps: TestApp[] = [];
after(() => Promise.all(apps.map((app) => app.dispose())));

/** An app that counts what it decodes, and holds renders of one width back. */
async function start(options: Partial<TestAppOptions> = {}, results = createMemoryStore()) {
  const originals = createMemoryStore(SEED);
  const wholes: number[] = [];
  const made: { width: number | undefined; of: number; coding: string }[] = [];
  const gate: { whole?: Promise<void> } = {};
  const wrapRenderer = (real: Renderer): Renderer => ({
    ...real,
    async downscaled(original, headers) {
      wholes.push(original.header.stored.width);
      await gate.whole;
      return real.downscaled(original, headers);
    },
    render(original, recipe, ...rest) {
      const { stored, coding } = original.header;
      made.push({ width: recipe.width, of: stored.width, coding });
      return real.render(original, recipe, ...rest);
    },
  });
  const app = await startApp({
    originals: originals.store,
    results: results.store,
    wrapRenderer,
    slots: 2,
    ...options,
  });
  apps.push(app);
  const picture = async (preset: string, id: string) => {
    const answer = await app.get(app.path(preset, id));
    assert.equal(answer.status, 200, `${preset} ${id}`);
    return Buffer.from(await answer.arrayBuffer());
  };
  const copies = () => [...results.objects.keys()].filter((key) => COPY.test(key));
  return { app, originals, results, wholes, made, gate, picture, copies };
}

/** Mean difference of two pictures' channels, of 255. */
async function difference(a: Buffer, b: Buffer): Promise<number> {
  const [left, right] = await Promise.all([a, b].map((file) => sharp(file).flatten().removeAlpha().raw().toBuffer()));
  assert.equal(left?.length, right?.length);
  let sum = 0;
  for (const [at, value] of left!.entries()) sum += Math.abs(value - right![at]!);
  return sum / left!.length;
}

describe('one original, several presets', () => {
  it('is not decoded for more than a rendition that stays alone needs', async () => {
    const { picture, wholes, made, copies, app } = await start();
    await picture('thumb', 'a.jpg');
    await app.saves.drain(1000);
    assert.deepEqual([wholes, copies(), made.map(({ of }) => of)], [[], [], [4000]]);
  });

  it('is read and decoded once for six presets asked for at the same time', async () => {
    const { picture, wholes, made, originals, app } = await start();
    const presets = ['thumb', 'small', 'medium', 'large', 'retina', 'og', 'avatar-large'];
    const read = Promise.withResolvers<void>();
    originals.hold.get = () => read.promise;
    const asking = presets.map((preset) => picture(preset, 'a.jpg'));
    await until(() => app.flights.size === presets.length);
    read.resolve();
    const answers = await Promise.all(asking);
    assert.equal(originals.count('get'), 1);
    assert.deepEqual(wholes, [4000]);
    assert.deepEqual(new Set(made.map(({ coding }) => coding)), new Set(['pixels']));
    const widths = await Promise.all(answers.map(async (answer) => (await sharp(answer).metadata()).width));
    assert.deepEqual(widths, [150, 300, 600, 1200, 2400, 1200, 256]);
    assert.deepEqual(new Set(made.map(({ of }) => of)), new Set([1200, 2400]));
    // Only what is small enough stays.
    assert.equal(app.decodes.bytes, 1200 * 900 * 3);
  });

  it('gives its pixels to a smaller sibling without being read again', async () => {
    const { picture, made, originals } = await start();
    await picture('medium', 'a.jpg');
    await picture('thumb', 'a.jpg');
    assert.equal(originals.count('get'), 1);
    assert.deepEqual(made.at(-1), { width: 150, of: 600, coding: 'pixels' });
  });

  it('looks the same from memory, from the proxy image and from the original, turned ones and cut-outs too', async () => {
    for (const id of ['a.jpg', 'turned.jpg', 'cut-out.webp']) {
      const siblings = await start();
      await siblings.picture('large', id);
      await siblings.picture('small', id);
      for (const preset of ['thumb', 'medium', 'medium.jpeg', 'og', 'avatar-small']) {
        const fresh = await start();
        const expected = await fresh.picture(preset, id);
        const got = await siblings.picture(preset, id);
        assert.ok((await difference(expected, got)) < 3, `${id} ${preset} ${await difference(expected, got)}`);
      }
    }
  });

  it('leaves the original to those who need it: much larger, other colours, its border, its copyright, its own pixels', async () => {
    const { picture, made, app } = await start();
    await picture('large', 'a.jpg');
    await picture('small', 'a.jpg');
    await app.saves.drain(1000);
    for (const preset of ['w_3900', 'w_300,gamut_p3', 'w_301,t_5', 'w_302,c_1', 'w_4000,f_jpeg']) {
      await picture(preset, 'a.jpg');
      assert.deepEqual([made.at(-1)?.of, made.at(-1)?.coding], [4000, 'jpeg'], preset);
    }
  });

  it('is decoded again by others when the one who decodes it fails', async () => {
    const { app, gate } = await start({ results: undefined });
    gate.whole = Promise.reject(new Error('a thread died'));
    gate.whole.catch(() => {});
    assert.equal((await app.get(app.path('thumb', 'progressive.jpg'))).status, 500);
    delete gate.whole;
    assert.equal((await app.get(app.path('thumb', 'progressive.jpg'))).status, 200);
  });

  it('keeps within its bytes, and lends them', async () => {
    const { app, picture } = await start({ decodeBytes: 3_000_000 });
    for (const id of ['a.jpg', 'turned.jpg', 'progressive.jpg'])
      for (const preset of ['medium', 'small']) await picture(preset, id);
    assert.ok(app.decodes.bytes > 0 && app.decodes.bytes <= 3_000_000, String(app.decodes.bytes));
    assert.ok(app.decodes.shrinkBy(3_000_000) > 0);
    assert.equal(app.decodes.bytes, 0);
  });
});

describe('the proxy image', () => {
  it('is kept at the second look, and a thumb on another machine is made of it without the original', async () => {
    const first = await start();
    await first.picture('thumb', 'a.jpg');
    await first.picture('large', 'a.jpg');
    await until(() => first.copies().length === 1);
    const [key = ''] = first.copies();
    const copy = first.results.objects.get(key)!;
    const { format, width, height, exif, icc, chromaSubsampling } = await sharp(copy.body).metadata();
    assert.deepEqual([format, width, height, exif, icc], ['jpeg', 1200, 900, undefined, undefined]);
    assert.equal(chromaSubsampling, '4:2:0');

    const other = await start({}, first.results);
    for (const name of [...first.results.objects.keys()]) if (!COPY.test(name)) first.results.objects.delete(name);
    const thumb = await other.picture('thumb', 'a.jpg');
    assert.equal(other.originals.count('get'), 0);
    assert.deepEqual(other.made, [{ width: 150, of: 1200, coding: 'jpeg' }]);
    const ideal = await (await start()).picture('thumb', 'a.jpg');
    assert.ok((await difference(thumb, ideal)) < 3);
    // Its own size it does not serve: there its losses would show.
    await other.picture('large', 'a.jpg');
    assert.equal(other.originals.count('get'), 1);
  });

  it('is kept at the first look of what is dear to decode, never of what it cannot hold', async () => {
    const { picture, copies, app } = await start();
    await picture('small', 'progressive.jpg');
    await until(() => copies().length === 1);
    assert.match(copies()[0] ?? '', /^progressive\.jpg\//);
    await picture('small', 'cut-out.webp');
    await picture('medium', 'cut-out.webp');
    await until(() => app.queue.running + app.queue.waiting === 0);
    await app.saves.drain(1000);
    assert.equal(copies().length, 1);
  });

  it('is noticed when it is damaged, removed and made again', async () => {
    const { results, picture, copies } = await start();
    await picture('small', 'progressive.jpg');
    await until(() => copies().length === 1);
    const [key = ''] = copies();
    const whole = results.objects.get(key)!;
    for (const damaged of [
      { ...whole, body: whole.body.subarray(0, 5000) },
      { ...whole, metadata: { ...whole.metadata, 'original-width': '3' } },
      { ...whole, body: Buffer.from('<html>') },
    ]) {
      results.objects.set(key, damaged);
      const other = await start({}, results);
      for (const name of [...results.objects.keys()]) if (name !== key) results.objects.delete(name);
      await other.picture('small', 'progressive.jpg');
      assert.ok(other.originals.count('get') === 1 && other.app.warnings.some((line) => line.includes('damaged')));
      await until(() => results.objects.get(key)?.body.length === whole.body.length);
    }
  });

  it('waits for no slot, so that no whole pictures pile up', async () => {
    const rendering = Promise.withResolvers<void>();
    const wrapRenderer = (real: Renderer): Renderer => ({
      ...real,
      async render(...what) {
        await rendering.promise;
        return real.render(...what);
      },
    });
    const { app, picture, copies } = await start({ wrapRenderer, slots: 1 });
    const asking = picture('small', 'progressive.jpg');
    await until(() => copies().length === 1).finally(rendering.resolve);
    assert.equal(app.queue.waiting, 0);
    await asking;
  });

  it('does not come back after a purge, though it was being made', async () => {
    const packing = Promise.withResolvers<void>();
    const packs = recordPacks();
    const wrapRenderer = (real: Renderer): Renderer =>
      packs.record({
        ...real,
        async pack(whole) {
          await packing.promise;
          return real.pack(whole);
        },
      });
    const { app, picture, results } = await start({ wrapRenderer, apiToken: 'a-token-of-the-tests' });
    await picture('small', 'progressive.jpg');
    await until(() => packs.begun === 1);
    await app.saves.drain(1000);
    assert.equal((await app.purge('progressive.jpg')).status, 200);
    packing.resolve();
    await packs.done();
    await app.saves.drain(1000);
    assert.deepEqual([...results.objects.keys()], []);
    assert.equal(app.decodes.entries, 0);
  });

  it('is not made of an original that was purged while it was being decoded, and nothing else is kept of it', async () => {
    const [begun, decoding] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const packs = recordPacks();
    const wrapRenderer = (real: Renderer): Renderer =>
      packs.record({
        ...real,
        async downscaled(...what) {
          begun.resolve();
          await decoding.promise;
          return real.downscaled(...what);
        },
      });
    const finder = fixedFinder([face(0.1, 0.1, 0.3)]);
    const { app, originals, results } = await start({ wrapRenderer, finder, apiToken: 'a-token-of-the-tests' });
    const asking = app.get(app.path('thumb', 'progressive.jpg'));
    await begun.promise;
    originals.objects.delete('progressive.jpg');
    assert.equal((await app.purge('progressive.jpg')).status, 200);
    decoding.resolve();
    assert.equal((await asking).status, 404);
    await packs.done();
    await app.saves.drain(1000);
    assert.deepEqual([packs.begun, finder.looks, [...results.objects.keys()]], [1, 1, []]);
  });

  it('is not asked for where the result store just failed, and costs nothing but a lookup where it is not', async () => {
    const results = createMemoryStore();
    results.hold.get = () => Promise.reject(new Error('down'));
    const { picture } = await start({}, results);
    await picture('small', 'a.jpg');
    assert.equal(results.count('get'), 1);
  });
});
