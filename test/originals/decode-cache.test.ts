import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDecodeCache, type ExaminedOriginal } from '../../src/originals/decode-cache.ts';
import type { HeldPlanes } from '../../src/render/engine/engine.ts';
import type { OriginalHeader, PixelSource, PlaneSource, PlannedDecode } from '../../src/render/picture-source.ts';
import type { Recipe } from '../../src/render/recipe.ts';
import { turns } from '../helpers/turns.ts';

const MAX_BYTES = 100;
const RECIPE: Recipe = {
  ...{ width: 100, height: undefined, fit: 'inside', output: 'webp', quality: 80, effort: undefined },
  ...{ gravity: 'center', faceZoom: 1, background: undefined, animated: false, gamut: 'srgb', trim: undefined },
  ...{ margin: 0, copyright: false },
};

function headerOf(width: number): OriginalHeader {
  const size = { width, height: 1 };
  return {
    ...{ format: 'png', size, stored: size, coding: 'png', frames: 1, delays: undefined, loop: undefined },
    ...{ hasAlpha: false, turned: false, plain: true, hasProfile: false, deep: false, exif: undefined },
  };
}

/** Pixels with memory of their own, as sharp makes them. */
function pixelsOf(bytes: number, width: number, decodedFrom: PixelSource['decodedFrom'] = 'original'): PixelSource {
  const data = Buffer.from(new ArrayBuffer(bytes));
  const pixels = { data, width, height: 1, channels: 3, frames: 1 } as const;
  return { kind: 'pixels', pixels, decodedFrom, header: headerOf(width) };
}

/** Planes as the engine keeps them: with a count of those who hold them. */
function planesOf(bytes: number, width: number) {
  const holders = new Set<HeldPlanes>();
  const held = (): HeldPlanes => {
    const own: HeldPlanes = {
      get bytes() {
        return holders.has(own) ? bytes : 0;
      },
      peak: 0,
      takeMade: () => null,
      share() {
        assert.ok(holders.has(own), 'freed planes cannot be shared');
        return held();
      },
      free: () => void holders.delete(own),
    };
    holders.add(own);
    return own;
  };
  const source: PlaneSource = { kind: 'planes', planes: held(), decodedFrom: 'original', header: headerOf(width) };
  return { source, holders };
}

const isFree = ({ pixels }: PixelSource) => pixels.data.length === 0;

describe('the sessions of an original', () => {
  it('read it once, also after a purge, and dispose of it when the last one closes', async () => {
    const cache = createDecodeCache(MAX_BYTES);
    let [reads, disposals] = [0, 0];
    const read = async (): Promise<ExaminedOriginal> => {
      reads += 1;
      const source = { kind: 'original', body: Buffer.from('bytes'), header: headerOf(10) } as const;
      return {
        ...{ source, readAt: 0, epoch: Promise.resolve('0') },
        [Symbol.dispose]() {
          disposals += 1;
        },
      };
    };
    const sessions = [cache.openSession('a', '0', RECIPE), cache.openSession('a', '0', RECIPE)];
    const [one, other] = await Promise.all(sessions.map((session) => session.readOriginal(read)));
    assert.equal(one, other);
    cache.forget('a');
    await turns();
    assert.deepEqual([reads, disposals], [1, 0]);
    for (const session of sessions) session[Symbol.dispose]();
    await turns();
    assert.deepEqual([reads, disposals], [1, 1]);
  });
});

describe('the memory of downscaled decodes', () => {
  it('is freed where it is too large to be kept, once the last session has closed', async () => {
    const cache = createDecodeCache(MAX_BYTES);
    const [first, second] = [cache.openSession('a', '0', RECIPE), cache.openSession('a', '0', RECIPE)];
    const [small, large] = [pixelsOf(50, 10), pixelsOf(500, 30)];
    await first.decode([small, large], async () => [small, large]);
    first[Symbol.dispose]();
    assert.equal(await second.findDecode(({ header }) => header.stored.width >= 30), large);
    assert.ok(!isFree(large));
    second.keep({ ...large }, true);
    second[Symbol.dispose]();
    assert.ok(isFree(large));
    assert.ok(!isFree(small));
    using third = cache.openSession('a', '0', RECIPE);
    assert.equal(await third.findDecode(() => true), small);
  });

  it('does not keep an original from being decoded when its pixels are those of the proxy image', async () => {
    const cache = createDecodeCache(MAX_BYTES);
    using session = cache.openSession('a', '0', RECIPE);
    session.keep(pixelsOf(60, 20, 'proxy'), true);
    const exact = pixelsOf(60, 20);
    assert.deepEqual(await session.decode([exact], async () => [exact]), [exact]);
  });
});

