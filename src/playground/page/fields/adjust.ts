import type { Fields } from './field.ts';

const factor = { kind: 'number', min: 0, max: 4, step: 0.05, slide: [0, 2], neutral: 1 } as const;
const TONES = ['grayscale', 'sepia', 'tint', 'duotone'];
const without = (name: string) => TONES.filter((tone) => tone !== name);

export const ADJUST: Fields = {
  normalize: { kind: 'toggle', label: 'Normalize levels', note: 'Helps dark and dull photos.' },
  brightness: { ...factor, label: 'Brightness' },
  contrast: { ...factor, label: 'Contrast' },
  saturation: { ...factor, label: 'Saturation' },
  gamma: { kind: 'number', label: 'Gamma', min: 0.2, max: 5, step: 0.05, slide: [0.2, 3], neutral: 1 },
  hue: { kind: 'number', label: 'Hue', min: -360, max: 360, step: 1, slide: [-180, 180], neutral: 0, unit: '°' },
  grayscale: { kind: 'toggle', label: 'Grey', without: without('grayscale') },
  sepia: { kind: 'number', label: 'Sepia', min: 0, max: 1, step: 0.05, neutral: 0, without: without('sepia') },
  tint: { kind: 'colour', label: 'Tint', start: '#c98a4b', without: without('tint') },
  duotone: {
    kind: 'group',
    label: 'Duotone',
    start: { shadows: '#10204a', highlights: '#ffe9c9' },
    without: without('duotone'),
    fields: {
      shadows: { kind: 'colour', label: 'Shadows', start: '#10204a' },
      highlights: { kind: 'colour', label: 'Highlights', start: '#ffe9c9' },
    },
  },
};

export const DETAIL: Fields = {
  sharpen: {
    kind: 'ways',
    label: 'Sharpen',
    without: ['blur', 'pixelate'],
    ways: [
      { label: 'Off', value: undefined },
      { label: 'What scaling took', value: 'auto' },
      {
        label: 'Detail of a size',
        start: 1,
        field: { kind: 'number', label: 'Size of detail', min: 0.3, max: 10, step: 0.1, unit: 'px' },
      },
    ],
  },
  blur: {
    ...{ kind: 'number', label: 'Blur', min: 0.3, max: 250, step: 0.1, slide: [0.3, 40], unit: 'px' },
    without: ['sharpen'],
  },
  pixelate: {
    ...{ kind: 'number', label: 'Pixelate', min: 1, max: 1000, step: 1, slide: [1, 80], unit: 'px' },
    without: ['sharpen'],
  },
};
