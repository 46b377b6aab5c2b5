import { createSigner } from '@darkroom-images/url';
import presets from './presets.json';

export { presets };

/** Runs on the server only: its key is the server's. */
export const signer = createSigner({
  baseUrl: process.env.IMAGE_BASE_URL,
  key: process.env.DARKROOM_SIGNING_KEY,
  presets,
});
