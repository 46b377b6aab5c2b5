import sharp from 'sharp';
import { createMemoryStore } from './memory-store.ts';

/** One pinned and one negotiated preset. */
export const definitions = {
  thumb: { width: 150, height: 150, fit: 'cover', format: 'webp', quality: 75 },
  card: { width: 300, height: 300, format: 'auto', quality: 80 },
};
export const photo = await sharp({ create: { width: 400, height: 300, channels: 3, background: '#884422' } })
  .jpeg()
  .toBuffer();
const cutout = await sharp({ create: { width: 40, height: 30, channels: 4, background: '#88442280' } })
  .png()
  .toBuffer();
/** A photo, a cut-out and something that is no picture, with every call counted. */
export const originals = createMemoryStore({
  'a.jpg': photo,
  'cutout.png': cutout,
  'notes.txt': Buffer.from('no picture at all'),
});