describe('the planes of downscaled decodes', () => {
  const any = () => true;
  const wide = ({ header }: PlannedDecode) => header.stored.width >= 30;

  it('are freed at once when they are evicted, unless a session still uses them: then when it closes', async () => {
    const cache = createDecodeCache(MAX_BYTES);
    const [first, second] = [planesOf(60, 10), planesOf(60, 10)];
    {
      using session = cache.openSession('a', '0', RECIPE);
      await session.decode([first.source], async () => [first.source]);
      assert.equal(cache.bytes, 60);
    }
    assert.equal(first.holders.size, 1);
    const reading = cache.openSession('a', '0', RECIPE);
    const found = await reading.findDecode(any);
    {
      using other = cache.openSession('b', '0', RECIPE);
      await other.decode([second.source], async () => [second.source]);
    }
    assert.deepEqual([cache.bytes, cache.entries, first.holders.size], [60, 1, 1]);
    assert.ok(found?.kind === 'planes' && found.planes.bytes === 60);
    reading[Symbol.dispose]();
    assert.deepEqual([first.holders.size, second.holders.size], [0, 1]);
    assert.equal(cache.shrinkBy(MAX_BYTES), 60);
    assert.equal(second.holders.size, 0);
  });

  it('are freed by a purge, and what is under way is not kept', async () => {
    const cache = createDecodeCache(MAX_BYTES);
    const [kept, coming] = [planesOf(30, 10), planesOf(50, 20)];
    {
      using session = cache.openSession('a', '0', RECIPE);
      session.keep(kept.source, true);
    }
    const begun = cache.openSession('a', '0', RECIPE);
    const decoded = Promise.withResolvers<PlaneSource[]>();
    const decoding = begun.decode([coming.source], () => decoded.promise);
    cache.forget('a');
    assert.equal(kept.holders.size, 0);
    decoded.resolve([coming.source]);
    const [own] = await decoding;
    assert.ok(own?.kind === 'planes' && own.planes.bytes === 50);
    begun[Symbol.dispose]();
    assert.deepEqual([cache.entries, coming.holders.size], [0, 0]);
  });

  it('are shared by all who waited for one decode, each for as long as it is open', async () => {
    const cache = createDecodeCache(MAX_BYTES);
    const [small, large] = [planesOf(40, 10), planesOf(500, 30)];
    const [first, ...others] = Array.from({ length: 3 }, () => cache.openSession('a', '0', RECIPE));
    const decoded = Promise.withResolvers<PlaneSource[]>();
    const planned = [small.source, large.source];
    const decoding = first!.decode(planned, () => decoded.promise);
    const waiting = others.map((session) => session.findDecode(wide));
    const again = others[0]!.decode(planned, () => assert.fail('decoded twice'));
    decoded.resolve(planned);
    await decoding;
    first![Symbol.dispose]();
    for (const found of [...(await Promise.all(waiting)), (await again)[1]])
      assert.ok(found?.kind === 'planes' && found.planes.bytes === 500);
    others[0]![Symbol.dispose]();
    assert.ok(large.holders.size > 0 && small.holders.size > 0);
    others[1]![Symbol.dispose]();
    assert.deepEqual([large.holders.size, small.holders.size, cache.bytes], [0, 1, 40]);
  });

  it('are freed where they are not kept: too large, smaller than what is there, of bytes that do not count', async () => {
    const cache = createDecodeCache(MAX_BYTES);
    const [kept, larger] = [planesOf(30, 10), planesOf(40, 20)];
    const refused = [planesOf(101, 30), planesOf(20, 15), planesOf(45, 40)];
    using session = cache.openSession('a', '0', RECIPE);
    session.keep(kept.source, true);
    session.keep(larger.source, true);
    assert.deepEqual([kept.holders.size, larger.holders.size, cache.bytes], [0, 1, 40]);
    session.keep(refused[1]!.source, true);
    session.keep(refused[2]!.source, false);
    assert.equal(cache.bytes, 40);
    session.keep(refused[0]!.source, true);
    assert.deepEqual(
      refused.map(({ holders }) => holders.size),
      [0, 0, 0],
    );
  });
});
