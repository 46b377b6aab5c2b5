import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDecodeCache, type ExaminedOriginal } from '../../src/originals/decode-cache.ts';
import type { OriginalHeader, PixelSource } from '../../src/render/picture-source.ts';
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

const isFree = ({ pixels }: PixelSource) => pixels.data.length === 0;

describe('the sessions of an original', () => {
  it('read it once, also after a purge, and dispose of it when the last one closes', async () => {
    const cache = createDecodeCache(MAX_BYTES);
    let [reads, disposals] = [0, 0];
    const read = async (): Promise<ExaminedOriginal> => {
      reads += 1;
      const source = { kind: 'original', body: Buffer.from('bytes'), header: headerOf(10) } as const;
      return {
        source,
        [Symbol.dispose]() {
          disposals += 1;
        },
      };
    };
    const sessions = [cache.openSession('a', RECIPE), cache.openSession('a', RECIPE)];
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
    const [first, second] = [cache.openSession('a', RECIPE), cache.openSession('a', RECIPE)];
    const [small, large] = [pixelsOf(50, 10), pixelsOf(500, 30)];
    await first.decode([small, large], async () => [small, large]);
    first[Symbol.dispose]();
    assert.equal(await second.findPixels(({ header }) => header.stored.width >= 30), large);
    assert.ok(!isFree(large));
    second.keep({ ...large });
    second[Symbol.dispose]();
    assert.ok(isFree(large));
    assert.ok(!isFree(small));
    using third = cache.openSession('a', RECIPE);
    assert.equal(await third.findPixels(() => true), small);
  });

  it('does not keep an original from being decoded when its pixels are those of the proxy image', async () => {
    const cache = createDecodeCache(MAX_BYTES);
    using session = cache.openSession('a', RECIPE);
    session.keep(pixelsOf(60, 20, 'proxy'));
    const exact = pixelsOf(60, 20);
    assert.deepEqual(await session.decode([exact], async () => [exact]), [exact]);
  });
});
