import type { PictureHeader } from '../picture-source.ts';
import { freeNow, type Pixels } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { applyAdjust } from './adjust.ts';
import { applyDetail } from './detail.ts';
import type { Effects } from './effects.ts';
import { applyFrame } from './frame.ts';
import { applyOverlays, type OverlayTools } from './overlay/overlay.ts';
import type { Placement } from './placement.ts';
import { applyRedact, type CoveredPart } from './redact.ts';
import { applyShape } from './shape.ts';

export interface EffectContext {
  readonly sharp: SharpModule;
  readonly header: PictureHeader;
  readonly recipe: Recipe;
  readonly placement: Placement;
  /** Parts to be covered, by the recipe and by the shop's edit. */
  readonly covers: readonly CoveredPart[];
  readonly tools: OverlayTools;
}

/**
 * All stages of a recipe in their order: adjust, detail, redact, shape, frame, overlay. Each makes new pixels or returns those that it
 * was given; none writes into them, because other renditions share them.
 */
export async function applyEffects(given: Pixels, effects: Effects, context: EffectContext): Promise<Pixels> {
  const { sharp, placement, covers, header, recipe, tools } = context;
  const { adjust, detail, shape, overlay } = effects;
  const made = new Set<Buffer>();
  const keep = (pixels: Pixels) => {
    if (pixels.data !== given.data) made.add(pixels.data);
    return pixels;
  };
  // Before all else, so that a blur carries nothing out of a covered part, and once more behind what changes its cover.
  let picture = keep(await applyRedact(sharp, given, covers, placement));
  const covered = picture;
  if (adjust) picture = keep(await applyAdjust(picture, adjust));
  if (detail) picture = keep(await applyDetail(sharp, picture, detail, placement));
  if (picture !== covered) picture = keep(await applyRedact(sharp, picture, covers, placement));
  const shaped = shape ? keep(await applyShape(picture, shape, placement, recipe)) : picture;
  // A backdrop is made of the picture before its corners were cut.
  let done = keep(await applyFrame(sharp, shaped, picture, { plan: placement.plan, header, recipe }));
  if (overlay) done = keep(await applyOverlays(sharp, done, overlay, placement, tools));
  for (const data of made) if (data !== done.data) freeNow(data);
  return done;
}
