/**
 * The URLs that one signature covers, a preset's whole family for one original, and the markup around them. Shared by the
 * signer for Node and the one for the edge; depends on nothing.
 */
import { formatImagePath, type SignedParameters } from './image-path.ts';
import { checkId } from './parse-image-path.ts';
import { AVIF_MAX_PIXELS, DEFAULT_FORMATS, DEFAULT_PIXEL_RATIOS, type PINNABLE_FORMATS } from './preset-defaults.ts';
import { type SignedOptions, signedParameters } from './signed-options.ts';

/** The fields of a preset that URLs and markup depend on; a presets file has these and more. Sizes in pixels. */
export interface PresetShape {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly fit?: string | undefined;
  readonly format?: string | undefined;
  readonly widths?: readonly number[] | undefined;
  readonly pixelRatios?: readonly number[] | undefined;
  readonly formats?: readonly string[] | undefined;
}
export type PresetShapes = Readonly<Record<string, PresetShape>>;
/** A recipe written into the URL, such as `w_300,h_300,fit_cover`. */
export type InlineRecipe = `${'w' | 'h'}_${string}` | `f_original${string}`;
export type PresetName<P extends PresetShapes> = (keyof P & string) | InlineRecipe;

export type ImageFormat = (typeof PINNABLE_FORMATS)[number];

export interface ImageUrlsOptions<P extends PresetShapes> {
  /** Where the CDN answers, such as `https://img.example.com`. */
  readonly baseUrl: string;
  /** The server's signing key: hex, or its bytes; at least 32. */
  readonly key: string | Uint8Array;
  /** The server's presets file; the built-in presets when left out. */
  readonly presets?: P;
}

export interface UrlOptions extends SignedOptions {
  /** One of the preset's widths, in pixels. */
  readonly width?: number | undefined;
  /** One of the preset's pixel ratios. */
  readonly pixelRatio?: number | undefined;
  readonly format?: ImageFormat | undefined;
}

export interface MarkupOptions extends SignedOptions {
  /** The `sizes` attribute; by default the preset's width, or the viewport's where that is narrower. */
  readonly sizes?: string | undefined;
  /** The server's answer about the original (POST /v1/images/meta): exact width and height, and a colour to load on. */
  readonly meta?: ImageMeta | undefined;
}

/** Size of an upright original in pixels, and its colour. */
export interface ImageMeta {
  readonly width: number;
  readonly height: number;
  /** `#rrggbb`. */
  readonly dominantColor?: string | undefined;
}

