import { Picture } from '@darkroom-images/react';
import { createTransformer, widthsOf } from '@darkroom-images/unpic';
import { Image } from '@unpic/react/base';
import { createRoot } from 'react-dom/client';
import presets from './presets.json';
import './shop.css';

const transformer = createTransformer(presets);

function Shop({ listings }) {
  return (
    <>
      <h1>Shop</h1>
      <ul>
        {listings.map(({ slug, title, price, card, meta }, at) => (
          <li key={slug}>
            <a href={`/listings/${slug}`}>
              <Picture
                src={card}
                preset={presets.card}
                meta={meta}
                alt={title}
                placeholder="thumbhash"
                priority={at === 0}
              />
              <p>
                {title} · {price}
              </p>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

function Listing({ title, price, card, detail, meta }) {
  return (
    <>
      <p>
        <a href="/">Shop</a>
      </p>
      <h1>{title}</h1>
      <Picture src={detail} preset={presets.detail} meta={meta} alt={title} priority />
      <p>{price}</p>
      {/* unpic's own component, by a transformer. */}
      <Image
        src={card}
        transformer={transformer}
        breakpoints={widthsOf(card, presets)}
        layout="fixed"
        width={200}
        height={150}
        alt=""
      />
    </>
  );
}

const listings = await (await fetch('/api/listings')).json();
const listing = listings.find(({ slug }) => location.pathname === `/listings/${slug}`);
const shop = listing ? <Listing {...listing} /> : <Shop listings={listings} />;
createRoot(document.getElementById('shop')).render(shop);
