import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../../src/decoders/decoders.ts';
import { tiffPage } from '../../../src/decoders/heads/tiff-page.ts';
import { heifPage } from '../../../src/decoders/heif-pages.ts';
import { createPresets } from '../../../src/presets/presets.ts';
import { PresetsError } from '../../../src/presets/schema.ts';
import { estimateRender } from '../../../src/render/cost-estimate.ts';
import { createRenderer } from '../../../src/render/render.ts';
import { mayUseDownscaled, suffices } from '../../../src/render/stages/downscaled.ts';
import { renditionKey } from '../../../src/renditions/keys.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { startApp } from '../../helpers/app.ts';
import { heicFile } from '../../helpers/heic-files.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';
import { pixelsOf } from '../../helpers/pictures.ts';

const decoders = createDecoders({ threads: 1, idleMs: 10 });
after(() => decoders.close());
const renderer = createRenderer({ maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 }, decoders);
const COLOURS = ['#ff0000', '#00ff00', '#0000ff', '#ffff00'];

const resolve = (preset: object, faces = false) =>
  createPresets({ definitions: { card: { width: 40, format: 'png', ...preset } }, inline: true, faces }).resolve(
    'card',
    '',
    undefined,
  );

async function shown(original: Buffer, preset: object) {
  const { recipe } = resolve(preset);
  const first = await renderer.examine(original);
  const source = recipe.page ? await renderer.pageOf(first, recipe.page) : first;
  return renderer.render(source, recipe, createStepTimer(), async () => []);
}

async function colourOf(body: Buffer): Promise<string> {
  const [red = 0, green = 0, blue = 0] = (await pixelsOf(body)).at(10, 10);
  return `#${[red, green, blue].map((level) => (level > 128 ? 'ff' : '00')).join('')}`;
}

/** One frame of each colour, shown for 50, 60, 70 and 80 ms. */
async function animation(format: 'gif' | 'webp'): Promise<Buffer> {
  const frames = await Promise.all(
    COLOURS.map((background) =>
      sharp({ create: { width: 60, height: 40, channels: 3, background } })
        .raw()
        .toBuffer(),
    ),
  );
  const image = sharp(Buffer.concat(frames), { raw: { width: 60, height: 160, channels: 3, pageHeight: 40 } });
  const timing = { delay: [50, 60, 70, 80], loop: 3 };
  return (format === 'gif' ? image.gif(timing) : image.webp({ lossless: true, ...timing })).toBuffer();
}

/** Pages of one file, as scanners write them: each directory tells where the next one is. */
async function tiffOf(sizes: readonly [width: number, height: number, background: string][], bigtiff = false) {
  let file = Buffer.alloc(0);
  let lastLink = 0;
  for (const [n, [width, height, background]] of sizes.entries()) {
    const page = await sharp({ create: { width, height, channels: 3, background } })
      .tiff({ compression: 'none', bigtiff })
      .toBuffer();
    if (n === 0) file = Buffer.from(page);
    else {
      const moved = shifted(page, file.length, bigtiff);
      file = Buffer.concat([file, moved]);
      writeOffset(file, lastLink, firstDirectory(moved, bigtiff), bigtiff);
    }
    lastLink = linkBehind(
      file,
      bigtiff,
      n === 0 ? firstDirectory(file, bigtiff) : firstDirectory(file.subarray(lastStart(file, page)), bigtiff),
    );
  }
  return file;
}

const lastStart = (file: Buffer, page: Buffer) => file.length - page.length;
const readOffset = (file: Buffer, at: number, big: boolean) =>
  big ? Number(file.readBigUInt64LE(at)) : file.readUInt32LE(at);
const writeOffset = (file: Buffer, at: number, value: number, big: boolean) =>
  big ? file.writeBigUInt64LE(BigInt(value), at) : file.writeUInt32LE(value, at);
const firstDirectory = (file: Buffer, big: boolean) => readOffset(file, big ? 8 : 4, big);

function linkBehind(file: Buffer, big: boolean, directory: number): number {
  const count = big ? Number(file.readBigUInt64LE(directory)) : file.readUInt16LE(directory);
  return directory + (big ? 8 : 2) + count * (big ? 20 : 12);
}

