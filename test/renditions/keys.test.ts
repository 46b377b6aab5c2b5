import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { DETECTOR_VERSION } from '../../src/faces/face.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { hasSvtAv1, SVT_AV1 } from '../../src/render/formats/svt-av1.ts';
import { RENDER_VERSION } from '../../src/render/sharp.ts';
import { OWN_FOLDER, renditionFolder, renditionKey } from '../../src/renditions/keys.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';
import { checkedId } from '../../src/url/image-url.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { PLAIN } from '../helpers/pictures.ts';

/** Large enough to get a proxy image beside its renditions. */
const photo = await sharp({ create: { width: 4000, height: 3000, channels: 3, background: '#846' } })
  .jpeg({ progressive: true })
  .toBuffer();
const apps: TestApp[] = [];
after(() => Promise.all(apps.map((app) => app.dispose())));

/** A machine whose engine says that its pixels are those of `version`; counts what it reads of the original. */
async function startMachine(results: ReturnType<typeof createMemoryStore>, version: (own: string) => string) {
  const originals = createMemoryStore({ 'a.jpg': photo });
  const app = await startApp({
    ...{ originals: originals.store, results: results.store },
    wrapRenderer: (real) => ({ ...real, version: version(real.version) }),
  });
  apps.push(app);
  const sourceOf = async (preset: string) => {
    const answer = await app.get(app.path(preset, 'a.jpg'));
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
    return answer.headers.get('cache-status');
  };
  return { app, sourceOf, reads: () => originals.count('get') };
}

describe('the render version', () => {
  it('names the engine that makes the pixels', () => {
    const [revision, ...parts] = RENDER_VERSION.split(/ (?=[a-z])/);
    assert.match(revision ?? '', /^r\d+$/);
    // Before the ninth, renditions could be made of a proxy image by mistake.
    assert.ok(Number(revision?.slice(1)) >= 9);
    const encoder = hasSvtAv1 ? [`svt-av1 ${SVT_AV1}`] : [];
    assert.deepEqual(parts, [`sharp ${sharp.versions.sharp}`, `vips ${sharp.versions.vips}`, ...encoder]);
  });

  it('decides what a stored rendition and a proxy image are good for: another engine makes its own', async () => {
    const results = createMemoryStore();
    const first = await startMachine(results, (own) => own);
    assert.equal(await first.sourceOf('thumb'), 'darkroom; fwd=miss');
    await first.app.saves.drain(60_000);
    const kept = [...results.objects.keys()];
    assert.equal(kept.filter((key) => /\/(thumb|working)-/.test(key)).length, 2, kept.join());

    const same = await startMachine(results, (own) => own);
    assert.equal(await same.sourceOf('thumb'), 'darkroom; hit; detail=store');
    assert.equal(await same.sourceOf('small'), 'darkroom; fwd=miss');
    assert.equal(same.reads(), 0, 'made of the proxy image');
    await same.app.saves.drain(60_000);

    const next = await startMachine(results, (own) => `${own} and one more`);
    assert.equal(await next.sourceOf('thumb'), 'darkroom; fwd=miss');
    assert.equal(next.reads(), 1, 'a proxy image of the engine before is not used');
    await next.app.saves.drain(60_000);
    const own = [...results.objects.keys()].filter((key) => !kept.includes(key));
    assert.deepEqual(own.map((key) => /\/(\w+)-/.exec(key)?.[1]).sort(), ['small', 'thumb', 'working']);
  });
});

describe('the folder of an original', () => {
  it('is that of no other one, though its name is shortened', () => {
    // Cut between two escapes, so that the shortened name can be read as an id.
    const long = `ab${' '.repeat(500)}`;
    const folder = renditionFolder(long);
    assert.equal(folder.length, 640);
    const twin = decodeURIComponent(folder);
    assert.equal(checkedId(twin), twin, 'a legal id');
    for (const other of [twin, twin.replace('+', '-'), `${long} `]) assert.notEqual(renditionFolder(other), folder);
    for (const own of [OWN_FOLDER, OWN_FOLDER.slice(1)]) assert.notEqual(renditionFolder(own), OWN_FOLDER);
  });
});

