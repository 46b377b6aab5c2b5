import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { pin } from '../../../examples/edge-worker/pin.ts';
import { DarkroomError } from '../../../src/errors.ts';
import { createPresets } from '../../../src/presets/presets.ts';

const definitions = {
  card: { width: 400, height: 300, fit: 'cover', format: 'auto', widths: [200, 400, 4000] },
  detail: { width: 1200, height: 1200, pixelRatios: [1, 2] },
  tall: { height: 1500, formats: ['avif', 'png'], pixelRatios: [1.5] },
  moving: { width: 300, animated: true },
  thumb: { width: 150, height: 150, fit: 'cover', format: 'webp' },
  logo: { width: 200, format: 'png', formats: ['webp'] },
} as const;
const server = createPresets({ definitions, inline: true, faces: true });

const names = fc.constantFrom(
  ...Object.keys(definitions),
  ...['w_300', 'w_300,h_200,fit_cover', 'h_2000', 'w_300,f_webp', 'w_300,a_1', 'w_3000,h_3000', 'constructor'],
);
const suffixes = fc.constantFrom(
  ...[
    '',
    '@2x',
    '@1.5x',
    '@1x',
    '@1.50x',
    '@1x.webp',
    '@2x.webp',
    '.auto',
    '@200w',
    '@4000w',
    '@0200w',
    '@201w',
    '.avif',
    '.webp',
    '.jpeg',
    '.png',
  ],
  ...['@2x.avif', '@4000w.avif', '.gif', '@', '@2', '.', '@2x@2x'],
);
const accepts = fc
  .array(
    fc.tuple(
      fc.constantFrom('image/avif', 'image/webp', 'IMAGE/AVIF', 'image/*', '*/*', 'image/avifx', 'text/html'),
      fc.constantFrom('', ';q=0', ';q=0.0', '; q=0.5', ';q=1', ';v=b3;q=0'),
    ),
    { maxLength: 4 },
  )
  .map((ranges) => ranges.map((range) => range.join('')).join(', '));

function serverSays(name: string, suffix: string, accept: string) {
  try {
    const { suffix: size, recipe } = server.resolve(name, suffix, accept);
    return { size, output: recipe.output };
  } catch (error) {
    assert.ok(error instanceof DarkroomError);
    return undefined;
  }
}

describe('pinning at the edge', () => {
  it('gives every client what the server would have chosen for it', () => {
    const chosen = new Map<string, number>();
    fc.assert(
      fc.property(names, suffixes, accepts, (name, suffix, accept) => {
        const pinned = pin(definitions, name, suffix, accept);
        const wanted = serverSays(name, suffix, accept);
        if (pinned === undefined) return assert.equal(wanted, undefined);
        if (pinned === 'not_offered') return assert.equal(wanted, undefined, `${name}${suffix}`);
        assert.equal(pinned.moved, server.canonicalSuffix(name, suffix) !== suffix, `${name}${suffix}`);
        if (pinned.moved) return assert.equal(pinned.suffix, server.canonicalSuffix(name, suffix));
        // As the worker asks: of what is not pinned, a client that reads neither.
        assert.deepEqual(serverSays(name, pinned.suffix, 'image/*'), wanted, `${name}${suffix} for ${accept}`);
        assert.equal(pinned.negotiated, server.negotiates(name, suffix));
        const key = `${wanted?.output} ${pinned.negotiated}`;
        chosen.set(key, (chosen.get(key) ?? 0) + 1);
      }),
      { numRuns: 3000 },
    );
    for (const kind of ['avif true', 'webp true', 'base true', 'webp false', 'jpeg false'])
      assert.ok(chosen.get(kind), kind);
  });

  it('leaves presets that it does not know to the server', () => {
    assert.equal(pin(definitions, 'newer', '', 'image/avif'), undefined);
  });
});
