import type { LookDepth } from '../../faces/face.ts';
import type { Size } from '../pixels.ts';
import { type FramePlan, workingSize } from './geometry.ts';

/**
 * Longer side of the detector input in pixels. The models look at 192 × 192 of it at a time, so what a look over the whole needs
 * is enough for its close-ups; decoding twice as much costs a cold thumb 11 ms of CPU (bench/face-passes.ts).
 */
export const PROBE_SIDE_PX: Readonly<Record<LookDepth, number>> = { whole: 320, tiles: 640 };

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
  return workingSize(plan, part, faceZoom, PROBE_SIDE_PX[lookDepthFor(plan, original, part, faceZoom)]);
}
