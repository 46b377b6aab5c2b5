import type { HTMLAttributes } from 'astro/types';
import type { ImageOptions } from './attributes.js';

export type { ImageMeta, PresetShape } from '@darkroom-images/url/client';

type Own = keyof ImageOptions | 'srcset' | 'width' | 'height' | 'loading' | 'alt';
export interface ImageProps extends ImageOptions, Omit<HTMLAttributes<'img'>, Own> {
  readonly alt: string;
}

/** An `<img>`; its format follows the preset, by Accept where that is `auto`. */
export declare const Image: (props: ImageProps) => unknown;

/** A `<picture>` with a pinned format in each source, for CDNs that ignore Vary. The props are the img's. */
export declare const Picture: (props: ImageProps) => unknown;
