import listings from '../lib/listings.json';
import { signer } from '../lib/server/images.js';

export const load = () => ({
  listings: listings.map(({ image, ...listing }) => ({ ...listing, src: signer.url(image, 'card') })),
});
