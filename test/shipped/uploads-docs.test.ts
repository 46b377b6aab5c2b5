/** docs/uploads.md at a real S3 server: its code in a page of another origin, with the bucket's rules in ops/. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { it } from 'node:test';
import { PutBucketCorsCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import sharp from 'sharp';
import { browserSkip, launchBrowser } from '../helpers/browser.ts';
import { createTestBucket, s3Skip } from '../helpers/s3.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
/** Of the page, where the documented code runs. */
declare function uploadPhoto(file: File): Promise<string>;

const guest: Record<string, string> = JSON.parse(process.env.TEST_S3_GUEST ?? '{}');
const guestSkip = guest.uid ? false : 'the S3 server has no second user: set TEST_S3_GUEST';
const TOKEN = 'a-token-of-the-tests';
const [, documented = ''] = /^```ts\n([\s\S]*?)^```/m.exec(read('docs/uploads.md')) ?? [];

/** The shop: a page with the documented code, and the two routes of its server, which add the token. */
async function startShop(darkroom: () => TestServer) {
  const page = `<!doctype html><script type="module">${stripTypeScriptTypes(documented)}\nglobalThis.uploadPhoto = uploadPhoto;</script>`;
  const server = createServer(async (request: IncomingMessage, response) => {
    if (request.method === 'GET') {
      response.setHeader('content-type', 'text/html').end(page);
      return;
    }
    const [, id] = /^\/api\/photos\/([^/]+)\/complete$/.exec(request.url ?? '') ?? [];
    const asked = await json(request);
    const answer = await darkroom().get(id ? `/v1/images/${id}/complete` : '/v1/images/upload-url', {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(id ? {} : { ...(asked as object), category: 'product' }),
    });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  // Another name of loopback is another site than the bucket's.
  return { url: `http://localhost:${port}`, close: () => server.close() };
}

it('uploads go from a page of another origin to the bucket, by the rules and permissions in ops/', {
  skip: s3Skip || guestSkip || browserSkip,
}, async (context) => {
  const [photos, renditions] = [await createTestBucket(), await createTestBucket()];
  let darkroom: TestServer | undefined;
  const shop = await startShop(() => darkroom as TestServer);
  const browser = await launchBrowser();
  context.after(async () => {
    await browser.close();
    shop.close();
    await darkroom?.dispose();
    await photos.dispose();
    await renditions.dispose();
  });

  const cors = read('ops/bucket-cors.json').replace('https://shop.example.com', shop.url);
  await photos.client.send(new PutBucketCorsCommand({ Bucket: photos.bucket, CORSConfiguration: JSON.parse(cors) }));
  // A bucket's policy names who; a user's own policy, as in the file, does not, and names both buckets at once.
  const policy = JSON.parse(
    read('ops/bucket-policy.json')
      .replaceAll('shop-photos', photos.bucket)
      .replaceAll('shop-renditions', renditions.bucket),
  );
  for (const { bucket, client } of [photos, renditions]) {
    const Statement = policy.Statement.map((statement: { Resource: string | string[] }) => ({
      ...statement,
      Principal: { AWS: [`arn:aws:iam:::user/${guest.uid}`] },
      Resource: [statement.Resource].flat().filter((resource) => resource.includes(bucket)),
    })).filter(({ Resource }: { Resource: string[] }) => Resource.length > 0);
    const Policy = JSON.stringify({ Version: policy.Version, Statement });
    await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
  }
  darkroom = await startServer({
    DARKROOM_ORIGINALS: `s3://${photos.bucket}`,
    DARKROOM_RESULTS: `s3://${renditions.bucket}`,
    DARKROOM_API_TOKEN: TOKEN,
    DARKROOM_FACES: 'off',
    AWS_ENDPOINT_URL_S3: photos.endpoint,
    AWS_REGION: photos.region,
    AWS_ACCESS_KEY_ID: guest.accessKey,
    AWS_SECRET_ACCESS_KEY: guest.secretKey,
    DARKROOM_S3_PATH_STYLE: 'on',
  });

  const tab = await browser.newPage();
  await tab.goto(shop.url);
  const bytes = [
    ...(await sharp({ create: { width: 320, height: 200, channels: 3, background: '#48a' } })
      .jpeg()
      .toBuffer()),
  ];
  const upload = (name: string, content: number[]) =>
    tab.evaluate(
      ([name, content]) => {
        const file = new File([new Uint8Array(content)], name, { type: 'image/jpeg' });
        return uploadPhoto(file).catch((error: Error) => `refused: ${error.message}`);
      },
      [name, content] as const,
    );
  const id = await upload('chair.jpg', bytes);
  assert.match(id, /^product\//);
  const answer = await darkroom.get(darkroom.path('small', id));
  assert.equal(answer.status, 200, await answer.text());
  assert.match(await upload('half.jpg', bytes.slice(0, bytes.length / 2)), /^refused: /);

  // A page of a third origin: the bucket's rule names the shop alone.
  const other = await browser.newPage();
  await other.goto(shop.url.replace('localhost', '127.0.0.1'));
  const refused = await other.evaluate(
    (url) => fetch(url, { method: 'PUT', headers: { 'if-none-match': '*' }, body: 'x' }).catch(({ name }) => name),
    `${photos.endpoint}/${photos.bucket}/product/x.jpg`,
  );
  assert.equal(refused, 'TypeError');
});
