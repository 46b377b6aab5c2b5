import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createAssets } from '../../src/assets/assets.ts';
import { fontNames } from '../../src/assets/font-names.ts';
import { OperatorError } from '../../src/errors.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { SHIPPED_FONT_VERSION, shippedFont } from '../../src/render/effects/overlay/fonts.ts';
import { renditionKey } from '../../src/renditions/keys.ts';
import { openAssets } from '../../src/stores/open-stores.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

const png = (background: string, width = 20, height = 10) =>
  sharp({ create: { width, height, channels: 4, background } })
    .png()
    .toBuffer();
const [red, green] = [await png('#ff0000'), await png('#00ff00')];
const font = await readFile(shippedFont().path);
/** The same font by another family's name, of as many letters. */
const renamed = (family: string) => {
  const text = (name: string) => Buffer.from(name, 'utf16le').swap16().toString('latin1');
  return Buffer.from(font.toString('latin1').replaceAll(text('DejaVu Sans'), text(family)), 'latin1');
};
const MIB = 1024 * 1024;
const opened: { close(): Promise<void> }[] = [];
after(() => Promise.all(opened.map((each) => each.close())));

function assetsOf(files: Readonly<Record<string, Buffer>>, maxBytes = 16 * MIB) {
  const { store, objects, calls, hold } = createMemoryStore(files);
  const warnings: string[] = [];
  const warn = (what: string, name: string) => void warnings.push(`${name}: ${what}`);
  const assets = createAssets({ store, maxBytes, warn });
  opened.push(assets);
  const write = (name: string, body: Buffer) =>
    void objects.set(name, { body, contentType: undefined, cacheControl: undefined, metadata: {} });
  return { assets, objects, calls, hold, warnings, write };
}

const refusal = (files: Readonly<Record<string, Buffer>>, maxBytes?: number) =>
  assetsOf(files, maxBytes)
    .assets.load()
    .then(
      () => 'loaded',
      (error: unknown) => (error instanceof OperatorError ? error.message : `not told: ${error}`),
    );

