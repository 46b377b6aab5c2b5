/**
 * The third set of the golden list: each field of a preset alone, and pairs of fields that have to do with each other. They share
 * one server with the assets of examples/, and the suffixes `@2x`, `@160w` and `@80w` are spread over them. Each field stands once on every
 * kind of original too; every one of them at every size is in test/operations/each-field.test.ts, by its properties.
 */
import type { PresetDefinitions } from '../../src/presets/schema.ts';

type Definition = PresetDefinitions[string];
type Asked = readonly [id: string, definition: Definition, suffix?: string];

/** Laid beside the samples, from test/decoders/files. */
export const HEIC_IDS = ['tile-1.heic', 'three-pictures.heic'];

const [JPEG, ALPHA, MOVING, WIDE, HEIC, TURNED] = [
  ...['astronaut.jpg', 'cutout.png', 'spinner.gif', 'wide-gamut.jpg', 'tile-1.heic', 'turned.jpg'],
] as [string, string, string, string, string, string];
const webp = { format: 'webp' } as const;
const png = { format: 'png' } as const;
const jpeg = { format: 'jpeg' } as const;
const square = { width: 120, height: 120 } as const;
const strip = { width: 120, height: 60 } as const;
const LOGO = { image: 'logo.png', width: 30 } as const;
const TOP_LEFT = { boxes: [{ x: 0, y: 0, width: 0.5, height: 0.5 }] };
const TEXT = { text: 'Reserved', size: 18, position: 'south', background: '#00000080' } as const;

/** One for every field: what it does not need itself is left out. The test says so where a new field has none. */
export const FIELDS: { readonly [field in keyof Required<Definition>]: Asked } = {
  width: [JPEG, { width: 120, ...webp }],
  height: [ALPHA, { height: 120, ...webp }],
  fit: [TURNED, { ...strip, fit: 'pad', ...webp }],
  format: [HEIC, { width: 120, ...png }],
  quality: [WIDE, { width: 120, ...jpeg, quality: 'auto' }],
  qualities: [JPEG, { width: 120, ...webp, qualities: { webp: 30 } }],
  ssim: [JPEG, { width: 120, ...webp, quality: 'auto', ssim: 0.9 }],
  maxBytes: [HEIC, { width: 120, ...webp, maxBytes: 900 }],
  progressive: [TURNED, { width: 120, ...jpeg, progressive: true }],
  chroma: [WIDE, { width: 120, ...jpeg, chroma: '4:4:4' }],
  palette: [ALPHA, { width: 120, ...png, palette: 16 }],
  dpi: [JPEG, { width: 120, ...jpeg, dpi: 300 }],
  gravity: [JPEG, { ...strip, fit: 'cover', ...webp, gravity: { x: 0.9, y: 0.1 } }],
  faceZoom: [JPEG, { ...square, fit: 'cover', ...webp, faceZoom: 3 }],
  background: [ALPHA, { width: 120, ...webp, background: '#ffcc00' }],
  effort: [JPEG, { width: 120, ...webp, effort: 6 }],
  animated: [MOVING, { width: 120, ...webp, animated: true }],
  gamut: [WIDE, { width: 120, ...webp, gamut: 'p3' }],
  trim: [ALPHA, { width: 120, ...webp, trim: true }],
  margin: [ALPHA, { ...square, ...webp, margin: 12.5 }],
  keepCopyright: [TURNED, { width: 120, ...jpeg, keepCopyright: true }],
  lossless: [HEIC, { width: 120, ...webp, lossless: true }],
  maxAge: [JPEG, { width: 120, ...webp, maxAge: 3600 }],
  staleWhileRevalidate: [JPEG, { width: 120, ...webp, maxAge: 3600, staleWhileRevalidate: 7200 }],
  private: [JPEG, { width: 120, ...webp, private: true }],
  widths: [JPEG, { width: 120, ...webp, widths: [90] }, '@90w'],
  pixelRatios: [JPEG, { width: 120, ...webp, pixelRatios: [1.5] }, '@1.5x'],
  formats: [JPEG, { width: 120, ...webp, formats: ['avif'] }, '.avif'],
  normalize: [HEIC, { width: 120, ...webp, normalize: true }],
  brightness: [ALPHA, { width: 120, ...webp, brightness: 1.3 }],
  contrast: [WIDE, { width: 120, ...webp, gamut: 'p3', contrast: 0.6 }],
  gamma: [MOVING, { width: 120, ...webp, animated: true, gamma: 2 }],
  saturation: [JPEG, { width: 120, ...webp, saturation: 1.8 }],
  hue: [TURNED, { width: 120, ...webp, hue: 90 }],
  grayscale: [MOVING, { width: 120, ...webp, animated: true, grayscale: true }],
  sepia: [HEIC, { width: 120, ...webp, sepia: 0.7 }],
  tint: [ALPHA, { width: 120, ...webp, tint: '#d7263d' }],
  duotone: [WIDE, { width: 120, ...webp, duotone: { shadows: '#10204a', highlights: '#ffe9b0' } }],
  sharpen: [JPEG, { width: 120, ...webp, sharpen: 'auto' }],
  pixelate: [ALPHA, { width: 120, ...webp, pixelate: 7 }],
  blur: [WIDE, { width: 120, ...webp, gamut: 'p3', blur: 3 }],
  redact: [JPEG, { width: 120, ...webp, redact: { faces: 'pixelate' } }],
  crop: [TURNED, { width: 120, ...webp, crop: { x: '10%', y: 40, width: '50%', height: 300 } }],
  rotate: [HEIC, { width: 120, ...webp, rotate: 90 }],
  flip: [MOVING, { width: 120, ...webp, animated: true, flip: 'horizontal' }],
  enlarge: [MOVING, { width: 400, ...webp, enlarge: true }],
  extend: [MOVING, { width: 300, height: 260, ...webp, extend: true }],
  padding: [HEIC, { width: 120, ...webp, padding: [4, 8, 12, 16] }],
  aspectRatio: [WIDE, { width: 120, ...webp, fit: 'cover', gravity: 'center', aspectRatio: '3:2' }],
  overlays: [
    JPEG,
    { width: 120, ...webp, overlays: [{ ...LOGO, position: 'southeast', offset: { x: 4, y: 4 } }, TEXT] },
  ],
  fallback: ['no-such.jpg', { width: 120, ...webp, fallback: 'logo.png' }],
  fallbackStatus: ['no-such.jpg', { width: 120, ...webp, fallback: 'logo.png', fallbackStatus: 200 }],
  radius: [ALPHA, { width: 120, ...webp, radius: 20 }],
  border: [HEIC, { width: 120, ...webp, border: { width: 3, color: '#d7263d' } }],
  keepMetadata: [TURNED, { format: 'original', keepMetadata: true }, ''],
  page: ['three-pictures.heic', { width: 120, ...webp, page: 1 }],
  frames: [MOVING, { width: 120, ...webp, animated: true, frames: 2 }],
  speed: [MOVING, { width: 120, ...webp, animated: true, speed: 2 }],
};

