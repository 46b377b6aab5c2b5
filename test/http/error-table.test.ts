import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { type ErrorCode, errors } from '../../src/errors.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { definitions, originals } from '../helpers/contract-originals.ts';
import { assertHeaders, SAFE } from '../helpers/headers.ts';

let app: TestApp;

before(async () => {
  app = await startApp({ originals: originals.store, definitions, maxPixels: 200_000 });
});
after(() => app.dispose());

describe('the error table', () => {
  const wide = () =>
    sharp({ create: { width: 500, height: 401, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
  const failing = (error: Error) => () => {
    originals.hold.get = async () => {
      throw error;
    };
  };

  interface Row {
    readonly what: string;
    readonly status: number;
    readonly code: ErrorCode;
    readonly cacheControl: string;
    readonly target: () => string;
    readonly arrange?: () => unknown;
    readonly retryAfter?: RegExp;
    readonly storeCalls?: number;
  }
  const MINUTE = 'public, max-age=60';
  const rows: Row[] = [
    {
      what: 'a malformed id',
      status: 400,
      code: 'bad_request',
      cacheControl: MINUTE,
      target: () => `${app.path('thumb', 'a.jpg')}%00b`,
    },
    {
      what: 'a path that does not decode',
      status: 400,
      code: 'bad_request',
      cacheControl: MINUTE,
      target: () => '/s/thumb/%zz',
    },
    {
      what: 'a foreign query',
      status: 400,
      code: 'bad_request',
      cacheControl: MINUTE,
      target: () => `${app.path('thumb', 'a.jpg')}?width=3`,
    },
    {
      what: 'a wrong signature',
      status: 403,
      code: 'bad_signature',
      cacheControl: MINUTE,
      target: () => app.path('thumb', 'a.jpg').replace(/^\/./, '/_'),
    },
    {
      what: 'an empty signature',
      status: 403,
      code: 'bad_signature',
      cacheControl: MINUTE,
      target: () => '//thumb/a.jpg',
    },
    {
      what: 'an expired URL',
      status: 410,
      code: 'expired',
      cacheControl: MINUTE,
      target: () => app.path('thumb', 'a.jpg', 1000),
    },
    {
      what: 'an unknown preset',
      status: 404,
      code: 'unknown_preset',
      cacheControl: MINUTE,
      target: () => app.path('poster', 'a.jpg'),
    },
    {
      what: 'a suffix that is not offered',
      status: 404,
      code: 'unknown_preset',
      cacheControl: MINUTE,
      target: () => app.path('thumb@9x', 'a.jpg'),
    },
    {
      what: 'a missing original',
      status: 404,
      code: 'original_not_found',
      cacheControl: 'public, max-age=10',
      target: () => app.path('thumb', 'no.jpg'),
      storeCalls: 1,
    },
    {
      what: 'too many pixels',
      status: 413,
      code: 'original_too_large',
      cacheControl: MINUTE,
      target: () => app.path('thumb', 'wide.png'),
      storeCalls: 1,
      arrange: async () =>
        originals.objects.set('wide.png', {
          body: await wide(),
          contentType: undefined,
          cacheControl: undefined,
          metadata: {},
        }),
    },
    {
      what: 'too many bytes',
      status: 413,
      code: 'original_too_large',
      cacheControl: MINUTE,
      target: () => app.path('thumb', 'a.jpg'),
      storeCalls: 1,
      arrange: failing(errors.originalTooLarge('The original is too large.')),
    },
    {
      what: 'no picture',
      status: 422,
      code: 'original_unreadable',
      cacheControl: MINUTE,
      target: () => app.path('thumb', 'notes.txt'),
      storeCalls: 1,
    },
    {
      what: 'a store that fails',
      status: 502,
      code: 'store_failed',
      cacheControl: 'no-store',
      target: () => app.path('thumb', 'x.jpg'),
      storeCalls: 1,
      arrange: failing(errors.storeFailed(new Error('secret-host refused'))),
    },
    {
      what: 'a store that is late',
      status: 504,
      code: 'store_timeout',
      cacheControl: 'no-store',
      target: () => app.path('thumb', 'x.jpg'),
      storeCalls: 1,
      arrange: failing(errors.storeTimeout()),
    },
    {
      what: 'a mistake of ours',
      status: 500,
      code: 'internal',
      cacheControl: 'no-store',
      target: () => app.path('thumb', 'x.jpg'),
      storeCalls: 1,
      arrange: failing(new Error('secret-host')),
    },
    {
      what: 'draining',
      status: 503,
      code: 'draining',
      cacheControl: 'no-store',
      target: () => app.path('thumb', 'a.jpg'),
      retryAfter: /^1$/,
      arrange: () => (app.life.draining = true),
    },
    { what: 'no such permit', status: 404, code: 'not_found', cacheControl: MINUTE, target: () => '/favicon.ico' },
  ];

  for (const row of rows) {
    it(`${row.what}: ${row.status} ${row.code}`, async () => {
      const small = await startApp({ originals: originals.store, definitions, maxPixels: 200_000 });
      const shared = app;
      app = small;
      try {
        await row.arrange?.();
        const before = originals.calls.length;
        const response = await small.get(row.target());
        const body = await response.text();
        assert.equal(response.status, row.status);
        assertHeaders(response, {
          ...SAFE,
          'content-type': 'application/json; charset=utf-8',
          'content-length': String(Buffer.byteLength(body)),
          'cache-control': row.cacheControl,
          'x-error': row.code,
          'retry-after': row.retryAfter ?? null,
          etag: null,
          'cache-tag': null,
          'cache-status': null,
        });
        const { error, message, requestId, ...rest } = JSON.parse(body);
        assert.deepEqual([error, requestId, rest], [row.code, response.headers.get('x-request-id'), {}]);
        assert.ok(message.length > 10);
        assert.doesNotMatch(body, /secret-host|node_modules|\.ts/);
        assert.equal(originals.calls.length - before, row.storeCalls ?? 0);
        assert.equal(small.cache.entries, 0);
        assert.deepEqual([small.flights.size, small.queue.running, small.queue.waiting], [0, 0, 0]);
        const head = await small.get(row.target(), { method: 'HEAD' });
        assert.deepEqual([head.status, (await head.arrayBuffer()).byteLength], [row.status, 0]);
      } finally {
        delete originals.hold.get;
        small.life.draining = false;
        app = shared;
        await small.dispose();
      }
    });
  }

  it('lets a 413 in by the pixel: N passes, N + 1 fails', async () => {
    const exact = await sharp({ create: { width: 500, height: 400, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    originals.objects.set('exact.png', { body: exact, contentType: undefined, cacheControl: undefined, metadata: {} });
    assert.equal((await app.get(app.path('thumb', 'exact.png'))).status, 200);
  });

  it('tries again after a failure', async () => {
    originals.hold.get = async () => {
      throw errors.storeFailed(new Error('down'));
    };
    assert.equal((await app.get(app.path('thumb@3x', 'a.jpg'))).status, 502);
    delete originals.hold.get;
    assert.equal((await app.get(app.path('thumb@3x', 'a.jpg'))).status, 200);
  });

  it('refuses other methods with the ones it knows', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const response = await app.get(app.path('thumb', 'a.jpg'), { method });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'], method);
    }
    for (const [method, path] of [
      ['POST', '/v1/images/upload-url'],
      ['POST', '/v1/images/meta'],
      ['DELETE', '/v1/images/a.jpg'],
    ] as const) {
      assert.equal((await app.get(path, { method })).status, 404);
    }
  });
});
