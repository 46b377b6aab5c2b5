/**
 * What a recipe does to the pixels of a rendition after they were scaled and cropped, by stage: data only. A stage that the recipe
 * does not use is absent, and so is `Recipe.effects` where it uses none: then nothing of this folder runs, and keys stay as they are.
 * All lengths are in pixels of the preset.
 */
export interface Effects {
  /** Pixels of the rendition for each pixel of the preset: 2 at `@2x`, so that a blur looks the same at each size. */
  readonly unit: number;
  readonly detail?: Detail;
  /** Drawn in this order, the last on top. */
  readonly overlay?: readonly Overlay[];
}

export interface Detail {
  /** Standard deviation of a Gaussian blur. */
  readonly blur: number;
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
