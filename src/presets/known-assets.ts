import { SHIPPED_FONT_VERSION } from '../render/effects/overlay/fonts.ts';

/** The shop's assets as presets know them: by name, and by the digest that stands in keys. */
export interface KnownAssets {
  /** Another number whenever a name stands for other bytes. */
  readonly revision: number;
  /** Of an image's bytes; undefined where there is none of this name. */
  image(name: string): string | undefined;
  /** Of an empty name: the font that ships. */
  hasFont(name: string): boolean;
  /** Of all fonts together. */
  readonly fontsDigest: string;
}

/** Without `DARKROOM_ASSETS`. */
export const NO_ASSETS: KnownAssets = {
  revision: 0,
  image: () => undefined,
  hasFont: (name) => name === '',
  fontsDigest: SHIPPED_FONT_VERSION,
};
