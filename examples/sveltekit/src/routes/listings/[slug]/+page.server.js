import { error } from '@sveltejs/kit';
import listings from '../../../lib/listings.json';
import { signer } from '../../../lib/server/images.js';

export function load({ params }) {
  const listing = listings.find(({ slug }) => slug === params.slug);
  if (!listing) error(404, 'Not found');
  const { image, ...others } = listing;
  return { ...others, src: signer.url(image, 'detail') };
}
