import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { openOriginals, openResults } from '../../src/stores/open-stores.ts';
import type { StoreReport } from '../../src/stores/shared/measured-store.ts';
import { createTestBucket, s3Skip } from '../helpers/s3.ts';

const live = () => ({ signal: new AbortController().signal, maxBytes: 1000 });
const object = { body: Buffer.from('x'), contentType: undefined, cacheControl: undefined, metadata: {} };
const { TEST_S3_GUEST } = process.env;
const guest: Record<string, string> = JSON.parse(TEST_S3_GUEST ?? '{}');

describe('stores as the settings say', () => {
  const s3 = { region: 'us-east-1', endpoint: process.env.TEST_S3_ENDPOINT, pathStyle: true };
  function options(more: object = {}) {
    const reports: StoreReport[] = [];
    const onCall = (report: StoreReport) => void reports.push(report);
    return {
      reports,
      options: { timeoutMs: 20_000, originPrivate: true, s3: { ...s3, ...more }, onCall, onCircuit() {} },
    };
  }

  it('report each kind of call, a list by its pages, and no check', async (context) => {
    const path = await mkdtemp(join(tmpdir(), 'darkroom-open-'));
    context.after(() => rm(path, { recursive: true, force: true }));
    const { reports, options: given } = options();
    const store = openResults({ kind: 'folder', path: join(path, 'results') }, given) ?? assert.fail();
    assert.deepEqual(await store.check(live()), { usable: true });
    assert.deepEqual(await readdir(path), ['results']);
    const first = await store.putIf('a/b', object, 'absent', live());
    assert.ok(first !== 'conflict');
    assert.equal(await store.getIfChanged('a/b', first.etag, live()), 'unchanged');
    assert.equal(await store.getIfChanged('a/c', first.etag, live()), undefined);
    await store.head('a/b', live());
    assert.equal(await store.head('a/c', live()), 'missing');
    for await (const page of store.list('a/', live())) assert.deepEqual(page, ['a/b']);
    assert.equal(await store.deleteAll('a', live()), 1);
    assert.deepEqual(
      reports.map(({ call, outcome }) => `${call} ${outcome}`),
      ['put ok', 'get ok', 'get missing', 'head ok', 'head missing', 'list ok', 'list ok', 'delete_all ok'],
    );
    await store.close();
  });

  it('let the credentials of originals lack s3:ListBucket, and not those of results', {
    skip: s3Skip || (TEST_S3_GUEST ? false : 'the S3 server has no second user: set TEST_S3_GUEST'),
  }, async (context) => {
    const { bucket, client, listKeys, dispose } = await createTestBucket();
    context.after(dispose);
    const Statement = [
      {
        ...{ Effect: 'Allow', Principal: { AWS: [`arn:aws:iam:::user/${guest.uid}`] } },
        ...{ Action: ['s3:GetObject', 's3:PutObject'], Resource: [`arn:aws:s3:::${bucket}/*`] },
      },
    ];
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    const credentials = { accessKeyId: guest.accessKey ?? '', secretAccessKey: guest.secretKey ?? '' };
    const location = { kind: 's3', bucket, prefix: '' } as const;
    const originals = openOriginals(location, options({ credentials }).options).reader;
    const results = openResults(location, options({ credentials }).options) ?? assert.fail();
    assert.equal((await originals.check(live())).usable, true);
    assert.equal(await originals.get('missing', live()), undefined);
    assert.equal((await results.check(live())).usable, false);
    await assert.rejects(results.get('missing', live()), { code: 'store_failed' });
    assert.deepEqual(await listKeys(), []);
    await Promise.all([originals.close(), results.close()]);
  });
});
