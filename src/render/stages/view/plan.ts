import type { Box, Size } from '../../pixels.ts';
import type { Recipe } from '../../recipe.ts';
import { cutsAway, type FramePlan, type FrameRequest, planFrame, windowToPoint } from '../geometry.ts';
import type { Padding } from './padding.ts';
import { focusOf, type Turn, turnedBox, turnedSize, UPRIGHT, viewOf } from './view.ts';

/** A plan of what a recipe shows of an original. */
export interface ViewPlan {
  /** Sizes and boxes as they are shown: behind the turn. */
  readonly plan: FramePlan;
  /** The part of the upright original that `plan` is about, in its pixels. */
  readonly region: Box;
  readonly turn: Turn;
  /** The size of that part, turned. */
  readonly shown: Size;
  /** All of the original is shown as it is: crop, turn and edit change nothing. */
  readonly plain: boolean;
}

/** Of an upright original of this size. `trimmed`: the part of its view, in its pixels, that a border surrounds. */
export function planView(original: Size, recipe: Recipe, frames: number, trimmed?: Box): ViewPlan {
  const view = viewOf(original, recipe);
  const { region: viewed, turn } = view ?? { region: { left: 0, top: 0, ...original }, turn: UPRIGHT };
  const region = trimmed ?? viewed;
  const shown = turnedSize(region, turn);
  const plan = planFrame(shown, requestOf(recipe), frames);
  const focus = recipe.fit === 'cover' && cutsAway(plan) ? focusOf(original, recipe) : undefined;
  if (!focus) return { plan, region, turn, shown, plain: view === undefined };
  const point = { left: focus.x - region.left, top: focus.y - region.top, width: 0, height: 0 };
  const { left, top } = turnedBox(point, region, turn);
  const focused = windowToPoint(plan, { x: left / shown.width, y: top / shown.height });
  return { plan: focused, region, turn, shown, plain: view === undefined };
}

/**
 * The size that a rendition of this upright original will have, in pixels of one frame: the rule is that of `planFrame`, for what is
 * left of the original after its edit and the crop, turned. Of recipes that trim it is the size where there is no border.
 */
export function renditionSize(original: Size, recipe: Recipe, frames = 1): Size {
  return planView(original, recipe, frames).plan.canvas;
}

/** What a recipe asks of `planFrame`. */
export function requestOf(recipe: Recipe): FrameRequest {
  const { padding } = recipe.effects?.frame ?? {};
  return padding ? { ...recipe, padding: paddingIn(padding, recipe.effects?.unit ?? 1) } : recipe;
}

function paddingIn(padding: readonly [number, number, number, number], unit: number): Padding {
  const [top, right, bottom, left] = padding.map((length) => Math.round(length * unit)) as [
    number,
    number,
    number,
    number,
  ];
  return { top, right, bottom, left };
}

/**
 * The size to which all of the original is scaled for a plan, in its own orientation; its own size where the plan enlarges.
 * `scaled`: instead of the plan's own.
 */
export function wholeSize({ plan, region, turn }: ViewPlan, original: Size, scaled = plan.scaled): Size {
  const part = turnedSize(scaled, turn);
  // Rounding may leave all of it a pixel short of its part.
  const along = (length: number, from: number, all: number) => Math.max(length, Math.round((all * length) / from));
  const width = along(part.width, region.width, original.width);
  const height = along(part.height, region.height, original.height);
  return width > original.width || height > original.height ? original : { width, height };
}

/** A plan that shows all at this size, and nothing around it. */
export function wholePlan(size: Size): FramePlan {
  return { scaled: size, window: { left: 0, top: 0, ...size }, canvas: size, at: { left: 0, top: 0 } };
}
