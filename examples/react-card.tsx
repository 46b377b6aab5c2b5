/** A React component for servers and browsers: it needs a signed URL, and no key. */
import { type ImageMeta, Picture } from '@darkroom-images/react';
import presets from './presets.json' with { type: 'json' };

/** `src`: signed where the key is, by `images.url(id, 'card')`. */
export function ListingCard(props: { src: string; title: string; meta?: ImageMeta }) {
  return <Picture src={props.src} preset={presets.card} alt={props.title} meta={props.meta} placeholder="thumbhash" />;
}
