import { PutBucketCorsCommand } from '@aws-sdk/client-s3';
import { createS3UploadTarget } from '../../src/api/uploads/s3-upload-target.ts';
import { createS3Store } from '../../src/stores/s3/s3-store.ts';
import type { ObjectStore } from '../../src/stores/store.ts';
import type { TestApp, TestAppOptions } from './app.ts';
import { createFolderOriginals } from './folder-originals.ts';
import { createTestBucket } from './s3.ts';

export const UPLOAD_TOKEN = 'a-token-of-the-tests';

/** Where originals lie that are uploaded. */
export interface UploadSide {
  readonly options: TestAppOptions;
  readonly originals: ObjectStore;
  dispose(): Promise<unknown>;
}

/** Uploads go to the server itself. */
export async function folderSide(): Promise<UploadSide> {
  const { originals, app, dispose } = await createFolderOriginals();
  return { originals, options: app, dispose };
}

/** Uploads go to a bucket by presigned URLs. */
export async function bucketSide(): Promise<UploadSide> {
  const bucket = await createTestBucket();
  await bucket.client.send(
    new PutBucketCorsCommand({
      Bucket: bucket.bucket,
      CORSConfiguration: { CORSRules: [{ AllowedMethods: ['PUT'], AllowedOrigins: ['*'], AllowedHeaders: ['*'] }] },
    }),
  );
  const location = {
    bucket: bucket.bucket,
    prefix: 'up/',
    region: bucket.region,
    endpoint: bucket.endpoint,
    pathStyle: true,
  };
  const originals = createS3Store({ ...location, timeoutMs: 5000 });
  return {
    originals,
    options: { originals, deletable: originals, bucket: createS3UploadTarget(location) },
    dispose: () => bucket.dispose(),
  };
}

/** An answer of upload-url. */
export interface Offer {
  readonly imageId: string;
  readonly key: string;
  readonly uploadUrl: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly expiresAt: number;
  readonly urls: Record<string, string>;
}

/** What a shop and its seller's browser do, for an app with UPLOAD_TOKEN. */
export function uploadClient(app: TestApp) {
  const post = async (path: string, body: unknown = {}) => {
    const headers = { authorization: `Bearer ${UPLOAD_TOKEN}`, 'content-type': 'application/json' };
    const answer = await app.get(path, { method: 'POST', headers, body: JSON.stringify(body) });
    // biome-ignore lint/suspicious/noExplicitAny: the tests check the answers field by field
    return { status: answer.status, code: answer.headers.get('x-error'), body: (await answer.json()) as any };
  };
  return {
    post,
    offer: async (body: Buffer, contentType = 'image/jpeg', more = {}): Promise<Offer> =>
      (await post('/v1/images/upload-url', { filename: 'front.jpg', contentType, size: body.length, ...more })).body,
    put: ({ uploadUrl, headers }: Offer, body: Buffer, more: Record<string, string> = {}) =>
      fetch(uploadUrl, { method: 'PUT', headers: { ...headers, ...more }, body: new Uint8Array(body) }),
    complete: (id: string) => post(`/v1/images/${encodeURIComponent(id)}/complete`),
  };
}
