import type { Recipe } from '../render/recipe.ts';
import type { Rendition } from './rendition.ts';

/** Formats that every browser reads. */
const BASE = /^image\/(jpeg|png|gif)$/;

/**
 * Of renditions of the same crop of one original, the best stand-in for `recipe`: the next larger one, else the largest.
 * `accepts`: of a negotiated request, whose client may take another format; told a media type.
 */
export function fallbackOf(
  kept: readonly Rendition[],
  recipe: Recipe,
  accepts: ((mediaType: string) => boolean) | undefined,
): Rendition | undefined {
  const fits = ({ contentType }: Rendition) =>
    recipe.output === 'base'
      ? BASE.test(contentType)
      : contentType === `image/${recipe.output}` ||
        (accepts !== undefined && (BASE.test(contentType) || accepts(contentType)));
  const bySize = kept.filter(fits).sort((a, b) => area(a) - area(b));
  const enough = ({ width, height }: Rendition) =>
    width >= (recipe.width ?? Infinity) || height >= (recipe.height ?? Infinity);
  return bySize.find(enough) ?? bySize.at(-1);
}

function area({ width, height }: Rendition): number {
  return width * height;
}
