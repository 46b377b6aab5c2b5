import { type Fields, NOT_SET } from './field.ts';

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_LIFETIME_S = 31_536_000;
const onScale = { kind: 'number', min: 1, max: 100, step: 1, whole: true } as const;
const seconds = { kind: 'number', min: 1, max: MAX_LIFETIME_S, step: 1, whole: true, unit: 's' } as const;

export const ENCODE: Fields = {
  format: {
    kind: 'choice',
    label: 'Format',
    default: 'auto',
    values: [
      ['auto', 'Auto: by Accept'],
      ['avif', 'AVIF'],
      ['webp', 'WebP'],
      ['jpeg', 'JPEG'],
      ['png', 'PNG'],
      ['jxl', 'JPEG XL'],
      ['original', 'The original file'],
    ],
  },
  quality: {
    kind: 'ways',
    label: 'Quality',
    default: 80,
    ways: [
      { label: 'A number', start: 80, field: { ...onScale, label: 'Quality' } },
      { label: 'Auto: by likeness', value: 'auto' },
    ],
  },
  ssim: {
    ...{ kind: 'number', label: 'Likeness (SSIM)', min: 0.8, max: 0.995, step: 0.005, neutral: 0.96 },
    note: 'Of quality auto.',
  },
  qualities: {
    kind: 'group',
    label: 'Quality by format',
    note: 'Goes before the quality above.',
    fields: {
      avif: { ...onScale, label: 'AVIF' },
      webp: { ...onScale, label: 'WebP' },
      jpeg: { ...onScale, label: 'JPEG' },
    },
  },
  maxBytes: {
    ...{ kind: 'number', label: 'Largest size', min: 1, max: MAX_BYTES, step: 1, whole: true, slide: [1000, 400_000] },
    unit: 'bytes',
  },
  lossless: {
    kind: 'choice',
    label: 'Lossless',
    default: 'auto',
    values: [
      ['auto', 'Auto: drawn pictures'],
      [true, 'Always'],
      [false, 'Never'],
    ],
  },
  progressive: {
    kind: 'choice',
    label: 'Progressive',
    values: [
      [undefined, 'As measured best'],
      [true, 'On'],
      [false, 'Off'],
    ],
  },
  chroma: {
    kind: 'choice',
    label: 'Chroma',
    default: 'auto',
    values: [
      ['auto', 'Auto'],
      ['4:2:0', '4:2:0'],
      ['4:4:4', '4:4:4'],
    ],
  },
  palette: {
    kind: 'choice',
    label: 'Palette',
    values: [
      [undefined, 'None'],
      [2, '2 colours'],
      [4, '4 colours'],
      [16, '16 colours'],
      [256, '256 colours'],
    ],
  },
  effort: {
    kind: 'number',
    label: 'Effort',
    min: 0,
    max: 9,
    step: 1,
    whole: true,
    note: `${NOT_SET}: as measured best.`,
  },
  gamut: {
    kind: 'choice',
    label: 'Gamut',
    default: 'srgb',
    values: [
      ['srgb', 'sRGB for all'],
      ['p3', 'Display P3 where it is wider'],
    ],
  },
  dpi: { kind: 'number', label: 'Dots per inch', min: 1, max: 2400, step: 1, whole: true, slide: [72, 600] },
  animated: { kind: 'toggle', label: 'Animated', default: false },
  frames: {
    ...{ kind: 'number', label: 'Frames', min: 1, max: 1000, step: 1, whole: true, slide: [1, 100] },
    note: 'The first ones, of animated.',
  },
  speed: { kind: 'number', label: 'Speed', min: 0.1, max: 10, step: 0.1, slide: [0.1, 4], neutral: 1 },
  keepCopyright: { kind: 'toggle', label: 'Keep copyright and artist', default: false },
  keepMetadata: { kind: 'toggle', label: 'Keep all metadata', note: 'Of the original file.', default: false },
};

export const DELIVERY: Fields = {
  widths: {
    kind: 'numbers',
    label: 'Widths',
    note: 'For @640w.',
    min: 1,
    max: 8192,
    most: 32,
    whole: true,
    default: [],
  },
  pixelRatios: {
    ...{ kind: 'numbers', label: 'Pixel ratios', note: 'For @2x.', min: 0.5, max: 4, most: 8 },
    default: [1, 2, 3],
  },
  formats: {
    ...{ kind: 'set', label: 'Formats', note: 'For .avif and auto.', values: ['avif', 'webp', 'jpeg', 'png', 'jxl'] },
    default: ['avif', 'webp', 'jpeg'],
  },
  maxAge: { ...seconds, label: 'Max age', slide: [60, 604_800], note: `${NOT_SET}: a year.` },
  staleWhileRevalidate: { ...seconds, label: 'Stale while revalidate', slide: [60, 604_800] },
  private: { kind: 'toggle', label: 'Private: no CDN keeps it', default: false },
  fallback: { kind: 'asset', label: 'Fallback picture', of: 'images', note: 'Where the original is missing.' },
  fallbackStatus: {
    kind: 'choice',
    label: 'Its status',
    values: [
      [undefined, '404'],
      [200, '200'],
      [404, '404, said'],
    ],
  },
};
