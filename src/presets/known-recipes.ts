import { DarkroomError } from '../errors.ts';
import type { Recipe } from '../render/recipe.ts';
import { namesIn } from './fields/overlays/overlays.ts';
import type { Preset } from './schema.ts';

interface Known {
  readonly preset: string;
  /** As in a variant: without the format. */
  readonly suffix: string;
}

type Resolve = (name: string, suffix: string, accept: string | undefined) => Known & { readonly recipe: Recipe };

const ACCEPTS = [undefined, 'image/webp', 'image/avif', 'image/avif,image/webp'];
/** Looked up within one request, so their making may not take long. */
const MOST = 5_000;

/**
 * Finds the variant of a named preset that a recipe is, so that another spelling of it shares that variant's renditions. All variants
 * are resolved when the first recipe is looked up, and again when an asset was changed.
 */
export function createKnownRecipes(named: ReadonlyMap<string, Preset>, resolve: Resolve) {
  let recipes: Map<string, Known> | undefined;
  let made: number | undefined;

  return function known(recipe: Recipe, revision: number): Known | undefined {
    if (!recipes || made !== revision) recipes = allRecipes(named, resolve);
    made = revision;
    return recipes.get(spelled(recipe));
  };
}

function allRecipes(named: ReadonlyMap<string, Preset>, resolve: Resolve): Map<string, Known> {
  const recipes = new Map<string, Known>();
  for (const [name, preset] of named) {
    // Texts with variables are other ones in each URL.
    if (preset.format === 'original' || namesIn(preset.overlays).size > 0) continue;
    for (const { suffix, accept } of spellingsOf(preset)) {
      if (recipes.size >= MOST) return recipes;
      try {
        const variant = resolve(name, suffix, accept);
        const text = spelled(variant.recipe);
        if (!recipes.has(text)) recipes.set(text, { preset: name, suffix: variant.suffix });
      } catch (error) {
        // A preset whose asset is gone for now.
        if (!(error instanceof DarkroomError)) throw error;
      }
    }
  }
  return recipes;
}

function spellingsOf({ widths, pixelRatios, format, formats }: Preset) {
  const sizes = ['', ...pixelRatios.map((ratio) => `@${ratio}x`), ...widths.map((width) => `@${width}w`)];
  const negotiated = format === 'auto' ? ACCEPTS : [undefined];
  const pinned = [...new Set([...formats, ...(format === 'auto' ? [] : [format])])];
  return sizes.flatMap((size) => [
    ...negotiated.map((accept) => ({ suffix: size, accept })),
    ...pinned.map((each) => ({ suffix: `${size}.${each}`, accept: undefined })),
  ]);
}

function spelled(recipe: Recipe): string {
  return JSON.stringify(Object.entries(recipe).sort(([a], [b]) => (a < b ? -1 : 1)));
}
