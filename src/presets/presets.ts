import { errors } from '../errors.ts';
import type { Recipe } from '../render/recipe.ts';
import { accepts } from './accept.ts';
import { fitsEncodeBudget, refuseDearPresets } from './encode-budget.ts';
import { refuseFaceCovers } from './face-covers.ts';
import { sidesOf } from './fields/geometry.ts';
import { namesIn, overlaysOf } from './fields/overlays/overlays.ts';
import { parseInlinePreset } from './inline.ts';
import { type KnownAssets, NO_ASSETS } from './known-assets.ts';
import { createKnownRecipes } from './known-recipes.ts';
import { refuseMissingAssets } from './named-assets.ts';
import { checkPresets, type Preset } from './schema.ts';
import { outputOf, parseSuffix, recipeOf, sharperOf, sizeOf } from './variants.ts';

/** A preset with its suffix resolved: the recipe, and the name that stands in the rendition's key. */
export interface Variant {
  readonly preset: string;
  /** `@2x`, `@640w` or empty, in the one spelling that stands in keys. */
  readonly suffix: string;
  readonly recipe: Recipe;
  /** Lifetime in HTTP caches, in seconds; a year where left out. */
  readonly maxAge?: number | undefined;
  /** For how long after that caches may send it while they ask anew, in seconds. */
  readonly staleWhileRevalidate?: number | undefined;
  /** Whether browsers alone may keep it. */
  readonly private?: boolean;
  /** What is sent where the original cannot be shown: the digest of an asset, and the status of the answer. */
  readonly fallback?: { readonly image: string; readonly status: 200 | 404 };
}

export interface Presets {
  /** Whether the Accept header takes part in the answer of this URL. False for presets that do not exist. */
  negotiates(name: string, suffix: string): boolean;
  /**
   * Throws `unknown_preset` for every name, recipe, size, format and variable that is not declared. `variables`: of the URL, which
   * carries some or none.
   */
  resolve(
    name: string,
    suffix: string,
    accept: string | undefined,
    variables?: Readonly<Record<string, string>>,
  ): Variant;
  /**
   * As `resolve`, of an inline recipe that this server wrote itself: whether or not URLs may carry one, and never a preset of that
   * name. Throws `unknown_preset`.
   */
  resolveInline(recipe: string, accept: string | undefined): Variant;
  /** The preset of a name, with its suffix, that one recipe is a variant of. */
  knownAs(recipe: Recipe): Pick<Variant, 'preset' | 'suffix'> | undefined;
  /** The one spelling of a declared suffix: without `@1x`, and without the preset's own format. */
  canonicalSuffix(name: string, suffix: string): string;
  /** The class of an Accept header: equal classes get equal answers. A few letters. */
  acceptClass(accept: string | undefined): string;
  /** Another number whenever the same call of `resolve` gives another variant, because an asset was changed. */
  readonly revision: number;
  readonly names: readonly string[];
  /** That of the longest side, at pixel ratio 1. Undefined without presets. */
  readonly largest: { readonly preset: string; readonly sidePx: number } | undefined;
}

export interface PresetsOptions {
  readonly definitions: unknown;
  readonly inline: boolean;
  /** Whether this server detects faces; if not, face-aware presets crop by attention, and their keys say so. */
  readonly faces: boolean;
  /**
   * Milliseconds: presets and inline recipes whose encodes take too much of it are refused (encode-budget.ts). Infinite
   * where left out.
   */
  readonly renderTimeoutMs?: number;
  /** None where left out. */
  readonly assets?: KnownAssets;
}

/** Throws a PresetsError for presets that this server could not serve: dear ones, assets that are not there, covers without a look. */
export function refuseUnusable(
  presets: Readonly<Record<string, Preset>>,
  { renderTimeoutMs, faces, assets }: Required<Pick<PresetsOptions, 'renderTimeoutMs' | 'faces' | 'assets'>>,
): void {
  refuseMissingAssets(presets, assets);
  refuseDearPresets(presets, renderTimeoutMs);
  if (!faces) refuseFaceCovers(presets);
}

