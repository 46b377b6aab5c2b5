import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { errors } from '../../src/errors.ts';
import type { ObjectReader, ObjectStore, StoredObject, WriteCondition } from '../../src/stores/store.ts';
import { legalId } from '../helpers/arbitraries.ts';
import { count, counted } from '../helpers/counter.ts';

export interface ReaderUnderTest {
  readonly reader: ObjectReader;
  seed(key: string, body: Buffer): Promise<unknown>;
  dispose(): Promise<unknown>;
}

export interface StoreUnderTest {
  readonly store: ObjectStore;
  dispose(): Promise<unknown>;
}

/** What was written of an object that was read. */
export function written(object: StoredObject | 'unchanged' | undefined): Omit<StoredObject, 'version'> | undefined {
  if (object === undefined || object === 'unchanged') return undefined;
  const { version, ...rest } = object;
  assert.equal(version?.bytes, rest.body.length);
  return rest;
}

const MAX = 1024 * 1024;
const live = () => ({ signal: new AbortController().signal, maxBytes: MAX });

/** Keys that name different objects, however much alike they look. */
const LOOKALIKES = [
  ...['a/b', 'a%2Fb', 'a%252Fb', 'a b', 'a+b', 'a%20b', 'caf\u00e9', 'cafe\u0301', 'A/B', 'é/📷.jpg', 'plain.jpg'],
  ...['.dot/a', '%2Edot/a', '%252Edot/a', '%25dot/a'],
  ...[
    'q?x=1',
    'h#x',
    'amp&x',
    'eq=x',
    'til~x',
    'star*x',
    'par(x)',
    'at@x',
    'col:x',
    'semi;x',
    "quo'x",
    'comma,x',
    'bang!x',
    'dollar$x',
    'brackets[x]',
  ],
  // Longer than a file name may be, cut where a leading dot would come next, and shortened by the digest of a longer one.
  ...['l'.repeat(200), 'l'.repeat(201), 'l'.repeat(202), `${'l'.repeat(200)}.jpg`, `${'l'.repeat(200)}.png/x`],
  ...['é'.repeat(300), `${'l'.repeat(120)}~${createHash('sha256').update('l'.repeat(202)).digest('hex')}`],
];

