/** A shop in a Worker: pages are strings, and Web Crypto signs. */
import { createImageUrls, toHtml } from '@darkroom-images/url/edge';
import listings from './listings.json';
import presets from './presets.json';
import css from './shop.css';

const page = (title, body) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>${title}</title><style>${css}</style>${body}</html>`;

async function picture(images, { image, meta, title }, preset, isFirst) {
  const made = await images.picture(image, preset, { meta, placeholder: 'thumbhash' });
  return toHtml(made, { alt: title, ...(isFirst ? { fetchpriority: 'high' } : { loading: 'lazy' }) });
}

async function shop(images) {
  const pictures = await Promise.all(listings.map((listing, at) => picture(images, listing, 'card', at === 0)));
  const cards = listings.map(
    ({ slug, title, price }, at) =>
      `<li><a href="/listings/${slug}">${pictures[at]}<p>${title} · ${price}</p></a></li>`,
  );
  return page('Shop', `<h1>Shop</h1><ul>${cards.join('')}</ul>`);
}

async function detail(images, listing) {
  const shown = await picture(images, listing, 'detail', true);
  return page(listing.title, `<p><a href="/">Shop</a></p><h1>${listing.title}</h1>${shown}<p>${listing.price}</p>`);
}

export default {
  async fetch(request, env) {
    const images = createImageUrls({ baseUrl: env.IMAGE_BASE_URL, key: env.DARKROOM_SIGNING_KEY, presets });
    const { pathname } = new URL(request.url);
    const listing = listings.find(({ slug }) => pathname === `/listings/${slug}`);
    if (pathname !== '/' && !listing) return new Response('Not found', { status: 404 });
    const html = listing ? await detail(images, listing) : await shop(images);
    return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } });
  },
};
