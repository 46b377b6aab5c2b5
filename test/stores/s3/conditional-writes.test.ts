import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createS3Store, type S3StoreOptions } from '../../../src/stores/s3/s3-store.ts';
import { count, counted } from '../../helpers/counter.ts';
import { createTestBucket, s3Skip } from '../../helpers/s3.ts';
import { type GatewayOptions, startS3Gateway } from '../../helpers/s3-gateway.ts';
import { written } from '../conformance.ts';

const live = () => ({ signal: new AbortController().signal, maxBytes: 1_000_000 });
const object = (body: string) => ({
  ...{ body: Buffer.from(body), contentType: 'application/json', cacheControl: 'no-store', metadata: { a: 'b  c' } },
});

/** Stores over one bucket, by a gateway when its options are given. */
async function setUp(
  context: TestContext,
  options?: Omit<GatewayOptions, 'endpoint'>,
  more: Partial<S3StoreOptions> = {},
) {
  const { bucket, endpoint, region, listKeys, dispose } = await createTestBucket();
  const gateway = options && (await startS3Gateway({ ...options, endpoint }));
  const at = {
    bucket,
    region,
    endpoint: gateway?.endpoint ?? endpoint,
    prefix: 'results/',
    pathStyle: true,
    timeoutMs: 20_000,
  };
  const open = () => createS3Store({ ...at, ...more });
  const [store, other] = [open(), open()];
  context.after(async () => {
    await Promise.all([store.close(), other.close()]);
    await gateway?.dispose();
    await dispose();
  });
  const sent = (pattern: RegExp) => (gateway?.requests ?? []).filter((one) => pattern.test(one)).length;
  return { store, other, listKeys, sent };
}

describe('conditional writes to S3', { skip: s3Skip }, () => {
  it('lose no step of a counter by two clients', async (context) => {
    const { store, other } = await setUp(context);
    const conflicts = await Promise.all([count(store, 500), count(other, 500)]);
    assert.equal(await counted(store), 1000);
    context.diagnostic(`1,000 steps with ${conflicts.join(' + ')} conflicts`);
  });

  for (const conditions of [undefined, 'quoted', 'ignored', 'refused'] as const) {
    it(`hold on a server that takes conditions ${conditions ?? 'without quotes'}, and leave no key of the trial`, async (context) => {
      const { store, other, listKeys, sent } = await setUp(context, conditions ? { conditions } : {});
      const first = await store.putIf('a', object('1'), 'absent', live());
      assert.ok(first !== 'conflict');
      assert.equal(await other.putIf('a', object('2'), 'absent', live()), 'conflict');
      const second = await other.putIf('a', object('3'), first, live());
      assert.ok(second !== 'conflict');
      assert.equal(await store.putIf('a', object('4'), first, live()), 'conflict');
      assert.deepEqual(written(await store.get('a', live())), object('3'));
      assert.deepEqual(await listKeys(), ['results/a']);
      const trials = sent(/\.darkroom-check/);
      await Promise.all(Array.from({ length: 5 }, () => store.putIf('b', object('b'), 'absent', live())));
      assert.equal(sent(/\.darkroom-check/), trials, 'one trial for each store');
    });
  }

  it('find out for themselves, once, when many come before anything was checked', async (context) => {
    const { store, sent } = await setUp(context, {});
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => store.putIf('a', object('x'), 'absent', live())),
    );
    assert.equal(outcomes.filter((outcome) => outcome !== 'conflict').length, 1);
    assert.equal(sent(/DELETE .*darkroom-check/), 1);
  });

  it('know their own success when the answer was lost and the repeated write meets it', async (context) => {
    let lost = 0;
    const { store, sent } = await setUp(context, {
      spoil: ({ method, url = '' }) => {
        if (method !== 'PUT' || !url.endsWith('/a') || lost > 0) return undefined;
        lost += 1;
        return 'lose the answer';
      },
    });
    const first = await store.putIf('a', object('1'), 'absent', live());
    assert.ok(first !== 'conflict');
    assert.deepEqual([lost, sent(/^PUT .*\/a$/)], [1, 2]);
    lost = 0;
    const second = await store.putIf('a', object('2'), first, live());
    assert.ok(second !== 'conflict' && second.etag !== first.etag);
    const found = await store.get('a', live());
    assert.deepEqual(written(found), object('2'));
    assert.equal(found?.version?.etag, second.etag);
  });

  it('do not take the same bytes of another writer for their own success', async (context) => {
    let down = false;
    const { store, other } = await setUp(context, {
      spoil: ({ method, url = '' }) => (down && method === 'PUT' && url.endsWith('/a') ? 500 : undefined),
    });
    const first = await store.putIf('a', object('1'), 'absent', live());
    assert.ok(first !== 'conflict');
    down = true;
    // No race was lost: the condition still holds.
    await assert.rejects(store.putIf('a', object('2'), first, live()), { code: 'store_failed' });
    down = false;
    assert.ok((await other.putIf('a', object('2'), first, live())) !== 'conflict');
    down = true;
    assert.equal(await store.putIf('a', object('2'), first, live()), 'conflict');
    assert.equal(await store.putIf('a', object('2'), 'absent', live()), 'conflict');
  });

  it('fail where the bucket cannot be tried, and try again at the next call', async (context) => {
    let down = true;
    const { store, sent } = await setUp(context, {
      spoil: ({ method }) => (down && method === 'PUT' ? 403 : undefined),
    });
    await assert.rejects(store.putIf('a', object('1'), 'absent', live()), { code: 'store_failed' });
    assert.equal(sent(/\/a$/), 0);
    down = false;
    assert.ok((await store.putIf('a', object('1'), 'absent', live())) !== 'conflict');
  });
});
