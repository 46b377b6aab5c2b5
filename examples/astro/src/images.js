/** Runs in the build only: pages hold signed URLs, and no script. */
import { createSigner } from '@darkroom-images/url';
import presets from './presets.json';

export { presets };
export const signer = createSigner({
  baseUrl: process.env.IMAGE_BASE_URL,
  key: process.env.DARKROOM_SIGNING_KEY,
  presets,
});
