import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import { createS3Store } from '../../src/stores/s3/s3-store.ts';
import { startApp } from '../helpers/app.ts';
import { red } from '../helpers/machines.ts';
import { createTestBucket, s3Skip } from '../helpers/s3.ts';
import { startS3Gateway } from '../helpers/s3-gateway.ts';

/** PATCH /v1/images/:id where the record lies in a real S3 server, with two machines over it and no word between them. */

const ID = 'seller/42/a.png';
const BOX = { x: 0.25, y: 0.5, width: 0.25, height: 0.25 };
const apiToken = 'a-token-of-the-tests';

async function setUp(context: TestContext, conditions?: 'quoted') {
  const { bucket, endpoint, region, put, dispose } = await createTestBucket();
  const gateway = conditions && (await startS3Gateway({ conditions, endpoint }));
  context.after(async () => {
    await gateway?.dispose();
    await dispose();
  });
  await put(`originals/${ID}`, red);

  async function machine() {
    const open = (prefix: string) =>
      createS3Store({
        ...{ bucket, region, prefix, endpoint: gateway?.endpoint ?? endpoint },
        ...{ pathStyle: true, timeoutMs: 60_000 },
      });
    const originals = open('originals/');
    const app = await startApp({ originals, deletable: originals, results: open('results/'), apiToken });
    context.after(() => app.dispose());

    async function call(method: 'GET' | 'PATCH', body?: object, headers: Record<string, string> = {}) {
      const answer = await app.get(`/v1/images/${encodeURIComponent(ID)}`, {
        method,
        headers: {
          authorization: `Bearer ${apiToken}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...headers,
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      // biome-ignore lint/suspicious/noExplicitAny: what a server answers is checked field by field
      const told = (await answer.json()) as any;
      return { status: answer.status, etag: answer.headers.get('etag') ?? '', told };
    }
    async function size(preset: string, version?: string) {
      const answer = await app.get(app.path(preset, ID, undefined, version === undefined ? {} : { version }));
      const { width, height } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata();
      return [width, height];
    }
    return {
      ...app,
      get: () => call('GET'),
      edit: (body: object, headers?: Record<string, string>) => call('PATCH', body, headers),
      size,
    };
  }
  return { machines: [await machine(), await machine()] as const };
}

for (const conditions of [undefined, 'quoted'] as const)
  describe(`edits in a bucket that takes conditions ${conditions ?? 'without quotes'}`, { skip: s3Skip }, () => {
    it('are shown by the other machine at once, and refused with 412 where they were not seen', async (context) => {
      const { machines } = await setUp(context, conditions);
      const [a, b] = machines;
      const before = await a.get();
      assert.equal((await b.get()).etag, before.etag);
      assert.deepEqual(await b.size('small'), [300, 225]);
      const first = await a.edit({ rotate: 90, alt: 'A red car' }, { 'if-match': before.etag });
      assert.deepEqual([first.status, first.told.v, first.told.edit], [200, '1', { rotate: 90 }]);
      const late = await b.edit({ rotate: 270 }, { 'if-match': before.etag });
      assert.deepEqual([late.status, late.told.error], [412, 'changed_meanwhile']);
      const seen = await b.get();
      assert.deepEqual([seen.etag, seen.told.edit, seen.told.alt], [first.etag, { rotate: 90 }, 'A red car']);
      // The URL of the answer, on the machine that was not told; and what it made before is over.
      assert.deepEqual(await b.size('medium', first.told.v), [300, 400]);
      assert.deepEqual(await b.size('small'), [225, 300]);
      const undone = await b.edit({ rotate: null }, { 'if-match': seen.etag });
      assert.deepEqual([undone.status, undone.told.v, undone.told.edit], [200, '2', {}]);
      assert.deepEqual(await a.size('medium', '2'), [400, 300]);
    });

    it('are written once where two send the same If-Match at the same time, again and again', async (context) => {
      const { machines } = await setUp(context, conditions);
      const [a, b] = machines;
      for (let round = 0; round < 5; round += 1) {
        const { etag, told } = await a.get();
        const answers = await Promise.all([
          a.edit({ focus: { x: 0.1, y: round / 10 } }, { 'if-match': etag }),
          b.edit({ focus: { x: 0.9, y: round / 10 } }, { 'if-match': etag }),
        ]);
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412], `round ${round}`);
        const won = answers.find(({ status }) => status === 200);
        const after = await b.get();
        assert.deepEqual([after.etag, after.told.edit], [won?.etag, won?.told.edit]);
        assert.equal(Number(after.told.v), Number(told.v ?? 0) + 1);
      }
    });

    it('lose nothing where several are written at once, without If-Match', async (context) => {
      const { machines } = await setUp(context, conditions);
      const bodies = [
        ...[{ rotate: 90 }, { flip: 'both' }, { crop: { x: 0, y: 0, width: 0.5, height: 1 } }],
        ...[{ focus: { x: 1, y: 0 } }, { redact: [BOX] }, { alt: 'a' }],
      ];
      const answers = await Promise.all(bodies.map((body, index) => machines[index % 2 ? 0 : 1].edit(body)));
      assert.deepEqual(
        answers.map(({ status }) => status),
        bodies.map(() => 200),
      );
      for (const machine of machines) {
        const { told } = await machine.get();
        assert.deepEqual({ ...told.edit, alt: told.alt }, Object.assign({}, ...bodies));
        assert.equal(told.v, '5');
      }
    });
  });
