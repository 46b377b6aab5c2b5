import { errors } from '../errors.ts';
import type { Gravity, Output, Recipe } from '../render/recipe.ts';
import { AVIF_MAX_PIXELS } from '../url/preset-defaults.ts';
import { parseInlinePreset } from './inline.ts';
import { checkPresets, DEFAULT_TRIM_TOLERANCE, type Preset } from './schema.ts';

/** A preset with its suffix resolved: the recipe, and the name that stands in the rendition's key. */
export interface Variant {
  readonly preset: string;
  /** `@2x`, `@640w` or empty, in the one spelling that stands in keys. */
  readonly suffix: string;
  readonly recipe: Recipe;
}

export interface Presets {
  /** Whether the Accept header takes part in the answer of this URL. False for presets that do not exist. */
  negotiates(name: string, suffix: string): boolean;
  /** Throws `unknown_preset` for every name, recipe, size and format that is not declared. */
  resolve(name: string, suffix: string, accept: string | undefined): Variant;
  /** The class of an Accept header: equal classes get equal answers. A few letters. */
  acceptClass(accept: string | undefined): string;
  readonly names: readonly string[];
}

export interface PresetsOptions {
  readonly definitions: unknown;
  readonly inline: boolean;
  /** Whether this server detects faces; if not, face-aware presets crop by attention, and their keys say so. */
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

/** Undefined for anything but the one spelling of a suffix: `@02x` and `@2.0x` are no suffixes. */
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
    const offered = [preset.format, ...preset.formats].find((format) => format === pinned);
    return offered === undefined || offered === 'auto' ? undefined : affordable(offered, sides);
  }
  if (preset.format !== 'auto') return affordable(preset.format, sides);
  // Only WebP keeps frames among the modern formats; the base of an animation is GIF.
  const candidates = preset.animated ? (['webp'] as const) : (['avif', 'webp'] as const);
  const format = candidates.find(
    (candidate) =>
      preset.formats.includes(candidate) && affordable(candidate, sides) === candidate && accepts(accept, candidate),
  );
  return format ?? 'base';
}

/** By the preset's size, not the rendition's, because the key must be known before the original is read. */
function affordable(output: Output, { width, height }: Sides): Output {
  const pixels = (width ?? height ?? 0) * (height ?? width ?? 0);
  return output === 'avif' && pixels > AVIF_MAX_PIXELS ? 'webp' : output;
}

function acceptClass(accept: string | undefined): string {
  if (accept === undefined || accept === '*/*') return '';
  return `${accepts(accept, 'avif') ? 'a' : ''}${accepts(accept, 'webp') ? 'w' : ''}`;
}

/**
 * Whether Accept names the format itself with a weight above 0 (RFC 9110, 12.5.1). Order and wildcards are ignored:
 * clients that read neither format send `image/*`.
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