export const PAIRS: Readonly<Record<string, Asked>> = {
  'rotate and radius': [TURNED, { width: 120, ...webp, rotate: 90, radius: 24 }],
  'rotate and gravity': [JPEG, { ...strip, fit: 'cover', ...webp, rotate: 270, gravity: { x: 0.5, y: 0.1 } }],
  'crop and focal point': [
    JPEG,
    { ...strip, fit: 'cover', ...webp, crop: { width: '60%', height: '60%' }, gravity: { x: 0.4, y: 0.2 } },
  ],
  'crop and rotate, p3': [
    WIDE,
    { width: 120, ...webp, gamut: 'p3', crop: { x: '25%', width: '50%', height: '100%' }, rotate: 90 },
  ],
  'crop and flip': [HEIC, { width: 120, ...webp, crop: { x: 0, y: 0, width: 200, height: 300 }, flip: 'both' }],
  'crop and enlarge': [JPEG, { width: 160, ...webp, crop: { x: 100, y: 100, width: 40, height: 40 }, enlarge: true }],
  'pad with a blur and radius': [TURNED, { ...square, fit: 'pad', ...webp, background: 'blur', radius: 16 }],
  'pad with an edge colour and padding': [ALPHA, { ...square, fit: 'pad', ...jpeg, background: 'auto', padding: 10 }],
  'pad with a blur and animated': [MOVING, { ...strip, fit: 'pad', ...webp, background: 'blur', animated: true }],
  'redact, rotate and crop': [
    JPEG,
    {
      ...{ width: 120, ...webp, rotate: 90, crop: { x: '20%', y: 0, width: '60%', height: '70%' } },
      redact: { boxes: [{ x: 0.3, y: 0.1, width: 0.2, height: 0.2 }], style: '#00aa00' },
    },
  ],
  'redact faces and flip': [JPEG, { width: 120, ...webp, redact: { faces: 'blur' }, flip: 'horizontal' }],
  'redact and sepia': [HEIC, { width: 120, ...webp, sepia: true, redact: TOP_LEFT }],
  'border and padding': [HEIC, { width: 120, ...webp, border: { width: 4, color: '#10204a' }, padding: 12 }],
  'border and radius': [ALPHA, { width: 120, ...webp, border: { width: 4, color: '#10204a' }, radius: '20%' }],
  'border and circle, on a background': [
    WIDE,
    { ...square, fit: 'cover', ...jpeg, gravity: 'center', radius: 'circle', border: { width: 4, color: '#ffffff' } },
  ],
  'border and rotate': [TURNED, { width: 120, ...webp, border: { width: 6, color: '#d7263d' }, rotate: 180 }],
  'overlays and animated': [
    MOVING,
    { width: 120, ...webp, animated: true, overlays: [{ ...LOGO, position: 'north' }] },
  ],
  'overlays and padding': [JPEG, { width: 120, ...webp, padding: 15, overlays: [TEXT] }],
  'overlays and radius': [HEIC, { width: 120, ...webp, radius: 30, overlays: [{ ...LOGO, position: 'northwest' }] }],
  'overlays and p3': [
    WIDE,
    { width: 120, ...webp, gamut: 'p3', overlays: [{ image: 'logo.png', tile: true, width: 20 }] },
  ],
  'overlays and grayscale': [TURNED, { width: 120, ...webp, grayscale: true, overlays: [LOGO, TEXT] }],
  'sharpen and p3': [WIDE, { width: 120, ...webp, gamut: 'p3', sharpen: 'auto' }],
  'sharpen and alpha': [ALPHA, { width: 120, ...webp, sharpen: 1.5 }],
  'sharpen and enlarge': [MOVING, { width: 300, ...webp, enlarge: true, sharpen: 'auto' }],
  'blur and alpha': [ALPHA, { width: 120, ...webp, blur: 6 }],
  'blur and animated': [MOVING, { width: 120, ...webp, animated: true, blur: 5 }],
  'trim and padding': [ALPHA, { width: 120, ...webp, trim: { tolerance: 20 }, padding: 10 }],
  'trim and rotate': [ALPHA, { width: 120, ...webp, trim: true, rotate: 90 }],
  'maxBytes and overlays': [JPEG, { width: 120, ...jpeg, maxBytes: 2500, overlays: [{ ...LOGO, opacity: 0.5 }] }],
  'maxBytes and quality auto': [HEIC, { width: 120, ...webp, maxBytes: 1500, quality: 'auto' }],
  'duotone and alpha': [ALPHA, { width: 120, ...png, duotone: { shadows: '#10204a', highlights: '#ffe9b0' } }],
  'duotone and palette': [
    ALPHA,
    { width: 120, ...png, palette: 4, duotone: { shadows: '#000000', highlights: '#ff0000' } },
  ],
  'normalize and tint': [HEIC, { width: 120, ...webp, normalize: true, tint: '#336699' }],
  'contrast and gamma': [JPEG, { width: 120, ...webp, contrast: 1.4, gamma: 1.8 }],
  'page and crop': ['three-pictures.heic', { width: 120, ...webp, page: 2, crop: { width: '50%', height: '50%' } }],
  'page and pixelate': [MOVING, { width: 120, ...webp, page: 3, pixelate: 10 }],
  'enlarge and pixelate': [MOVING, { width: 360, ...webp, enlarge: true, pixelate: 30 }],
  'enlarge and contain': [
    MOVING,
    { width: 300, height: 280, fit: 'contain', ...webp, enlarge: true, background: '#336699' },
  ],
  'frames and rotate': [MOVING, { width: 120, ...webp, animated: true, frames: 2, rotate: 90 }],
  'extend and margin': [TURNED, { width: 500, height: 700, ...webp, extend: true, margin: 5 }, ''],
};

