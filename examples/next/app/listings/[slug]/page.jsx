import { Picture } from '@darkroom-images/next';
import Image from 'next/image';
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { presets, signer } from '../../../lib/images.js';
import listings from '../../../lib/listings.json';

export default async function Listing({ params }) {
  const { slug } = await params;
  const listing = listings.find((each) => each.slug === slug);
  if (!listing) notFound();
  const { title, price, image, meta } = listing;
  return (
    <>
      <p>
        <Link href="/">Shop</Link>
      </p>
      <h1>{title}</h1>
      <Picture src={signer.url(image, 'detail')} preset={presets.detail} meta={meta} alt={title} priority />
      <p>{price}</p>
      <p>
        {/* next/image itself, by the loader of next.config.js. */}
        <Image src={signer.url(image, 'card')} width={200} height={150} alt="" />
      </p>
    </>
  );
}
