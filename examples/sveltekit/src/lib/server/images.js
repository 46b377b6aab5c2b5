/** SvelteKit refuses to bring files of this folder to a browser. */
import { createSigner } from '@darkroom-images/url';
import { env } from '$env/dynamic/private';
import presets from '../presets.json';

export const signer = createSigner({ baseUrl: env.IMAGE_BASE_URL, key: env.DARKROOM_SIGNING_KEY, presets });
