import { type Pixels, type Size, sizeWithin } from '../pixels.ts';
import type { ViewPlan } from '../stages/view/plan.ts';
import type { HeldPlanes } from './engine.ts';

/** An original that the engine decoded once, for a look and for what is made by what was seen. Disposing of it frees its planes. */
export interface HeldPicture extends Disposable {
  readonly planes: HeldPlanes;
  /** All of it for a look, upright: at the size that was wanted or the nearest that the planes have, in four channels, opaque. */
  whole(): Promise<Pixels | undefined>;
  /** What a view shows, at the size of its plan's window, in three channels. Undefined where that is not smaller. */
  look(view: ViewPlan): Promise<Pixels | undefined>;
}

/** What will be made of a picture that is held. */
export interface HeldFor {
  /** All that is shown, at the size from which the nearest rendition would be cut. */
  readonly nearest: Size;
  /** Longer side of the pixels of a look, in pixels. */
  readonly lookSide: number;
  /** The look is made at once: where it is known that it is wanted. */
  readonly looksNow?: boolean;
  /** Planes may take so many bytes. */
  readonly mostBytes: number;
}

/** Holds the source of a render; undefined where the engine does not make its rendition. */
export type Hold = (wanted: Omit<HeldFor, 'mostBytes'>) => Promise<HeldPicture | undefined>;

/** engine/src/planes.rs says why: so much is left to shrink behind libjpeg, by the eighths to which it decodes. */
const LEAST_STEP = [
  [1, 1.25],
  [2, 1.25],
  [4, 1.5],
] as const;
/** So much of a look's side is enough: half as much is decoded then, and no fewer faces are found (look-depth.ts). */
const ENOUGH = 7 / 8;
/** What is left to shrink behind means of squares, which are softer than what libjpeg leaves. */
const GLANCE_STEP = 1.25;

/**
 * The eighths of its size at which a picture is held: as the rendition alone would be decoded, or more, so that the look has pixels
 * enough. `glance`: by how much it is shrunk for that. `shown`: what `nearest` is of; `size`: of the original.
 */
export function scalesFor(
  size: Size,
  shown: Size,
  { nearest, lookSide }: HeldFor,
): { readonly eighths: number; readonly glance: number } {
  const step = Math.min(shown.width / nearest.width, shown.height / nearest.height);
  const longer = Math.max(size.width, size.height);
  const least = ENOUGH * Math.min(lookSide, longer);
  const enough = ([eighths, most]: (typeof LEAST_STEP)[number]) =>
    (step * eighths) / 8 >= most && (longer * eighths) / 8 >= least;
  const eighths = LEAST_STEP.find(enough)?.[0] ?? 8;
  const shrinks = (by: number) => eighths % by === 0 && (longer * eighths) / 8 / by >= GLANCE_STEP * lookSide;
  return { eighths, glance: [8, 4, 2].find(shrinks) ?? 1 };
}

/** The size of all of a picture for a look: not more than its planes have on their longer side, and smaller than it is. */
export function lookedSize(size: Size, most: number, lookSide: number): Size {
  const longer = Math.max(size.width, size.height);
  return sizeWithin(Math.min(lookSide, longer - 1, Math.floor(most)), size);
}
