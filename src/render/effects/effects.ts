import type { Box } from '../pixels.ts';

/**
 * What a recipe does to the pixels of a rendition after they were scaled and cropped, by stage: data only. A stage that the recipe
 * does not use is absent, and so is `Recipe.effects` where it uses none: then nothing of this folder runs, and keys stay as they are.
 * All lengths are in pixels of the preset.
 */
export interface Effects {
  /** Pixels of the rendition for each pixel of the preset: 2 at `@2x`, so that a blur looks the same at each size. */
  readonly unit: number;
  readonly detail?: Detail;
  readonly redact?: Redact;
  readonly frame?: Frame;
}

export interface Detail {
  /** Standard deviation of a Gaussian blur. */
  readonly blur: number;
}

/** How a part is covered: in a colour, `#rrggbb`, or by the few samples that are left of it, in squares or run into each other. */
export type Cover = 'blur' | 'pixelate' | `#${string}`;

export interface Redact {
  /** All heads are covered so. */
  readonly faces?: Cover;
  /** Fractions of the upright original. */
  readonly boxes?: readonly Box[];
  /** Of the boxes; solid where left out. */
  readonly style?: Cover;
}

/** What is drawn around a picture beside its margin. */
export interface Frame {
  /** Pixels of the preset that stay empty at the top, right, bottom and left. */
  readonly padding?: readonly [top: number, right: number, bottom: number, left: number];
  /** What lies behind the picture instead of one colour: a blurred copy of it, or the colour of its edges. */
  readonly backdrop?: 'blur' | 'auto';
}
