import { parseInlinePreset } from '../../presets/inline.ts';
import { parseSuffix } from '../../presets/variants.ts';
import { parseImagePath } from '../../url/parse-image-path.ts';
import { SCHEME_READERS } from '../legacy-urls.ts';
import { recipeText } from '../recipe-text.ts';
import { LegacyRefusal, type ReadingSettings } from '../scheme.ts';

/** What a logged URL asked for. */
export type Asked =
  /** One of the shop's presets: it is there already. */
  | { readonly kind: 'preset'; readonly name: string }
  | { readonly kind: 'recipe'; readonly recipe: AskedRecipe }
  /** An old URL with an option that has no equal; the sentence names it. */
  | { readonly kind: 'refused'; readonly sentence: string };

export interface AskedRecipe {
  /** All fields of the inline recipe but size, format and quality. */
  readonly look: string;
  /** CSS pixels; at least one of the two. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly ratio: number;
  /** `base`: none was said. */
  readonly format: string;
  readonly quality: string;
}

export interface AskedOptions {
  /** Of the running server. */
  readonly presets: ReadonlySet<string>;
  readonly reading: ReadingSettings;
  readonly pathPrefix: string;
}

const MAX_SIDE_PX = 8192;
const SIZE_AND_CODE = /^(w|h|f|q|qs)$/;
const ORDER = [SCHEME_READERS.cloudinary, SCHEME_READERS.thumbor, SCHEME_READERS.imgproxy];

/** Undefined for paths of anything else than pictures. Signatures are not looked at: the log says what was asked. */
export function askedBy(target: string, options: AskedOptions): Asked | undefined {
  const path = target.startsWith(`${options.pathPrefix}/`) ? target.slice(options.pathPrefix.length) : target;
  return ours(path, options) ?? theirs(path.replace(/\?.*/s, ''), options);
}

function ours(path: string, { presets }: AskedOptions): Asked | undefined {
  if (!/^\/[\w-]{22}\//.test(path)) return undefined;
  try {
    const { preset, suffix } = parseImagePath(path);
    if (presets.has(preset)) return { kind: 'preset', name: preset };
    const fields = parseInlinePreset(preset);
    const chosen = parseSuffix(suffix);
    if (!fields || !chosen) return undefined;
    const { ratio = 1, width, format } = chosen;
    const recipe = recipeOf(preset, ratio);
    return (
      recipe && { kind: 'recipe', recipe: { ...recipe, ...scaledTo(recipe, width), ...(format ? { format } : {}) } }
    );
  } catch {
    return undefined;
  }
}

function theirs(path: string, { reading }: AskedOptions): Asked | undefined {
  for (const scheme of ORDER) {
    const split = scheme.split(path, reading);
    if (!split) continue;
    try {
      const { wish, source } = scheme.read(split, reading);
      // Any path of two words can be read as Base64.
      if (scheme.name === 'imgproxy' && !/[./]/.test(source)) return undefined;
      const recipe = recipeOf(recipeText({ ...wish, ratio: 1 }), wish.ratio);
      return recipe && { kind: 'recipe', recipe: wish.format === 'auto' ? { ...recipe, format: 'auto' } : recipe };
    } catch (error) {
      if (!(error instanceof LegacyRefusal)) throw error;
      return error.kind === 'unknown_option' ? { kind: 'refused', sentence: error.message } : undefined;
    }
  }
  return undefined;
}

function recipeOf(text: string, ratio: number): AskedRecipe | undefined {
  const said = new Map(
    text.split(',').map((part) => [part.slice(0, part.indexOf('_')), part.slice(part.indexOf('_') + 1)]),
  );
  const look = text.split(',').filter((part) => !SIZE_AND_CODE.test(part.slice(0, part.indexOf('_'))));
  const [width, height] = ['w', 'h'].map((name) => (said.has(name) ? Number(said.get(name)) : undefined));
  const longest = Math.max(width ?? 0, height ?? 0) * ratio;
  if (longest < 1 || longest > MAX_SIDE_PX) return undefined;
  const quality = said.get('q') ?? '80';
  return { ...{ width, height, ratio, quality }, look: look.join(','), format: said.get('f') ?? 'base' };
}

/** Of `@640w`: the preset's shape at another width. */
function scaledTo({ width, height }: AskedRecipe, to: number | undefined): Partial<AskedRecipe> {
  if (to === undefined || width === undefined) return {};
  return { width: to, height: height === undefined ? undefined : Math.max(1, Math.round((height * to) / width)) };
}
