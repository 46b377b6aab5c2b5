/**
 * Signed image URLs and responsive markup, by Web Crypto, for edge runtimes and browsers' workers:
 * `import { createImageUrls } from 'darkroom/url/edge'`. As `darkroom/url`, but every method gives a promise.
 */
import { BUILT_IN_PRESETS } from './built-in-presets.ts';
import {
  checkedFamilies,
  type Expiry,
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
import { createSigner } from './web-signer.ts';

export type { ImageMeta, ImgAttributes, MarkupOptions, PictureAttributes, PresetShapes, UrlOptions } from './family.ts';
export { toHtml } from './family.ts';

/** The same input always gives the same text. All reject with a TypeError for what every server refuses: id, preset, size, format. */
export interface ImageUrls<P extends PresetShapes> {
  url(id: string, preset: PresetName<P>, options?: UrlOptions): Promise<string>;
  srcset(id: string, preset: PresetName<P>, options?: Expiry): Promise<string>;
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

  async function family(id: string, preset: string, expiry?: Expiry): Promise<Family> {
    const parts = unsigned(id, preset, expiry);
    return { ...parts, signature: await sign(preset, id, parts.expiresAt) };
  }

  return {
    url: async (id, preset, variant) => urlOf(await family(id, preset, variant), variant),
    srcset: async (id, preset, expiry) => srcsetOf(await family(id, preset, expiry)),
    img: async (id, preset, markup) => imgOf(await family(id, preset, markup), markup),
    picture: async (id, preset, markup) => pictureOf(await family(id, preset, markup), markup),
  };
}
