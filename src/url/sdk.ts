/** Signed image URLs and responsive markup, for Node: `import { createImageUrls } from 'darkroom/url'`. */
import { createHmac } from 'node:crypto';
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
import { SIGNATURE_BYTES, signedText } from './image-path.ts';
import type { SignedOptions } from './signed-options.ts';

export type { ImageMeta, ImgAttributes, MarkupOptions, PictureAttributes, PresetShapes, UrlOptions } from './family.ts';
export { toHtml } from './family.ts';
export type { SignedOptions } from './signed-options.ts';

/** The same input always gives the same text. All throw a TypeError for what every server refuses: id, preset, size, format. */
export interface ImageUrls<P extends PresetShapes> {
  url(id: string, preset: PresetName<P>, options?: UrlOptions): string;
  srcset(id: string, preset: PresetName<P>, options?: SignedOptions): string;
  /** Attributes of an `<img>`; its format follows the preset, by Accept where that is `auto`. */
  img(id: string, preset: PresetName<P>, options?: MarkupOptions): ImgAttributes;
  /** Attributes of a `<picture>` with a pinned format in each source: works behind CDNs that ignore Vary. */
  picture(id: string, preset: PresetName<P>, options?: MarkupOptions): PictureAttributes;
}

export function createImageUrls<const P extends PresetShapes = typeof BUILT_IN_PRESETS>(
  options: ImageUrlsOptions<P>,
): ImageUrls<P> {
  const key = keyBytes(options.key);
  const unsigned = checkedFamilies({ ...options, presets: options.presets ?? BUILT_IN_PRESETS });

  function family(id: string, preset: string, options?: SignedOptions): Family {
    const parts = unsigned(id, preset, options);
    const mac = createHmac('sha256', key)
      .update(signedText(preset, id, parts))
      .digest();
    return { ...parts, signature: mac.subarray(0, SIGNATURE_BYTES).toString('base64url') };
  }

  return {
    url: (id, preset, variant) => urlOf(family(id, preset, variant), variant),
    srcset: (id, preset, options) => srcsetOf(family(id, preset, options)),
    img: (id, preset, markup) => imgOf(family(id, preset, markup), markup),
    picture: (id, preset, markup) => pictureOf(family(id, preset, markup), markup),
  };
}