/** What every store of originals does. Contract: src/stores/store.ts. */
export function readerConformance(
  name: string,
  create: () => Promise<ReaderUnderTest>,
  options: { skip?: false | string } = {},
): void {
  describe(`${name} as a reader`, { skip: options.skip ?? false }, () => {
    let subject: ReaderUnderTest;
    before(async () => {
      subject = await create();
    });
    after(() => subject.dispose());

    it('can be used, as its check says', async () => {
      const found = await subject.reader.check(live());
      assert.ok(found.usable);
      assert.equal(found.note, undefined);
      const reason = new Error('gave up');
      await assert.rejects(subject.reader.check({ signal: AbortSignal.abort(reason) }), reason);
    });

    it('answers undefined for what is not there', async () => {
      assert.equal(await subject.reader.get('nothing/here.jpg', live()), undefined);
    });

    it('takes keys literally', async () => {
      for (const key of LOOKALIKES) await subject.seed(key, Buffer.from(`body of ${key}`));
      for (const key of LOOKALIKES) {
        assert.equal((await subject.reader.get(key, live()))?.body.toString(), `body of ${key}`);
      }
    });

    it('gives back any key that a storefront may sign', async () => {
      await fc.assert(
        fc.asyncProperty(legalId, async (id) => {
          // A folder cannot hold a file and a folder of one name, nor a name that ends in a slash.
          const key = `any/${randomBytes(6).toString('hex')}/${id.replaceAll(/\/+/g, '/').replace(/\/$/, '')}`;
          const body = randomBytes(8);
          await subject.seed(key, body);
          assert.deepEqual((await subject.reader.get(key, live()))?.body, body);
          assert.equal(await subject.reader.get(`${key}x`, live()), undefined);
        }),
        { numRuns: 60 },
      );
    });

    it('reads up to the byte limit and not one more', async () => {
      const body = randomBytes(5000);
      await subject.seed('limit.bin', body);
      assert.deepEqual((await subject.reader.get('limit.bin', { ...live(), maxBytes: 5000 }))?.body, body);
      await assert.rejects(subject.reader.get('limit.bin', { ...live(), maxBytes: 4999 }), {
        code: 'original_too_large',
      });
    });

    it('tells the length before it reads, and ends when the listener throws', async () => {
      const lengths: number[] = [];
      await subject.seed('length.bin', randomBytes(4321));
      await subject.reader.get('length.bin', { ...live(), onLength: (bytes) => lengths.push(bytes) });
      assert.deepEqual(lengths, [4321]);
      const reason = errors.busy(1);
      const onLength = () => {
        throw reason;
      };
      for (let n = 0; n < 60; n += 1)
        await assert.rejects(subject.reader.get('length.bin', { ...live(), onLength }), reason);
      assert.equal((await subject.reader.get('length.bin', live()))?.body.length, 4321);
    });

    it('fills the memory that it is given', async () => {
      const body = randomBytes(300_000);
      await subject.seed('given.bin', body);
      const memory = Buffer.alloc(400_000, 7);
      const asked: number[] = [];
      const allocate = (bytes: number) => {
        asked.push(bytes);
        return memory.subarray(50_000, 50_000 + bytes);
      };
      const object = await subject.reader.get('given.bin', { ...live(), allocate });
      assert.deepEqual(asked, [300_000]);
      assert.deepEqual(object?.body, body);
      assert.equal(object?.body.buffer, memory.buffer);
      assert.deepEqual(memory.subarray(50_000, 350_000), body);
      for (const rest of [memory.subarray(0, 50_000), memory.subarray(350_000)]) assert.ok(rest.every((b) => b === 7));
    });

    it('reads an empty object', async () => {
      await subject.seed('empty.bin', Buffer.alloc(0));
      assert.equal((await subject.reader.get('empty.bin', live()))?.body.length, 0);
    });

    it('says which version it has, with the body and without', async () => {
      const before = Date.now();
      await subject.seed('version.bin', randomBytes(4321));
      const seen = await subject.reader.head('version.bin', live());
      assert.ok(typeof seen === 'object');
      assert.equal(seen.bytes, 4321);
      assert.match(seen.etag ?? '', /^(W\/)?"[^"]+"$/);
      assert.ok(Math.abs((seen.lastModified ?? 0) - before) < 600_000, `${seen.lastModified}`);
      assert.deepEqual((await subject.reader.get('version.bin', live()))?.version, seen);
      assert.deepEqual((await subject.reader.get('version.bin', { ...live(), bodyOnly: true }))?.version, seen);
      await subject.seed('version.bin', randomBytes(4321));
      const replaced = await subject.reader.head('version.bin', live());
      assert.notEqual(typeof replaced === 'object' && replaced.etag, seen.etag);
    });

    it('says of what is not there that it is missing, as often as it is asked', async () => {
      for (let n = 0; n < 60; n += 1) assert.equal(await subject.reader.head('nothing/here.jpg', live()), 'missing');
      const reason = new Error('gave up');
      const signal = AbortSignal.abort(reason);
      await assert.rejects(subject.reader.head('nothing/here.jpg', { signal }), reason);
    });

    it('ends with the reason of the caller who gave up', async () => {
      const reason = new Error('gave up');
      await assert.rejects(subject.reader.get('limit.bin', { ...live(), signal: AbortSignal.abort(reason) }), reason);
      const controller = new AbortController();
      const reading = subject.reader.get('limit.bin', { ...live(), signal: controller.signal });
      controller.abort(reason);
      await assert.rejects(reading, reason);
    });

    it('loses no socket or handle on bodies that it refuses', async () => {
      await subject.seed('large.bin', randomBytes(300_000));
      const refuse = () =>
        assert.rejects(subject.reader.get('large.bin', { ...live(), maxBytes: 1000 }), { code: 'original_too_large' });
      for (let n = 0; n < 60; n += 1) await refuse();
      await Promise.all(Array.from({ length: 60 }, refuse));
      assert.equal((await subject.reader.get('large.bin', live()))?.body.length, 300_000);
    });
  });
}