describe('assets', () => {
  it('are loaded by name; other files are no assets', async () => {
    const { assets, calls } = assetsOf({ 'a/logo.png': red, 'README.md': red, 'brand.ttf': renamed('Brand Shop!') });
    const known = await assets.load();
    assert.ok(known.image('a/logo.png'));
    assert.deepEqual(['logo.png', 'README.md', 'brand.ttf'].map(known.image), [undefined, undefined, undefined]);
    assert.deepEqual(['', 'brand.ttf', 'other.ttf'].map(known.hasFont), [true, true, false]);
    assert.ok(assets.files.image(known.image('a/logo.png') ?? '')?.equals(red));
    assert.deepEqual(
      assets.files.fonts.map(({ family }) => family),
      ['DejaVu Sans', 'Brand Shop!'],
    );
    assert.ok(!calls.includes('get README.md'));
  });

  it('that cannot be used stop the start with a sentence that names them', async () => {
    const large = await png('#ff0000', 2049, 2048);
    const cases: [string, Readonly<Record<string, Buffer>>, RegExp][] = [
      ['no image', { 'a.png': Buffer.from('no image') }, /a\.png is no image that can be read/],
      [
        'an SVG',
        { 'a.png': Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>') },
        /a\.png is no image/,
      ],
      ['empty', { 'a.png': Buffer.alloc(0) }, /a\.png is no image/],
      ['cut short', { 'a.png': (await png('#ff0000', 300, 300)).subarray(0, 200) }, /a\.png is broken/],
      ['of too many pixels', { 'big.png': large }, /big\.png has 2049 × 2048 pixels: at most/],
      ['too heavy', { 'b.png': Buffer.alloc(9 * MIB) }, /b\.png weighs more than 8388608 bytes/],
      ['no font', { 'a.ttf': Buffer.from('no font') }, /a\.ttf is no font/],
      ['a broken font', { 'a.ttf': font.subarray(0, 900) }, /a\.ttf is no font/],
      [
        'two of a name',
        { 'a.ttf': renamed('Brand Shop!'), 'b.ttf': renamed('Brand Shop!') },
        /b\.ttf is Brand Shop! Regular, as a\.ttf is/,
      ],
      [
        'too many',
        Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`${n}.png`, red])),
        /more than 128 images/,
      ],
    ];
    for (const [what, files, sentence] of cases) assert.match(await refusal(files), sentence, what);
    assert.match(
      await refusal({ 'a.png': red, 'b.png': green }, red.length + 5),
      /b\.png makes all assets together larger/,
    );
  });

  it('that weigh too much together are read no further than to the first one too many, fonts as well as images', async () => {
    const fonts = Array.from({ length: 26 }, (_, n) => String.fromCharCode(65 + n));
    const files = fonts.map((letter) => [`${letter}.ttf`, renamed(`Brand Shop${letter}`)] as const);
    const { assets, calls } = assetsOf(Object.fromEntries(files), 2 * font.length);
    await assert.rejects(assets.load(), /C\.ttf makes all assets together larger than \d+ bytes/);
    const read = calls.filter((call) => call.startsWith('get ')).length;
    assert.ok(read < fonts.length, `${read} of ${fonts.length} fonts were read`);
  });

  it('never lie outside of their folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'darkroom-assets-'));
    opened.push({ close: () => rm(folder, { recursive: true }) });
    const home = join(folder, 'assets');
    await mkdir(join(home, 'in'), { recursive: true });
    await writeFile(join(folder, 'secret.png'), red);
    await writeFile(join(home, 'in/real.png'), red);
    await symlink('../secret.png', join(home, 'out.png'));
    await symlink('in/real.png', join(home, 'link.png'));
    await symlink('..', join(home, 'up'));
    const options = { timeoutMs: 60_000, originPrivate: false, onCall() {}, onCircuit() {} };
    const s3 = {
      region: 'auto',
      endpoint: undefined,
      pathStyle: true,
      credentials: undefined,
      endpointElsewhere: false,
    };
    const store = openAssets({ kind: 'folder', path: home }, { ...options, s3 });
    const assets = createAssets({ store, maxBytes: MIB, warn() {} });
    opened.push(assets);
    const known = await assets.load();
    const found = ['in/real.png', 'link.png', 'out.png', '../secret.png', 'up/secret.png'].map(
      (name) => !!known.image(name),
    );
    assert.deepEqual(found, [true, true, false, false, false]);
  });

  it('that change are used after the next look, and change the keys of what they stand on', async () => {
    const { assets, calls, warnings, write } = assetsOf({ 'logo.png': red, 'other.png': await png('#0000ff') });
    const definitions = {
      marked: { width: 10, overlays: [{ image: 'logo.png' }] },
      other: { width: 10, overlays: [{ image: 'other.png' }] },
    };
    const presets = createPresets({ definitions, inline: true, faces: false, assets: await assets.load() });
    const key = (name: string) => renditionKey('a.jpg', presets.resolve(name, '', undefined), 'r1');
    const [before, other, old] = [key('marked'), key('other'), assets.known.image('logo.png') ?? ''];
    await assets.refresh();
    assert.deepEqual([key('marked'), assets.known.revision], [before, 0]);
    assert.equal(calls.filter((call) => call === 'get logo.png').length, 1);
    write('logo.png', green);
    assert.equal(key('marked'), before);
    await assets.refresh();
    assert.notEqual(key('marked'), before);
    assert.deepEqual([key('other'), presets.revision, warnings], [other, 1, []]);
    assert.ok(assets.files.image(assets.known.image('logo.png') ?? '')?.equals(green));
    // Renditions that wait for their turn were resolved before.
    assert.ok(assets.files.image(old)?.equals(red));
    write('new.png', green);
    await assets.refresh();
    assert.ok(assets.known.image('new.png'));
    // Written again, and the same.
    write('logo.png', Buffer.from(green));
    await assets.refresh();
    assert.equal(assets.known.revision, 2);
  });

  it('that disappear or break later stay in use as they were last, and the log says so once', async () => {
    const { assets, objects, hold, warnings, write } = assetsOf({
      'gone.png': red,
      'bad.png': red,
      'font.ttf': renamed('Brand Shop!'),
    });
    await assets.load();
    const digests = ['gone.png', 'bad.png'].map(assets.known.image);
    objects.delete('gone.png');
    write('bad.png', Buffer.from('broken'));
    write('font.ttf', renamed('Other Shop!'));
    for (const _ of [1, 2]) await assets.refresh();
    assert.deepEqual(['gone.png', 'bad.png'].map(assets.known.image), digests);
    assert.deepEqual(warnings.toSorted(), [
      'bad.png: an asset cannot be used, and its last copy is',
      'font.ttf: a font was changed, which is used after the next start',
      'gone.png: an asset is gone, and its last copy is used',
    ]);
    hold.list = async () => {
      throw new Error('down');
    };
    await assets.refresh();
    assert.equal(warnings.at(-1), ': assets could not be looked at');
    assert.deepEqual(['gone.png', 'bad.png'].map(assets.known.image), digests);
  });

  it('that are fonts change the keys of texts', async () => {
    const [one, two] = [assetsOf({}), assetsOf({ 'font.ttf': renamed('Brand Shop!') })];
    const digests = await Promise.all([one, two].map(async ({ assets }) => (await assets.load()).fontsDigest));
    assert.notEqual(digests[0], digests[1]);
  });
});

describe('the names of a font', () => {
  it('in keys stand for the bytes that ship', () => {
    const digest = createHash('sha256').update(font).digest('hex');
    // Another file needs another SHIPPED_FONT_VERSION.
    assert.equal(digest, '7da195a74c55bef988d0d48f9508bd5d849425c1770dba5d7bfc6ce9ed848954');
    assert.equal(SHIPPED_FONT_VERSION, 'DejaVu Sans 2.37');
  });

  it('are its family and style', () => {
    assert.deepEqual(fontNames(font), { family: 'DejaVu Sans', style: 'Regular' });
  });

  it('are read from no other bytes than its own', () => {
    for (let at = 0; at < 2000; at += 37) {
      const damaged = Buffer.from(font.subarray(0, 4000));
      damaged[at] = 255 - (damaged[at] ?? 0);
      try {
        fontNames(damaged);
      } catch (error) {
        assert.match(String(error), /is no font that can be read/);
      }
    }
  });
});
