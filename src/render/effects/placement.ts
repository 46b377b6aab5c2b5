import type { Box, Size } from '../pixels.ts';
import { type FramePlan, type FrameRequest, shortfall } from '../stages/geometry.ts';
import type { ViewPlan } from '../stages/view/plan.ts';
import { turnedBox } from '../stages/view/view.ts';

/** Where a picture came to lie in the pixels of its rendition. */
export interface Placement {
  /** Pixels of the rendition for each pixel that the preset speaks of; less than its ratio where the original is too small. */
  readonly unit: number;
  /** Pixels of the rendition for each pixel of the original, along each side; above 1 where it is enlarged. */
  readonly scale: { readonly across: number; readonly down: number };
  /**
   * A box in fractions of the upright original, in pixels of the rendition as they are at this stage, neither rounded nor cut at the
   * window's edges: turned with the picture, and before the frame is drawn without it.
   */
  onCanvas(box: Box): Box;
  /** The window in the picture, and the canvas that the frame stage lays it on. */
  readonly plan: FramePlan;
}

/** Before the frame is drawn. `unit`: see `Effects.unit`. */
export function placementOf(view: ViewPlan, original: Size, request: FrameRequest, unit: number): Placement {
  const { plan, region, turn, shown } = view;
  const { scaled, window } = plan;
  const across = scaled.width / shown.width;
  const down = scaled.height / shown.height;
  return {
    unit: unit * shortfall(plan, shown, request),
    scale: { across, down },
    onCanvas(box) {
      const inRegion = {
        left: box.left * original.width - region.left,
        top: box.top * original.height - region.top,
        width: box.width * original.width,
        height: box.height * original.height,
      };
      const { left, top, width, height } = turnedBox(inRegion, region, turn);
      return {
        left: left * across - window.left,
        top: top * down - window.top,
        width: width * across,
        height: height * down,
      };
    },
    plan,
  };
}
