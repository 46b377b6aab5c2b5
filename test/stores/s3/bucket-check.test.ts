import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { createS3UploadTarget } from '../../../src/api/uploads/s3-upload-target.ts';
import { createS3Store, type S3StoreOptions } from '../../../src/stores/s3/s3-store.ts';
import { withCircuitBreaker } from '../../../src/stores/shared/circuit-breaker.ts';
import { type Fault, startFaultProxy } from '../../helpers/fault-proxy.ts';
import { createTestBucket, s3Skip } from '../../helpers/s3.ts';
import { startS3Gateway } from '../../helpers/s3-gateway.ts';
import { closedPort, startFaultyServer } from '../../helpers/tcp-faults.ts';

const live = () => ({ signal: new AbortController().signal, maxBytes: 1_000_000 });
const object = { body: Buffer.from('x'), contentType: undefined, cacheControl: undefined, metadata: {} };
const { TEST_S3_GUEST } = process.env;
const guest: Record<string, string> = JSON.parse(TEST_S3_GUEST ?? '{}');
const GUEST_CREDENTIALS = { accessKeyId: guest.accessKey ?? '', secretAccessKey: guest.secretKey ?? '' };
const guestSkip = s3Skip || (TEST_S3_GUEST ? false : 'the S3 server has no second user: set TEST_S3_GUEST');
const ORIGINALS = { missingIsForbidden: 'if-seen-at-start' } as const;
const RESULTS = { missingIsForbidden: 'never', checkWrites: true } as const;

interface Statement {
  readonly Effect: string;
  readonly Action: readonly string[];
  readonly Resource: string;
}

/** A bucket of the tests' user. `open` gives stores over it, closed after the test. */
async function setUp(context: TestContext) {
  const { bucket, endpoint, region, client, put, listKeys, dispose } = await createTestBucket();
  const stores: { close(): Promise<void> }[] = [];
  context.after(async () => {
    for (const store of stores) await store.close();
    await dispose();
  });
  const open = (more: Partial<S3StoreOptions>) => {
    const at = { bucket, region, endpoint, prefix: 'p/', pathStyle: true, timeoutMs: 20_000 };
    const store = createS3Store({ ...at, ...more });
    stores.push(store);
    return store;
  };
  /** Lets the guest do these on the bucket or its objects. */
  async function apply(statements: readonly Statement[]) {
    const Principal = { AWS: [`arn:aws:iam:::user/${guest.uid}`] };
    const Statement = statements.map((statement) => ({ ...statement, Principal }));
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    return (more: Partial<S3StoreOptions>) => open({ credentials: GUEST_CREDENTIALS, ...more });
  }
  /** What the guest may do: actions on the objects, and on the bucket itself. */
  function allow(onObjects: readonly string[], onBucket: readonly string[] = []) {
    const statement = (actions: readonly string[], resource: string): Statement => ({
      ...{ Effect: 'Allow', Action: actions.map((action) => `s3:${action}`), Resource: `arn:aws:s3:::${resource}` },
    });
    return apply([statement(onObjects, `${bucket}/*`), ...(onBucket.length > 0 ? [statement(onBucket, bucket)] : [])]);
  }
  return { bucket, region, endpoint, open, allow, apply, put, listKeys };
}

