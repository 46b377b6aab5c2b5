import type { Box } from '../pixels.ts';

/**
 * What a recipe does to the pixels of a rendition after they were scaled and cropped, by stage: data only. A stage that the recipe
 * does not use is absent, and so is `Recipe.effects` where it uses none: then nothing of this folder runs, and keys stay as they are.
 * All lengths are in pixels of the preset, all colours `#rrggbb` in sRGB.
 */
export interface Effects {
  /** Pixels of the rendition for each pixel of the preset: 2 at `@2x`, so that a blur looks the same at each size. */
  readonly unit: number;
  readonly adjust?: Adjust;
  readonly detail?: Detail;
  readonly redact?: Redact;
  readonly frame?: Frame;
}

/** Done in the order of these fields, whatever that of the preset. Fields that would change nothing are absent. */
export interface Adjust {
  /** Brings a dark or dull photo to ordinary levels: see `levelsOf`. */
  readonly normalize?: true;
  /** Factor on all levels, as in CSS. */
  readonly brightness?: number;
  /** Factor on the distance from the middle level, as in CSS. */
  readonly contrast?: number;
  /** Levels, 0 to 1, are raised to the power of 1 / gamma: above 1 the middle ones become lighter. */
  readonly gamma?: number;
  /** 0 is grey, 1 leaves it, as in CSS. */
  readonly saturation?: number;
  /** Degrees, as in CSS. */
  readonly hue?: number;
  readonly toned?: Toned;
}

/** Colours by lightness alone. `sepia`: share of CSS's sepia in the picture, 0 to 1; `tint`: black over this colour to white. */
export type Toned =
  | { readonly grayscale: true }
  | { readonly sepia: number }
  | { readonly tint: string }
  | { readonly duotone: { readonly shadows: string; readonly highlights: string } };

export interface Detail {
  /** Gives back what scaling down took, or lifts detail of this size: the standard deviation of a Gaussian. */
  readonly sharpen?: 'auto' | number;
  /** Side of the squares. */
  readonly pixelate?: number;
  /** Standard deviation of a Gaussian blur. */
  readonly blur?: number;
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
