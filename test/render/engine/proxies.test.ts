import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { ProxySource } from '../../../src/render/picture-source.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer, type Renderer } from '../../../src/render/render.ts';
import { DEAR_JPEG, DEAR_WEBP } from '../../../src/render/stages/dear-proxy.ts';
import { describeDownscaled, PROXY_JPEG } from '../../../src/render/stages/downscaled.ts';
import type { FaceLookup } from '../../../src/render/stages/face-aware-crop.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { engineSkip, watchedEngine } from '../../helpers/engine.ts';
import { face } from '../../helpers/faces.ts';
import { PLAIN, withProfile } from '../../helpers/pictures.ts';
import { OTHER_COLOURS } from '../../helpers/profiled.ts';

/** Proxy images are JPEGs of our own, smaller than the original whose sizes the plans name: the engine renders them too. */

const LIMITS = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 };
const coffee = readFileSync(new URL('../../../samples/coffee.jpg', import.meta.url));
const { engine, results, held } = watchedEngine();
const bySharp = createRenderer(LIMITS);
const byEngine = createRenderer(LIMITS, undefined, undefined, engine);
const [P3 = Buffer.alloc(0)] = Object.values(OTHER_COLOURS);
const HEIC = { format: 'heic', decoder: 'heic' };

/** Of originals whose sides are no multiple of the proxy image's. */
const size = { width: 1709, height: 1139 };
/** Smooth, so that parts of a pixel are no difference, and another window is one. */
const resized = sharp(coffee).resize({ width: 700, height: 467, fit: 'fill' }).blur(7);
const jpeg = await resized.clone().jpeg(DEAR_JPEG).toBuffer();
const dear = await bySharp.openProxy(jpeg, { ...HEIC, size });
const wide = await bySharp.openProxy(withProfile(jpeg, P3), { ...HEIC, size });
const still = { format: 'png', size, frames: 1, delays: undefined, loop: undefined, hasAlpha: false };
const ordinary: ProxySource = {
  kind: 'proxy',
  body: await resized.clone().jpeg(PROXY_JPEG).toBuffer(),
  header: describeDownscaled(still, { width: 700, height: 467 }, 'jpeg'),
};

const make = (renderer: Renderer, source: ProxySource, fields: Partial<Recipe>, faces: FaceLookup = async () => []) =>
  renderer.render(source, { ...PLAIN, output: 'webp', quality: 95, ...fields }, createStepTimer(), faces);

/** Who made it, and what both do: levels apart in the mean. */
async function both(source: ProxySource, fields: Partial<Recipe>, faces?: FaceLookup) {
  const own = await make(byEngine, source, fields, faces);
  const jobs = results.splice(0);
  const theirs = await make(bySharp, source, fields, faces);
  const [a, b] = await Promise.all(
    [own, theirs].map(({ body }) => sharp(body).removeAlpha().raw().toBuffer({ resolveWithObject: true })),
  );
  assert.deepEqual([a!.info.width, a!.info.height], [b!.info.width, b!.info.height]);
  const apart = a!.data.reduce((sum, level, at) => sum + Math.abs(level - b!.data[at]!), 0) / a!.data.length;
  const made = jobs.some(({ body }) => body);
  return { made, apart, same: own.body.equals(theirs.body) };
}

const VIEWS: Readonly<Record<string, Partial<Recipe>>> = {
  inside: { width: 301, fit: 'inside' },
  'hardly smaller': { width: 690, fit: 'inside', output: 'jpeg' },
  AVIF: { width: 300, fit: 'inside', output: 'avif' },
  'a window in the middle': { width: 200, height: 200, fit: 'cover', gravity: 'center' },
  'a window in a corner': { width: 199, height: 301, fit: 'cover', gravity: 'southeast' },
  stretched: { width: 333, height: 111, fit: 'fill' },
  'turned and cut': {
    width: 250,
    fit: 'inside',
    edit: { rotate: 90, flip: 'horizontal', crop: { x: 0.2, y: 0.1, width: 0.7, height: 0.6 } },
  },
};

describe('a proxy image', { skip: engineSkip }, () => {
  it('is rendered by the engine as by sharp, in the places that the original has', async () => {
    for (const [kind, source] of Object.entries({ dear, wide, ordinary }))
      for (const [view, fields] of Object.entries(VIEWS)) {
        const { made, apart } = await both(source, fields);
        assert.ok(made, `${view} of ${kind} is made by the engine`);
        assert.ok(apart < 2, `${view} of ${kind}: ${apart} levels apart`);
      }
  });

  it('is held for a look, and its window goes to where faces are in the original', async () => {
    const fields: Partial<Recipe> = { width: 128, height: 128, fit: 'cover', gravity: 'auto' };
    for (const found of [[], [face(0.7, 0.4, 0.1)]]) {
      const looked: number[] = [];
      const faces: FaceLookup = async (probe) => {
        looked.push((await probe()).width);
        return found;
      };
      const { made, apart } = await both(dear, fields, faces);
      assert.ok(made && apart < 2, `${found.length} faces: ${apart} levels apart`);
      assert.deepEqual(
        held.splice(0).map(({ bytes, declined }) => [bytes, declined ?? 'held']),
        [[0, 'held']],
      );
      // The engine's look, and sharp's.
      assert.deepEqual(looked, [320, 320]);
    }
    const { made, apart } = await both(dear, { ...fields, gravity: 'entropy' });
    assert.ok(made && apart < 2);
    assert.equal(held.splice(0).length, 1);
  });

  it('is left to sharp where its colours are kept, at its own size, and where it has alpha', async () => {
    const faint = await resized.clone().ensureAlpha(0.5).webp(DEAR_WEBP).toBuffer();
    const cases: [string, ProxySource, Partial<Recipe>][] = [
      ['kept colours of Display P3', wide, { width: 300, gamut: 'p3' }],
      ['its own size', dear, { width: 700, height: 700, fit: 'inside' }],
      ['alpha', await bySharp.openProxy(faint, { ...HEIC, size }), { width: 300 }],
      ['no loss', dear, { width: 300, lossless: true }],
      ['a margin', dear, { width: 300, margin: 0.1 }],
    ];
    for (const [what, source, fields] of cases) {
      const { made, same } = await both(source, fields);
      assert.ok(!made && same, what);
    }
  });
});
