import { Picture } from '@darkroom-images/next';
import Link from 'next/link';
import { presets, signer } from '../lib/images.js';
import listings from '../lib/listings.json';

export default function Shop() {
  return (
    <>
      <h1>Shop</h1>
      <ul>
        {listings.map(({ slug, title, price, image, meta }, at) => (
          <li key={slug}>
            <Link href={`/listings/${slug}`}>
              <Picture
                src={signer.url(image, 'card')}
                preset={presets.card}
                meta={meta}
                alt={title}
                placeholder="thumbhash"
                priority={at === 0}
              />
              <p>
                {title} · {price}
              </p>
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