/** Throws a PresetsError for definitions that are not valid, name no asset, or whose encodes would take too long. */
export function createPresets(options: PresetsOptions): Presets {
  const checked = checkPresets(options.definitions);
  const { renderTimeoutMs = Number.POSITIVE_INFINITY, assets = NO_ASSETS } = options;
  refuseUnusable(checked, { renderTimeoutMs, faces: options.faces, assets });
  const named = new Map(Object.entries(checked));

  function find(name: string): Preset | undefined {
    return named.get(name) ?? (options.inline ? parseInlinePreset(name) : undefined);
  }

  function resolve(
    name: string,
    preset: Preset | undefined,
    suffix: string,
    accept: string | undefined,
    variables?: Readonly<Record<string, string>>,
  ): Variant {
    const chosen = parseSuffix(suffix);
    const size = preset && chosen && sizeOf(preset, chosen);
    const output = size && outputOf(preset, size, chosen.format, accept);
    if (!preset || !output || !size) throw errors.presetNotFound();
    if (!options.faces && preset.redact?.faces) throw errors.presetNotFound();
    // Ignored, each that the preset does not name would be a way around the CDN's cache.
    if (!sameNames(namesIn(preset.overlays), variables)) throw errors.presetNotFound();
    // Of the presets with a name, all variants were looked at when they were read.
    if (named.get(name) !== preset && !fitsEncodeBudget(preset, chosen, renderTimeoutMs)) throw errors.presetNotFound();
    const sharper = chosen.format === undefined ? sharperOf(preset, output) : undefined;
    const overlay = preset.overlays && overlaysOf(preset.overlays, variables ?? {}, assets);
    const fallback = preset.fallback === undefined ? undefined : assets.image(preset.fallback);
    // Of an inline recipe: no such asset, or too long a text.
    if ((preset.overlays && !overlay) || (preset.fallback && !fallback)) throw errors.presetNotFound();
    const recipe = recipeOf(preset, size, output, options.faces);
    const drawn = overlay && overlay.length > 0 ? { effects: { unit: size.unit, ...recipe.effects, overlay } } : {};
    const { maxAge, staleWhileRevalidate } = preset;
    return {
      ...{ preset: name, suffix: size.suffix, maxAge, staleWhileRevalidate, private: preset.private },
      recipe: { ...recipe, ...drawn, ...(sharper ? { sharper } : {}) },
      ...(fallback ? { fallback: { image: fallback, status: preset.fallbackStatus ?? 404 } } : {}),
    };
  }

  const known = createKnownRecipes(named, (name, suffix, accept) => resolve(name, named.get(name), suffix, accept));

  return {
    negotiates(name, suffix) {
      return find(name)?.format === 'auto' && parseSuffix(suffix)?.format === undefined;
    },
    resolve: (name, suffix, accept, variables) => resolve(name, find(name), suffix, accept, variables),
    resolveInline: (recipe, accept) => resolve(recipe, parseInlinePreset(recipe), '', accept),
    knownAs: (recipe) => known(recipe, assets.revision),
    canonicalSuffix(name, suffix) {
      const chosen = suffix === '' ? undefined : parseSuffix(suffix);
      if (!chosen) return suffix;
      const { ratio = 1, width, format } = chosen;
      const size = width !== undefined ? `@${width}w` : ratio === 1 ? '' : `@${ratio}x`;
      return format === undefined || format === find(name)?.format ? size : `${size}.${format}`;
    },
    acceptClass,
    get revision() {
      return assets.revision;
    },
    names: [...named.keys()],
    largest: largestOf(named),
  };
}

function sameNames(names: ReadonlySet<string>, variables: Readonly<Record<string, string>> = {}): boolean {
  const given = Object.keys(variables);
  return given.length === names.size && given.every((name) => names.has(name));
}

function largestOf(named: ReadonlyMap<string, Preset>): Presets['largest'] {
  const sides = [...named].map(([preset, fields]) => {
    const { width = 0, height = 0 } = sidesOf(fields);
    return { preset, sidePx: Math.max(width, height) };
  });
  return sides.toSorted((a, b) => b.sidePx - a.sidePx)[0];
}

function acceptClass(accept: string | undefined): string {
  if (accept === undefined || accept === '*/*') return '';
  return `${accepts(accept, 'image/avif') ? 'a' : ''}${accepts(accept, 'image/webp') ? 'w' : ''}`;
}
