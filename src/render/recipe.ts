import type { Effects } from './effects/effects.ts';

/**
 * `base` becomes jpeg, png for a picture with transparent parts, or gif for an animation; known only after decoding. `original` is the
 * original's own file.
 */
export type Output = 'avif' | 'webp' | 'jpeg' | 'png' | 'jxl' | 'base' | 'original';

export const FITS = ['cover', 'contain', 'fill', 'inside', 'outside', 'pad'] as const;
export type Fit = (typeof FITS)[number];

export const COMPASS = [
  ...(['north', 'northeast', 'east', 'southeast'] as const),
  ...(['south', 'southwest', 'west', 'northwest'] as const),
] as const;
export type Compass = (typeof COMPASS)[number];
export const NAMED_GRAVITIES = ['auto', 'faces', 'attention', 'entropy', 'center', ...COMPASS] as const;
/** Under transparent parts, where the format has none. */
export const DEFAULT_BACKGROUND = '#ffffff';

/** By name, or a focal point: fractions, 0 to 1, of the upright original as its edit left it. */
export type Gravity = (typeof NAMED_GRAVITIES)[number] | { readonly x: number; readonly y: number };

/** Whether faces may move the frame. Whether they do depends on the original too: see `dependsOnFaces`. */
export function seeksFaces({ fit, gravity, edit }: Pick<Recipe, 'fit' | 'gravity' | 'edit'>): boolean {
  return fit === 'cover' && (gravity === 'auto' || gravity === 'faces') && !edit?.focus;
}

/** Whether the window goes where the picture attracts attention, unless faces are found. */
export function seeksAttention({ gravity, edit }: Pick<Recipe, 'gravity' | 'edit'>): boolean {
  return (gravity === 'auto' || gravity === 'faces' || gravity === 'attention') && !edit?.focus;
}

/** Whether the faces of an original are covered, in all of its renditions by this recipe. */
export function coversFaces({ effects }: Pick<Recipe, 'effects'>): boolean {
  return effects?.redact?.faces !== undefined;
}

/** Whether a rendition may have to wait until faces were looked for. */
export function looksForFaces(recipe: Pick<Recipe, 'fit' | 'gravity' | 'effects'>): boolean {
  return seeksFaces(recipe) || coversFaces(recipe);
}

/** Whether a part of a rendition is covered: then it must be known where each part of the original came to lie. */
export function coversParts({ edit, effects }: Pick<Recipe, 'edit' | 'effects'>): boolean {
  return edit?.redact !== undefined || effects?.redact !== undefined;
}

/**
 * Whether the original's own compressed bytes may be sent: of no original that was edited or has a part covered, and by no recipe that
 * changes its pixels.
 */
export function maySendOwnBytes({ edit, effects }: Pick<Recipe, 'edit' | 'effects'>): boolean {
  return edit === undefined && effects === undefined;
}

/** Whether renditions of this recipe keep all frames of an animation; else only the first one is decoded. */
export function keepsFrames({ animated, output }: Recipe): boolean {
  // A base rendition of an animation is a GIF.
  return animated && (output === 'webp' || output === 'base');
}

/**
 * What a shop changed of an original for all its renditions, kept in its record: turned, then flipped, then cropped. Boxes and points
 * are fractions, 0 to 1: those of `crop` and `focus` of the picture turned and flipped so, those of `redact` of the upright original,
 * so that what is covered stays covered however the picture is turned later. Absent fields change nothing.
 */
export interface Edit {
  /** Degrees clockwise. */
  readonly rotate?: 90 | 180 | 270;
  readonly flip?: 'horizontal' | 'vertical' | 'both';
  readonly crop?: FractionBox;
  /** The point that a crop keeps in its window, in place of faces. */
  readonly focus?: { readonly x: number; readonly y: number };
  readonly redact?: readonly FractionBox[];
}

export interface FractionBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export type Length = number | `${number}%`;

