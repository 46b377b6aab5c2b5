import { z } from 'zod';
import { errors } from '../errors.ts';
import type { Gravity, Output, Recipe } from '../render/recipe.ts';

/** Most pixels along one side that a preset may ask for, before pixel ratios. */
const MAX_SIDE_PX = 8192;
/** Of 255 a channel: JPEG's own noise on a plain ground stays below. */
const DEFAULT_TRIM_TOLERANCE = 10;
/** AVIF costs CPU and memory by the pixel more than WebP; where somebody waits, it ends here. */
export const AVIF_MAX_PIXELS = 2_000_000;
const PINNABLE = ['avif', 'webp', 'jpeg', 'png'] as const;

const side = z.int().min(1).max(MAX_SIDE_PX);
const colour = z.string().regex(/^#[0-9a-f]{6}$/i, 'expected a colour such as #ffffff');

const presetSchema = z
  .strictObject({
    width: side.optional(),
    height: side.optional(),
    fit: z.enum(['cover', 'contain', 'fill', 'inside', 'outside']).default('inside'),
    format: z.enum(['auto', ...PINNABLE]).default('auto'),
    quality: z.int().min(1).max(100).default(80),
    gravity: z.enum(['auto', 'faces', 'attention', 'center']).default('auto'),
    /** How far a cover crop may zoom in on the largest face. */
    faceZoom: z.number().min(1).max(8).default(1),
    background: colour.optional(),
    effort: z.int().min(0).max(9).optional(),
    animated: z.boolean().default(false),
    gamut: z.enum(['srgb', 'p3']).default('srgb'),
    /** true for a tolerance of 10 of 255. */
    trim: z.union([z.boolean(), z.strictObject({ tolerance: z.int().min(0).max(128) })]).default(false),
    /** Percent of the rendition on each side. */
    margin: z.number().min(0).max(40).default(0),
    keepCopyright: z.boolean().default(false),
    /** What the unsigned suffix may choose from. */
    widths: z.array(side).max(32).default([]),
    pixelRatios: z.array(z.number().min(0.5).max(4)).max(8).default([1, 2, 3]),
    formats: z.array(z.enum(PINNABLE)).default(['avif', 'webp', 'jpeg']),
  })
  .refine(({ width, height }) => width !== undefined || height !== undefined, 'needs a width, a height or both')
  .refine(
    ({ fit, width, height }) => fit === 'inside' || fit === 'outside' || (width !== undefined && height !== undefined),
    'needs both a width and a height, because its fit is cover, contain or fill',
  )
  .refine(
    ({ fit, margin }) => margin === 0 || fit === 'contain' || fit === 'inside',
    'has a margin, which needs the fit contain or inside',
  )
  .refine(
    ({ fit, gravity, faceZoom }) => faceZoom === 1 || (fit === 'cover' && (gravity === 'auto' || gravity === 'faces')),
    'has a faceZoom, which needs the fit cover and the gravity auto or faces',
  )
  .refine(({ gamut, animated }) => gamut === 'srgb' || !animated, 'cannot be both animated and of gamut p3');

const presetsSchema = z.record(
  z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected a name of [A-Za-z0-9_-]'),
  presetSchema,
);

/** A named recipe as its owner writes it. */
export type Preset = z.output<typeof presetSchema>;
/** The content of a presets file, before defaults. */
export type PresetDefinitions = z.input<typeof presetsSchema>;

/** A preset with its suffix resolved: what is made, and under which name it is kept. */
export interface Variant {
  readonly preset: string;
  /** `@2x`, `@640w` or empty; the one spelling that stands in keys. */
  readonly suffix: string;
  readonly recipe: Recipe;
}

export interface Presets {
  /** Whether the Accept header takes part in the answer of this URL. False for what does not exist. */
  negotiates(name: string, suffix: string): boolean;
  /** Throws `unknown_preset` for every name, recipe, size and format that is not on offer. */
  resolve(name: string, suffix: string, accept: string | undefined): Variant;
  /** What of Accept can make a difference: a few short words. */
  acceptClass(accept: string | undefined): string;
  readonly names: readonly string[];
}

/** Checks definitions read from a file. Throws an Error that names the preset and the field. */
export function checkPresets(definitions: unknown): Record<string, Preset> {
  const checked = presetsSchema.safeParse(definitions);
  if (checked.success) return checked.data;
  const found = checked.error.issues.map((issue) => {
    const message = issue.code === 'invalid_key' ? issue.issues[0]?.message : issue.message;
    return `${issue.path.join('.') || 'the file'}: ${message}`;
  });
  throw new Error(`presets are not valid: ${found.join('; ')}`);
}

export interface PresetsOptions {
  readonly definitions: unknown;
  readonly inline: boolean;
  /** Whether this server looks for faces; if not, what asks for them is cropped by attention and keyed so. */
  readonly faces: boolean;
}

export function createPresets(options: PresetsOptions): Presets {
  const named = new Map(Object.entries(checkPresets(options.definitions)));

  function find(name: string): Preset | undefined {
    return named.get(name) ?? (options.inline ? parseInlinePreset(name) : undefined);
  }

  return {
    negotiates(name, suffix) {
      return find(name)?.format === 'auto' && parseSuffix(suffix)?.format === undefined;
    },
    resolve(name, suffix, accept) {
      const preset = find(name);
      const chosen = parseSuffix(suffix);
      const size = preset && chosen && chooseSize(preset, chosen);
      const output = size && chooseOutput(preset, size, chosen.format, accept);
      if (!preset || !output || !size) throw errors.presetNotFound();
      const { suffix: keySuffix, ...sides } = size;
      return { preset: name, suffix: keySuffix, recipe: recipeOf(preset, sides, output, options.faces) };
    },
    acceptClass,
    names: [...named.keys()],
  };
}

function recipeOf(preset: Preset, { width, height }: Sides, output: Output, faces: boolean): Recipe {
  const { fit, quality, effort, background, animated, gamut, trim, margin, keepCopyright } = preset;
  return {
    ...{ width, height, fit, output, quality, effort, background, animated, gamut },
    gravity: faces ? preset.gravity : withoutFaces(preset.gravity),
    faceZoom: faces ? preset.faceZoom : 1,
    trim: typeof trim === 'object' ? trim.tolerance : trim ? DEFAULT_TRIM_TOLERANCE : undefined,
    margin: margin / 100,
    copyright: keepCopyright,
  };
}

function withoutFaces(gravity: Gravity): Gravity {
  return gravity === 'center' ? 'center' : 'attention';
}

interface Sides {
  readonly width: number | undefined;
  readonly height: number | undefined;
}

interface Suffix {
  readonly ratio: number | undefined;
  readonly width: number | undefined;
  readonly format: string | undefined;
}

/** Undefined for anything but the one spelling of a suffix, so that no rendition is reached by two URLs. */
function parseSuffix(text: string): Suffix | undefined {
  const [matched, ratio, width, format] = /^(?:@(\d+(?:\.\d+)?)x|@(\d+)w)?(?:\.([a-z]+))?$/.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const canonical = [ratio, width].every((number) => number === undefined || String(Number(number)) === number);
  if (!canonical) return undefined;
  return { ratio: ratio ? Number(ratio) : undefined, width: width ? Number(width) : undefined, format };
}

function chooseSize(preset: Preset, { ratio, width }: Suffix) {
  const { width: baseWidth, height: baseHeight } = preset;
  if (width !== undefined) {
    if (!preset.widths.includes(width)) return undefined;
    const height = baseWidth && baseHeight ? Math.max(1, Math.round((baseHeight * width) / baseWidth)) : undefined;
    return { width, height, suffix: `@${width}w` };
  }
  if (ratio !== undefined && !preset.pixelRatios.includes(ratio)) return undefined;
  const scaled = (length: number | undefined) =>
    length === undefined ? undefined : Math.max(1, Math.round(length * (ratio ?? 1)));
  return { width: scaled(baseWidth), height: scaled(baseHeight), suffix: (ratio ?? 1) === 1 ? '' : `@${ratio}x` };
}

function chooseOutput(
  preset: Preset,
  sides: Sides,
  pinned: string | undefined,
  accept: string | undefined,
): Output | undefined {
  if (pinned !== undefined) {
    const offered = preset.format === pinned || preset.formats.some((format) => format === pinned);
    return offered ? affordable(pinned as Output, sides) : undefined;
  }
  if (preset.format !== 'auto') return affordable(preset.format, sides);
  // What moves is kept moving by webp only; the base is gif then.
  const candidates = preset.animated ? (['webp'] as const) : (['avif', 'webp'] as const);
  const format = candidates.find(
    (candidate) =>
      preset.formats.includes(candidate) && affordable(candidate, sides) === candidate && accepts(accept, candidate),
  );
  return format ?? 'base';
}

/** By the size asked for, not by what comes out, because a key must be known before the original is. */
function affordable(output: Output, { width, height }: Sides): Output {
  const pixels = (width ?? height ?? 0) * (height ?? width ?? 0);
  return output === 'avif' && pixels > AVIF_MAX_PIXELS ? 'webp' : output;
}

function acceptClass(accept: string | undefined): string {
  if (accept === undefined || accept === '*/*') return '';
  return `${accepts(accept, 'avif') ? 'a' : ''}${accepts(accept, 'webp') ? 'w' : ''}`;
}

/**
 * Whether Accept names the format itself with a weight above 0 (RFC 9110, 12.5.1). Order and wildcards say nothing:
 * `image/*` is what clients send that read neither.
 */
function accepts(accept: string | undefined, format: 'avif' | 'webp'): boolean {
  if (!accept?.toLowerCase().includes(`image/${format}`)) return false;
  return accept
    .toLowerCase()
    .split(',')
    .map((range) => range.split(';').map((part) => part.trim()))
    .some(
      ([type, ...parameters]) =>
        type === `image/${format}` && !parameters.some((part) => /^q=0(\.0{0,3})?$/.test(part)),
    );
}

const flag = (text: string) => (text === '1' ? true : text);
const INLINE_FIELDS: Readonly<Record<string, [field: string, read: (text: string) => unknown]>> = {
  w: ['width', Number],
  h: ['height', Number],
  fit: ['fit', String],
  f: ['format', String],
  q: ['quality', Number],
  g: ['gravity', String],
  z: ['faceZoom', Number],
  bg: ['background', (hex) => `#${hex}`],
  e: ['effort', Number],
  a: ['animated', flag],
  gamut: ['gamut', String],
  t: ['trim', (text) => ({ tolerance: Number(text) })],
  m: ['margin', Number],
  c: ['keepCopyright', flag],
};
const MAX_INLINE_LENGTH = 128;

/** Reads `w_300,h_300,fit_inside,f_webp,q_80`. Undefined for what is not such a recipe. */
export function parseInlinePreset(text: string): Preset | undefined {
  if (text.length > MAX_INLINE_LENGTH) return undefined;
  const fields: Record<string, unknown> = {};
  for (const part of text.split(',')) {
    const [, name = '', value = ''] = /^([a-z]+)_([A-Za-z0-9]+)$/.exec(part) ?? [];
    const [field, read] = INLINE_FIELDS[name] ?? [];
    if (!field || !read || field in fields) return undefined;
    fields[field] = read(value);
  }
  return presetSchema.safeParse(fields).data;
}
