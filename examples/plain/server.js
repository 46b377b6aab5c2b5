/** A shop without a framework: pages are strings. `IMAGE_BASE_URL` and `DARKROOM_SIGNING_KEY` come from the environment. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createImageUrls, toHtml } from '@darkroom-images/url';
import listings from './listings.json' with { type: 'json' };
import presets from './presets.json' with { type: 'json' };

const images = createImageUrls({
  baseUrl: process.env.IMAGE_BASE_URL,
  key: process.env.DARKROOM_SIGNING_KEY,
  presets,
});
const css = readFileSync(new URL('shop.css', import.meta.url), 'utf8');

const page = (title, body) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>${title}</title><style>${css}</style>${body}</html>`;

function picture({ image, meta, title }, preset, isFirst) {
  const made = images.picture(image, preset, { meta, placeholder: 'thumbhash' });
  return toHtml(made, { alt: title, ...(isFirst ? { fetchpriority: 'high' } : { loading: 'lazy' }) });
}

function shop() {
  const cards = listings.map(
    (listing, at) =>
      `<li><a href="/listings/${listing.slug}">${picture(listing, 'card', at === 0)}<p>${listing.title} · ${listing.price}</p></a></li>`,
  );
  return page('Shop', `<h1>Shop</h1><ul>${cards.join('')}</ul>`);
}

const detail = (listing) =>
  page(
    listing.title,
    `<p><a href="/">Shop</a></p><h1>${listing.title}</h1>${picture(listing, 'detail', true)}<p>${listing.price}</p>`,
  );

createServer(({ url }, response) => {
  const listing = listings.find(({ slug }) => url === `/listings/${slug}`);
  const html = url === '/' ? shop() : listing ? detail(listing) : undefined;
  response.writeHead(html ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' }).end(html ?? 'Not found');
}).listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1');
