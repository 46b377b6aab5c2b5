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
  readonly shape?: Shape;
  readonly frame?: Frame;
  /** Drawn in this order, the last on top. */
  readonly overlay?: readonly Overlay[];
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

/** Where on the canvas. */
export const POSITIONS = [
  ...(['northwest', 'north', 'northeast', 'west', 'center', 'east', 'southwest', 'south', 'southeast'] as const),
] as const;
/** How an overlay's colours meet those below it (https://www.w3.org/TR/compositing-1/#blending). */
export const BLENDS = ['over', 'multiply', 'screen', 'overlay', 'darken', 'lighten', 'soft-light'] as const;

export type Overlay = ImageOverlay | TextOverlay;

interface Laid {
  /** `tile`: again and again over the whole canvas. */
  readonly position: (typeof POSITIONS)[number] | 'tile';
  /** From the edges of its position, from the middle without one; between tiles, the gap. */
  readonly offset: { readonly x: number; readonly y: number };
  /** Of the canvas' width, 0 to 1. Of a text it is the width at which lines break. Absent: an image's own, or the whole canvas. */
  readonly width?: number;
  readonly opacity: number;
  /** Degrees clockwise. */
  readonly rotate: number;
  readonly blend: (typeof BLENDS)[number];
  /** Pixels of the canvas: on less wide ones it is left out. */
  readonly minWidth?: number;
}

export interface ImageOverlay extends Laid {
  /** Digest of the asset's bytes, so that a changed asset changes keys. */
  readonly image: string;
}

export interface TextOverlay extends Laid {
  /** As it is set: no variables, no markup. Not empty. */
  readonly text: string;
  /** Name of a font; empty for the one that ships. */
  readonly font: string;
  /** Digest of all fonts, because a glyph that one lacks comes from another. */
  readonly fonts: string;
  /** Height of the font's em. */
  readonly size: number;
  /** Colours here are #rrggbb or #rrggbbaa. */
  readonly color: string;
  readonly outline?: { readonly color: string; readonly width: number };
  readonly background?: string;
}