/** What every store of results does, reading included. */
export function storeConformance(
  name: string,
  create: () => Promise<StoreUnderTest>,
  options: { skip?: false | string; many?: number } = {},
): void {
  /** Of objects in one folder: more than a page of a list. */
  const { many = 1100 } = options;
  const object = (body: Buffer, more: Partial<StoredObject> = {}): StoredObject => ({
    ...{ body, contentType: 'image/webp', cacheControl: 'public, max-age=31536000, immutable' },
    metadata: { width: '150', height: '99', sha256: 'ab12' },
    ...more,
  });

  readerConformance(
    name,
    async () => {
      const { store, dispose } = await create();
      return { reader: store, seed: (key, body) => store.put(key, object(body), live()), dispose };
    },
    options,
  );

  describe(`${name} as a store`, { skip: options.skip ?? false }, () => {
    let subject: StoreUnderTest;
    before(async () => {
      subject = await create();
    });
    after(() => subject.dispose());

    async function listed(prefix: string): Promise<string[]> {
      const keys: string[] = [];
      for await (const page of subject.store.list(prefix, live())) {
        assert.ok(page.length > 0 && page.length <= 1000, `${page.length} keys`);
        keys.push(...page);
      }
      return keys;
    }

    it('leaves nothing of its check', async () => {
      await subject.store.check(live());
      assert.deepEqual(await listed(''), []);
    });

    it('keeps body, type, caching and metadata together', async () => {
      const whole = object(randomBytes(100_000), { version: { etag: '"not its own"', bytes: 1, lastModified: 2 } });
      await subject.store.put('folder/thumb-12ab.webp', whole, live());
      const found = await subject.store.get('folder/thumb-12ab.webp', live());
      assert.deepEqual(written(found), object(whole.body));
      assert.notEqual(found?.version?.etag, whole.version?.etag);
    });

    it('replaces', async () => {
      await subject.store.put('twice', object(Buffer.from('a long first body')), live());
      const second = object(Buffer.from('second'), { contentType: 'image/avif', metadata: { width: '1' } });
      await subject.store.put('twice', second, live());
      assert.deepEqual(written(await subject.store.get('twice', live())), second);
    });

    it('reads again only what has changed', async () => {
      const bodies = ['one', 'two'].map((body) => object(Buffer.from(body)));
      const [one, two] = bodies as [StoredObject, StoredObject];
      await subject.store.put('changing', one, live());
      const { version } = (await subject.store.get('changing', live())) ?? assert.fail();
      const etag = version?.etag ?? assert.fail();
      for (let n = 0; n < 60; n += 1)
        assert.equal(await subject.store.getIfChanged('changing', etag, { ...live(), maxBytes: 0 }), 'unchanged');
      assert.deepEqual(written(await subject.store.getIfChanged('changing', '"another"', live())), one);
      await subject.store.put('changing', two, live());
      const changed = await subject.store.getIfChanged('changing', etag, live());
      assert.deepEqual(written(changed), two);
      assert.ok(changed && changed !== 'unchanged' && changed.version?.etag !== etag);
      await subject.store.delete('changing', live());
      assert.equal(await subject.store.getIfChanged('changing', etag, live()), undefined);
    });

    it('gives each version an ETag of its own, however fast they follow each other', async () => {
      const seen = new Set<string | undefined>();
      for (let n = 0; n < 40; n += 1) {
        await subject.store.put('fast', object(Buffer.from(String(1000 + n))), live());
        const version = await subject.store.head('fast', live());
        seen.add(typeof version === 'object' ? version.etag : undefined);
      }
      assert.equal(seen.size, 40);
    });

    it('writes on a condition: only what is absent, only what has this ETag', async () => {
      const put = (body: string, condition: WriteCondition, key = 'if/record.json') =>
        subject.store.putIf(key, object(Buffer.from(body)), condition, live());
      const etagOf = (outcome: { readonly etag: string } | 'conflict') =>
        outcome === 'conflict' ? assert.fail('conflict') : outcome;
      assert.equal(await put('none', { etag: '"0123456789abcdef0123456789abcdef"' }), 'conflict');
      const first = etagOf(await put('first', 'absent'));
      assert.equal(await put('again', 'absent'), 'conflict');
      assert.equal(await put('other', { etag: '"0123456789abcdef0123456789abcdef"' }), 'conflict');
      const found = await subject.store.get('if/record.json', live());
      assert.deepEqual(written(found), object(Buffer.from('first')));
      assert.equal(found?.version?.etag, first.etag);
      const second = etagOf(await put('second', first));
      assert.equal(await put('third', first), 'conflict');
      const now = await subject.store.getIfChanged('if/record.json', first.etag, live());
      assert.deepEqual(written(now), object(Buffer.from('second')));
      assert.equal(await subject.store.getIfChanged('if/record.json', second.etag, live()), 'unchanged');
      await subject.store.put('if/record.json', object(Buffer.from('plain')), live());
      assert.equal(await put('fourth', second), 'conflict');
      await subject.store.delete('if/record.json', live());
      assert.equal(await put('fifth', second), 'conflict');
      etagOf(await put('sixth', 'absent'));
      assert.deepEqual(await listed('if/'), ['if/record.json']);
      const signal = AbortSignal.abort(new Error('gave up'));
      const aborted = subject.store.putIf('if/other', object(Buffer.from('x')), 'absent', { signal });
      await assert.rejects(aborted, /gave up/);
      assert.equal(await subject.store.head('if/other', live()), 'missing');
    });

    it('lets one of many conditional writes win', async () => {
      let condition: WriteCondition = 'absent';
      for (let round = 0; round < 8; round += 1) {
        const same: WriteCondition = condition;
        const bodies = Array.from({ length: 6 }, (_, n) => Buffer.from(`round ${round} by ${n}`));
        const outcomes: ({ readonly etag: string } | 'conflict')[] = await Promise.all(
          bodies.map((body) => subject.store.putIf('race', object(body), same, live())),
        );
        const winners = outcomes.flatMap((outcome, n) => (outcome === 'conflict' ? [] : [{ n, etag: outcome.etag }]));
        assert.equal(winners.length, 1, JSON.stringify(outcomes));
        const [winner = assert.fail()] = winners;
        const found = await subject.store.get('race', live());
        assert.deepEqual([found?.body, found?.version?.etag], [bodies[winner.n], winner.etag]);
        condition = { etag: winner.etag };
      }
    });

    it('loses no step of a counter', async () => {
      await Promise.all(Array.from({ length: 4 }, () => count(subject.store, 25)));
      assert.equal(await counted(subject.store), 100);
    });

    it('deletes, also what is not there', async () => {
      await subject.store.put('gone/soon', object(Buffer.from('x')), live());
      await subject.store.delete('gone/soon', live());
      await subject.store.delete('gone/soon', live());
      assert.equal(await subject.store.get('gone/soon', live()), undefined);
      await subject.store.put('gone/soon', object(Buffer.from('y')), live());
      assert.equal((await subject.store.get('gone/soon', live()))?.body.toString(), 'y');
    });

    it('never shows a part while the same key is written again and again', async () => {
      const bodies = Array.from({ length: 8 }, (_, n) => Buffer.alloc(200_000 + n, n + 1));
      await subject.store.put('torn', object(bodies[0] as Buffer), live());
      const writing = Promise.all(bodies.map((body) => subject.store.put('torn', object(body), live())));
      const reading = Array.from({ length: 40 }, async () => {
        const { body } = (await subject.store.get('torn', live())) ?? assert.fail('it vanished');
        const [first = 0] = body;
        assert.equal(body.length, 200_000 + first - 1);
        assert.ok(body.every((byte) => byte === first));
      });
      await Promise.all([writing, ...reading]);
    });

    it('keeps keys as long as renditions have them', async () => {
      const key = `${encodeURIComponent('é'.repeat(105))}~${'f'.repeat(64)}/w_300,h_300,fit_inside,f_webp,q_80@2x-0123456789abcdef.webp`;
      await subject.store.put(key, object(Buffer.from('long')), live());
      assert.equal((await subject.store.get(key, live()))?.body.toString(), 'long');
      assert.equal(await subject.store.get(key.replace('0123', '0124'), live()), undefined);
    });

    it('deletes a whole folder and nothing beside it, however much there is', async () => {
      const inside = Array.from({ length: many }, (_, n) => `a%2Fb.jpg/thumb-${n}.webp`);
      const beside = ['a%2Fb.jpg2/thumb.webp', 'a%2Fb.jp/thumb.webp', 'a%2Fb.jpg.webp', 'other/a%2Fb.jpg/thumb.webp'];
      const keys = [...inside, ...beside];
      const put = async () => {
        for (let key = keys.pop(); key !== undefined; key = keys.pop())
          await subject.store.put(key, object(Buffer.from(key)), live());
      };
      await Promise.all(Array.from({ length: 16 }, put));
      assert.deepEqual((await listed('a%2Fb.jpg/')).sort(), inside.toSorted());
      assert.equal(await subject.store.deleteAll('a%2Fb.jpg', live()), many);
      for (const key of ['a%2Fb.jpg/thumb-0.webp', `a%2Fb.jpg/thumb-${many - 1}.webp`])
        assert.equal(await subject.store.get(key, live()), undefined);
      for (const key of beside) assert.equal((await subject.store.get(key, live()))?.body.toString(), key);
      assert.deepEqual((await listed('a%2Fb.jp')).sort(), beside.slice(0, 3).sort());
      assert.equal(await subject.store.deleteAll('a%2Fb.jpg', live()), 0);
      assert.equal(await subject.store.deleteAll('never/was', live()), 0);
      await subject.store.put('a%2Fb.jpg/again.webp', object(Buffer.from('again')), live());
      assert.equal(await subject.store.deleteAll('a%2Fb.jpg', live()), 1);
    });

    it('lists keys exactly as they were put, by any beginning', async () => {
      const keys = LOOKALIKES.map((key) => `listed/${key}`);
      for (const key of keys) await subject.store.put(key, object(Buffer.from('x')), live());
      for (const prefix of [
        'listed/',
        'listed',
        'list',
        'listed/a',
        'listed/a%',
        'listed/a/',
        'listed/.',
        'listed/%2',
      ]) {
        const expected = keys.filter((key) => key.startsWith(prefix));
        assert.deepEqual((await listed(prefix)).sort(), expected.sort(), prefix);
      }
      for (const prefix of [`listed/${'l'.repeat(150)}`, `listed/${'l'.repeat(200)}.`, `listed/${'é'.repeat(201)}`]) {
        const expected = keys.filter((key) => key.startsWith(prefix));
        assert.ok(expected.length > 0);
        assert.deepEqual((await listed(prefix)).sort(), expected.sort(), prefix);
      }
      const all = await listed('');
      assert.deepEqual(
        keys.filter((key) => !all.includes(key)),
        [],
      );
      for (const none of ['listed//', '/', 'listed/../listed/', 'listed/a/b/', 'listed/q?x=1/', 'nothing'])
        assert.deepEqual(await listed(none), [], none);
    });

    it('lists any key that a storefront may sign', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(legalId, { maxLength: 5 }), async (ids) => {
          const folder = `lists/${randomBytes(6).toString('hex')}`;
          // Each in a folder of its own, because a folder cannot hold a file and a folder of one name.
          const keys = ids.map((id, n) => `${folder}/${n}/${id.replaceAll(/\/+/g, '/').replace(/\/$/, '')}`);
          for (const key of keys) await subject.store.put(key, object(Buffer.from('x')), live());
          assert.deepEqual((await listed(`${folder}/`)).sort(), keys.sort());
        }),
        { numRuns: 30 },
      );
    });

    it('ends a list with the reason of the caller, and lets it go at any page', async () => {
      const reason = new Error('gave up');
      const controller = new AbortController();
      await subject.store.put('one/of/them', object(Buffer.from('x')), live());
      for (let n = 0; n < 60; n += 1)
        for await (const page of subject.store.list('one/', { signal: controller.signal })) {
          assert.deepEqual(page, ['one/of/them']);
          break;
        }
      controller.abort(reason);
      const pages = subject.store.list('one/', { signal: controller.signal })[Symbol.asyncIterator]();
      await assert.rejects(pages.next(), reason);
    });

    it('deletes a folder but for what is to be kept', async () => {
      const keys = [
        'kept/original.json',
        'kept/thumb.webp',
        'kept/deep/er.webp',
        'kept/.hidden',
        `kept/${'l'.repeat(300)}`,
      ];
      for (const key of keys) await subject.store.put(key, object(Buffer.from(key)), live());
      const keep = (key: string) => key === 'kept/original.json';
      const before = await subject.store.head('kept/original.json', live());
      assert.equal(await subject.store.deleteAll('kept', { ...live(), keep }), 4);
      assert.deepEqual(await listed('kept'), ['kept/original.json']);
      assert.deepEqual(await subject.store.head('kept/original.json', live()), before);
      assert.equal(await subject.store.deleteAll('kept', { ...live(), keep }), 0);
      assert.equal(await subject.store.deleteAll('kept', live()), 1);
      assert.deepEqual(await listed('kept'), []);
    });

    it('ends a write when the caller gives up', async () => {
      const reason = new Error('gave up');
      const signal = AbortSignal.abort(reason);
      await assert.rejects(subject.store.put('never', object(Buffer.from('x')), { signal }), reason);
      await assert.rejects(subject.store.delete('never', { signal }), reason);
      await assert.rejects(subject.store.deleteAll('never', { signal }), reason);
      assert.equal(await subject.store.get('never', live()), undefined);
    });
  });
}
