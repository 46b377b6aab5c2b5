/** Boxes in fractions of a picture, as the server speaks of them, and what a shop changed of an original. */

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}
export interface FractionBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
export interface Edit {
  readonly rotate?: 90 | 180 | 270;
  readonly flip?: 'horizontal' | 'vertical' | 'both';
  readonly crop?: FractionBox;
  readonly focus?: { readonly x: number; readonly y: number };
  readonly redact?: readonly FractionBox[];
}
