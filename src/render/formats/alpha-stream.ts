import { LRUCache } from 'lru-cache';
import type { Size } from '../pixels.ts';
import type { SharpModule } from '../sharp.ts';
import { itemsOf, startOfItem } from './colour/avif/boxes.ts';

/** How opaque each pixel of a picture is, one byte each without padding. */
export interface Alpha {
  readonly levels: Buffer;
  /** All that decides it: the same for the same shape of the same size, whatever the picture. */
  readonly key: string;
}

/** Alpha as AV1, coded once for all pictures of a shape and size: a shop rounds its cards alike. */
export interface AlphaStreams {
  /** OBUs of one key frame without colours. */
  of(sharp: SharpModule, alpha: Alpha, size: Size): Promise<Buffer>;
}

const MOST_STREAMS = 64;
const MAX_BYTES = 32 * 1024;

/** Of one renderer. What is kept depends on nothing but its key, so it has no age. */
export function createAlphaStreams(): AlphaStreams {
  const kept = new LRUCache<string, Buffer>({
    ...{ max: MOST_STREAMS, maxSize: MOST_STREAMS * MAX_BYTES, maxEntrySize: MAX_BYTES },
    sizeCalculation: ({ length }) => length,
  });
  return {
    async of(sharp, alpha, size) {
      const found = kept.get(alpha.key);
      if (found) return found;
      const stream = await alphaStream(sharp, alpha.levels, size);
      kept.set(alpha.key, stream);
      return stream;
    },
  };
}

/** Of libaom, by which edges are hardly off; at the quality of a picture they were off by up to 41 levels. */
const CODING = { quality: 100, effort: 0 } as const;

/**
 * SVT-AV1 codes no picture without colours, which is what alpha has to be (AV1 Image File Format, 4.1); libheif does, but only as the
 * alpha of a picture: a white one, which is left behind.
 */
async function alphaStream(sharp: SharpModule, levels: Buffer, { width, height }: Size): Promise<Buffer> {
  const file = await sharp({ create: { width, height, channels: 3, background: 'white' } })
    .joinChannel(levels, { raw: { width, height, channels: 1 } })
    .avif(CODING)
    .toBuffer();
  const items = itemsOf(file);
  const item = items?.references.find(({ type }) => type === 'auxl')?.from;
  const stream = items && item !== undefined ? startOfItem(file, items, item, file.length) : undefined;
  if (!stream) throw new Error('libheif wrote an AVIF without alpha');
  return Buffer.from(stream);
}
