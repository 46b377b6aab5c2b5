import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createS3UploadTarget } from '../../../src/api/uploads/s3-upload-target.ts';

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'an-id-of-the-tests', AWS_SECRET_ACCESS_KEY: 'a-secret-of-the-tests' };
const earlier = Object.keys(CREDENTIALS).map((name) => [name, process.env[name]] as const);
before(() => Object.assign(process.env, CREDENTIALS));
after(() => {
  for (const [name, value] of earlier) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

async function presigned(endpoint: string | undefined, pathStyle: boolean): Promise<URL> {
  const target = createS3UploadTarget({ bucket: 'shop', prefix: 'up/', region: 'eu-1', endpoint, pathStyle });
  const expiresAt = Math.floor(Date.now() / 1000) + 300;
  const { url } = await target.ticket({ key: 'product/ü b.jpg', contentType: 'image/jpeg', size: 3, expiresAt }, '');
  return new URL(url);
}

describe('presigned uploads', () => {
  const cases: [endpoint: string | undefined, pathStyle: boolean, url: string][] = [
    [undefined, false, 'https://shop.s3.eu-1.amazonaws.com/up/product/%C3%BC%20b.jpg'],
    ['https://fly.storage.tigris.dev', false, 'https://shop.fly.storage.tigris.dev/up/product/%C3%BC%20b.jpg'],
    ['http://127.0.0.1:9000', true, 'http://127.0.0.1:9000/shop/up/product/%C3%BC%20b.jpg'],
    ['https://x.supabase.co/storage/v1/s3', true, 'https://x.supabase.co/storage/v1/s3/shop/up/product/%C3%BC%20b.jpg'],
    [
      'https://x.supabase.co/storage/v1/s3/',
      true,
      'https://x.supabase.co/storage/v1/s3/shop/up/product/%C3%BC%20b.jpg',
    ],
  ];
  for (const [endpoint, pathStyle, expected] of cases) {
    it(`go to ${expected}`, async () => {
      const { origin, pathname, searchParams } = await presigned(endpoint, pathStyle);
      assert.equal(origin + pathname, expected);
      assert.equal(searchParams.get('X-Amz-SignedHeaders'), 'content-length;content-type;host;if-none-match');
    });
  }
});
