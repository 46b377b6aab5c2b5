import type { Overlay } from './effects/effects.ts';
import { searches } from './formats/encoding/search.ts';
import { coversParts, type Recipe } from './recipe.ts';

/** What the operations of a recipe cost beside decoding and encoding once: for each pixel, or million pixels, of the rendition. */

/** Of pixels that effects change or a background goes under: two copies, and what libvips holds of a blur. */
const EFFECT_BYTES = 16;
/** Below overlays, beside those of effects: a layer, and what libvips holds while it lays that on. */
const OVERLAY_BYTES = 8;
/** Where the encoder runs several times: the pixels, and of those that are measured both lumas and a decoded try. */
const SEARCH_BYTES = { pixels: 4, measured: 6 };
/** Of what an overlay covers: it is scaled, faded, turned and laid on. */
const OVERLAY_MS = 100;

/** Bytes a pixel. */
export function operationBytes(recipe: Recipe): number {
  const changes = recipe.effects !== undefined || coversParts(recipe);
  const searching = SEARCH_BYTES.pixels + (recipe.encoding?.ssim === undefined ? 0 : SEARCH_BYTES.measured);
  return (
    (changes ? EFFECT_BYTES : 0) + (recipe.effects?.overlay ? OVERLAY_BYTES : 0) + (searches(recipe) ? searching : 0)
  );
}

/** CPU in milliseconds a million pixels. */
export function overlayMs({ effects }: Recipe): number {
  return OVERLAY_MS * coverage(effects?.overlay ?? []);
}

/** How often overlays cover the canvas. An image without a width is taken for a small one. */
function coverage(overlays: readonly Overlay[]): number {
  return overlays.reduce((sum, { position, width = 0.3 }) => sum + (position === 'tile' ? 1 : width ** 2), 0);
}
