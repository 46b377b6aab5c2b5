import type { Pixels, Size } from '../../pixels.ts';
import type { Recipe } from '../../recipe.ts';
import type { AlphaStreams } from '../alpha-stream.ts';
import type { Format } from './encoders.ts';
import type { Luma } from './ssim.ts';

/** What an encode may make use of. */
export interface Coding extends Partial<Coder> {
  readonly alphas?: AlphaStreams;
}

/** What the native engine does for encoders where it is there. A promise of undefined: sharp is to do it. */
export interface Coder {
  /** A file of 4:2:0 by the recipe's quality and effort. Absent where pixels are sharp's to write. */
  readonly write?: (pixels: Pixels, format: Format, recipe: Recipe) => Promise<Buffer | undefined>;
  /** The brightness of an opaque WebP, 8 bits a pixel. */
  luma(file: Buffer, size: Size): Promise<Buffer | undefined>;
  /** How like brightness is to what a JPEG would hold of it, by its quantisers, row by row: `quantised` and `ssim`. */
  jpegSsim(part: Luma): (quantisers: readonly number[]) => number;
}
