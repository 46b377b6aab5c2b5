/**
 * Signed image URLs and responsive markup, by Web Crypto, for edge runtimes and browsers' workers:
 * `import { createImageUrls } from 'darkroom/url/edge'`. As `darkroom/url`, but every method gives a promise.
 */
import { BUILT_IN_PRESETS } from './built-in-presets.ts';
import {
  checkedFamilies,
  type Family,
  type ImageUrlsOptions,
  type ImgAttributes,
  imgOf,
  keyBytes,
  type MarkupOptions,
  type PictureAttributes,
  type PresetName,
  type PresetShapes,
  pictureOf,
  srcsetOf,
  type UrlOptions,
  urlOf,
} from './family.ts';
import type { SignedOptions } from './signed-options.ts';
import { createSigner } from './web-signer.ts';

export type { ImageMeta, ImgAttributes, MarkupOptions, PictureAttributes, PresetShapes, UrlOptions } from './family.ts';
export { toHtml } from './family.ts';
export type { SignedOptions } from './signed-options.ts';

/** The same input always gives the same text. All reject with a TypeError for what every server refuses: id, preset, size, format. */
export interface ImageUrls<P extends PresetShapes> {
  url(id: string, preset: PresetName<P>, options?: UrlOptions): Promise<string>;
  srcset(id: string, preset: PresetName<P>, options?: SignedOptions): Promise<string>;
  /** Attributes of an `<img>`; its format follows the preset, by Accept where that is `auto`. */
  img(id: string, preset: PresetName<P>, options?: MarkupOptions): Promise<ImgAttributes>;
  /** Attributes of a `<picture>` with a pinned format in each source: works behind CDNs that ignore Vary. */
  picture(id: string, preset: PresetName<P>, options?: MarkupOptions): Promise<PictureAttributes>;
}

export function createImageUrls<const P extends PresetShapes = typeof BUILT_IN_PRESETS>(
  options: ImageUrlsOptions<P>,
): ImageUrls<P> {
  const sign = createSigner(keyBytes(options.key));
  const unsigned = checkedFamilies({ ...options, presets: options.presets ?? BUILT_IN_PRESETS });

  async function family(id: string, preset: string, options?: SignedOptions): Promise<Family> {
    const parts = unsigned(id, preset, options);
    return { ...parts, signature: await sign(preset, id, parts) };
  }

  return {
    url: async (id, preset, variant) => urlOf(await family(id, preset, variant), variant),
    srcset: async (id, preset, options) => srcsetOf(await family(id, preset, options)),
    img: async (id, preset, markup) => imgOf(await family(id, preset, markup), markup),
    picture: async (id, preset, markup) => pictureOf(await family(id, preset, markup), markup),
  };
}
