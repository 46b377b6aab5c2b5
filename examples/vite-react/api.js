/** What the shop's server answers: the browser has no key, so each picture comes with a signed URL. */
import { createSigner } from '@darkroom-images/url';
import all from './src/listings.json' with { type: 'json' };
import presets from './src/presets.json' with { type: 'json' };

export function listings() {
  const signer = createSigner({
    baseUrl: process.env.IMAGE_BASE_URL,
    key: process.env.DARKROOM_SIGNING_KEY,
    presets,
  });
  const signed = ({ image, ...listing }) => ({
    ...listing,
    card: signer.url(image, 'card'),
    detail: signer.url(image, 'detail'),
  });
  return JSON.stringify(all.map(signed));
}
