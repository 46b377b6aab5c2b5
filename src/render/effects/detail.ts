import type { Pixels } from '../pixels.ts';
import type { SharpModule } from '../sharp.ts';
import type { Detail } from './effects.ts';
import { eachFrame } from './frames.ts';
import type { Placement } from './placement.ts';

/** libvips' own bounds. */
const [LEAST_SIGMA, MOST_SIGMA] = [0.3, 1000];

export function applyDetail(
  sharp: SharpModule,
  pixels: Pixels,
  { blur }: Detail,
  { unit }: Placement,
): Promise<Pixels> {
  const sigma = Math.min(MOST_SIGMA, Math.max(LEAST_SIGMA, blur * unit));
  return eachFrame(sharp, pixels, (image) => image.blur(sigma));
}
