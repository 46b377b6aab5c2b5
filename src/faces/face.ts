/** A face in fractions (0 to 1) of the upright original; `score` is the detector's confidence, 0 to 1. */
export interface Face {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly score: number;
  /** Vertical position of the eyes: 0 at the top of the picture, 1 at its bottom. */
  readonly eyesY: number;
}

/** Whether a value from the thread or from a file is a `Face`. */
export function isFace(value: unknown): value is Face {
  const face = value as Face | null;
  const numbers = [face?.left, face?.top, face?.width, face?.height, face?.score, face?.eyesY];
  return numbers.every((number) => typeof number === 'number' && number >= 0 && number <= 1);
}

/**
 * Bumped when a look finds other faces than before. It stands in records, whose faces are looked for again then, and in the keys
 * of renditions that faces may frame.
 */
export const DETECTOR_VERSION = 'blazeface-4';

/** How far the search went: over the whole picture, or over its parts too, which finds faces of 2 to 10 % of its width. */
export type LookDepth = 'whole' | 'tiles';

/** What a look said. `complete`: false when it was cut off by its limit of work; then its faces are provisional. */
export interface Look {
  readonly faces: readonly Face[];
  readonly depth: LookDepth;
  readonly complete: boolean;
}

/** Whether a value from the thread is a `Look`. */
export function isLook(value: unknown): value is Look {
  const look = value as Look | null;
  const deep = look?.depth === 'whole' || look?.depth === 'tiles';
  return deep && typeof look.complete === 'boolean' && Array.isArray(look.faces) && look.faces.every(isFace);
}

/** The detector input: RGBA, 8 bits a channel, upright sRGB without transparency. Width and height in pixels. */
export interface Probe {
  readonly data: Uint8Array;
  /** The memory is of this probe alone and may be handed over to a thread; nothing reads it afterwards. */
  readonly given?: boolean;
  readonly width: number;
  readonly height: number;
}
