import { placementOf } from '../effects/placement.ts';
import { groundOf, outlineOf } from '../effects/shape.ts';
import { takenByScaling } from '../effects/unsharp.ts';
import { isWide } from '../formats/colour/display-p3.ts';
import type { PictureHeader } from '../picture-source.ts';
import { coversParts, type Recipe } from '../recipe.ts';
import { requestOf, type ViewPlan } from '../stages/view/plan.ts';
import type { EngineJob } from './engine.ts';

/** Whether a recipe asks for nothing but geometry, an encoder, and what the engine draws in planes. */
export function isOrdinary(header: PictureHeader, recipe: Recipe): boolean {
  return drawsInPlanes(recipe) && !coversParts(recipe) && isInView(header, recipe);
}

/** Whether the pixels of a view, in the colours of sRGB, are those that a recipe's effects and encoder begin with. */
function isInView(header: PictureHeader, recipe: Recipe): boolean {
  return !recipe.motion && recipe.trim === undefined && !isWide(header, recipe);
}

/** Round corners, and the detail that scaling down took. */
function drawsInPlanes({ effects, output }: Recipe): boolean {
  if (!effects) return true;
  const { unit, shape, detail, ...more } = effects;
  const others = [...Object.values(more), shape?.border, detail?.blur, detail?.pixelate];
  const sharpens = detail === undefined || detail.sharpen === 'auto';
  // What is rounded turns transparent, and a PNG then.
  return sharpens && (output !== 'base' || !shape) && others.every((stage) => stage === undefined);
}

/** It, for a view of these sizes. */
export function drawnBy(header: PictureHeader, view: ViewPlan, recipe: Recipe): Pick<EngineJob, 'outline' | 'sharpen'> {
  if (!recipe.effects) return {};
  const { shape, detail, unit: perPixel } = recipe.effects;
  const { unit, scale, plan } = placementOf(view, header.size, requestOf(recipe), perPixel);
  const { cuts, half, radius } = outlineOf({ left: 0, top: 0, ...plan.canvas }, shape ?? {}, unit);
  const ground = groundOf({ channels: 3 }, recipe)?.map(Math.round);
  const sharpen = detail ? takenByScaling(Math.sqrt(scale.across * scale.down)) : 0;
  return {
    ...(cuts ? { outline: { halfWidth: half[0], halfHeight: half[1], radius, ...(ground ? { ground } : {}) } } : {}),
    ...(sharpen > 0 ? { sharpen } : {}),
  };
}

/** Whether a rendition is made of pixels by an encoder to 4:2:0, which keeps all that the engine gives. */
export function takesHalved(header: PictureHeader, recipe: Recipe): boolean {
  const { output, lossless, encoding, effects, copyright } = recipe;
  const halves = output === 'webp' || output === 'avif' || output === 'jpeg' || (output === 'base' && !effects?.shape);
  return halves && !lossless && !copyright && encoding?.chroma !== '4:4:4' && isInView(header, recipe);
}
