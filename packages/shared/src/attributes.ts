/** Attributes for frameworks that write HTML's own names, such as Svelte and Astro, from the props of a component. */
import {
  type ImageMeta,
  type ImgAttributes,
  img,
  type LayoutOptions,
  type PresetShape,
  picture,
  type SourceAttributes,
} from '@darkroom-images/url/client';
import { thumbHashUrl } from '@darkroom-images/url/thumbhash';

/** Props of an image; all others go on the `<img>`. */
export interface ImageOptions {
  /** A signed URL of any size of the preset. */
  readonly src: string;
  /** The preset as the server's presets file has it; not needed for inline recipes. */
  readonly preset?: PresetShape | undefined;
  /** The server's answer about the original (POST /v1/images/meta): exact width and height, and what to load on. */
  readonly meta?: ImageMeta | undefined;
  readonly sizes?: string | undefined;
  /** What shows first: the picture's colour by default, a blurred picture of it, or nothing. From `meta`. */
  readonly placeholder?: 'color' | 'thumbhash' | 'none' | undefined;
  /** In sight when the page opens: loaded at once and before others, where all other pictures wait until they come near. */
  readonly priority?: boolean | undefined;
  /** Follows the picture's own style. */
  readonly style?: string | undefined;
}

/** Of an `<img>`; its format follows the preset, by Accept where that is `auto`. */
export function imageAttributes(props: ImageOptions): Record<string, unknown> {
  return attributesOf(img(props.src, props.preset, layoutOf(props)), props);
}

/** Of a `<picture>` with a pinned format in each source, for CDNs that ignore Vary. */
export function pictureAttributes(props: ImageOptions): {
  sources: readonly SourceAttributes[];
  img: Record<string, unknown>;
} {
  const made = picture(props.src, props.preset, layoutOf(props));
  return { sources: made.sources, img: attributesOf(made.img, props) };
}

function layoutOf({ meta, sizes, placeholder }: ImageOptions): LayoutOptions {
  const drawn = placeholder === 'thumbhash' ? (thumbHashUrl(meta?.thumbhash ?? '') ?? 'color') : placeholder;
  return { meta, sizes, placeholder: drawn };
}

function attributesOf(made: ImgAttributes, props: ImageOptions): Record<string, unknown> {
  const { src, preset, meta, placeholder, priority, sizes, style, ...rest } = props;
  // Safari heeds `loading` only where it stands before `src`.
  const urgency = priority ? { fetchpriority: 'high' } : { loading: 'lazy', decoding: 'async' };
  return { ...urgency, ...rest, ...made, style: [made.style, style].filter(Boolean).join(';') || undefined };
}
