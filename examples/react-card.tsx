/** A React server component: signs on the server, sends markup only. */
import { createImageUrls, type ImageMeta } from '@darkroom-images/url';
import presets from './presets.json' with { type: 'json' };

const images = createImageUrls({
  baseUrl: process.env.IMAGE_BASE_URL ?? 'https://img.example.com',
  key: process.env.DARKROOM_SIGNING_KEY ?? '',
  presets,
});

export function ListingCard(props: { imageId: string; title: string; meta?: ImageMeta }) {
  const { sources, img } = images.picture(props.imageId, 'card', { meta: props.meta });
  const background = props.meta?.dominantColor;
  return (
    <picture>
      {sources.map(({ type, srcset, sizes }) => (
        <source key={type} type={type} srcSet={srcset} sizes={sizes} />
      ))}
      <img
        src={img.src}
        srcSet={img.srcset}
        sizes={img.sizes}
        width={img.width}
        height={img.height}
        alt={props.title}
        style={{ backgroundColor: background }}
        loading="lazy"
      />
    </picture>
  );
}
