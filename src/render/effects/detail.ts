import { freeNow, type Pixels } from '../pixels.ts';
import type { SharpModule } from '../sharp.ts';
import type { Detail } from './effects.ts';
import { eachFrame } from './frames.ts';
import { pixelate } from './pixelate.ts';
import type { Placement } from './placement.ts';
import { sharpenDetail, sharpenScaled } from './unsharp.ts';

/** libvips' own bounds. */
const [LEAST_SIGMA, MOST_SIGMA] = [0.3, 1000];

/** Sharpens; or makes squares, and blurs. */
export async function applyDetail(
  sharp: SharpModule,
  pixels: Pixels,
  { sharpen, pixelate: side, blur }: Detail,
  { unit, scale }: Pick<Placement, 'unit' | 'scale'>,
): Promise<Pixels> {
  if (sharpen === 'auto') return sharpenScaled(sharp, pixels, Math.sqrt(scale.across * scale.down));
  if (sharpen !== undefined) return sharpenDetail(sharp, pixels, sharpen * unit);
  const squares = side === undefined ? pixels : await pixelate(pixels, { ...pixels, left: 0, top: 0 }, side * unit);
  if (blur === undefined) return squares;
  const sigma = Math.min(MOST_SIGMA, Math.max(LEAST_SIGMA, blur * unit));
  const blurred = await eachFrame(sharp, squares, (image) => image.blur(sigma));
  if (squares !== pixels) freeNow(squares.data);
  return blurred;
}
