import type { PictureHeader } from '../picture-source.ts';
import { freeNow, type Pixels } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { applyDetail } from './detail.ts';
import type { Effects } from './effects.ts';
import { applyFrame } from './frame.ts';
import type { Placement } from './placement.ts';
import { applyRedact, type CoveredPart } from './redact.ts';

export interface EffectContext {
  readonly sharp: SharpModule;
  readonly header: PictureHeader;
  readonly recipe: Recipe;
  readonly placement: Placement;
  /** Parts to be covered, by the recipe and by the shop's edit. */
  readonly covers: readonly CoveredPart[];
}

/**
 * All stages of a recipe in their order: adjust, detail, redact, shape, frame, overlay. Each makes new pixels or returns those that it
 * was given; none writes into them, because other renditions share them.
 */
export async function applyEffects(pixels: Pixels, effects: Effects, context: EffectContext): Promise<Pixels> {
  const { sharp, placement, covers, header, recipe } = context;
  const { detail } = effects;
  // Before all else, so that a blur carries nothing out of a covered part, and once more behind what changes its cover.
  const covered = await applyRedact(sharp, pixels, covers, placement);
  let done = covered;
  if (detail) done = await applyDetail(sharp, done, detail, placement);
  if (done !== covered) {
    done = await applyRedact(sharp, done, covers, placement);
    if (covered !== pixels) freeNow(covered.data);
  }
  // Before its shape: a backdrop is made of all of the picture.
  const picture = done;
  return applyFrame(sharp, done, picture, { plan: placement.plan, header, recipe });
}
