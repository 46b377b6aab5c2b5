import type { PictureHeader } from '../picture-source.ts';
import type { Pixels } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { applyDetail } from './detail.ts';
import type { Effects } from './effects.ts';
import { applyOverlays, type OverlayTools } from './overlay.ts';
import type { Placement } from './placement.ts';

export interface EffectContext {
  readonly sharp: SharpModule;
  readonly header: PictureHeader;
  readonly recipe: Recipe;
  readonly placement: Placement;
  readonly tools: OverlayTools;
}

/**
 * All stages of a recipe in their order: adjust, detail, redact, shape, frame, overlay. Each makes new pixels or returns those that it
 * was given; none writes into them, because other renditions share them.
 */
export async function applyEffects(pixels: Pixels, effects: Effects, context: EffectContext): Promise<Pixels> {
  const { sharp, placement } = context;
  const { detail, overlay } = effects;
  let done = pixels;
  if (detail) done = await applyDetail(sharp, done, detail, placement);
  if (overlay) done = await applyOverlays(sharp, done, overlay, placement, context.tools);
  return done;
}
