import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BYTES_PER_UPLOAD, createFolderUploads } from '../../../src/api/uploads/folder-upload-target.ts';
import { startApp, TEST_KEY, type TestAppOptions } from '../../helpers/app.ts';
import { createFolderOriginals } from '../../helpers/folder-originals.ts';

const TOKEN = 'a-token-of-the-tests';
const SIZE = 300_000;
const half = Buffer.alloc(SIZE / 2, 'h');

async function start(context: TestContext, options: Partial<TestAppOptions> = {}) {
  const folder = await createFolderOriginals();
  const app = await startApp({ ...folder.app, apiToken: TOKEN, ...options });
  context.after(async () => {
    await app.dispose();
    await folder.dispose();
  });

  /** A ticket, as the URL to upload to. */
  async function ticket(): Promise<string> {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ filename: 'a.jpg', contentType: 'image/jpeg', size: SIZE });
    const answer = await app.get('/v1/images/upload-url', { method: 'POST', headers, body });
    return ((await answer.json()) as { uploadUrl: string }).uploadUrl;
  }

  /** The head of an upload; its body is up to the test. */
  function upload(url: string) {
    const headers = { 'content-type': 'image/jpeg', 'content-length': SIZE };
    const sent: ClientRequest = request(url, { method: 'PUT', headers, agent: false });
    const answer = once(sent, 'response').then(async ([response]: IncomingMessage[]) => {
      assert.ok(response);
      let text = '';
      for await (const chunk of response) text += chunk;
      return { status: response.statusCode, headers: response.headers, text };
    });
    answer.catch(() => {});
    sent.on('error', () => {});
    sent.flushHeaders();
    return { sent, answer };
  }

  /** An upload of which half has come. */
  async function begin(url: string) {
    const before = (await folder.files()).length;
    const upload_ = upload(url);
    upload_.sent.write(half);
    await eventually(async () => (await folder.files()).length > before);
    return upload_;
  }
  return { ...{ app, folder, ticket, upload, begin }, noFiles: () => eventually(isEmpty) };

  async function isEmpty() {
    return (await folder.files()).length === 0;
  }
}

/** Waits for an event on the disk; fails after a minute. */
async function eventually(happened: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await happened())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${happened}`);
    await delay(5);
  }
}

describe('an upload to a folder', () => {
  it('is one at a time for a ticket: another is refused before its body is read', async (context) => {
    const { folder, ticket, upload, begin } = await start(context);
    const url = await ticket();
    const first = await begin(url);
    const answers = await Promise.all(Array.from({ length: 7 }, () => upload(url).answer));
    for (const { status, headers, text } of answers) {
      assert.deepEqual([status, headers['x-error']], [409, 'upload_under_way']);
      assert.deepEqual([headers['retry-after'], headers['cache-control']], ['1', 'no-store']);
      assert.match(text, /Another upload with this ticket is under way/);
    }
    assert.equal((await folder.files()).length, 1, 'one temporary file');
    first.sent.end(half);
    assert.equal((await first.answer).status, 201);
    assert.equal((await upload(url).answer).status, 412, 'nothing of it was read either');
    assert.equal((await folder.files()).length, 2);
  });

  it('is one of so many as memory allows; the next is told to come back', async (context) => {
    const { ticket, upload, begin } = await start(context, { uploadBytes: 3 * BYTES_PER_UPLOAD });
    const held = [];
    for (let n = 0; n < 3; n += 1) held.push(await begin(await ticket()));
    const url = await ticket();
    const { status, headers } = await upload(url).answer;
    assert.deepEqual([status, headers['x-error'], headers['retry-after']], [503, 'busy', '5']);
    for (const { sent, answer } of held) {
      sent.end(half);
      assert.equal((await answer).status, 201);
    }
    const again = upload(url);
    again.sent.end(Buffer.concat([half, half]));
    assert.equal((await again.answer).status, 201);
  });

  it('leaves no file when it is cut off, and its ticket can be used again', async (context) => {
    const { ticket, begin, upload, noFiles } = await start(context);
    const url = await ticket();
    const { sent } = await begin(url);
    sent.destroy();
    await noFiles();
    let status: number | undefined;
    await eventually(async () => {
      const again = upload(url);
      again.sent.end(Buffer.concat([half, half]));
      ({ status } = await again.answer);
      return status !== 409;
    });
    assert.equal(status, 201);
  });

  it('leaves no file when it is too slow, and says so', async (context) => {
    // Node's own check of requests comes too late to be the one that answers.
    const slow = { headersTimeoutMs: 500, requestTimeoutMs: 500, checkEveryMs: 60_000 };
    const { ticket, begin, noFiles } = await start(context, { connectionLimits: slow });
    const { answer } = await begin(await ticket());
    const { status, headers, text } = await answer;
    assert.deepEqual([status, headers['x-error'], headers.connection], [408, 'bad_request', 'close']);
    assert.match(text, /took too long/);
    await noFiles();
  });

  it('is refused by its head alone: another type, another length, chunks', async (context) => {
    const { app, folder, ticket } = await start(context);
    const url = await ticket();
    const put = async (headers: Record<string, string | number>) => {
      const sent = request(url, { method: 'PUT', headers, agent: false });
      sent.flushHeaders();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      sent.on('error', () => {}).destroy();
      return response.statusCode;
    };
    assert.equal(await put({ 'content-type': 'text/html', 'content-length': SIZE }), 400);
    assert.equal(await put({ 'content-length': SIZE }), 400);
    assert.equal(await put({ 'content-type': 'image/jpeg', 'content-length': SIZE + 1 }), 400);
    assert.equal(await put({ 'content-type': 'image/jpeg', 'transfer-encoding': 'chunked' }), 400);
    assert.deepEqual(await folder.files(), []);
    assert.equal((await app.get('/health')).status, 200);
  });

  it('is refused with its limit when its ticket is for more bytes than this server takes', async (context) => {
    const { app, folder } = await start(context, { maxOriginalBytes: SIZE - 1 });
    const uploads = createFolderUploads({ receiver: folder.receiver, signingKey: TEST_KEY, maxBytes: 1024 * 1024 });
    const terms = { key: 'product/a.jpg', contentType: 'image/jpeg', size: SIZE, expiresAt: Date.now() / 1000 + 60 };
    const { url, headers } = await uploads.ticket(terms, app.baseUrl);
    const answer = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(SIZE) });
    const { error, reason, limit } = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual([answer.status, error, reason, limit], [400, 'bad_request', 'too_large', SIZE - 1]);
    assert.deepEqual(await folder.files(), []);
  });
});
