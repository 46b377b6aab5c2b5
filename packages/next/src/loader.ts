/**
 * For pages that keep `next/image`: a loader that asks for the sizes that presets declare. In a file of its own, which `next.config`
 * names (`images: { loader: 'custom', loaderFile: './darkroom-loader.js' }`):
 *
 *     import { createLoader } from '@darkroom-images/next/loader';
 *     import presets from './presets.json';
 *     export default createLoader(presets);
 *
 * Then `<Image src={signedUrl} width={400} height={300} alt="" />` in any component.
 */
import type { PresetShapes } from '@darkroom-images/url/client';
import { closestUrl } from '../../shared/src/closest.ts';

/** What next/image asks a loader for. `width`: pixels of the file. */
export interface LoaderRequest {
  readonly src: string;
  readonly width: number;
  readonly quality?: number | undefined;
}

/** `presets`: the server's presets file. The loader throws a TypeError for what is no signed URL, and for presets that are not there. */
export function createLoader(presets: PresetShapes): (request: LoaderRequest) => string {
  return ({ src, width }) => closestUrl(src, presets, { width });
}
