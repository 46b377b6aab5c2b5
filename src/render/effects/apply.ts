import type { PictureHeader } from '../picture-source.ts';
import { freeNow, type Pixels } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { applyAdjust } from './adjust.ts';
import { applyDetail } from './detail.ts';
import type { Effects } from './effects.ts';
import type { Placement } from './placement.ts';
import { applyShape } from './shape.ts';

export interface EffectContext {
  readonly sharp: SharpModule;
  readonly header: PictureHeader;
  readonly recipe: Recipe;
  readonly placement: Placement;
}

type Stage = (pixels: Pixels, effects: Effects, context: EffectContext) => Pixels | Promise<Pixels>;

/** In their order: adjust, detail, redact, shape, frame, overlay. */
const STAGES: readonly Stage[] = [
  (pixels, { adjust }) => (adjust ? applyAdjust(pixels, adjust) : pixels),
  (pixels, { detail }, { sharp, placement, header }) =>
    detail ? applyDetail(sharp, pixels, detail, placement, header) : pixels,
  (pixels, { shape }, { placement, recipe, header }) =>
    shape ? applyShape(pixels, shape, placement, recipe, header) : pixels,
];

/**
 * All stages of a recipe. Each makes new pixels or returns those that it was given; none writes into them, because other renditions
 * share them.
 */
export async function applyEffects(pixels: Pixels, effects: Effects, context: EffectContext): Promise<Pixels> {
  let done = pixels;
  for (const stage of STAGES) {
    const made = await stage(done, effects, context);
    if (made.data !== done.data && done.data !== pixels.data) freeNow(done.data);
    done = made;
  }
  return done;
}
