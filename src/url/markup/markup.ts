import { AVIF_MAX_PIXELS, DEFAULT_FORMATS, DEFAULT_PIXEL_RATIOS } from '../preset-defaults.ts';
import { isFixed, renditionSize, type Size, sidesOf, type Variant } from './rendition-size.ts';
import type { ImageFormat, PresetShape } from './shapes.ts';

/** The URLs that one signature covers: a preset's whole family for one original. */
export interface Family {
  readonly preset: string;
  readonly shape: PresetShape;
  /** The URL with a suffix such as `@2x.avif`. */
  readonly withSuffix: (suffix: string) => string;
}

export interface VariantOptions {
  /** One of the preset's widths, in pixels. */
  readonly width?: number | undefined;
  /** One of the preset's pixel ratios. */
  readonly pixelRatio?: number | undefined;
  readonly format?: ImageFormat | undefined;
}

export interface LayoutOptions {
  /** The `sizes` attribute; by default the picture's width, or the viewport's where that is narrower. */
  readonly sizes?: string | undefined;
  /**
   * The server's answer about the original (POST /v1/images/meta). With it candidates end where the original does, and width and
   * height are exact.
   */
  readonly meta?: ImageMeta | undefined;
  /**
   * What shows until the picture is there: its colour from `meta` by default, nothing, or a picture as a data URL, such as
   * `thumbHashUrl` makes it. Nothing for pictures with transparency.
   */
  readonly placeholder?: 'color' | 'none' | `data:${string}` | undefined;
}

/** Size of an upright original in pixels, and what it looks like. */
export interface ImageMeta {
  readonly width: number;
  readonly height: number;
  /** `#rrggbb`. */
  readonly dominantColor?: string | undefined;
  /** base64; https://evanw.github.io/thumbhash/ */
  readonly thumbhash?: string | undefined;
}

