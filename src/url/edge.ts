/**
 * Signed image URLs and responsive markup, by Web Crypto, for edge runtimes and browsers' workers:
 * `import { createImageUrls } from 'darkroom/url/edge'`. As `darkroom/url`, but every method gives a promise.
 */
import { BUILT_IN_PRESETS } from '../built-in-presets.ts';
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
import { SIGNATURE_BYTES, signedText } from './image-path.ts';

export type { ImageMeta, ImgAttributes, MarkupOptions, PictureAttributes, PresetShapes, UrlOptions } from './family.ts';
export { toHtml } from './family.ts';

/** The same input always gives the same text. All reject with a TypeError for what the server would refuse. */
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
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const bytes = keyBytes(options.key);
  let key: ReturnType<typeof crypto.subtle.importKey> | undefined;
  const unsigned = checkedFamilies({ ...options, presets: options.presets ?? BUILT_IN_PRESETS });

  async function family(id: string, preset: string, expiry?: Expiry): Promise<Family> {
    const parts = unsigned(id, preset, expiry);
    key ??= crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign']);
    const text = new TextEncoder().encode(signedText(preset, id, parts.expiresAt));
    const mac = new Uint8Array(await crypto.subtle.sign('HMAC', await key, text), 0, SIGNATURE_BYTES);
    const signature = btoa(String.fromCharCode(...mac))
      .replace(/=+$/, '')
      .replaceAll('+', '-')
      .replaceAll('/', '_');
    return { ...parts, signature };
  }

  return {
    url: async (id, preset, variant) => urlOf(await family(id, preset, variant), variant),
    srcset: async (id, preset, expiry) => srcsetOf(await family(id, preset, expiry)),
    img: async (id, preset, markup) => imgOf(await family(id, preset, markup), markup),
    picture: async (id, preset, markup) => pictureOf(await family(id, preset, markup), markup),
  };
}