describe('a bucket of originals that the credentials may not list', { skip: guestSkip }, () => {
  it('has missing originals, before a check and after it, and the circuit stays closed', async (context) => {
    const { put, allow, bucket } = await setUp(context);
    const openGuest = await allow(['GetObject']);
    await put('p/there.jpg', Buffer.from('there'));
    for (const checks of [true, false]) {
      const changes: boolean[] = [];
      const store = withCircuitBreaker(openGuest(ORIGINALS), { failures: 3, onChange: (open) => changes.push(open) });
      if (checks) {
        const found = await store.check(live());
        assert.ok(found.usable);
        assert.match(
          found.note ?? '',
          new RegExp(`^the credentials lack s3:ListBucket on the bucket "${bucket}" at 127`),
        );
      }
      const missing = await Promise.all(Array.from({ length: 12 }, (_, n) => store.get(`missing-${n}.jpg`, live())));
      assert.deepEqual(new Set(missing), new Set([undefined]));
      assert.equal(await store.getIfChanged('missing.jpg', '"e"', live()), undefined);
      assert.equal(String((await store.get('there.jpg', live()))?.body), 'there');
      assert.equal(await store.head('missing.jpg', live()), 'unknown');
      const there = await store.head('there.jpg', live());
      assert.equal(typeof there === 'object' && there.bytes, 5);
      assert.deepEqual(changes, []);
    }
  });

  it('still fails for credentials that are refused', async (context) => {
    const { allow } = await setUp(context);
    const openGuest = await allow(['GetObject']);
    const wrong = openGuest({ ...ORIGINALS, credentials: { ...GUEST_CREDENTIALS, secretAccessKey: 'wrong' } });
    await assert.rejects(wrong.get('missing.jpg', live()), { code: 'store_failed' });
    const found = await wrong.check(live());
    assert.match(found.usable ? '' : found.why, /secret access key is not the one .*\(SignatureDoesNotMatch\)$/);
    await assert.rejects(wrong.get('missing.jpg', live()), { code: 'store_failed' });
  });
});

describe('a bucket of results', { skip: guestSkip }, () => {
  it('is not usable without s3:ListBucket, and AccessDenied stays a failure', async (context) => {
    const { allow, bucket } = await setUp(context);
    const store = (await allow(['GetObject', 'PutObject', 'DeleteObject']))(RESULTS);
    const found = await store.check(live());
    assert.match(
      found.usable ? '' : found.why,
      new RegExp(`^the credentials lack s3:ListBucket on the bucket "${bucket}"`),
    );
    await assert.rejects(store.get('missing', live()), { code: 'store_failed' });
  });

  it('says what else the credentials lack, and needs no more than this', async (context) => {
    const { allow, listKeys } = await setUp(context);
    const readOnly = await (await allow(['GetObject'], ['ListBucket']))(RESULTS).check(live());
    assert.match(readOnly.usable ? '' : readOnly.why, /^the credentials lack s3:PutObject on the bucket/);
    const noDelete = await (await allow(['GetObject', 'PutObject'], ['ListBucket']))(RESULTS).check(live());
    assert.match((noDelete.usable && noDelete.note) || '', /lack s3:DeleteObject on .* a purge deletes nothing$/);
    assert.equal((await listKeys()).length, 1);
    const store = (await allow(['GetObject', 'PutObject', 'DeleteObject'], ['ListBucket']))(RESULTS);
    assert.deepEqual(await store.check(live()), { usable: true, conditions: 'unquoted' });
    await store.put('folder/a', object, live());
    assert.ok((await store.putIf('folder/b', object, 'absent', live())) !== 'conflict');
    assert.equal(await store.deleteAll('folder', live()), 2);
    assert.equal((await listKeys()).length, 1);
  });
});

describe('the least policy of docs/stores.md', { skip: guestSkip }, () => {
  const guide = readFileSync(new URL('../../../docs/stores.md', import.meta.url), 'utf8');
  const policy: { Statement: Statement[] } = JSON.parse(/```json\n([\s\S]*?)```/.exec(guide)?.[1] ?? '{}');
  /** Its statements on one of its two buckets, for a bucket of the tests. */
  const on = (name: 'my-originals' | 'my-results', bucket: string) =>
    policy.Statement.filter(({ Resource }) => Resource.includes(`:::${name}`)).map((statement) => ({
      ...{ ...statement, Resource: statement.Resource.replace(name, bucket) },
    }));

  it('suffices to read originals, and lets nothing be written there', async (context) => {
    const { bucket, apply, put } = await setUp(context);
    const store = (await apply(on('my-originals', bucket)))(ORIGINALS);
    await put('p/there.jpg', Buffer.from('there'));
    assert.equal((await store.check(live())).usable, true);
    assert.equal(String((await store.get('there.jpg', live()))?.body), 'there');
    assert.equal(await store.get('missing.jpg', live()), undefined);
    await assert.rejects(store.put('new.jpg', object, live()), { code: 'store_failed' });
    await assert.rejects(store.delete('there.jpg', live()), { code: 'store_failed' });
  });

  it('suffices for results, and for nothing less than all of it', async (context) => {
    const { bucket, apply } = await setUp(context);
    const statements = on('my-results', bucket);
    const store = (await apply(statements))(RESULTS);
    assert.deepEqual(await store.check(live()), { usable: true, conditions: 'unquoted' });
    await store.put('folder/a', object, live());
    assert.ok((await store.putIf('folder/b', object, 'absent', live())) !== 'conflict');
    assert.equal(await store.get('folder/missing', live()), undefined);
    assert.equal(await store.deleteAll('folder', live()), 2);
    // But s3:GetObject: Ceph RGW lets every user read what is its own.
    for (const action of ['s3:PutObject', 's3:DeleteObject', 's3:ListBucket']) {
      const less = statements.flatMap((statement) => {
        const Action = statement.Action.filter((each) => each !== action);
        return Action.length > 0 ? [{ ...statement, Action }] : [];
      });
      const found = await (await apply(less))(RESULTS).check(live());
      assert.ok(!found.usable || found.note, action);
    }
  });
});

