import { LRUCache } from 'lru-cache';
import type { Alpha, Size } from '../pixels.ts';
import type { SharpModule } from '../sharp.ts';
import { itemsOf, startOfItem } from './colour/avif/boxes.ts';
import { alphaChunk } from './encoding/webp-file.ts';

/** The alpha of a shape, coded once for all pictures of its size: a shop rounds its cards alike. */
export interface AlphaStreams {
  /** For AVIF the OBUs of one key frame without colours, for WebP an ALPH chunk. */
  of(sharp: SharpModule, format: 'avif' | 'webp', alpha: Alpha, size: Size): Promise<Buffer>;
}

const MOST_STREAMS = 128;
const MOST_BYTES = 2 * 1024 * 1024;
const MAX_BYTES = 32 * 1024;

/** Of one renderer. What is kept depends on nothing but its key, so it has no age. */
export function createAlphaStreams(): AlphaStreams {
  const kept = new LRUCache<string, Buffer>({
    ...{ max: MOST_STREAMS, maxSize: MOST_BYTES, maxEntrySize: MAX_BYTES },
    sizeCalculation: ({ length }) => length,
  });
  return {
    async of(sharp, format, alpha, size) {
      const key = `${format} ${alpha.key}`;
      const found = kept.get(key);
      if (found) return found;
      const stream = await CODED[format](sharp, alpha.levels(), size);
      kept.set(key, stream);
      return stream;
    },
  };
}

const CODED = { avif: alphaStream, webp: alphaOfWebp } as const;

/** libaom's, by which edges are hardly off; at the quality of a picture they were off by up to 41 levels. */
const AVIF = { quality: 100, effort: 0 } as const;
/** libwebp's without loss: of a shape, more takes longer and saves nothing. */
const WEBP = { lossless: true, quality: 20, effort: 1 } as const;

/**
 * SVT-AV1 codes no picture without colours, which is what alpha has to be (AV1 Image File Format, 4.1); libheif does, but only as the
 * alpha of a picture: a white one, which is left behind.
 */
async function alphaStream(sharp: SharpModule, levels: Buffer, { width, height }: Size): Promise<Buffer> {
  const file = await sharp({ create: { width, height, channels: 3, background: 'white' } })
    .joinChannel(levels, { raw: { width, height, channels: 1 } })
    .avif(AVIF)
    .toBuffer();
  const items = itemsOf(file);
  const item = items?.references.find(({ type }) => type === 'auxl')?.from;
  const stream = items && item !== undefined ? startOfItem(file, items, item, file.length) : undefined;
  if (!stream) throw new Error('libheif wrote an AVIF without alpha');
  return Buffer.from(stream);
}

async function alphaOfWebp(sharp: SharpModule, levels: Buffer, { width, height }: Size): Promise<Buffer> {
  const raw = { width, height, channels: 1 } as const;
  return alphaChunk(await sharp(levels, { raw }).webp(WEBP).toBuffer());
}
