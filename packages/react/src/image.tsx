/**
 * Pictures from one signed URL, in server and in client components: size and format are not signed, so the key stays on the server.
 * `import { Image, Picture } from '@darkroom-images/react'`.
 */
import { type ImageMeta, type LayoutOptions, type Parts, type PresetShape, parts } from '@darkroom-images/url/client';
import { thumbHashUrl } from '@darkroom-images/url/thumbhash';
import { type ComponentPropsWithRef, type CSSProperties, type ReactElement, version } from 'react';

export type { ImageMeta, PresetShape } from '@darkroom-images/url/client';

type Own = 'src' | 'srcSet' | 'width' | 'height' | 'loading' | 'placeholder';
export interface ImageProps extends Omit<ComponentPropsWithRef<'img'>, Own> {
  /** A signed URL of any size of the preset. */
  readonly src: string;
  /** The preset as the server's presets file has it; not needed for inline recipes. */
  readonly preset?: PresetShape | undefined;
  readonly alt: string;
  /** The server's answer about the original (POST /v1/images/meta): exact width and height, and what to load on. */
  readonly meta?: ImageMeta | undefined;
  /** What shows first: the picture's colour by default, a blurred picture of it, or nothing. From `meta`. */
  readonly placeholder?: 'color' | 'thumbhash' | 'none' | undefined;
  /** In sight when the page opens: loaded at once and before others, where all other pictures wait until they come near. */
  readonly priority?: boolean | undefined;
}

/** An `<img>`; its format follows the preset, by Accept where that is `auto`. */
export function Image(props: ImageProps): ReactElement {
  return imgOf(partsOf(props, 'img'), props);
}

/** A `<picture>` with a pinned format in each source, for CDNs that ignore Vary. The props are the img's. */
export function Picture(props: ImageProps): ReactElement {
  const made = partsOf(props, 'picture');
  return (
    <picture>
      {made.sources.map(({ type, srcset, sizes }) => (
        <source key={type} type={type} srcSet={srcset} sizes={sizes} />
      ))}
      {imgOf(made, props)}
    </picture>
  );
}

function partsOf({ src, preset, meta, sizes, placeholder }: ImageProps, kind: 'img' | 'picture'): Parts {
  const drawn = placeholder === 'thumbhash' ? (thumbHashUrl(meta?.thumbhash ?? '') ?? 'color') : placeholder;
  const options: LayoutOptions = { meta, sizes, placeholder: drawn };
  return parts(src, preset, options, kind);
}

function imgOf({ img, css }: Parts, props: ImageProps): ReactElement {
  const { src, preset, meta, placeholder, priority, sizes, style, alt, ...rest } = props;
  const { srcset, ...attributes } = img;
  // Safari heeds `loading` only where it stands before `src`.
  const urgency = priority ? URGENT : ({ loading: 'lazy', decoding: 'async' } as const);
  return <img {...urgency} alt={alt} {...rest} {...attributes} srcSet={srcset} style={{ ...styleOf(css), ...style }} />;
}

/** React 18 knows the attribute by its name in HTML only. */
const URGENT = { [Number.parseInt(version, 10) < 19 ? 'fetchpriority' : 'fetchPriority']: 'high' };

function styleOf(css: Parts['css']): CSSProperties {
  const named = (property: string) => property.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(css).map(([property, value]) => [named(property), value]));
}
