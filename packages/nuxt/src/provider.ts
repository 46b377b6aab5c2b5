/**
 * A provider for @nuxt/image, from signed URLs, in `nuxt.config.ts`:
 *
 *     image: { provider: 'darkroom', providers: { darkroom: { provider: '@darkroom-images/nuxt', options: { presets } } } }
 *
 * `presets` is the server's presets file. The provider runs in the browser too, so it never sees the key: server routes sign.
 */
import type { PresetShapes } from '@darkroom-images/url/client';
import { closestUrl } from '../../shared/src/closest.ts';

/** As @nuxt/image calls a provider. `modifiers.width`: pixels of the file. */
export interface ProviderOptions {
  readonly presets?: PresetShapes;
  readonly modifiers?: { readonly width?: number | string | undefined; readonly format?: string | undefined };
}

export interface Provider {
  /** Throws a TypeError for what is no signed URL, and for presets that are not among the options. */
  getImage(src: string, options: ProviderOptions): { url: string };
}

export default function darkroom(): Provider {
  return { getImage: (src, { presets = {}, modifiers }) => ({ url: closestUrl(src, presets, modifiers) }) };
}
