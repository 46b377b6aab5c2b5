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
  readonly shape?: Shape;
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

export interface Shape {
  /** Of the corners: a length, a share of the picture's shorter side, or the largest circle in its middle. */
  readonly radius?: number | { readonly percent: number } | 'circle';
  /** Inside the edge of the shape, and following it. */
  readonly border?: { readonly width: number; readonly color: string };
}