describe('a check of a bucket', { skip: s3Skip }, () => {
  it('finds what is wrong, in one sentence with its cause', async (context) => {
    const { bucket, open, listKeys } = await setUp(context);
    const why = async (more: Partial<S3StoreOptions>) => {
      const found = await open(more).check(live());
      return found.usable ? 'usable' : found.why;
    };
    assert.match(await why({ bucket: `${bucket}-not` }), /^the bucket ".*-not" at 127.0.0.1:\d+ does not exist$/);
    const credentials = { accessKeyId: 'nobody', secretAccessKey: 'x' };
    assert.match(await why({ credentials }), /access key id is unknown there \(InvalidAccessKeyId\)$/);
    const endpoint = `http://127.0.0.1:${await closedPort()}`;
    assert.match(await why({ endpoint }), /at 127.0.0.1:\d+ cannot be used: nothing listens there \(ECONNREFUSED\)$/);
    const silent = await startFaultyServer(() => {});
    context.after(() => silent.dispose());
    assert.match(
      await why({ endpoint: `http://127.0.0.1:${silent.port}`, timeoutMs: 100 }),
      /did not answer within 100 ms$/,
    );
    const reason = new Error('gave up');
    await assert.rejects(open({}).check({ signal: AbortSignal.abort(reason) }), reason);
    assert.deepEqual(await open({ ...ORIGINALS }).check(live()), { usable: true });
    assert.deepEqual(await open({ ...RESULTS }).check(live()), { usable: true, conditions: 'unquoted' });
    assert.deepEqual(await listKeys(), []);
  });

  it('explains the codes of S3', async (context) => {
    let code = '';
    const server = await startFaultyServer((socket) => {
      socket.on('data', () => {
        const body = `<Error><Code>${code}</Code></Error>`;
        socket.write(
          `HTTP/1.1 403 No\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
      });
    });
    context.after(() => server.dispose());
    const credentials = { accessKeyId: 'a', secretAccessKey: 's' };
    const at = {
      bucket: 'b',
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${server.port}`,
      prefix: '',
      pathStyle: true,
    };
    const store = createS3Store({ ...at, credentials, timeoutMs: 20_000, ...ORIGINALS });
    for (const [given, words] of [
      ['ExpiredToken', 'the session token has expired (ExpiredToken)'],
      ['RequestTimeTooSkewed', 'the clocks of this machine and of the server differ too much (RequestTimeTooSkewed)'],
      ['PermanentRedirect', 'the bucket lies in another region or at another endpoint (PermanentRedirect)'],
      ['SomethingElse', 'the server refused a request (SomethingElse)'],
    ] as const) {
      code = given;
      const found = await store.check(live());
      assert.equal(
        found.usable ? '' : found.why,
        `the bucket "b" at 127.0.0.1:${server.port} cannot be used: ${words}`,
      );
      await assert.rejects(store.get('k', live()), { code: 'store_failed' });
    }
    await store.close();
  });

  it('sees once whether a missing key is denied: what is denied later is a failure', async (context) => {
    const { open, endpoint } = await setUp(context);
    const proxy = await startFaultProxy(endpoint);
    context.after(() => proxy.dispose());
    const store = open({ ...ORIGINALS, endpoint: proxy.endpoint });
    assert.deepEqual(await store.check(live()), { usable: true });
    let fault: Fault = '403 AccessDenied';
    proxy.control.fault = () => fault;
    await assert.rejects(store.get('k', live()), { code: 'store_failed' });
    fault = '403 RequestTimeTooSkewed';
    await assert.rejects(store.get('k', live()), { code: 'store_failed' });
  });

  it('finds out that what is written may not be read, where the credentials may list', async (context) => {
    const { open, endpoint, listKeys } = await setUp(context);
    const written = new Set<string>();
    // Ceph RGW lets every user read what is its own.
    const gateway = await startS3Gateway({
      endpoint,
      spoil({ method, url = '' }) {
        if (method === 'PUT') written.add(url);
        return method === 'GET' && written.has(url) ? 403 : undefined;
      },
    });
    const found = await open({ ...RESULTS, endpoint: gateway.endpoint }).check(live());
    assert.match(found.usable ? '' : found.why, /^the credentials lack s3:GetObject on the bucket/);
    assert.deepEqual(await listKeys(), []);
    await gateway.dispose();
  });

  it('tells of a server that ignores conditions', async (context) => {
    const { open, endpoint } = await setUp(context);
    for (const conditions of ['quoted', 'ignored', 'refused'] as const) {
      const gateway = await startS3Gateway({ endpoint, conditions });
      const found = await open({ ...RESULTS, endpoint: gateway.endpoint }).check(live());
      assert.ok(found.usable);
      assert.equal(found.conditions, conditions === 'quoted' ? 'quoted' : 'ignored');
      if (conditions === 'quoted') assert.equal(found.note, undefined);
      else assert.match(found.note ?? '', /ignores conditions on writes, so that machines may overwrite/);
      await gateway.dispose();
    }
  });
});

describe('an S3 server below a path', { skip: s3Skip }, () => {
  it('is read, written and listed there', async (context) => {
    const { bucket, region, open, endpoint, listKeys } = await setUp(context);
    const gateway = await startS3Gateway({ endpoint, path: '/storage/v1/s3' });
    context.after(() => gateway.dispose());
    const store = open({ ...RESULTS, endpoint: gateway.endpoint });
    assert.deepEqual(await store.check(live()), { usable: true, conditions: 'unquoted' });
    for (const key of ['f/a b', 'f/é.jpg', 'f/plain']) await store.put(key, object, live());
    assert.equal(String((await store.get('f/é.jpg', live()))?.body), 'x');
    assert.deepEqual(await listKeys(), ['p/f/a b', 'p/f/plain', 'p/f/é.jpg']);
    assert.equal(await store.deleteAll('f', live()), 3);
    const uploads = createS3UploadTarget({ bucket, region, prefix: 'p/', endpoint: gateway.endpoint, pathStyle: true });
    const terms = { key: 'up.jpg', contentType: 'image/jpeg', size: 4, expiresAt: Math.floor(Date.now() / 1000) + 300 };
    const { url, headers } = await uploads.ticket(terms, '');
    assert.equal((await fetch(url, { method: 'PUT', headers, body: 'body' })).status, 200);
    assert.equal((await fetch(url.replace('up.jpg', 'of.jpg'), { method: 'PUT', headers, body: 'body' })).status, 403);
    assert.equal(String((await store.get('up.jpg', live()))?.body), 'body');
    assert.ok(gateway.requests.every((one) => / \/storage\/v1\/s3\//.test(one)));
    await gateway.dispose();
  });

  it('that takes deletes and deletes nothing ends a deleteAll with store_failed, after two passes', async (context) => {
    const { open, endpoint } = await setUp(context);
    const gateway = await startS3Gateway({ endpoint, spoil: ({ method }) => (method === 'DELETE' ? 204 : undefined) });
    const store = open({ endpoint: gateway.endpoint });
    for (const key of ['f/a', 'f/b']) await store.put(key, object, live());
    await assert.rejects(store.deleteAll('f', live()), { code: 'store_failed' });
    assert.equal(gateway.requests.filter((one) => one.startsWith('DELETE')).length, 4);
    await gateway.dispose();
  });
});