export interface ImgAttributes {
  readonly src: string;
  readonly srcset: string;
  readonly sizes: string | undefined;
  /** Pixels; undefined where the size depends on the original and `meta` was not given. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly style: string | undefined;
}

export interface PictureAttributes {
  readonly sources: readonly { readonly type: string; readonly srcset: string; readonly sizes: string | undefined }[];
  readonly img: ImgAttributes;
}

/** A family before it is signed. */
export interface Unsigned extends SignedParameters {
  readonly baseUrl: string;
  readonly preset: string;
  readonly shape: PresetShape;
  readonly id: string;
}
export interface Family extends Unsigned {
  readonly signature: string;
}

/** All of a family but its signature. Throws a TypeError for ids, presets and options that every server refuses. */
export function checkedFamilies(given: Pick<ImageUrlsOptions<PresetShapes>, 'baseUrl'> & { presets: PresetShapes }) {
  const baseUrl = given.baseUrl.replace(/\/+$/, '');
  return (id: string, preset: string, options: SignedOptions = {}): Unsigned => {
    refuseBadId(id);
    const shape = shapeOf(given.presets, preset);
    return { baseUrl, preset, shape, id, ...signedParameters(options) };
  };
}

/** The preset's shape. Throws for a name that is neither declared nor an inline recipe. */
function shapeOf(presets: PresetShapes, preset: string): PresetShape {
  const declared = Object.hasOwn(presets, preset) ? presets[preset] : undefined;
  if (declared) return declared;
  const side = (name: string) => Number(new RegExp(`(?:^|,)${name}_(\\d+)(?:,|$)`).exec(preset)?.[1] ?? 0) || undefined;
  const word = (name: string) => new RegExp(`(?:^|,)${name}_([a-z]+)(?:,|$)`).exec(preset)?.[1];
  const [width, height] = [side('w'), side('h')];
  const format = word('f');
  if (width ?? height ?? (format === 'original' || undefined)) return { width, height, fit: word('fit'), format };
  throw new TypeError(`There is no preset "${preset}": ${Object.keys(presets).join(', ')}.`);
}

/** Throws for ids that every server refuses, so that no such URL reaches a page. */
function refuseBadId(id: string): void {
  try {
    checkId(id);
  } catch (cause) {
    throw new TypeError(`"${id}" cannot be the id of an image.`, { cause });
  }
}

/** Raw bytes of a hex key. Throws a TypeError for text that is no hex and for keys below 32 bytes. */
export function keyBytes(key: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes =
    typeof key === 'string'
      ? Uint8Array.from(/^(?:[0-9a-f]{2})+$/i.test(key) ? (key.match(/../g) ?? []) : [], (pair) =>
          Number.parseInt(pair, 16),
        )
      : Uint8Array.from(key);
  if (bytes.length < 32) throw new TypeError('The signing key must be hex (or bytes) of at least 32 bytes.');
  return bytes;
}

/** One URL of the family. Throws a TypeError for a size or format that the preset does not declare. */
export function urlOf(family: Family, { width, pixelRatio = 1, format }: UrlOptions = {}): string {
  const { shape, preset } = family;
  if (width !== undefined) offered(preset, 'width', width, shape.widths ?? []);
  else offered(preset, 'pixel ratio', pixelRatio, [1, ...(shape.pixelRatios ?? DEFAULT_PIXEL_RATIOS)]);
  if (format !== undefined) offered(preset, 'format', format, [...(shape.formats ?? DEFAULT_FORMATS), shape.format]);
  // The server redirects `@1x` and the preset's own format to the URL without them.
  const size = width !== undefined ? `@${width}w` : pixelRatio !== 1 ? `@${pixelRatio}x` : '';
  const pinned = format === undefined || format === shape.format ? '' : `.${format}`;
  return family.baseUrl + formatImagePath({ ...family, suffix: size + pinned });
}

/** Candidates by the preset's widths where it declares some, else by its pixel ratios. */
export function srcsetOf(family: Family, format?: ImageFormat): string {
  return candidatesOf(family.shape, format)
    .map(({ descriptor, ...size }) => `${urlOf(family, { ...size, format })} ${descriptor}`)
    .join(', ');
}

function candidatesOf(
  { width: base, height, widths = [], pixelRatios = DEFAULT_PIXEL_RATIOS, format: own }: PresetShape,
  format?: ImageFormat,
) {
  // An original has one size.
  if (own === 'original') return [];
  const [across, down] = [base ?? height ?? 0, height ?? base ?? 0];
  const byWidth = widths.map((width) => ({ width, descriptor: `${width}w`, by: across > 0 ? width / across : 0 }));
  const byRatio = pixelRatios.map((pixelRatio) => ({ pixelRatio, descriptor: `${pixelRatio}x`, by: pixelRatio }));
  return [...(widths.length > 0 ? byWidth : byRatio)]
    .sort((a, b) => Number.parseFloat(a.descriptor) - Number.parseFloat(b.descriptor))
    .filter(({ by }) => format !== 'avif' || across * down * by * by <= AVIF_MAX_PIXELS)
    .map(({ by, ...candidate }) => candidate);
}

/** Attributes of an `<img>`. With `format`, that one is pinned in every URL. */
export function imgOf(family: Family, options: MarkupOptions = {}, format?: ImageFormat): ImgAttributes {
  const { shape } = family;
  const dominant = options.meta?.dominantColor;
  return {
    src: urlOf(family, { format }),
    srcset: srcsetOf(family, format),
    sizes: sizesOf(shape, options),
    ...frameOf(shape, options.meta),
    style: dominant !== undefined && /^#[0-9a-f]{6}$/i.test(dominant) ? `background-color:${dominant}` : undefined,
  };
}

/** Attributes of a `<picture>` with a pinned format in each source, for CDNs that ignore Vary. */
export function pictureOf(family: Family, options: MarkupOptions = {}): PictureAttributes {
  const { shape } = family;
  const formats = shape.formats ?? DEFAULT_FORMATS;
  const modern = (['avif', 'webp'] as const).filter(
    (format) => formats.includes(format) && candidatesOf(shape, format).length > 0,
  );
  const fallback = (['png', 'jpeg'] as const).find((format) => formats.includes(format) || shape.format === format);
  return {
    sources: modern.map((format) => ({
      type: `image/${format}`,
      srcset: srcsetOf(family, format),
      sizes: sizesOf(shape, options),
    })),
    img: imgOf(family, options, fallback),
  };
}

/** `<img>` or `<picture>` as HTML, everything escaped. `attributes` go on the img: alt, class, loading and so on. */
export function toHtml(
  markup: ImgAttributes | PictureAttributes,
  attributes: Readonly<Record<string, string>> = {},
): string {
  const { sources, img } = 'img' in markup ? markup : { sources: undefined, img: markup };
  const tag = `<img${written({ alt: '', ...img, ...attributes })}>`;
  return sources ? `<picture>${sources.map((source) => `<source${written(source)}>`).join('')}${tag}</picture>` : tag;
}

function written(attributes: object): string {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      if (!/^[a-z][a-z0-9-]*$/i.test(name)) throw new TypeError(`"${name}" cannot be the name of an attribute.`);
      return ` ${name}="${String(value).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)}"`;
    })
    .join('');
}

function offered<T>(preset: string, what: string, asked: T, from: readonly T[]): void {
  if (from.includes(asked)) return;
  throw new TypeError(`The preset "${preset}" has no ${what} ${asked}: ${from.join(', ') || 'none'}.`);
}

/** Undefined without widths: candidates by pixel ratio take no `sizes` attribute. */
function sizesOf({ width, widths = [] }: PresetShape, { sizes }: MarkupOptions): string | undefined {
  if (widths.length === 0) return undefined;
  const most = width ?? Math.max(...widths);
  return sizes ?? `(min-width: ${most}px) ${most}px, 100vw`;
}

/** Pixels of the rendition at pixel ratio 1, where known. As on the server, nothing is enlarged. */
function frameOf(shape: PresetShape, meta?: ImageMeta): { width: number | undefined; height: number | undefined } {
  const { width, height, fit = 'inside' } = shape;
  const follows = fit === 'inside' || fit === 'outside';
  if (!meta) return follows ? { width: undefined, height: undefined } : { width, height };
  const [across, down] = [(width ?? Number.NaN) / meta.width, (height ?? Number.NaN) / meta.height];
  const ratios = [across, down].filter((ratio) => !Number.isNaN(ratio));
  const rounded = (w: number, h: number, by: number) => ({
    width: Math.max(1, Math.round(w * Math.min(1, by))),
    height: Math.max(1, Math.round(h * Math.min(1, by))),
  });
  if (follows) return rounded(meta.width, meta.height, fit === 'inside' ? Math.min(...ratios) : Math.max(...ratios));
  const most = fit === 'contain' ? Math.min(across, down) : Math.max(across, down);
  return rounded(width ?? 1, height ?? 1, 1 / most);
}
