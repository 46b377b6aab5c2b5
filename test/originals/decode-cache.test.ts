import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errors } from '../../src/errors.ts';
import { createDecodeCache } from '../../src/originals/decode-cache.ts';
import type { Examined, OriginalHeader } from '../../src/render/original.ts';
import type { Pixels } from '../../src/render/pixels.ts';
import type { Recipe } from '../../src/render/recipe.ts';
import { turns } from '../helpers/turns.ts';

const RECIPE = { width: 100 } as Recipe;

describe('what is read for all who session an original', () => {
  function start() {
    const released: string[] = [];
    const reads: PromiseWithResolvers<string>[] = [];
    const cache = createDecodeCache(1000);
    const enter = () => {
      const session = cache.openSession('a', RECIPE);
      const read = () => {
        const reading = Promise.withResolvers<string>();
        reads.push(reading);
        return reading.promise;
      };
      return {
        read: session.read('original', read, (value) => released.push(value)),
        leave: () => session[Symbol.dispose](),
      };
    };
    return { released, reads, enter };
  }

  it('is released once the last of them has left, whoever read it', async () => {
    const { released, reads, enter } = start();
    const [first, second] = [enter(), enter()];
    reads[0]?.resolve('bytes');
    assert.deepEqual(await Promise.all([first.read, second.read]), ['bytes', 'bytes']);
    first.leave();
    await turns();
    assert.deepEqual(released, []);
    // The one who read it has left: read anew, and the first bytes are still held.
    const third = enter();
    reads[1]?.resolve('bytes again');
    assert.equal(await third.read, 'bytes again');
    third.leave();
    await turns();
    assert.deepEqual(released, ['bytes again']);
    second.leave();
    await turns();
    assert.deepEqual(released, ['bytes again', 'bytes']);
  });

  it('is not released when it failed or was given up; the next one reads for itself', async () => {
    const { released, reads, enter } = start();
    const [first, second] = [enter(), enter()];
    reads[0]?.reject(new Error('its client left'));
    await assert.rejects(first.read, /left/);
    first.leave();
    await turns();
    reads[1]?.resolve('bytes');
    assert.equal(await second.read, 'bytes');
    second.leave();
    await turns();
    assert.deepEqual(released, ['bytes']);
    const [third, fourth] = [enter(), enter()];
    reads[2]?.reject(errors.originalNotFound());
    await assert.rejects(Promise.all([third.read, fourth.read]), { code: 'original_not_found' });
    third.leave();
    fourth.leave();
    await turns();
    assert.equal(reads.length, 3);
    assert.deepEqual(released, ['bytes']);
  });

  it('outlives a purge for those who hold it', async () => {
    const released: string[] = [];
    const cache = createDecodeCache(1000);
    const session = cache.openSession('a', RECIPE);
    await session.read(
      'original',
      async () => 'bytes',
      (value) => released.push(value),
    );
    cache.forget('a');
    await turns();
    assert.deepEqual(released, []);
    session[Symbol.dispose]();
    await turns();
    assert.deepEqual(released, ['bytes']);
  });
});

describe('the memory of whole pictures', () => {
  const MAX_BYTES = 100;
  /** As sharp makes them: with memory of their own. */
  function whole(bytes: number, width: number): Examined & { readonly body: Pixels } {
    const header = { stored: { width, height: 1 } } as OriginalHeader;
    return { body: { data: Buffer.from(new ArrayBuffer(bytes)) } as Pixels, header };
  }
  const isFree = ({ body }: { readonly body: Pixels }) => body.data.length === 0;

  it('is freed where it is too large to be kept, once the last visitor has left', async () => {
    const cache = createDecodeCache(MAX_BYTES);
    const [first, second] = [cache.openSession('a', RECIPE), cache.openSession('a', RECIPE)];
    const [small, large] = [whole(50, 10), whole(500, 30)];
    await first.decode([small.header, large.header], async () => [small, large]);
    first[Symbol.dispose]();
    assert.equal(await second.downscaled(({ stored }) => stored.width >= 30), large);
    assert.ok(!isFree(large));
    second.keep({ ...large });
    second[Symbol.dispose]();
    assert.ok(isFree(large));
    assert.ok(!isFree(small));
    using third = cache.openSession('a', RECIPE);
    assert.equal(await third.downscaled(() => true), small);
  });
});
