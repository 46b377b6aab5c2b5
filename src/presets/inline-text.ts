import { isDeepStrictEqual } from 'node:util';
import { parseInlinePreset } from './inline.ts';
import { DEFAULT_TRIM_TOLERANCE, type Preset, presetSchema } from './schema.ts';

/** A preset as a recipe of URLs, and the fields that it cannot say or says otherwise. */
export interface InlineText {
  /** Undefined where it would be too long, or is left with an empty text. */
  readonly text: string | undefined;
  readonly unsaid: readonly string[];
}

/** By field, its part of the text. Fields that are not here stand in no recipe: the declared suffixes. */
const WRITTEN: { readonly [field in keyof Preset]?: (value: NonNullable<Preset[field]>) => string } = {
  width: (length) => `w_${length}`,
  height: (length) => `h_${length}`,
  fit: (fit) => `fit_${fit}`,
  format: (format) => `f_${format}`,
  quality: (quality) => `q_${quality}`,
  qualities: (all) =>
    `qs_${Object.entries(all)
      .map(([format, quality]) => `${format[0]}${quality}`)
      .join(':')}`,
  ssim: (ssim) => `ssim_${decimal(ssim)}`,
  maxBytes: (bytes) => `max_${bytes}`,
  progressive: (is) => `progressive_${Number(is)}`,
  chroma: (chroma) => `chroma_${chroma.replaceAll(':', '')}`,
  palette: (colours) => `palette_${colours}`,
  dpi: (dpi) => `dpi_${dpi}`,
  gravity: (at) => `g_${typeof at === 'string' ? at : `${decimal(at.x)}:${decimal(at.y)}`}`,
  faceZoom: (zoom) => `z_${decimal(zoom)}`,
  background: (colour) => `bg_${hex(colour)}`,
  effort: (effort) => `e_${effort}`,
  animated: flag('a'),
  gamut: (gamut) => `gamut_${gamut}`,
  trim: (trim) => `t_${typeof trim === 'object' ? trim.tolerance : DEFAULT_TRIM_TOLERANCE}`,
  margin: (share) => `m_${decimal(share)}`,
  keepCopyright: flag('c'),
  lossless: (is) => `l_${Number(is)}`,
  maxAge: (seconds) => `age_${seconds}`,
  staleWhileRevalidate: (seconds) => `swr_${seconds}`,
  private: flag('private'),
  normalize: flag('normalize'),
  brightness: (factor) => `brightness_${decimal(factor)}`,
  contrast: (factor) => `contrast_${decimal(factor)}`,
  gamma: (gamma) => `gamma_${decimal(gamma)}`,
  saturation: (factor) => `saturation_${decimal(factor)}`,
  hue: (degrees) => `hue_${decimal(degrees)}`,
  grayscale: flag('grayscale'),
  sepia: (share) => `sepia_${decimal(Number(share))}`,
  tint: (colour) => `tint_${hex(colour)}`,
  duotone: ({ shadows, highlights }) => `duotone_${hex(shadows)}:${hex(highlights)}`,
  sharpen: (size) => `sharpen_${size === 'auto' ? size : decimal(size)}`,
  pixelate: (side) => `pixelate_${decimal(side)}`,
  blur: (size) => `blur_${decimal(size)}`,
  redact: redactions,
  crop: ({ x, y, width, height }) => `crop_${[x, y, width, height].map(length).join(':')}`,
  rotate: (degrees) => `rot_${degrees}`,
  flip: (way) => `flip_${{ horizontal: 'h', vertical: 'v', both: 'hv' }[way]}`,
  enlarge: flag('en'),
  extend: flag('ext'),
  padding: (sides) => `pad_${[sides].flat().join(':')}`,
  aspectRatio: (ratio) => `ar_${ratio.replaceAll('.', 'p')}`,
  overlays: (all) => `o_${all.map(overlay).join('::')}`,
  fallback: (name) => `fallback_${encoded(name)}`,
  fallbackStatus: (status) => `fs_${status}`,
  radius: (radius) => `radius_${String(radius).replace('%', 'pct').replace('.', 'p')}`,
  border: ({ width, color }) => `border_${decimal(width)}:${hex(color)}`,
  keepMetadata: flag('meta'),
  page: (page) => `page_${page}`,
  frames: (frames) => `frames_${frames}`,
  speed: (factor) => `speed_${decimal(factor)}`,
};

/** Of a preset with its defaults filled in. */
export function inlineText(preset: Preset): InlineText {
  const plain: Readonly<Record<string, unknown>> = { ...presetSchema.parse({ width: 1 }), width: undefined };
  const fields = Object.keys(preset) as (keyof Preset)[];
  const told = fields.filter((field) => preset[field] !== undefined && !isDeepStrictEqual(preset[field], plain[field]));
  const text = told.flatMap((field) => partOf(preset, field)).join(',');
  const read = parseInlinePreset(text);
  const unsaid = read
    ? fields.filter((field) => !isDeepStrictEqual(meant(field, preset[field]), meant(field, read[field])))
    : told;
  return { text: read && text, unsaid };
}

function partOf<F extends keyof Preset>(preset: Preset, field: F): string[] {
  const value = preset[field];
  const write = WRITTEN[field];
  return value === undefined || value === null || !write ? [] : [write(value)].filter((part) => part !== '');
}

/** Of spellings that mean the same, one. */
function meant(field: keyof Preset, value: unknown): unknown {
  if (value === true && field === 'trim') return { tolerance: DEFAULT_TRIM_TOLERANCE };
  if (value === true && field === 'sepia') return 1;
  return value === false && field !== 'lossless' && field !== 'progressive' ? undefined : value;
}

/** Without a dot, where a suffix would begin, and without an exponent. */
function decimal(number: number): string {
  return number
    .toFixed(6)
    .replace(/\.?0+$/, '')
    .replace('.', 'p');
}

const hex = (colour: string) => colour.replace('#', '');
const length = (side: number | string) => (typeof side === 'number' ? side : side.replace('%', 'pc').replace('.', 'p'));
const encoded = (text: string) => Buffer.from(text).toString('base64url');

function flag(name: string) {
  return (is: boolean) => (is ? `${name}_1` : '');
}

function redactions({ faces, boxes, style }: NonNullable<Preset['redact']>): string {
  const numbers = boxes?.flatMap(({ x, y, width, height }) => [x, y, width, height].map(decimal));
  const parts = [
    ...(faces ? ['faces', hex(faces)] : []),
    ...(numbers ? ['boxes', ...(style ? [hex(style)] : []), ...numbers] : []),
  ];
  return `redact_${parts.join(':')}`;
}

function overlay({ image, text, position, tile, offset, outline, ...more }: NonNullable<Preset['overlays']>[number]) {
  const { width, opacity, rotate, blend, minWidth, font, size, color, background } = more;
  const numbers = { x: offset?.x, y: offset?.y, w: width, opacity, rotate, size, ow: outline?.width };
  const texts = { image, text, font };
  const colours = { color, outline: outline?.color, bg: background };
  const others = { at: position, tile: tile && 1, blend, min: minWidth };
  const said = <T>(all: Readonly<Record<string, T | undefined>>, write: (value: T) => string | number) =>
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [name, write(value)]));
  return [
    ...said(texts, encoded),
    ...said<string | number>(others, (value) => value),
    ...said(numbers, decimal),
    ...said(colours, hex),
  ].join(':');
}
