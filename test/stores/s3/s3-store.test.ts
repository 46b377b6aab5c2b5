import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createS3Store, type S3StoreOptions } from '../../../src/stores/s3/s3-store.ts';
import { createTestBucket, s3Skip } from '../../helpers/s3.ts';
import { closedPort, startFaultyServer } from '../../helpers/tcp-faults.ts';
import { storeConformance } from '../conformance.ts';

const live = () => ({ signal: new AbortController().signal, maxBytes: 1_000_000 });

const s3Conformance = (name: string, suffix: string, many: number) =>
  storeConformance(
    name,
    async () => {
      const { bucket, endpoint, region, dispose } = await createTestBucket(suffix);
      const store = createS3Store({
        bucket,
        endpoint,
        region,
        checkWrites: true,
        prefix: 'some/prefix/',
        pathStyle: true,
        timeoutMs: 10_000,
        maxSockets: 5,
      });
      return {
        store,
        async dispose() {
          await store.close();
          await dispose();
        },
      };
    },
    { skip: s3Skip, many },
  );

s3Conformance('an S3 bucket', '', 1100);
// The name of an access point's alias, whose host only the SDK knows.
s3Conformance('an S3 bucket by the SDK', '-s3alias', 60);

describe('an S3 bucket with a server that answers', { skip: s3Skip }, () => {
  it('tells a missing key from a missing bucket', async () => {
    const { bucket, endpoint, region, dispose } = await createTestBucket();
    const options = { endpoint, region, prefix: '', pathStyle: true, timeoutMs: 5000 };
    const there = createS3Store({ ...options, bucket });
    const nowhere = createS3Store({ ...options, bucket: `${bucket}-not` });
    assert.equal(await there.get('nothing', live()), undefined);
    assert.equal(await there.head('nothing', live()), 'missing');
    await assert.rejects(nowhere.head('nothing', live()), { code: 'store_failed' });
    await assert.rejects(nowhere.get('nothing', live()), { code: 'store_failed' });
    await Promise.all([there.close(), nowhere.close(), dispose()]);
  });

  it('puts keys below its prefix with all headers', async () => {
    const { bucket, endpoint, region, head, listKeys, dispose } = await createTestBucket();
    const store = createS3Store({ bucket, endpoint, region, prefix: 'results/', pathStyle: true, timeoutMs: 5000 });
    const object = {
      body: Buffer.from('x'),
      contentType: 'image/webp',
      cacheControl: 'public, max-age=31536000, immutable',
      metadata: { width: '3' },
    };
    await store.put('a/b.webp', object, live());
    assert.deepEqual(await listKeys(), ['results/a/b.webp']);
    const { ContentType, CacheControl, Metadata } = await head('results/a/b.webp');
    assert.deepEqual([ContentType, CacheControl, Metadata], [object.contentType, object.cacheControl, object.metadata]);
    await store.close();
    await dispose();
  });

  it('calls a refusal its own fault', async () => {
    const { bucket, endpoint, region, dispose } = await createTestBucket();
    const secret = process.env.AWS_SECRET_ACCESS_KEY;
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
    const store = createS3Store({ bucket, endpoint, region, prefix: '', pathStyle: true, timeoutMs: 5000 });
    await assert.rejects(store.get('k', live()), { code: 'store_failed' });
    process.env.AWS_SECRET_ACCESS_KEY = secret;
    await store.close();
    await dispose();
  });
});

