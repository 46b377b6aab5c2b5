import type { LookDepth } from '../../faces/face.ts';
import type { Size } from '../pixels.ts';
import { type FramePlan, workingSize } from './geometry.ts';

/**
 * Longer side of the detector input in pixels. The models look at 192 × 192 of it at a time, so what a look over the whole needs
 * is enough for its close-ups; decoding twice as much costs a cold thumb 11 ms of CPU (bench/face-passes.ts).
 */
export const PROBE_SIDE_PX: Readonly<Record<LookDepth, number>> = { whole: 320, tiles: 640 };

/** So much of that side is enough, where libjpeg then decodes to half the size: that saves 4 ms of CPU, and no fewer faces are found. */
const ENOUGH = 7 / 8;
/** From these reductions on sharp has libjpeg scale by 8, 4 and 2 (`jpegShrinkOnLoad` in its pipeline). */
const DECODED_SMALLER = [9, 5, 3];

/** Faces from this share of the picture's width are found without its tiles in nineteen of twenty cases (bench/faces.ts). */
const FOUND_IN_WHOLE = 0.05;
/** Narrower faces are not recognised as such in a rendition: to keep or to cut one makes no difference. */
const NOTICED_PX = 12;

/**
 * How deep to look for the faces that may frame a rendition: over the tiles only where the faces that need them would be at
 * least 12 pixels wide in it, zoomed in as far as the recipe allows. So a thumb of 150 × 150 of a landscape in 4:3, where the
 * whole picture is 200 pixels wide, needs none. `part`: of the original, what its border surrounds.
 */
export function lookDepthFor(plan: FramePlan, original: Size, part: Size, faceZoom: number): LookDepth {
  const scale = workingSize(plan, part, faceZoom, 1).width / part.width;
  return original.width * scale * FOUND_IN_WHOLE < NOTICED_PX ? 'whole' : 'tiles';
}

/** The size to decode of a picture whose rendition may be framed on faces: enough for the look and for the rendition. */
export function lookedAtSize(plan: FramePlan, original: Size, part: Size, faceZoom: number): Size {
  const side = PROBE_SIDE_PX[lookDepthFor(plan, original, part, faceZoom)];
  const most = workingSize(plan, part, faceZoom, side);
  // A JPEG's scale falls where both sides are reduced by so much, which rounding may delay by a pixel.
  const longest = Math.max(part.width, part.height);
  for (const by of DECODED_SMALLER) {
    if (reduction(part, most) >= by) return most;
    for (let least = Math.min(side, Math.floor(longest / by)); least >= ENOUGH * side; least -= 1) {
      const size = workingSize(plan, part, faceZoom, least);
      if (reduction(part, size) >= by) return size;
    }
  }
  return most;
}

function reduction(from: Size, to: Size): number {
  return Math.min(from.width / to.width, from.height / to.height);
}
