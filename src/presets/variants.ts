import { DETECTOR_VERSION } from '../faces/face.ts';
import { type Gravity, type Output, type Recipe, seeksFaces } from '../render/recipe.ts';
import { AVIF_MAX_PIXELS } from '../url/preset-defaults.ts';
import { accepts } from './accept.ts';
import { adjustOf } from './fields/adjust.ts';
import { detailOf } from './fields/detail.ts';
import { encodingOf } from './fields/encode.ts';
import { colourOf, frameOf, geometryOf, sidesOf } from './fields/geometry.ts';
import { pagesOf } from './fields/pages.ts';
import { redactOf } from './fields/redact.ts';
import { shapeOf } from './fields/shape.ts';
import { DEFAULT_TRIM_TOLERANCE, type Preset } from './schema.ts';

/** A suffix as the URL has it. */
export interface Suffix {
  readonly ratio: number | undefined;
  readonly width: number | undefined;
  readonly format: string | undefined;
}

/** Sides of a variant in pixels, and the suffix of its key: `@2x`, `@640w` or empty. */
export interface VariantSize {
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly suffix: string;
  /** Pixels of this variant for each pixel that the preset speaks of. */
  readonly unit: number;
}

/** Undefined for anything but the one spelling of a suffix: `@02x` and `@2.0x` are no suffixes. */
export function parseSuffix(text: string): Suffix | undefined {
  const [matched, ratio, width, format] = /^(?:@(\d+(?:\.\d+)?)x|@(\d+)w)?(?:\.([a-z]+))?$/.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const canonical = [ratio, width].every((number) => number === undefined || String(Number(number)) === number);
  if (!canonical) return undefined;
  return { ratio: ratio ? Number(ratio) : undefined, width: width ? Number(width) : undefined, format };
}

/** Undefined for sizes that the preset does not declare. */
export function sizeOf(preset: Preset, { ratio, width }: Suffix): VariantSize | undefined {
  const { width: baseWidth, height: baseHeight } = sidesOf(preset);
  // An original has one size.
  if (preset.format === 'original' && (width !== undefined || (ratio ?? 1) !== 1)) return undefined;
  if (width !== undefined) {
    if (!preset.widths.includes(width)) return undefined;
    if (preset.aspectRatio !== undefined) {
      const sides = sidesOf({ width, height: undefined, aspectRatio: preset.aspectRatio });
      return { ...sides, suffix: `@${width}w`, unit: width / (baseWidth ?? width) };
    }
    const height = baseWidth && baseHeight ? Math.max(1, Math.round((baseHeight * width) / baseWidth)) : undefined;
    return { width, height, suffix: `@${width}w`, unit: baseWidth ? width / baseWidth : 1 };
  }
  if (ratio !== undefined && !preset.pixelRatios.includes(ratio)) return undefined;
  const scaled = (length: number | undefined) =>
    length === undefined ? undefined : Math.max(1, Math.round(length * (ratio ?? 1)));
  const suffix = (ratio ?? 1) === 1 ? '' : `@${ratio}x`;
  const sides = sidesOf({
    width: scaled(preset.width),
    height: scaled(preset.height),
    aspectRatio: preset.aspectRatio,
  });
  return { ...sides, suffix, unit: ratio ?? 1 };
}

/** The one output of a suffix and an Accept; undefined for formats that the preset does not declare. */
export function outputOf(
  preset: Preset,
  size: VariantSize,
  pinned: string | undefined,
  accept: string | undefined,
): Output | undefined {
  return outputsOf(preset, size, pinned)?.find((output) => isTaken(output, preset, pinned, accept));
}

/** Every output that a suffix may lead to, the one that is preferred first; undefined for undeclared formats. */
export function outputsOf(preset: Preset, size: VariantSize, pinned: string | undefined): Output[] | undefined {
  if (preset.format === 'original') return pinned === undefined || pinned === 'original' ? ['original'] : undefined;
  if (pinned !== undefined) {
    const offered = [preset.format, ...preset.formats].find((format) => format === pinned);
    return offered === undefined || offered === 'auto' ? undefined : [affordable(offered, size)];
  }
  if (preset.format !== 'auto') return [affordable(preset.format, size)];
  // Only WebP keeps frames among the modern formats; the base of an animation is GIF. AVIF without loss is larger than WebP.
  const candidates = preset.animated || preset.lossless === true ? (['webp'] as const) : (['avif', 'webp'] as const);
  const declared = candidates.filter(
    (candidate) => preset.formats.includes(candidate) && affordable(candidate, size) === candidate,
  );
  return [...declared, 'base'];
}

function isTaken(output: Output, preset: Preset, pinned: string | undefined, accept: string | undefined): boolean {
  const negotiated = pinned === undefined && preset.format === 'auto' && output !== 'base';
  return !negotiated || accepts(accept, `image/${output}`);
}

/**
 * In what a negotiated AVIF's client is sent drawn pictures: see `Recipe.sharper`. Whatever reads AVIF reads WebP, which came ten
 * years before; another class of clients would be one more object in every CDN.
 */
export function sharperOf({ format, formats, lossless }: Preset, output: Output): Recipe['sharper'] {
  if (format !== 'auto' || output !== 'avif' || lossless === false) return undefined;
  return formats.includes('webp') ? 'webp' : 'png';
}

/** By the preset's size, not the rendition's, because the key must be known before the original is read. */
function affordable(output: Output, { width, height }: VariantSize): Output {
  const pixels = (width ?? height ?? 0) * (height ?? width ?? 0);
  return output === 'avif' && pixels > AVIF_MAX_PIXELS ? 'webp' : output;
}

/** `faces`: whether this server detects faces; without, face-aware presets crop by attention, and their keys say so. */
export function recipeOf(preset: Preset, { width, height, unit }: VariantSize, output: Output, faces: boolean): Recipe {
  const { fit, effort, animated, gamut, trim, margin, keepCopyright, lossless } = preset;
  // Faces are known of the first page alone.
  const gravity = faces && !preset.page ? preset.gravity : withoutFaces(preset.gravity);
  const background = colourOf(preset.background);
  return {
    ...{ width, height, fit, output, effort, background, animated, gamut, gravity },
    ...encodingOf(preset, output),
    ...pagesOf(preset),
    // Absent, not undefined: a key is made of the names too, and those of all other recipes are to stay.
    ...(seeksFaces({ fit, gravity }) || preset.redact?.faces ? { detector: DETECTOR_VERSION } : {}),
    faceZoom: faces && !preset.page ? preset.faceZoom : 1,
    trim: typeof trim === 'object' ? trim.tolerance : trim ? DEFAULT_TRIM_TOLERANCE : undefined,
    margin: margin / 100,
    copyright: keepCopyright,
    ...(preset.keepMetadata ? { keepMetadata: true } : {}),
    ...(lossless === 'auto' ? {} : { lossless }),
    ...geometryOf(preset),
    ...effectsOf(preset, unit),
  };
}

/** Absent without effects, so that keys of recipes that use none stay. */
function effectsOf(preset: Preset, unit: number): Pick<Recipe, 'effects'> {
  const picture = { ...adjustOf(preset), ...detailOf(preset), ...redactOf(preset) };
  const stages = { ...picture, ...shapeOf(preset), ...frameOf(preset) };
  return Object.keys(stages).length === 0 ? {} : { effects: { unit, ...stages } };
}

function withoutFaces(gravity: Gravity): Gravity {
  return gravity === 'auto' || gravity === 'faces' ? 'attention' : gravity;
}
