/** The frames of a GIF or WebP, by its container alone. */
export interface Frames {
  /** Those that begin, up to the limit and one more. */
  readonly count: number;
  /** The file ends within a later frame. */
  readonly broken: boolean;
  /** A file of the first frame alone. */
  first(): Buffer;
  /** The first frame leaves out parts of the screen, which are transparent although no frame names a transparent colour. */
  readonly uncovered: boolean;
}
