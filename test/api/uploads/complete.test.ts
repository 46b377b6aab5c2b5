import assert from 'node:assert/strict';
import { after, describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import { createTakedown } from '../../../src/api/takedown.ts';
import { isFaultOfFile } from '../../../src/api/uploads/faults-of-files.ts';
import { createUploads } from '../../../src/api/uploads/uploads.ts';
import { errors } from '../../../src/errors.ts';
import { createWorkQueue } from '../../../src/flow/work-queue.ts';
import { createWriteBehind } from '../../../src/flow/write-behind.ts';
import { createBufferPool } from '../../../src/originals/buffer-pool.ts';
import { createDearProxies } from '../../../src/originals/dear-proxies.ts';
import { createDecodeCache } from '../../../src/originals/decode-cache.ts';
import { createOriginalMetadata } from '../../../src/originals/metadata.ts';
import { createOriginalReader } from '../../../src/originals/reader.ts';
import { createRenderer, type Renderer } from '../../../src/render/render.ts';
import { createRenditionCache } from '../../../src/renditions/memory-cache.ts';
import { createSignatures } from '../../../src/url/signature.ts';
import { startApp, TEST_KEY, type TestAppOptions } from '../../helpers/app.ts';
import { createFolderOriginals } from '../../helpers/folder-originals.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';
import { until } from '../../helpers/turns.ts';

const ID = 'product/a.jpg';
const background = '#3060c0';
const photo = await sharp({ create: { width: 400, height: 300, channels: 3, background } })
  .jpeg()
  .toBuffer();
const frames = await Promise.all(
  ['#111', '#eee'].map((each) =>
    sharp({ create: { width: 20, height: 20, channels: 3, background: each } })
      .png()
      .toBuffer(),
  ),
);
const animation = await sharp([...frames, ...frames], { join: { animated: true } })
  .gif()
  .toBuffer();
const folder = await createFolderOriginals();
after(() => folder.dispose());

/** An app whose originals are a map with this upload in it. */
async function start(context: TestContext, options: Partial<TestAppOptions> = {}, id = ID, body: Buffer = photo) {
  const originals = createMemoryStore({ [id]: body });
  const { store } = originals;
  const app = await startApp({
    ...{ originals: store, deletable: store, apiToken: 'a-token-of-the-tests' },
    ...options,
  });
  context.after(() => app.dispose());
  const complete = async () => {
    const answer = await app.complete(id);
    const { error, message } = (await answer.json()) as { error?: string; message?: string };
    return { status: answer.status, error, message, retryAfter: answer.headers.get('retry-after') };
  };
  return {
    ...{ app, originals, complete },
    /** The upload, byte for byte where it was, and nothing beside it. */
    assertUntouched() {
      assert.deepEqual([...originals.objects.keys()], [id]);
      assert.ok(originals.objects.get(id)?.body.equals(body));
      assert.equal(originals.count('put') + originals.count('delete'), 0);
    },
  };
}

const brokenRenderer = (broken: Partial<Renderer>) => ({
  wrapRenderer: (renderer: Renderer): Renderer => ({ ...renderer, ...broken }),
});

describe('complete leaves a good upload where it is when this server', () => {
  const cases: [what: string, status: number, code: string, options: Partial<TestAppOptions>][] = [
    ['has too little memory for it', 413, 'original_too_large', { workBytes: 1000 }],
    ['holds too many bytes of others', 503, 'busy', { inputBytes: photo.length - 1 }],
    [
      'renders too slowly',
      503,
      'render_timeout',
      brokenRenderer({ describe: () => Promise.reject(errors.renderTimeout(5)) }),
    ],
    ...[
      'VipsJpeg: Insufficient memory (case 4)',
      'vips_tracked: out of memory --- size == 48MB',
      'heifload: Memory allocation error: could not allocate',
    ].map((message): (typeof cases)[number] => [
      `has a decoder that says "${message}"`,
      503,
      'busy',
      brokenRenderer({ describe: () => Promise.reject(errors.originalUnreadable('No picture.', new Error(message))) }),
    ]),
    [
      'has a bug',
      500,
      'internal',
      brokenRenderer({ examine: () => Promise.reject(new TypeError('x is not a function')) }),
    ],
  ];
  for (const [what, status, code, options] of cases) {
    it(`${what}: ${status}`, async (context) => {
      const { complete, assertUntouched, originals } = await start(context, options);
      const answer = await complete();
      assert.deepEqual([answer.status, answer.error], [status, code]);
      assert.equal(answer.retryAfter !== null, status === 503);
      assertUntouched();
      // A server that lacks nothing takes the same upload.
      const other = await start(context, { originals: originals.store, deletable: originals.store });
      assert.equal((await other.complete()).status, 200);
    });
  }

  it('takes no original of so many bytes: 413, and 200 where it does', async (context) => {
    const object = { body: photo, contentType: 'image/jpeg', cacheControl: undefined, metadata: {} };
    await folder.originals.put(ID, object, { signal: new AbortController().signal });
    const small = await start(context, { ...folder.app, maxOriginalBytes: photo.length - 1 });
    const answer = await small.complete();
    assert.deepEqual([answer.status, answer.error], [413, 'original_too_large']);
    assert.ok((await folder.files()).every((file) => !file.includes('.quarantine')));
    const large = await start(context, { ...folder.app, maxOriginalBytes: photo.length });
    assert.equal((await large.complete()).status, 200);
  });

  it('has no slot in time, or no place in its queue: 503, and 200 once there is one', async (context) => {
    const inside = Promise.withResolvers<void>();
    const free = Promise.withResolvers<void>();
    const { complete, assertUntouched } = await start(context, {
      ...{ slots: 1, waiting: 1, waitTimeoutMs: 50 },
      wrapRenderer: (renderer) => ({
        ...renderer,
        async describe(original, bytes) {
          inside.resolve();
          await free.promise;
          return renderer.describe(original, bytes);
        },
      }),
    });
    const first = complete();
    await inside.promise;
    const [second, third] = await Promise.all([complete(), complete()]);
    for (const answer of [second, third]) assert.deepEqual([answer.status, answer.error], [503, 'busy']);
    assertUntouched();
    free.resolve();
    assert.equal((await first).status, 200);
    assert.equal((await complete()).status, 200);
  });

  it('cannot read it: 502 and 504, and 200 once it can', async (context) => {
    const { complete, assertUntouched, originals } = await start(context);
    for (const [error, status] of [
      [errors.storeFailed(new Error('planted')), 502],
      [errors.storeTimeout(), 504],
    ] as const) {
      originals.hold.get = () => Promise.reject(error);
      assert.equal((await complete()).status, status);
      assertUntouched();
    }
    delete originals.hold.get;
    assert.equal((await complete()).status, 200);
  });

  it('has no more time for the call: 504', async () => {
    const store = createMemoryStore({ [ID]: photo });
    const never = Promise.withResolvers<void>();
    store.hold.get = () => never.promise;
    const caller = new AbortController();
    const completing = uploadsOf(store).complete(ID, caller.signal);
    await until(() => store.count('get') === 1);
    caller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    await assert.rejects(completing, { code: 'store_timeout', status: 504 });
    assert.deepEqual([...store.objects.keys()], [ID]);
  });
});

describe('complete takes a file whose first picture is whole', () => {
  for (const [what, id, body, options] of [
    ['a JPEG without its end marker', ID, photo.subarray(0, -2), {}],
    ['an animation of too many frames', 'product/a.gif', animation, { maxFrames: 3 }],
  ] as const) {
    it(what, async (context) => {
      const { complete, originals } = await start(context, options, id, body);
      assert.equal((await complete()).status, 200);
      assert.deepEqual([...originals.objects.keys()], [id]);
    });
  }
});

describe('complete quarantines', () => {
  const cases: [what: string, id: string, body: Buffer, options: Partial<TestAppOptions>][] = [
    ['too many pixels', ID, photo, { maxPixels: 400 * 300 - 1 }],
    ['bytes that are no picture', ID, Buffer.from('<html>'), {}],
    ['nothing', ID, Buffer.alloc(0), {}],
    ['half a picture', ID, photo.subarray(0, photo.length / 2), {}],
    [
      'half a picture and an end marker',
      ID,
      Buffer.concat([photo.subarray(0, photo.length / 2), photo.subarray(-2)]),
      {},
    ],
  ];
  for (const [what, id, body, options] of cases) {
    it(what, async (context) => {
      const { complete, originals } = await start(context, options, id, body);
      const answer = await complete();
      assert.deepEqual([answer.status, answer.error], [422, 'original_unreadable']);
      assert.match(answer.message ?? '', /quarantined/);
      assert.deepEqual([...originals.objects.keys()], [`.quarantine/${id}`]);
      assert.equal((await complete()).status, 404);
    });
  }

  it('again, where the store failed before: 502, and the upload stays meanwhile', async (context) => {
    const { complete, originals } = await start(context, {}, ID, Buffer.from('<html>'));
    originals.hold.put = () => Promise.reject(errors.storeFailed(new Error('planted')));
    assert.equal((await complete()).status, 502);
    assert.deepEqual([...originals.objects.keys()], [ID]);
    delete originals.hold.put;
    assert.equal((await complete()).status, 422);
    assert.deepEqual([...originals.objects.keys()], [`.quarantine/${ID}`]);
  });

  it('what a decoder refuses by its own limits, though it speaks of memory', () => {
    const message = 'heif: Memory allocation error: Security limit exceeded: 2 tiles';
    assert.equal(isFaultOfFile(errors.originalUnreadable('No picture.', new Error(message))), true);
  });
});

/** As createShopApi makes them, without a result store. */
function uploadsOf({ store }: ReturnType<typeof createMemoryStore>) {
  const warn = () => {};
  const saves = createWriteBehind({ maxBytes: 1000, concurrency: 1, attempts: 1, retryDelayMs: 1 });
  const { records, replacements, purges } = createTakedown({
    ...{ cache: createRenditionCache(1000), decodes: createDecodeCache(1000), saves, warn },
    ...{ results: undefined, originals: store, cdn: undefined, peers: undefined, windowMs: 30_000, graceMs: 0 },
  });
  const metadata = createOriginalMetadata({ records, finder: undefined, warn });
  const reader = createOriginalReader({ originals: store, buffers: createBufferPool(0), replacements });
  const renderer = createRenderer({ maxPixels: 1e6, maxFrames: 10, timeoutSeconds: 20 });
  return createUploads({
    ...{ originals: store, reader, metadata, records, purge: purges.purge },
    queue: createWorkQueue({ slots: 1, waiting: 1, waitTimeoutMs: 60_000 }),
    ...{
      renderer,
      dearProxies: createDearProxies({ decodes: createDecodeCache(1000), resultStore: undefined, renderer }),
    },
    target: { ticket: async () => ({ url: '', headers: {} }) },
    ...{ signatures: createSignatures([TEST_KEY]), presets: [], maxOriginalBytes: 1e6, publicUrl: undefined },
  });
}
