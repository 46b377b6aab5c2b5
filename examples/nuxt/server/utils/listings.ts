/** On the server only: the browser gets signed URLs. */
import { createSigner } from '@darkroom-images/url';
import all from '../../listings.json';
import presets from '../../presets.json';

export function signedListings() {
  const signer = createSigner({
    baseUrl: process.env.IMAGE_BASE_URL,
    key: process.env.DARKROOM_SIGNING_KEY,
    presets,
  });
  return all.map(({ image, ...listing }) => ({
    ...listing,
    card: signer.url(image, 'card'),
    detail: signer.url(image, 'detail'),
  }));
}
