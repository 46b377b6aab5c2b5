/**
 * A loader for next/image, in a file that next.config names (`images: { loader: 'custom', loaderFile: './next-loader.ts' }`): a server
 * component cannot hand a function to next/image. The page's server signs one URL and passes it as `src`:
 *
 *     <Image src={images.url(id, 'card')} width={400} height={300} alt="" />
 *
 * The suffix behind the preset is not signed, so the loader picks one of the preset's widths in the browser without the key.
 */
import { createLoader } from '@darkroom-images/next/loader';
import presets from './presets.json' with { type: 'json' };

export default createLoader(presets);
