/** A listing page without a framework. */
import { createImageUrls, toHtml } from '@darkroom-images/url';
import presets from './presets.json' with { type: 'json' };

export interface Listing {
  readonly title: string;
  readonly imageId: string;
}

export function listingPage(listings: readonly Listing[], options: { baseUrl: string; key: string }): string {
  const images = createImageUrls({ ...options, presets });
  const cards = listings.map(({ title, imageId }) => {
    const picture = images.picture(imageId, 'card', { sizes: '(min-width: 900px) 400px, 100vw' });
    return `<li>${toHtml(picture, { alt: title, loading: 'lazy' })}</li>`;
  });
  return `<!doctype html><html lang="en"><title>Listings</title><ul>${cards.join('')}</ul></html>`;
}