describe('a key', () => {
  const variant = { preset: 'p', suffix: '', recipe: { ...PLAIN, width: 100, height: 100 } };
  const key = renditionKey('a.jpg', variant, 'r1');

  it('changes with each thing that decides the pixels', () => {
    const { recipe } = variant;
    const others = {
      ...{ width: 101, height: 101, fit: 'cover', output: 'webp', quality: 91, effort: 1, gravity: 'faces' },
      ...{ faceZoom: 2, background: '#ffffff', animated: true, gamut: 'p3', trim: 5, margin: 1, copyright: true },
    } as const;
    assert.deepEqual(Object.keys(others).sort(), Object.keys(recipe).sort());
    const keys = Object.entries(others).map(([field, value]) =>
      renditionKey('a.jpg', { ...variant, recipe: { ...recipe, [field]: value } }, 'r1'),
    );
    keys.push(key, renditionKey('b.jpg', variant, 'r1'), renditionKey('a.jpg', variant, 'r2'));
    assert.equal(new Set(keys).size, Object.keys(others).length + 3);
  });

  it('does not depend on the order in which a recipe was written', () => {
    const backwards = Object.fromEntries(Object.entries(variant.recipe).reverse()) as typeof variant.recipe;
    assert.equal(renditionKey('a.jpg', { ...variant, recipe: backwards }, 'r1'), key);
  });

  it('names the detector where faces move the frame, and stays what it was before it did everywhere else', () => {
    const keysOf = (faces: boolean) => {
      const presets = createPresets({ definitions: BUILT_IN_PRESETS, inline: true, faces });
      return (name: string) => {
        const found = presets.resolve(name, '', undefined);
        const { detector } = found.recipe;
        const another = { ...found, recipe: { ...found.recipe, detector: 'another' } };
        if (detector) assert.notEqual(renditionKey('a.jpg', another, 'r1'), renditionKey('a.jpg', found, 'r1'));
        return [detector, renditionKey('a.jpg', found, 'r1')];
      };
    };
    const [on, off] = [keysOf(true), keysOf(false)];
    for (const preset of [
      'thumb',
      'og',
      'avatar-small',
      'avatar-medium',
      'avatar-large',
      'w_60,h_60,fit_cover,g_faces',
    ]) {
      assert.equal(on(preset)[0], DETECTOR_VERSION, preset);
      assert.equal(off(preset)[0], undefined, preset);
    }
    // Made by the version before there were detectors in keys.
    assert.equal(off('thumb')[1], 'a.jpg/thumb-6972101bdbbba539.webp');
    for (const stands of [
      ...['a.jpg/small-b35285b9a2b4a884.webp', 'a.jpg/medium-feb14585c72adc76.webp'],
      ...['a.jpg/large-bfa14f8be479a851.webp', 'a.jpg/retina-d42630e1df3ace6b.webp'],
      'a.jpg/w_60,h_60,fit_cover,g_center,f_webp-af36754b04896034.webp',
      'a.jpg/w_60,h_60,fit_cover,g_attention,f_webp-fdcb2b3bdd98d546.webp',
    ]) {
      const preset = stands.replace(/^a\.jpg\/(.*)-\w+\.webp$/, '$1');
      assert.deepEqual(on(preset), [undefined, stands]);
    }
  });

  it('differs between presets of one name that came to mean something else', () => {
    const edited = { ...BUILT_IN_PRESETS, thumb: { ...BUILT_IN_PRESETS.thumb, quality: 76 } };
    const [before, since] = [BUILT_IN_PRESETS, edited].map((definitions) => {
      const presets = createPresets({ definitions, inline: false, faces: false });
      return renditionKey('a.jpg', presets.resolve('thumb', '', undefined), 'r1');
    });
    assert.notEqual(before, since);
  });
});