/** A TIFF of libvips' with all its offsets moved: those of strips and of values that do not fit into their entries. */
function shifted(page: Buffer, by: number, big: boolean): Buffer {
  const moved = Buffer.from(page);
  const directory = firstDirectory(page, big);
  writeOffset(moved, big ? 8 : 4, directory + by, big);
  const bytes: Record<number, number> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 16: 8 };
  const [first, size] = big ? [directory + 8, 20] : [directory + 2, 12];
  for (let at = first; at < linkBehind(page, big, directory); at += size) {
    const [tag, type] = [page.readUInt16LE(at), page.readUInt16LE(at + 2)];
    const count = big ? Number(page.readBigUInt64LE(at + 4)) : page.readUInt32LE(at + 4);
    const value = at + (big ? 12 : 8);
    const length = count * (bytes[type] ?? 1);
    const inline = length <= (big ? 8 : 4);
    if (!inline) writeOffset(moved, value, readOffset(page, value, big) + by, big);
    if (tag !== 273) continue;
    const values = inline ? value : readOffset(page, value, big);
    for (let n = 0; n < count; n += 1) {
      const place = values + n * (bytes[type] ?? 4);
      if (type === 3) moved.writeUInt16LE(page.readUInt16LE(place) + by, place);
      else writeOffset(moved, place, readOffset(page, place, type === 16) + by, type === 16);
    }
  }
  return moved;
}

describe('a page', () => {
  it('is a frame of a GIF or WebP, still and of its own colour', async () => {
    for (const format of ['gif', 'webp'] as const) {
      const original = await animation(format);
      for (const [page, colour] of COLOURS.entries()) {
        const { body, width, height } = await shown(original, { page });
        assert.deepEqual([await colourOf(body), width, height], [colour, 40, 27], `${format} ${page}`);
      }
      await assert.rejects(shown(original, { page: 4 }), { code: 'original_not_found', status: 404 });
    }
  });

  it('is a page of a TIFF, of its own size', async () => {
    for (const big of [false, true]) {
      const original = await tiffOf(
        [
          [60, 40, '#ff0000'],
          [30, 50, '#00ff00'],
          [20, 20, '#0000ff'],
        ],
        big,
      );
      const sizes = [];
      for (const page of [0, 1, 2]) {
        const { body, width, height } = await shown(original, { page });
        sizes.push([await colourOf(body), width, height]);
      }
      assert.deepEqual(sizes, [
        ['#ff0000', 40, 27],
        ['#00ff00', 30, 50],
        ['#0000ff', 20, 20],
      ]);
      await assert.rejects(shown(original, { page: 3 }), { code: 'original_not_found' });
    }
  });

  it('is a picture of a HEIC, the primary one first', async () => {
    const original = heicFile('three-pictures.heic');
    const bodies = [];
    for (const page of [0, 1, 2]) bodies.push((await shown(original, { page })).body.toString('base64'));
    assert.equal(new Set(bodies).size, 3);
    await assert.rejects(shown(original, { page: 3 }), { code: 'original_not_found' });
    // Tiles of a grid are no pages.
    await assert.rejects(shown(heicFile('tile-0.heic'), { page: 1 }), { code: 'original_not_found' });
  });

  it('is the first one alone where a format holds one', async () => {
    const image = sharp({ create: { width: 60, height: 40, channels: 3, background: '#00ff00' } });
    for (const original of [
      await image.png().toBuffer(),
      await image.jpeg().toBuffer(),
      await image.avif().toBuffer(),
    ]) {
      assert.equal(await colourOf((await shown(original, { page: 0 })).body), '#00ff00');
      await assert.rejects(shown(original, { page: 1 }), { code: 'original_not_found' });
    }
  });

  it('is looked for in broken files without end', async () => {
    const tiff = await tiffOf([
      [60, 40, '#ff0000'],
      [30, 50, '#00ff00'],
    ]);
    const endless = Buffer.from(tiff);
    writeOffset(endless, linkBehind(tiff, false, firstDirectory(tiff, false)), firstDirectory(tiff, false), false);
    assert.ok(tiffPage(endless, 999));
    for (const file of [tiff, heicFile('three-pictures.heic')])
      for (let share = 0; share < 60; share += 1) {
        const cut = file.subarray(0, (file.length * share) / 60);
        for (const page of [0, 1, 5]) assert.doesNotThrow(() => [tiffPage(cut, page), heifPage(cut, page)]);
      }
  });

  it('has no proxy image, no pixels of the first one and no known faces', async () => {
    const { recipe } = resolve({ page: 2, height: 40, fit: 'cover' }, true);
    assert.deepEqual([recipe.gravity, recipe.detector, recipe.faceZoom], ['attention', undefined, 1]);
    assert.ok(!mayUseDownscaled(recipe));
    const { header } = await renderer.examine(heicFile('three-pictures.heic'));
    assert.ok(suffices({ kind: 'proxy', header }, resolve({}).recipe));
    assert.ok(!suffices({ kind: 'proxy', header }, recipe));
  });

  it('costs the frames before it', async () => {
    const source = await renderer.examine(await animation('gif'));
    const ms = (page: number) => estimateRender(source, resolve({ page }).recipe).ms;
    assert.ok(ms(3) > ms(1) && ms(1) > ms(0));
  });

  it('is in no recipe and no key where it is the first', () => {
    assert.equal(renditionKey('a', resolve({ page: 0 }), 'r'), renditionKey('a', resolve({}), 'r'));
    assert.notEqual(renditionKey('a', resolve({ page: 1 }), 'r'), renditionKey('a', resolve({}), 'r'));
    assert.throws(() => resolve({ page: 1, animated: true }), PresetsError);
  });

  it('is asked for in a URL, beside the first one and after it, and is 404 beyond the last', async (t) => {
    const originals = createMemoryStore({ 'a.heic': heicFile('three-pictures.heic'), 'a.gif': await animation('gif') });
    const results = createMemoryStore();
    const app = await startApp({ originals: originals.store, results: results.store });
    t.after(() => app.dispose());
    for (const id of ['a.heic', 'a.gif']) {
      const bodies: string[] = [];
      for (const recipe of ['w_40,f_png', 'w_40,f_png,page_1', 'w_40,f_png,page_2', 'w_40,f_png,page_0']) {
        const answer = await app.get(app.path(recipe, id));
        assert.equal(answer.status, 200, `${id} ${recipe}`);
        bodies.push(Buffer.from(await answer.arrayBuffer()).toString('base64'));
      }
      assert.equal(new Set(bodies).size, 3, id);
      assert.equal(bodies[0], bodies[3]);
      const beyond = await app.get(app.path('w_40,f_png,page_9', id));
      assert.equal(beyond.status, 404);
      assert.match(await beyond.text(), /no page 9/);
    }
  });
});

