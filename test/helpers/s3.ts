import { randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { RGW_PACKAGES } from './rgw.ts';

const endpoint = process.env.TEST_S3_ENDPOINT;

/** The `skip` option of tests that need S3: false, or the one line that says what is missing. */
export const s3Skip: false | string = endpoint
  ? false
  : `no S3 server: apt-get install -y --no-install-recommends ${RGW_PACKAGES}, or set TEST_S3_ENDPOINT and AWS_*`;

/** A fresh bucket on the S3 server under test. `suffix`: the end of its name. */
export async function createTestBucket(suffix = '') {
  if (!endpoint) throw new Error(String(s3Skip));
  const region = process.env.AWS_REGION ?? 'us-east-1';
  const client = new S3Client({ endpoint, region, forcePathStyle: true });
  const bucket = `darkroom-${randomUUID()}${suffix}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));

  const listKeys = async () => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
    return Contents.map(({ Key = '' }) => Key);
  };
  return {
    ...{ bucket, endpoint, region, client, listKeys },
    put: (key: string, body: Buffer) => client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body })),
    head: (key: string) => client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })),
    async dispose() {
      for (let keys = await listKeys(); keys.length > 0; keys = await listKeys()) {
        await Promise.all(keys.map((key) => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))));
      }
      await client.send(new DeleteBucketCommand({ Bucket: bucket }));
      client.destroy();
    },
  };
}
