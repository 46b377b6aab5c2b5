/**
 * Markup from one signed URL, without the key, for browsers and for components that run anywhere:
 * `import { img, picture } from '@darkroom-images/url/client'`. The size and format behind a preset's name are not signed, so one
 * URL is enough for all that the preset declares.
 */
import { INLINE_LAYOUT } from './inline-layout.ts';
import {
  type Family,
  fallbackOf,
  type ImgAttributes,
  imgOf,
  type LayoutOptions,
  type Parts,
  type PictureAttributes,
  partsOf,
  pictureOf,
  srcsetOf,
  urlOf,
  type VariantOptions,
} from './markup.ts';
import { inlineShape, type PresetShape } from './shapes.ts';

export type {
  ImageMeta,
  ImgAttributes,
  LayoutOptions,
  Parts,
  PictureAttributes,
  SourceAttributes,
  VariantOptions,
} from './markup.ts';
export type { ImageFormat, PresetShape, PresetShapes } from './shapes.ts';

// A host, perhaps a path prefix, a signature, the preset with a suffix, and the id with a query.
const SIGNED = /^((?:https?:)?\/\/[^/?#]+)?((?:\/[^/?#]+)*?\/[\w-]{22}\/)([^/@.?#]+)([^/?#]*)(\/[^#]+)$/i;

/**
 * The family of a signed URL. `shape`: the preset as the server's presets file has it; it may be left out for
 * inline recipes. Throws a TypeError for what is no signed URL, and for a preset that is not known.
 */
function familyOf(signed: string, shape?: PresetShape): Family {
  const [before, preset, tail] = read(signed);
  const found = shape ?? inlineShape(preset, INLINE_LAYOUT);
  if (!found) throw new TypeError(`The shape of the preset "${preset}" is missing.`);
  return { preset, shape: found, withSuffix: (suffix) => before + preset + suffix + tail };
}

function read(signed: string): [before: string, preset: string, tail: string] {
  const [, host = '', head, preset = '', , tail = ''] = SIGNED.exec(signed) ?? [];
  if (head === undefined) throw new TypeError(`"${signed}" is no signed URL.`);
  return [host + head, preset, tail];
}

/** The name of the preset, or the inline recipe. */
export const presetOf = (signed: string): string => read(signed)[1];

/** Another size or format of the same picture. */
export const url = (signed: string, shape?: PresetShape, options?: VariantOptions): string =>
  urlOf(familyOf(signed, shape), options);

/** All candidates: without `meta` the page's CSS must hold the layout. */
export const srcset = (signed: string, shape?: PresetShape, options?: LayoutOptions): string =>
  srcsetOf(familyOf(signed, shape), options);

/** Attributes of an `<img>`; its format follows the preset, by Accept where that is `auto`. */
export const img = (signed: string, shape?: PresetShape, options?: LayoutOptions): ImgAttributes =>
  imgOf(familyOf(signed, shape), options);

/** Attributes of a `<picture>` with a pinned format in each source: works behind CDNs that ignore Vary. */
export const picture = (signed: string, shape?: PresetShape, options?: LayoutOptions): PictureAttributes =>
  pictureOf(familyOf(signed, shape), options);

/** As `img` and `picture`, with `css` as an object by property in place of the style attribute. */
export const parts = (
  signed: string,
  shape?: PresetShape,
  options?: LayoutOptions,
  kind: 'img' | 'picture' = 'picture',
): Parts => {
  const family = familyOf(signed, shape);
  return partsOf(family, options, kind === 'picture' ? fallbackOf(family.shape) : undefined);
};
