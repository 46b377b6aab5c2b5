import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseInlinePreset } from '../../src/presets/inline.ts';
import { inlineText } from '../../src/presets/inline-text.ts';
import { checkPresets, type Preset, presetSchema } from '../../src/presets/schema.ts';
import { recipeOf, sizeOf } from '../../src/presets/variants.ts';
import { randomPresets } from '../operations/random-presets.ts';

const read = (fields: object): Preset => presetSchema.parse(fields);
const recipe = (preset: Preset) =>
  recipeOf(preset, sizeOf(preset, { ratio: 2, width: undefined, format: undefined })!, 'webp', true);

describe('the recipe of a preset', () => {
  it('says what the preset says, of random ones', () => {
    const presets = Object.values(checkPresets(randomPresets(200, 7)));
    for (const preset of presets) {
      const { text, unsaid } = inlineText(preset);
      if (text === undefined) {
        assert.ok(preset.overlays?.some(({ text: shown = '' }) => shown.trim() === '' || shown.length === 200));
        continue;
      }
      const again = parseInlinePreset(text);
      assert.deepEqual([again && recipe(again), unsaid], [recipe(preset), []], text);
    }
  });

  it('has a part for every field but the declared suffixes', () => {
    // One preset after another, because some contradict each other.
    const presets = [
      {
        width: 300,
        height: 200,
        fit: 'cover',
        gravity: { x: 0.25, y: 1 },
        format: 'jpeg',
        quality: 61,
        chroma: '4:4:4',
      },
      { width: 300, height: 200, fit: 'cover', gravity: 'faces', faceZoom: 2.5, effort: 3, margin: 0, dpi: 300 },
      { width: 300, height: 200, fit: 'pad', background: 'blur', margin: 2.5, maxAge: 60, staleWhileRevalidate: 5 },
      { width: 300, aspectRatio: '1.91:1', private: true, keepCopyright: true, gamut: 'p3', lossless: false },
      { width: 9, quality: 'auto', ssim: 0.97, qualities: { avif: 50, webp: 60, jpeg: 70 }, maxBytes: 9000 },
      { width: 9, animated: true, frames: 3, speed: 1.5, progressive: false, palette: 16, trim: true },
      { width: 9, page: 2, rotate: 90, flip: 'both', enlarge: true, padding: [1, 0, 2, 0], trim: { tolerance: 0 } },
      { width: 90, height: 90, extend: true, padding: 4, background: '#FFEE00', radius: '12.5%', sepia: true },
      { width: 9, normalize: true, brightness: 1.1, contrast: 0.9, gamma: 2, saturation: 0, hue: -90, tint: '#d7263d' },
      { width: 9, duotone: { shadows: '#000000', highlights: '#ffffff' }, sharpen: 'auto', radius: 'circle' },
      { width: 9, grayscale: true, pixelate: 3, blur: 0.3, radius: 8.5, border: { width: 1.5, color: '#ffffff' } },
      { width: 9, redact: { faces: '#102030', boxes: [{ x: 0, y: 0.5, width: 1, height: 0.123456 }], style: 'blur' } },
      { width: 9, crop: { x: '12.5%', y: 4, width: '50%', height: 100 }, fallback: 'a/b.png', fallbackStatus: 200 },
      {
        width: 9,
        overlays: [{ image: 'logo.png', tile: true, offset: { x: 3, y: 0 } }, { text: 'Łucja & {name}\nb' }],
      },
      {
        width: 9,
        overlays: [
          {
            image: 'a.png',
            position: 'north',
            width: 12.5,
            opacity: 0.5,
            rotate: -30,
            blend: 'multiply',
            minWidth: 300,
          },
          {
            ...{ text: 'x', font: 'b.ttf', size: 12.5, color: '#ffffff80', background: '#00000080' },
            outline: { color: '#000000', width: 0.5 },
          },
        ],
      },
      { format: 'original', keepMetadata: true },
    ];
    const said = new Set<string>();
    for (const fields of presets) {
      const preset = read(fields);
      const { text = '', unsaid } = inlineText(preset);
      assert.deepEqual(unsaid, [], text);
      for (const field of Object.keys(fields)) said.add(field);
    }
    const silent = Object.keys(presetSchema.shape).filter((field) => !said.has(field));
    assert.deepEqual(silent, ['widths', 'pixelRatios', 'formats']);
  });

  it('names what it cannot say', () => {
    assert.deepEqual(inlineText(read({ width: 9, widths: [9], pixelRatios: [1], formats: ['png'] })), {
      ...{ text: 'w_9', unsaid: ['widths', 'pixelRatios', 'formats'] },
    });
    assert.deepEqual(inlineText(read({ width: 9, overlays: [{ text: 'two  spaces' }] })).unsaid, ['overlays']);
    const four = Array.from({ length: 4 }, () => ({ text: 'W'.repeat(200) }));
    assert.deepEqual(inlineText(read({ width: 9, overlays: four })), {
      text: undefined,
      unsaid: ['width', 'overlays'],
    });
  });
});
