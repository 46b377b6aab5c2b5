/**
 * Signed URLs in unpic's components, whose `base` entries take a transformer:
 *
 *     import { Image } from '@unpic/react/base';
 *     import { createTransformer, widthsOf } from '@darkroom-images/unpic';
 *     const transformer = createTransformer(presets);
 *     <Image src={signedUrl} transformer={transformer} breakpoints={widthsOf(signedUrl, presets)} width={400} height={300} alt="" />
 */
import type { PresetShapes } from '@darkroom-images/url/client';
import { closestUrl } from '../../shared/src/closest.ts';

export { widthsOf } from '../../shared/src/closest.ts';

/** What unpic asks a transformer for. `width`: pixels of the file. Height and quality are the preset's own. */
export interface Operations {
  readonly width?: number | string;
  readonly height?: number | string;
  readonly format?: string;
  readonly quality?: number | string;
}

/** `presets`: the server's presets file. Throws a TypeError for what is no signed URL, and for presets that are not there. */
export function createTransformer(presets: PresetShapes): (src: string | URL, operations?: Operations) => string {
  return (src, operations) => closestUrl(String(src), presets, operations);
}
