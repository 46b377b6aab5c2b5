import type { Fit } from './crop.ts';

/** `base` becomes jpeg, or png when the picture has transparent parts; only the pixels can tell. */
export type Output = 'avif' | 'webp' | 'jpeg' | 'png' | 'base';

export type Gravity = 'auto' | 'faces' | 'attention' | 'center';

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
  /** `#rrggbb` under transparent parts and around `contain`; unset is white, or transparent where alpha is kept. */
  readonly background: string | undefined;
  readonly animated: boolean;
}
