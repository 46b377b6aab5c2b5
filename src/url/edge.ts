/**
 * Signed image URLs and responsive markup, by Web Crypto, for edge runtimes and browsers' workers:
 * `import { createImageUrls } from '@darkroom-images/url/edge'`. As `@darkroom-images/url`, but every method gives a promise.
 */
import { BUILT_IN_PRESETS } from './built-in-presets.ts';
import {
  checkedFamilies,
  drawn,
  type ImageUrlsOptions,
  keyBytes,
  type MarkupOptions,
  type UrlOptions,
} from './family.ts';
import { INLINE_LAYOUT } from './markup/inline-layout.ts';
import {
  type Family,
  type ImgAttributes,
  imgOf,
  type PictureAttributes,
  pictureOf,
  srcsetOf,
  urlOf,
} from './markup/markup.ts';
import type { InlineOptions, PresetName, PresetShapes } from './markup/shapes.ts';
import type { SignedOptions } from './signed-options.ts';
import { createWebMac } from './web-mac.ts';

export type { MarkupOptions, UrlOptions } from './family.ts';
export { toHtml } from './markup/html.ts';
export type { ImageMeta, ImgAttributes, LayoutOptions, PictureAttributes, SourceAttributes } from './markup/markup.ts';
export type { ImageFormat, PresetShape, PresetShapes } from './markup/shapes.ts';
export type { SignedOptions } from './signed-options.ts';

/** The same input always gives the same text. All reject with a TypeError for what every server refuses: id, preset, size, format. */
export interface ImageUrls<P extends PresetShapes> {
  url(id: string, preset: PresetName<P>, options?: UrlOptions): Promise<string>;
  /** All candidates: without `meta` the page's CSS must hold the layout. */
  srcset(id: string, preset: PresetName<P>, options?: MarkupOptions): Promise<string>;
  /** Attributes of an `<img>`; its format follows the preset, by Accept where that is `auto`. */
  img(id: string, preset: PresetName<P>, options?: MarkupOptions): Promise<ImgAttributes>;
  /** Attributes of a `<picture>` with a pinned format in each source: works behind CDNs that ignore Vary. */
  picture(id: string, preset: PresetName<P>, options?: MarkupOptions): Promise<PictureAttributes>;
}

/** The signer alone, half the size: `/client` makes markup from one of its URLs. */
export interface Signer<P extends PresetShapes> {
  url(id: string, preset: PresetName<P>, options?: UrlOptions): Promise<string>;
}

export function createSigner<const P extends PresetShapes = typeof BUILT_IN_PRESETS>(
  options: ImageUrlsOptions<P>,
): Signer<P> {
  const family = families(options);
  return { url: async (id, preset, variant) => urlOf(await family(id, preset, variant), variant) };
}

export function createImageUrls<const P extends PresetShapes = typeof BUILT_IN_PRESETS>(
  options: ImageUrlsOptions<P>,
): ImageUrls<P> {
  const family = families(options, INLINE_LAYOUT);
  return {
    url: async (id, preset, variant) => urlOf(await family(id, preset, variant), variant),
    srcset: async (id, preset, markup) => srcsetOf(await family(id, preset, markup), drawn(markup)),
    img: async (id, preset, markup) => imgOf(await family(id, preset, markup), drawn(markup)),
    picture: async (id, preset, markup) => pictureOf(await family(id, preset, markup), drawn(markup)),
  };
}

function families({ key, ...options }: ImageUrlsOptions<PresetShapes>, more?: InlineOptions) {
  const sign = createWebMac(keyBytes(key));
  const unsigned = checkedFamilies({ ...options, presets: options.presets ?? BUILT_IN_PRESETS }, more);
  return async (id: string, preset: string, options?: SignedOptions): Promise<Family> => {
    const { text, signed } = unsigned(id, preset, options);
    return signed(await sign(text));
  };
}
