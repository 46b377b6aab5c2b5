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
import { type PresetShapes, presetOf, url } from '@darkroom-images/url/client';

/** What next/image asks a loader for. `width`: pixels of the file. */
export interface LoaderRequest {
  readonly src: string;
  readonly width: number;
  readonly quality?: number | undefined;
}

/** `presets`: the server's presets file. The loader throws a TypeError for what is no signed URL, and for presets that are not there. */
export function createLoader(presets: PresetShapes): (request: LoaderRequest) => string {
  return ({ src, width }) => {
    const name = presetOf(src);
    const shape = Object.hasOwn(presets, name) ? presets[name] : undefined;
    const { widths = [], pixelRatios = [1, 2, 3] } = shape ?? {};
    // The smallest that is large enough, else the largest.
    const fit = (sizes: readonly number[], pixels: (size: number) => number) => {
      const sorted = [...sizes].sort((a, b) => a - b);
      return sorted.find((size) => pixels(size) >= width) ?? sorted.at(-1);
    };
    if (widths.length > 0) return url(src, shape, { width: fit(widths, (size) => size) });
    const base = shape?.width ?? shape?.height ?? width;
    return url(src, shape, { pixelRatio: fit(pixelRatios, (ratio) => ratio * base) });
  };
}
