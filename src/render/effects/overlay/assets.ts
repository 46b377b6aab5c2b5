/** What overlays are made of; the shop's own come from the assets folder. */
export interface OverlayAssets {
  /** The file of an image by its digest; undefined when it was replaced long ago. */
  image(digest: string): Buffer | undefined;
  /** The same until the process ends: libvips forgets no font. */
  readonly fonts: readonly OverlayFont[];
}

/** A file of one font. */
export interface OverlayFont {
  /** By which overlays name it; empty for the one that ships. */
  readonly name: string;
  /** TrueType or OpenType. It stays where it is. */
  readonly path: string;
  /** Name ids 1 and 2 of the file: a family of at most four styles, and Regular, Bold, Italic or Bold Italic. */
  readonly family: string;
  readonly style: string;
}