/** How a rendition is coded beside its quality and effort. Absent fields leave it to what was measured best. */
export interface Encoding {
  /** The quality is searched that gives this mean SSIM; `Recipe.quality` is then where the search begins. */
  readonly ssim?: number;
  /** The largest quality is taken whose file has at most so many bytes. */
  readonly maxBytes?: number;
  /** JPEG in passes, PNG interlaced. */
  readonly progressive?: boolean;
  readonly chroma?: '4:2:0' | '4:4:4';
  /** Colours of a PNG or GIF, at most. */
  readonly palette?: number;
  /** Dots per inch, in JPEG and PNG. */
  readonly dpi?: number;
}

/** All that decides the pixels of a rendition, resolved: no names, no ratios, nothing left to look up. */
export interface Recipe {
  /** Pixels; at least one of the two is set, save for the output `original`. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fit: Fit;
  readonly output: Output;
  /** 1 to 100 on JPEG's scale; `formats/encode.ts` translates it for each format. */
  readonly quality: number;
  /** Encoder effort on the format's own scale; undefined takes the measured default. */
  readonly effort: number | undefined;
  readonly gravity: Gravity;
  /** The detector whose faces move the frame; absent where none do. */
  readonly detector?: string;
  /** A cover crop zooms in on the largest face by this factor at most; 1 does not zoom. */
  readonly faceZoom: number;
  /** `#rrggbb` under transparent parts and in margins; undefined is white, or transparent where alpha is kept. */
  readonly background: string | undefined;
  /** Keeps frames, delays and loop count in webp and gif; otherwise the first frame. */
  readonly animated: boolean;
  /** `p3` keeps the colours of wide-gamut originals, in Display P3 with its profile; `srgb` writes no profile. */
  readonly gamut: 'srgb' | 'p3';
  /** Cuts off a uniform border whose pixels differ by at most this, of 255 a channel. Undefined cuts nothing. */
  readonly trim: number | undefined;
  /** Empty border on each side, as a fraction of the rendition's width and height. */
  readonly margin: number;
  /** Keeps the EXIF fields Copyright and Artist, and nothing else. */
  readonly copyright: boolean;
  /** The output `original` keeps all that the file says beside its pixels. Absent where it does not. */
  readonly keepMetadata?: boolean;
  /**
   * The shop's own version of the original (`v`), absent without one. It stands in every key that is made of a recipe, and pixels of
   * the original that were read for another version are not used.
   */
  readonly version?: string;
  /** `true` codes without loss, `false` codes drawn pictures as photos. Absent: by what the picture looks like. */
  readonly lossless?: boolean;
  /** Of a negotiated AVIF: in what a drawn picture is sent where that is sharper, because AVIF without loss is larger. */
  readonly sharper?: 'webp' | 'png';
  /** The part that is shown of the upright original as its edit left it: pixels, or percent of it such as `12.5%`. */
  readonly crop?: { readonly [side in 'x' | 'y' | 'width' | 'height']: Length };
  /** Degrees clockwise, of that part, before it is flipped and scaled. */
  readonly rotate?: 90 | 180 | 270;
  readonly flip?: 'horizontal' | 'vertical' | 'both';
  /** The picture is enlarged up to the size: by bicubic interpolation (Catmull-Rom), which is libvips' own kernel upwards. */
  readonly enlarge?: true;
  /** The canvas has the whole size, even where the picture is smaller. */
  readonly extend?: true;
  readonly encoding?: Encoding;
  /** Which picture of an original that holds several; absent for the first. Another one has no proxy image and no face that is known. */
  readonly page?: number;
  /** Of an animation: how many of its frames are kept, from the first on, and how much faster it runs. Absent where it stays as it is. */
  readonly motion?: { readonly frames?: number; readonly speed?: number };
  /** The shop's edit of the original. In no key: each edit begins a new epoch. Absent where there is none. */
  readonly edit?: Edit;
  /** What is done to the pixels after scaling and cropping. Absent where nothing is, and so is each stage of it. */
  readonly effects?: Effects;
}