describe('an S3 server that misbehaves', () => {
  process.env.AWS_ACCESS_KEY_ID ??= 'nobody';
  process.env.AWS_SECRET_ACCESS_KEY ??= 'nothing';
  const against = (port: number, more: Partial<S3StoreOptions> = {}) =>
    createS3Store({
      bucket: 'b',
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      prefix: '',
      pathStyle: true,
      timeoutMs: 400,
      maxSockets: 5,
      ...more,
    });
  const answer = (head: string, body = '') => `HTTP/1.1 ${head}\r\n\r\n${body}`;

  async function assertFault(reply: string | undefined, code: string, more: Partial<S3StoreOptions> = {}) {
    const server = await startFaultyServer((socket) => {
      socket.on('data', () => reply !== undefined && socket.write(reply));
    });
    const store = against(server.port, more);
    // More than the pool has sockets: a lost one would make the next call wait for ever.
    await Promise.all(Array.from({ length: 12 }, () => assert.rejects(store.get('k', live()), { code })));
    await store.close();
    await server.dispose();
  }

  it('never answers: store_timeout', () => assertFault(undefined, 'store_timeout'));
  it('stalls in the middle of a body: store_timeout', () =>
    assertFault(answer('200 OK\r\nContent-Length: 100', 'half'), 'store_timeout'));
  it('answers with an encoding: store_failed', () =>
    assertFault(answer('200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4', 'body'), 'store_failed', {
      timeoutMs: 3000,
    }));
  it('says 404 without a code: store_failed', () =>
    assertFault(answer('404 Not Found\r\nContent-Length: 0'), 'store_failed', { timeoutMs: 3000 }));
  it('says 403: store_failed', () =>
    assertFault(answer('403 Forbidden\r\nContent-Length: 0'), 'store_failed', { timeoutMs: 3000 }));
  it('says 500 and again 500: store_failed', () =>
    assertFault(answer('500 Oops\r\nContent-Length: 0'), 'store_failed', { timeoutMs: 5000 }));
  it('announces too much: original_too_large', () =>
    assertFault(answer('200 OK\r\nContent-Length: 5000000', 'begin'), 'original_too_large', { timeoutMs: 3000 }));

  it('refuses a HEAD: unknown; stumbles: store_failed; ignores a condition: unchanged by its ETag', async () => {
    const replies: string[] = [];
    const server = await startFaultyServer((socket) => {
      socket.on('data', () => socket.write(replies.shift() ?? ''));
    });
    const store = against(server.port, { timeoutMs: 5000 });
    const denied = '<Error><Code>AccessDenied</Code></Error>';
    for (const status of ['401 No', '403 Forbidden', '405 No', '501 No']) {
      replies.push(answer(`${status}\r\nContent-Length: 0`));
      assert.equal(await store.head('k', live()), 'unknown');
    }
    replies.push(answer('404 No\r\nContent-Length: 0'), answer(`403 No\r\nContent-Length: ${denied.length}`, denied));
    assert.equal(await store.head('k', live()), 'unknown');
    replies.push(answer('500 Oops\r\nContent-Length: 0'), answer('500 Oops\r\nContent-Length: 0'));
    await assert.rejects(store.head('k', live()), { code: 'store_failed' });
    replies.push(answer('200 OK\r\nETag: "e"\r\nContent-Length: 4', 'body'));
    assert.equal(await store.getIfChanged('k', '"e"', live()), 'unchanged');
    replies.push(answer('304 Not Modified\r\nETag: "e"'));
    await assert.rejects(store.get('k', live()), { code: 'store_failed' });
    assert.deepEqual(replies, []);
    await store.close();
    await server.dispose();
  });

  it('cuts a body short: store_failed', async () => {
    const server = await startFaultyServer((socket) => {
      socket.on('data', () => socket.end(answer('200 OK\r\nContent-Length: 100', 'short')));
    });
    const store = against(server.port, { timeoutMs: 3000 });
    for (let n = 0; n < 7; n += 1) await assert.rejects(store.get('k', live()), { code: 'store_failed' });
    await store.close();
    await server.dispose();
  });

  it('is tried again once after a 503', async () => {
    let asked = 0;
    const server = await startFaultyServer((socket) => {
      socket.on('data', () => {
        asked += 1;
        socket.write(
          asked === 1 ? answer('503 Slow Down\r\nContent-Length: 0') : answer('200 OK\r\nContent-Length: 2', 'ok'),
        );
      });
    });
    const store = against(server.port, { timeoutMs: 5000 });
    assert.equal((await store.get('k', live()))?.body.toString(), 'ok');
    assert.equal(asked, 2);
    await store.close();
    await server.dispose();
  });

  it('is not there: store_failed', async () => {
    const store = against(await closedPort(), { timeoutMs: 3000 });
    await assert.rejects(store.get('k', live()), { code: 'store_failed' });
    await assert.rejects(
      store.put('k', { body: Buffer.from('x'), contentType: undefined, cacheControl: undefined, metadata: {} }, live()),
      { code: 'store_failed' },
    );
    await store.close();
  });
});
