import type { Box, Size } from '../pixels.ts';
import { type FramePlan, type FrameRequest, shortfall } from '../stages/geometry.ts';

/** Where a picture came to lie on the canvas of its rendition. */
export interface Placement {
  /** Pixels of the canvas for each pixel that the preset speaks of; less than its ratio where the original is too small. */
  readonly unit: number;
  /** The part of the canvas that shows the picture; all of it but a margin. */
  readonly picture: Box;
  /** A box in fractions of the upright original, in pixels of the canvas, neither rounded nor cut at the window's edges. */
  onCanvas(box: Box): Box;
}

/** `region`: the part of the original, in its pixels, that `plan` is about; `unit`: see `Effects.unit`. */
export function placementOf(
  plan: FramePlan,
  region: Box,
  original: Size,
  request: FrameRequest,
  unit: number,
): Placement {
  const { scaled, window, at } = plan;
  const across = scaled.width / region.width;
  const down = scaled.height / region.height;
  return {
    unit: unit * shortfall(plan, region, request),
    picture: { ...at, width: window.width, height: window.height },
    onCanvas: ({ left, top, width, height }) => ({
      left: (left * original.width - region.left) * across - window.left + at.left,
      top: (top * original.height - region.top) * down - window.top + at.top,
      width: width * original.width * across,
      height: height * original.height * down,
    }),
  };
}
