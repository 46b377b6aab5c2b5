import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aroundEachPage, deleteListed } from '../../../src/stores/shared/pages.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';

const live = () => ({ signal: new AbortController().signal });

describe('a folder that is deleted by what is listed', () => {
  const seeded = () => createMemoryStore({ 'f/a': Buffer.alloc(1), 'f/b': Buffer.alloc(1), 'f/keep': Buffer.alloc(1) });

  it('fails when the deletes of a pass do not take, without trying again', async () => {
    const { store, calls } = seeded();
    const deaf = { list: store.list, delete: async (key: string) => void calls.push(`deaf ${key}`) };
    const keep = (key: string) => key === 'f/keep';
    await assert.rejects(deleteListed(deaf, 'f', { ...live(), keep }), { code: 'store_failed' });
    assert.deepEqual(calls.toSorted(), ['deaf f/a', 'deaf f/a', 'deaf f/b', 'deaf f/b', 'list f/', 'list f/']);
  });

  it('goes on where some did, and where others came meanwhile', async () => {
    const { store, objects } = seeded();
    let lost = 1;
    const slow: Pick<typeof store, 'list' | 'delete'> = {
      list: store.list,
      async delete(key, limits) {
        if (key === 'f/a' && lost > 0) {
          lost -= 1;
          objects.set('f/late', {
            body: Buffer.alloc(1),
            contentType: undefined,
            cacheControl: undefined,
            metadata: {},
          });
        } else await store.delete(key, limits);
      },
    };
    assert.equal(await deleteListed(slow, 'f', live()), 4);
    assert.equal(objects.size, 0);
  });

  it('ends where others come for ever', async () => {
    const { store, objects, count } = seeded();
    let n = 0;
    const endless: Pick<typeof store, 'list' | 'delete'> = {
      list: store.list,
      async delete(key, limits) {
        await store.delete(key, limits);
        n += 1;
        objects.set(`f/${n}`, { body: Buffer.alloc(1), contentType: undefined, cacheControl: undefined, metadata: {} });
      },
    };
    await assert.rejects(deleteListed(endless, 'f', live()), { code: 'store_failed' });
    assert.equal(count('list'), 10);
  });
});

describe('pages that are fetched by something', () => {
  it('are the same, and let their source go when their reader leaves', async () => {
    const events: string[] = [];
    async function* source() {
      try {
        yield* [1, 2, 3];
      } finally {
        events.push('let go');
      }
    }
    const around = async <T>(next: () => Promise<T>): Promise<T> => {
      events.push('next');
      return next();
    };
    const pages: number[] = [];
    for await (const page of aroundEachPage(source(), around)) pages.push(page);
    assert.deepEqual(pages, [1, 2, 3]);
    assert.deepEqual(events.splice(0), ['next', 'next', 'next', 'next', 'let go']);
    for await (const page of aroundEachPage(source(), around)) if (page === 2) break;
    assert.deepEqual(events.splice(0), ['next', 'next', 'let go']);
    const failing = aroundEachPage(source(), () => Promise.reject(new Error('down')));
    await assert.rejects(failing.next(), /down/);
  });
});