const SUFFIXES = ['', '@2x', '@160w', '@80w'];
/** Every field stands on each of these, at another size on each. */
export const KINDS = [JPEG, ALPHA, MOVING, WIDE, HEIC];
const suffixOf = (own: string | undefined, index: number) => own ?? SUFFIXES[index % SUFFIXES.length] ?? '';

/** The presets file of this set and its questions, both by the same names. */
export function operations(): { presets: PresetDefinitions; asked: { preset: string; id: string; label: string }[] } {
  const presets: PresetDefinitions = {};
  const asked: { preset: string; id: string; label: string }[] = [];
  const all: [string, Asked][] = [...Object.entries(FIELDS), ...Object.entries(PAIRS)];
  const ask = (what: string, id: string, suffix: string) =>
    asked.push({ preset: nameOf(what) + suffix, id, label: `${what}${suffix} of ${id}` });
  for (const [index, [what, [id, definition, own]]] of all.entries()) {
    presets[nameOf(what)] = own === undefined ? { widths: [80, 160], ...definition } : definition;
    ask(what, id, suffixOf(own, index));
  }
  // Behind them, because what a rendition is made of depends on what was asked before.
  for (const [index, [what, [id, , own]]] of Object.entries(FIELDS).entries())
    for (const [at, kind] of KINDS.entries()) if (kind !== id) ask(what, kind, suffixOf(own, index + at));
  return { presets, asked };
}

const nameOf = (what: string) => what.replaceAll(/[^A-Za-z0-9]+/g, '-');
