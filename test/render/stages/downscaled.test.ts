import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPresets } from '../../../src/presets/presets.ts';
import type { PlannedDecode } from '../../../src/render/picture-source.ts';
import { describeDownscaled, downscaledSize, suffices } from '../../../src/render/stages/downscaled.ts';

const presets = createPresets({ definitions: {}, inline: true, faces: true });
const recipe = (name: string) => presets.resolve(name, '', undefined).recipe;

type Source = 'proxy' | `${number} px of ${PlannedDecode['decodedFrom']}`;

/** Whether a rendition this wide may be made from a source of an original this wide, of shape 4:3. */
const ROWS: readonly (readonly [original: number, source: Source, wide: number, sufficient: boolean])[] = [
  [4000, 'proxy', 800, true],
  [4000, 'proxy', 801, false],
  [4000, 'proxy', 1200, false],
  [4000, '1200 px of original', 960, true],
  [4000, '1200 px of original', 961, false],
  [4000, '1200 px of original', 1200, true],
  [4000, '640 px of original', 640, true],
  [4000, '640 px of original', 513, false],
  [4000, '640 px of proxy', 640, true],
  [4000, '640 px of proxy', 512, true],
  // The proxy image itself would not do.
  [4000, '1200 px of proxy', 960, false],
  [4000, '1200 px of proxy', 1200, false],
  // A proxy image of the size of its original.
  [1200, 'proxy', 800, true],
  [1200, 'proxy', 900, false],
  [1200, '1200 px of original', 900, true],
  [1200, '1200 px of proxy', 900, false],
  [1200, '1200 px of proxy', 800, true],
  // The original's own compressed pixels may be sent.
  [1200, '1200 px of original', 1200, false],
  [900, 'proxy', 600, true],
  [900, 'proxy', 601, false],
];

describe('whether a source suffices', () => {
  for (const [wide, source, width, sufficient] of ROWS) {
    it(`${source} of an original ${wide} px wide for ${width} px: ${sufficient}`, () => {
      const size = { width: wide, height: (wide * 3) / 4 };
      const original = { format: 'png', size, frames: 1, delays: undefined, loop: undefined, hasAlpha: false };
      const [, side, from] = /^(\d+) px of (original|proxy)$/.exec(source) ?? [];
      const stored = side ? { width: Number(side), height: (Number(side) * 3) / 4 } : downscaledSize(size);
      const header = describeDownscaled(original, stored, side ? 'pixels' : 'jpeg');
      const decodedFrom = from === 'proxy' ? 'proxy' : 'original';
      const described = side
        ? ({ kind: 'pixels', decodedFrom, header } as const)
        : ({ kind: 'proxy', header } as const);
      assert.equal(suffices(described, recipe(`w_${width},f_webp`)), sufficient);
    });
  }

  it('never for colours, borders, copyrights and frames that only an original has', () => {
    const size = { width: 4000, height: 3000 };
    const original = { format: 'jpeg', size, frames: 1, delays: undefined, loop: undefined, hasAlpha: false };
    const sufficientFor = (name: string, frames = 1) =>
      suffices(
        { kind: 'proxy', header: describeDownscaled({ ...original, frames }, downscaledSize(size), 'jpeg') },
        recipe(name),
      );
    assert.equal(sufficientFor('w_300,f_webp'), true);
    for (const name of ['w_300,gamut_p3', 'w_300,t_5', 'w_300,c_1']) assert.equal(sufficientFor(name), false, name);
    assert.equal(sufficientFor('w_300,f_webp', 2), false);
  });
});