describe('an animation', () => {
  const moving = { animated: true, format: 'webp', width: 60 };
  const timingOf = async (body: Buffer) => {
    const { pages = 1, delay, loop } = await sharp(body).metadata();
    return { pages, delay, loop };
  };

  it('keeps its first frames, with their delays', async () => {
    for (const format of ['gif', 'webp'] as const) {
      const original = await animation(format);
      const { body } = await shown(original, { ...moving, frames: 2 });
      assert.deepEqual(await timingOf(body), { pages: 2, delay: [50, 60], loop: 3 });
      assert.equal((await timingOf((await shown(original, { ...moving, frames: 9 })).body)).pages, 4);
      const still = await shown(original, { ...moving, frames: 1 });
      assert.equal((await timingOf(still.body)).pages, 1);
      assert.equal(await colourOf(still.body), COLOURS[0]);
    }
  });

  it('runs faster or slower, at its own size too, where its own bytes would be sent', async () => {
    const original = await animation('webp');
    const delays = async (speed: number) => (await timingOf((await shown(original, { ...moving, speed })).body)).delay;
    assert.deepEqual(await delays(2), [25, 30, 35, 40]);
    assert.deepEqual(await delays(0.5), [100, 120, 140, 160]);
    assert.deepEqual(await delays(10), [20, 20, 20, 20]);
    assert.deepEqual(await delays(1), [50, 60, 70, 80]);
  });

  it('says so in its recipe alone where a preset does', () => {
    assert.ok(!('motion' in resolve({ ...moving, speed: 1 }).recipe));
    assert.deepEqual(resolve({ ...moving, frames: 5, speed: 1.5 }).recipe.motion, { frames: 5, speed: 1.5 });
    for (const wrong of [{ frames: 5 }, { speed: 2 }, { ...moving, frames: 0 }, { ...moving, speed: 11 }])
      assert.throws(() => resolve(wrong), PresetsError);
    const inline = createPresets({ definitions: {}, inline: true, faces: false });
    const { recipe } = inline.resolve('w_40,a_1,f_webp,frames_5,speed_1p5', '', undefined);
    assert.deepEqual(recipe.motion, { frames: 5, speed: 1.5 });
  });
});
