/** `base` becomes jpeg, png for a picture with transparent parts, or gif for one that moves; only the pixels can tell. */
export type Output = 'avif' | 'webp' | 'jpeg' | 'png' | 'base';

export type Fit = 'cover' | 'contain' | 'fill' | 'inside' | 'outside';

export type Gravity = 'auto' | 'faces' | 'attention' | 'center';

/** Whether the frame depends on where faces are; a picture that is not cut in the end needs none of them. */
export function seeksFaces({ fit, gravity }: Recipe): boolean {
  return fit === 'cover' && (gravity === 'auto' || gravity === 'faces');
}

/** Whether frames survive in what this recipe makes; where they do not, only the first one is decoded. */
export function keepsFrames({ animated, output }: Recipe): boolean {
  // A base rendition of an animation is a GIF.
  return animated && (output === 'webp' || output === 'base');
}

/** Everything that decides the pixels of a rendition, resolved: no names, no ratios, nothing left to look up. */
export interface Recipe {
  /** Pixels; at least one of the two is set. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fit: Fit;
  readonly output: Output;
  /** 1 to 100 on JPEG's scale; `encode.ts` translates it for each format. */
  readonly quality: number;
  /** Encoder effort on the format's own scale; unset takes the measured default. */
  readonly effort: number | undefined;
  readonly gravity: Gravity;
  /** A cover crop zooms in on the largest face, by this factor at most; 1 is not at all. */
  readonly faceZoom: number;
  /** `#rrggbb` under transparent parts and in margins; unset is white, or transparent where alpha is kept. */
  readonly background: string | undefined;
  /** Keeps frames, delays and loop count in webp and gif; otherwise the first frame. */
  readonly animated: boolean;
  /** `p3` keeps the colours of wide-gamut originals, in Display P3 with its profile; else all is sRGB without one. */
  readonly gamut: 'srgb' | 'p3';
  /** Cuts a uniform border off; how far, of 255, its pixels may differ. Undefined leaves borders alone. */
  readonly trim: number | undefined;
  /** Empty border on each side, as a fraction of the rendition's width and height. */
  readonly margin: number;
  /** Keeps the EXIF fields Copyright and Artist, and nothing else. */
  readonly copyright: boolean;
}
