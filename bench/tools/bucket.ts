import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, DeleteObjectsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3StoreOptions } from '../../src/stores/s3/s3-store.ts';
import { hasRgw, RGW_PACKAGES, startRgw } from '../../test/helpers/rgw.ts';

export const NO_BUCKET = `no S3 server: apt-get install -y --no-install-recommends ${RGW_PACKAGES}`;

const bounded = () => ({ abortSignal: AbortSignal.timeout(30_000) });

/** An S3 server of this run's own with an empty bucket, or undefined where none is installed. */
export async function startBucket() {
  if (!(await hasRgw())) return undefined;
  const { endpoint, accessKey, secretKey, stop } = await startRgw();
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  const bucket = 'bench';
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return {
    /** Settings of a server that keeps both sides there. */
    settings: (results: string) => ({
      DARKROOM_ORIGINALS: `s3://${bucket}/originals`,
      DARKROOM_RESULTS: `s3://${bucket}/${results}`,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: secretKey,
    }),
    /** The same as a store's options. */
    store: {
      ...{ bucket, prefix: '', region: 'us-east-1', endpoint, pathStyle: true, timeoutMs: 30_000 },
      credentials,
    } satisfies S3StoreOptions,
    async upload(folder: string, ids: readonly string[]): Promise<void> {
      for (const id of ids) {
        const Body = readFileSync(join(folder, id));
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: `originals/${id}`, Body }), bounded());
      }
    },
    /** It lies in memory, a gigabyte at most: a full one lets whoever writes wait for good. */
    async remove(ids: readonly string[]): Promise<void> {
      const Objects = ids.map((id) => ({ Key: `originals/${id}` }));
      await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }), bounded());
    },
    async stop(): Promise<void> {
      client.destroy();
      await stop();
    },
  };
}
