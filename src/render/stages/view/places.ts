import type { Size } from '../../pixels.ts';
import { COMPASS, type Compass, type Gravity } from '../../recipe.ts';

/** Where a rectangle lies in a larger one. */
export interface Place {
  readonly left: number;
  readonly top: number;
}

/** The point of the compass that a gravity is; undefined for all others. */
export function compassOf(gravity: Gravity | undefined): Compass | undefined {
  return COMPASS.find((point) => point === gravity);
}

export function towards(compass: Compass, size: Size, outer: Size): Place {
  const { left, top } = centred(size, outer);
  return {
    left: compass.endsWith('west') ? 0 : compass.endsWith('east') ? outer.width - size.width : left,
    top: compass.startsWith('north') ? 0 : compass.startsWith('south') ? outer.height - size.height : top,
  };
}

export function centred(size: Size, outer: Size): Place {
  return { left: Math.floor((outer.width - size.width) / 2), top: Math.floor((outer.height - size.height) / 2) };
}
