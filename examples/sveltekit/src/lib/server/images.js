/** SvelteKit brings no file of this folder to a browser. The environment is read in the build too. */
import { createSigner } from '@darkroom-images/url';
import presets from '../presets.json';

export const signer = createSigner({
  baseUrl: process.env.IMAGE_BASE_URL,
  key: process.env.DARKROOM_SIGNING_KEY,
  presets,
});