export interface ImgAttributes {
  readonly src: string;
  /** Undefined where one size alone keeps the layout: see `img`. */
  readonly srcset: string | undefined;
  readonly sizes: string | undefined;
  /** Pixels; undefined where they depend on the original and `meta` was not given. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly style: string | undefined;
}

export interface SourceAttributes {
  readonly type: string;
  readonly srcset: string;
  readonly sizes: string | undefined;
}

export interface PictureAttributes {
  readonly sources: readonly SourceAttributes[];
  readonly img: ImgAttributes;
}

/** One URL of the family. Throws a TypeError for a size or format that the preset does not declare. */
export function urlOf(
  { shape, preset, withSuffix }: Family,
  { width, pixelRatio = 1, format }: VariantOptions = {},
): string {
  if (width !== undefined) offered(preset, 'width', width, shape.widths ?? []);
  else offered(preset, 'pixel ratio', pixelRatio, [1, ...(shape.pixelRatios ?? DEFAULT_PIXEL_RATIOS)]);
  if (format !== undefined) offered(preset, 'format', format, [...(shape.formats ?? DEFAULT_FORMATS), shape.format]);
  // The server redirects `@1x` and the preset's own format to the URL without them.
  const size = width !== undefined ? `@${width}w` : pixelRatio !== 1 ? `@${pixelRatio}x` : '';
  return withSuffix(size + (format === undefined || format === shape.format ? '' : `.${format}`));
}

function offered<T>(preset: string, what: string, asked: T, from: readonly T[]): void {
  if (from.includes(asked)) return;
  throw new TypeError(`The preset "${preset}" has no ${what} ${asked}: ${from.join(', ') || 'none'}.`);
}

/** All candidates: by the preset's widths where it declares some, else by its pixel ratios. With `meta` they end with the original. */
export function srcsetOf(family: Family, { meta }: LayoutOptions = {}, format?: ImageFormat): string {
  const { shape } = family;
  // Above AVIF's size the server answers WebP for `.avif` too. By its own name it is the file that the WebP source has.
  const named = [...(shape.formats ?? DEFAULT_FORMATS), shape.format];
  const large = format === 'avif' && named.includes('webp') ? 'webp' : format;
  return candidatesOf(shape, knownSize(shape, meta))
    .map(({ descriptor, ...variant }) => {
      const url = urlOf(family, { ...variant, format: isAvif(shape, variant) ? format : large });
      return `${url} ${descriptor}`;
    })
    .join(', ');
}

/** Whether the server makes an AVIF of this size. */
function isAvif(shape: PresetShape, variant: Variant): boolean {
  const { width = 0, height = width } = sidesOf(shape, variant);
  return (width || height) * height <= AVIF_MAX_PIXELS;
}

function candidatesOf(shape: PresetShape, original: Size | undefined) {
  const { widths = [], pixelRatios = DEFAULT_PIXEL_RATIOS, format: own } = shape;
  // An original's own file has one size.
  if (own === 'original') return [];
  const byWidth = widths.length > 0;
  const variants: Variant[] = byWidth
    ? widths.map((width) => ({ width }))
    : pixelRatios.map((pixelRatio) => ({ pixelRatio }));
  const promised = ({ width, pixelRatio = 1 }: Variant) => width ?? pixelRatio;
  const once = original && renditionSize(shape, original).width;
  let largest = 0;
  return variants
    .sort((a, b) => promised(a) - promised(b))
    .flatMap((variant) => {
      let held = promised(variant);
      if (original && once) {
        const pixels = renditionSize(shape, original, variant).width;
        // Nothing is enlarged: it is the file before.
        if (pixels <= largest) return [];
        largest = pixels;
        // Half a pixel is rounding; more is an original that ends here.
        if (byWidth || pixels < once * held - held) held = byWidth ? pixels : Number((pixels / once).toFixed(3));
      }
      return [{ ...variant, descriptor: `${held}${byWidth ? 'w' : 'x'}` }];
    });
}

/** What is known of the sizes of all renditions; undefined where the edge of the picture itself decides. */
function knownSize({ trim }: PresetShape, meta: ImageMeta | undefined): Size | undefined {
  if (!meta) return undefined;
  const { error } = meta as { error?: unknown };
  if (error !== undefined) throw new TypeError(`meta is an error of the API: ${error}.`);
  if (!(meta.width > 0 && meta.height > 0)) throw new TypeError('meta has no width and height in pixels.');
  return trim ? undefined : meta;
}

/**
 * What holds the layout. Where only the original knows the shape, a small one would be shown smaller at each pixel ratio: with one
 * side of the box its width or height is fixed; with both there is one candidate.
 */
function layoutOf(shape: PresetShape, original: Size | undefined) {
  if (shape.format === 'original') return { width: original?.width, height: original?.height, css: {}, single: true };
  const { width, height } = original ? renditionSize(shape, original) : sidesOf(shape);
  if (original || isFixed(shape)) return { width, height, css: {}, single: false };
  const single = !shape.enlarge;
  const css = width ? { 'max-width': '100%', height: 'auto' } : { width: 'auto' };
  if (single && !(width && height)) return { width, height, css, single: false };
  return { width: undefined, height: undefined, css: {}, single };
}

/** The attributes of a picture, with its style by property. */
export interface Parts {
  readonly sources: readonly SourceAttributes[];
  readonly img: Omit<ImgAttributes, 'style'>;
  readonly css: Readonly<Record<string, string>>;
}

/** The parts of a `<picture>`, or with `format` of an `<img>`, for frameworks that take styles as an object by property. */
export function partsOf(family: Family, options: LayoutOptions = {}, format?: ImageFormat): Parts {
  const { shape } = family;
  const original = knownSize(shape, options.meta);
  const { single, css, ...frame } = layoutOf(shape, original);
  const sizes = single ? undefined : sizesOf(shape, options, frame.width);
  const srcset = (pinned?: ImageFormat) => srcsetOf(family, options, pinned);
  const src = urlOf(family, { format });
  return {
    img: { ...{ src, srcset: single ? undefined : srcset(format), sizes }, ...frame },
    css: { ...groundOf(options), ...css } as Parts['css'],
    sources: modernFormats(shape, single ? [{}] : candidatesOf(shape, original)).map((pinned) => ({
      ...{ type: `image/${pinned}`, sizes },
      srcset: single ? urlOf(family, { format: pinned }) : srcset(pinned),
    })),
  };
}

/** Attributes of an `<img>`. With `format`, that one is pinned in every URL. */
export function imgOf(family: Family, options?: LayoutOptions, format?: ImageFormat): ImgAttributes {
  const { img, css } = partsOf(family, options, format);
  return { ...img, style: styleOf(css) };
}

/** Attributes of a `<picture>` with a pinned format in each source, for CDNs that ignore Vary. */
export function pictureOf(family: Family, options?: LayoutOptions): PictureAttributes {
  const { img, css, sources } = partsOf(family, options, fallbackOf(family.shape));
  return { sources, img: { ...img, style: styleOf(css) } };
}

/** The format of a picture's `<img>`: one that every client reads. */
export function fallbackOf({ formats = DEFAULT_FORMATS, format: own }: PresetShape): ImageFormat | undefined {
  if (own === 'original') return undefined;
  return (['png', 'jpeg'] as const).find((format) => formats.includes(format) || own === format);
}

/**
 * All sources have the same candidates: the browser takes the first one whose type it reads, whatever the next ones hold. What reads
 * AVIF reads WebP, so one AVIF is enough. Of animations AVIF has one frame, and without loss it is larger than WebP.
 */
function modernFormats(shape: PresetShape, candidates: readonly Variant[]): ImageFormat[] {
  const { formats = DEFAULT_FORMATS, format, animated, lossless } = shape;
  if (format === 'original') return [];
  const hasAvif = !animated && lossless !== true && candidates.some((candidate) => isAvif(shape, candidate));
  return (['avif', 'webp'] as const).filter((pinned) => formats.includes(pinned) && (hasAvif || pinned === 'webp'));
}

/** Undefined without widths: candidates by pixel ratio take no `sizes` attribute. */
function sizesOf({ width, widths = [] }: PresetShape, { sizes }: LayoutOptions, shown?: number): string | undefined {
  if (widths.length === 0) return undefined;
  const most = shown ?? width ?? Math.max(...widths);
  return sizes ?? `(min-width: ${most}px) ${most}px, 100vw`;
}

/** The first bit of a ThumbHash's third byte, in base64: there is transparency. */
const TRANSPARENT = /^..[CDGHKLOPSTWXabefijmnqruvyz2367+/]/;

/** The ground on which a picture loads. */
function groundOf({ meta, placeholder = 'color' }: LayoutOptions): Record<string, string> {
  const { dominantColor = '', thumbhash = '' } = meta ?? {};
  if (placeholder === 'none' || TRANSPARENT.test(thumbhash)) return {};
  if (placeholder !== 'color') return { background: `url(${placeholder}) center/cover` };
  return /^#[0-9a-f]{6}$/i.test(dominantColor) ? { 'background-color': dominantColor } : {};
}

function styleOf(css: Readonly<Record<string, string>>): string | undefined {
  return (
    Object.entries(css)
      .map(([property, value]) => `${property}:${value}`)
      .join(';') || undefined
  );
}
