import type { LookDepth } from '../../faces/face.ts';
import type { Size } from '../pixels.ts';
import { type FramePlan, workingSize } from './geometry.ts';

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
