import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createTestBucket, s3Skip } from '../helpers/s3.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { until, untilAnswer } from '../helpers/turns.ts';

const photo = await sharp({ create: { width: 40, height: 30, channels: 3, background: '#336699' } })
  .jpeg()
  .toBuffer();

const faceless = { DARKROOM_FACES: 'off' };
const ready = async (server: TestServer) => (await server.get('/ready')).status;
const told = (server: TestServer) =>
  server
    .log()
    .filter(({ msg }) => msg.startsWith('not ready: '))
    .map(({ store, msg }) => `${store} ${msg}`)
    .toSorted();

describe('a server whose stores cannot be used', { skip: s3Skip }, () => {
  it('is not ready with a wrong secret, and says why of each store', async (context) => {
    const { bucket, endpoint, dispose } = await createTestBucket();
    context.after(dispose);
    const server = await startServer({
      ...{ DARKROOM_ORIGINALS: `s3://${bucket}`, DARKROOM_RESULTS: `s3://${bucket}/results`, ...faceless },
      ...{ AWS_ENDPOINT_URL_S3: endpoint, AWS_SECRET_ACCESS_KEY: 'not-the-one' },
    });
    await until(() => told(server).length === 2);
    const why = `not ready: the bucket "${bucket}" at ${new URL(endpoint).host} cannot be used: the secret access key is not the one of its access key id (SignatureDoesNotMatch)`;
    assert.deepEqual(told(server), [`originals ${why}`, `results ${why}`]);
    assert.equal(await ready(server), 503);
    await server.dispose();
  });

  it('is not ready without its bucket of results, names that store, and serves pictures meanwhile', async (context) => {
    const { bucket, endpoint, put, dispose } = await createTestBucket();
    context.after(dispose);
    await put('a.jpg', photo);
    const server = await startServer({
      ...{ DARKROOM_ORIGINALS: `s3://${bucket}`, DARKROOM_RESULTS: `s3://${bucket}-not`, ...faceless },
      ...{ AWS_ENDPOINT_URL_S3: endpoint },
    });
    await until(() => told(server).length === 1);
    const why = `not ready: the bucket "${bucket}-not" at ${new URL(endpoint).host} does not exist`;
    assert.deepEqual(told(server), [`results ${why}`]);
    assert.equal(await ready(server), 503);
    assert.equal((await server.get(server.path('thumb', 'a.jpg'))).status, 200);
    await server.dispose();
  });
});

describe('the check of a store at the start', () => {
  it('holds up no request: pictures are sent while it is under way, and the server is ready after it', async (context) => {
    const answered = Promise.withResolvers<void>();
    // An S3 server as far as two GETs go.
    const s3 = createServer(async ({ url = '' }, answer) => {
      if (!url.includes('/.darkroom-check/')) return void answer.end(photo);
      await answered.promise;
      answer.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
    });
    await new Promise<void>((resolve) => s3.listen(0, '127.0.0.1', resolve));
    context.after(() => s3.close().closeAllConnections());
    const server = await startServer({
      ...{ DARKROOM_ORIGINALS: 's3://shop', DARKROOM_RESULTS: 'none', DARKROOM_STORE_TIMEOUT: '60s', ...faceless },
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${(s3.address() as AddressInfo).port}`,
      ...{ AWS_REGION: 'auto', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' },
    });
    assert.equal((await server.get(server.path('thumb', 'a.jpg'))).status, 200);
    assert.equal(await ready(server), 503);
    answered.resolve();
    await untilAnswer(
      () => ready(server),
      (status) => status === 200,
    );
    await server.dispose();
  });
});
