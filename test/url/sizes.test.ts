import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createPresets } from '../../src/presets/presets.ts';
import { presetSchema } from '../../src/presets/schema.ts';
import { FITS } from '../../src/render/recipe.ts';
import { renditionSize } from '../../src/render/stages/view/plan.ts';
import { INLINE_LAYOUT } from '../../src/url/markup/inline-layout.ts';
import { renditionSize as markupSize } from '../../src/url/markup/rendition-size.ts';
import { inlineShape, type PresetShape } from '../../src/url/markup/shapes.ts';
import { createImageUrls } from '../../src/url/sdk.ts';
import { anySide } from '../helpers/any-recipe.ts';

const MOST_PX = 8192;
const tenth = (most: number) => fc.integer({ min: 0, max: most * 10 }).map((tenths) => tenths / 10);
const length = (least: number) =>
  fc.oneof(
    fc.integer({ min: least, max: 6000 }),
    tenth(100).map((percent) => `${Math.max(least / 10, percent)}%`),
  );
const side = anySide(MOST_PX).map((pixels) => Math.max(1, pixels));
const pad = anySide(2000).map((pixels) => pixels - 1);
const ratioSide = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  tenth(40).map((tenths) => tenths + 0.1),
);
const originals = fc.record({ width: anySide(12_000), height: anySide(12_000) });

/** Of all fields that sizes depend on, together as the schema lets them be. */
const shapes: fc.Arbitrary<PresetShape> = fc
  .record(
    {
      width: side,
      height: side,
      aspectRatio: fc.tuple(ratioSide, ratioSide).map(([across, down]) => `${across.toFixed(1)}:${down.toFixed(1)}`),
      fit: fc.constantFrom(...FITS),
      widths: fc.tuple(side),
      pixelRatios: fc.constantFrom([0.5, 1.5], [1, 2, 3], [1.33, 4]),
      crop: fc.record({ x: length(0), y: length(0), width: length(1), height: length(1) }),
      rotate: fc.constantFrom(90, 180, 270),
      margin: tenth(40),
      padding: fc.oneof(pad, fc.tuple(pad, pad, pad, pad)),
      enlarge: fc.boolean(),
      extend: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map(({ width, height, ...fields }) => {
    // Most of what is drawn without care for each other is refused: one side beside a ratio, no margin beside other fits.
    const { aspectRatio, fit = 'inside', margin } = fields;
    const sides = aspectRatio === undefined || width === undefined ? { width, height } : { width };
    const takesMargin = fit === 'inside' || fit === 'contain' || fit === 'pad';
    return { ...fields, ...sides, margin: takesMargin ? margin : undefined };
  })
  .filter((shape) => presetSchema.safeParse(shape).success);

/** The same as text, of what inline recipes have names for. */
function inlineOf(shape: PresetShape): string {
  const text = (value: unknown) => String(value).replace('%', 'pc').replace('.', 'p');
  const { crop, padding, aspectRatio } = shape;
  const fields: [name: string, value: string | undefined][] = [
    ...(['width', 'height', 'fit', 'rotate', 'margin'] as const).map((field): [string, string | undefined] => [
      { width: 'w', height: 'h', fit: 'fit', rotate: 'rot', margin: 'm' }[field],
      shape[field] === undefined ? undefined : text(shape[field]),
    ]),
    ['ar', aspectRatio?.replaceAll('.', 'p')],
    ['crop', crop && [crop.x, crop.y, crop.width, crop.height].map(text).join(':')],
    ['pad', padding === undefined ? undefined : [padding].flat().map(text).join(':')],
    ['en', shape.enlarge ? '1' : undefined],
    ['ext', shape.extend ? '1' : undefined],
  ];
  return fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name}_${value}`])).join(',');
}

describe('the size of renditions that the markup says', () => {
  it('is the one that the server makes, to the pixel, of every preset and each of its variants', () => {
    fc.assert(
      fc.property(shapes, originals, (shape, original) => {
        const server = createPresets({ definitions: { any: shape as object }, inline: false, faces: false });
        const variants = [
          ...['', ...(shape.pixelRatios ?? [2]).filter((ratio) => ratio !== 1).map((ratio) => `@${ratio}x`)],
          ...(shape.widths ?? []).map((width) => `@${width}w`),
        ];
        for (const suffix of variants) {
          const { recipe } = server.resolve('any', `${suffix}.jpeg`, undefined);
          const [, ratio, width] = /^@(?:([\d.]+)x|(\d+)w)$/.exec(suffix) ?? [];
          const variant = width ? { width: Number(width) } : { pixelRatio: Number(ratio ?? 1) };
          assert.deepEqual(markupSize(shape, original, variant), renditionSize(original, recipe), suffix);
        }
        const signer = createImageUrls({ baseUrl: 'https://a.example', key: '07'.repeat(32), presets: { any: shape } });
        const { width, height } = signer.img('a.jpg', 'any', { meta: original });
        assert.deepEqual({ width, height }, markupSize(shape, original));
      }),
      { numRuns: 2000 },
    );
  });

  it('is the one that the server makes of every inline recipe', () => {
    const server = createPresets({ definitions: {}, inline: true, faces: false });
    fc.assert(
      fc.property(shapes, originals, (shape, original) => {
        const preset = inlineOf(shape);
        const { recipe } = server.resolve(preset, '.jpeg', undefined);
        const told = inlineShape(preset, INLINE_LAYOUT);
        assert.deepEqual(told && markupSize(told, original), renditionSize(original, recipe), preset);
      }),
      { numRuns: 500 },
    );
  });
});
