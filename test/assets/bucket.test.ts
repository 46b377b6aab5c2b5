import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import { createAssets } from '../../src/assets/assets.ts';
import { openAssets, openOriginals, openResults } from '../../src/stores/open-stores.ts';
import { startApp } from '../helpers/app.ts';
import { patch, pixelsOf } from '../helpers/pictures.ts';
import { createTestBucket, s3Skip } from '../helpers/s3.ts';
import { startServer } from '../helpers/server.ts';

/** `DARKROOM_ASSETS=s3://…`, in a real S3 server: loaded at the start, and a change in the bucket noticed by all machines. */

const flat = (background: string, width = 40, height = 20) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
const [red, green, blue] = [await flat('#ff0000'), await flat('#00ff00'), await flat('#0000ff', 200, 100)];
const MIB = 1024 * 1024;
const definitions = {
  card: { width: 200, format: 'png', overlays: [{ image: 'marks/logo.png', position: 'north' }] },
  plain: { width: 200, format: 'png', fallback: 'marks/logo.png', fallbackStatus: 200 },
} as const;
const live = () => ({ signal: new AbortController().signal });

async function setUp(context: TestContext) {
  const held = await createTestBucket();
  const { bucket, endpoint, region, put } = held;
  const at = (prefix: string) => ({ kind: 's3', bucket, prefix }) as const;
  const options = {
    ...{ timeoutMs: 60_000, originPrivate: false, onCall() {}, onCircuit() {} },
    s3: { region, endpoint, pathStyle: true },
  };

  /** A machine of its own over the bucket: assets below `assets/`, originals and results beside them. */
  async function machine() {
    const warnings: string[] = [];
    const store = openAssets(at('assets/'), options) ?? assert.fail();
    const warn = (what: string, name: string) => void warnings.push(`${name}: ${what}`);
    const assets = createAssets({ store, maxBytes: MIB, warn });
    await assets.load();
    const originals = openOriginals(at('originals/'), options).store ?? assert.fail();
    const results = openResults(at('results/'), options) ?? assert.fail();
    const app = await startApp({ originals, results, assets, definitions });
    context.after(async () => {
      await app.dispose();
      await assets.close();
      await store.close();
    });
    /** The colour at the top of a picture, and where it came from. */
    async function top(preset: keyof typeof definitions, id = 'a.png') {
      const answer = await app.get(app.path(preset, id));
      assert.equal(answer.status, 200, await answer.clone().text());
      const [r = 0, g = 0] = patch(await pixelsOf(Buffer.from(await answer.arrayBuffer())), 100, 10);
      const colour = r > 200 ? 'red' : g > 200 ? 'green' : 'blue';
      return `${colour}, ${answer.headers.get('cache-status')}`;
    }
    return { ...app, assets, warnings, top };
  }
  await Promise.all([
    put('assets/marks/logo.png', red),
    put('assets/README.md', red),
    put('other/logo.png', green),
    put('originals/a.png', blue),
  ]);
  context.after(held.dispose);
  return { ...held, machine, options, at };
}

describe('assets in a bucket', { skip: s3Skip }, () => {
  it('are used on each machine after its next look, and never a rendition with the mark of before', async (context) => {
    const { put, machine, listKeys } = await setUp(context);
    const [a, b] = [await machine(), await machine()];
    assert.equal(await a.top('card'), 'red, darkroom; fwd=miss');
    await a.saves.drain(60_000);
    assert.equal(await b.top('card'), 'red, darkroom; hit; detail=store', 'both have the same keys');
    assert.equal(a.assets.known.image('README.md'), undefined);
    assert.equal(a.assets.known.image('logo.png'), undefined, 'nothing from beside the prefix');

    await put('assets/marks/logo.png', green);
    await put('assets/marks/new.png', green);
    await a.assets.refresh();
    assert.equal(await a.top('card'), 'green, darkroom; fwd=miss');
    assert.equal(await a.top('plain', 'none.png'), 'green, darkroom; fwd=miss; detail=fallback');
    assert.ok(a.assets.known.image('marks/new.png'));
    // The other one has not looked yet.
    assert.equal(await b.top('card'), 'red, darkroom; hit; detail=memory');
    await a.saves.drain(60_000);
    await b.assets.refresh();
    assert.equal(await b.top('card'), 'green, darkroom; hit; detail=store');
    assert.equal((await listKeys()).filter((key) => key.includes('/card-')).length, 2);

    // Written again with the same bytes, as another object of the store.
    const { revision } = b.assets.known;
    await put('assets/marks/logo.png', Buffer.from(green));
    await b.assets.refresh();
    assert.equal(b.assets.known.revision, revision);
    assert.equal(await b.top('card'), 'green, darkroom; hit; detail=memory');
    assert.deepEqual([a.warnings, b.warnings], [[], []]);
  });

  it('that disappear or cannot be asked stay as they were last', async (context) => {
    const { machine, options, at } = await setUp(context);
    const one = await machine();
    const writer = openOriginals(at('assets/'), options).store ?? assert.fail();
    context.after(() => writer.close());
    await writer.delete('marks/logo.png', live());
    for (const _ of [1, 2]) await one.assets.refresh();
    assert.deepEqual(one.warnings, ['marks/logo.png: an asset is gone, and its last copy is used']);
    assert.equal(await one.top('card'), 'red, darkroom; fwd=miss');
  });

  it('are drawn by a server, which starts with a sentence or not at all, and ends', async (context) => {
    const { bucket, endpoint } = await setUp(context);
    const settings = {
      ...{ DARKROOM_ORIGINALS: `s3://${bucket}/originals`, DARKROOM_RESULTS: 'none', DARKROOM_FACES: 'off' },
      ...{ DARKROOM_ASSETS: `s3://${bucket}/assets`, AWS_ENDPOINT_URL_S3: endpoint, DARKROOM_S3_PATH_STYLE: 'on' },
    };
    const recipe = `w_200,f_png,o_image:${Buffer.from('marks/logo.png').toString('base64url')}:at:north`;
    const server = await startServer(settings);
    const answer = await server.get(server.path(recipe, 'a.png'));
    assert.equal(answer.status, 200);
    const picture = await pixelsOf(Buffer.from(await answer.arrayBuffer()));
    assert.deepEqual(patch(picture, 100, 10), [255, 0, 0]);
    assert.equal(await server.stop(), 0);
    const nowhere = startServer({ ...settings, DARKROOM_ASSETS: `s3://${bucket}-not/assets` });
    await assert.rejects(nowhere, /Darkroom cannot start.*DARKROOM_ASSETS/s);
  });
});
