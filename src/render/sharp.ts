import type Sharp from 'sharp';
import type { Sharp as Image } from 'sharp';
import { hasSvtAv1, SVT_AV1 } from './formats/svt-av1.ts';

export type SharpModule = typeof Sharp;

/** Part of every rendition's key; known without loading sharp, because cold start counts. */
export const PIXEL_ENGINE = { sharp: '0.35.5', vips: '8.18.7' } as const;

/** Bumped whenever this code changes the pixels of a rendition. */
const RENDER_REVISION = 16;

export const RENDER_VERSION =
  `r${RENDER_REVISION} sharp ${PIXEL_ENGINE.sharp} vips ${PIXEL_ENGINE.vips}` +
  (hasSvtAv1 ? ` svt-av1 ${SVT_AV1}` : '');

/**
 * The formats that are read, by content and never by name: sharp would otherwise render an SVG named .png. TIFF for rows that were
 * decoded elsewhere, see formats/rows-tiff.ts.
 */
const ALLOWED_LOADERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif', 'Tiff'].map((loader) => `VipsForeignLoad${loader}`);

/** What these loaders read of originals. */
export const SHARP_MEDIA_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/avif', 'image/gif'];

let loading: Promise<SharpModule> | undefined;

/** Loads and configures sharp on first use (some 70 ms). */
export function loadSharp(): Promise<SharpModule> {
  loading ??= load();
  return loading;
}

async function load(): Promise<SharpModule> {
  const { default: sharp } = await import('sharp');
  const { sharp: found, vips } = sharp.versions;
  if (found !== PIXEL_ENGINE.sharp || vips !== PIXEL_ENGINE.vips) {
    throw new Error(`sharp ${found} with libvips ${vips} is installed, but keys promise ${RENDER_VERSION}`);
  }
  // One thread a render, because slots already use all CPUs; no cache, because no operation is repeated.
  sharp.concurrency(1);
  sharp.cache(false);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: ALLOWED_LOADERS });
  return counted(sharp);
}

let warnings = 0;

/** Of libvips' jpeg2vips.c; other formats warn of profiles and the like. */
const JPEG_WARNING = 'read gave';

/**
 * How many JPEGs libvips has warned of so far: it keeps them for all threads together and tells them with
 * the next operation that ends. Those of a picture are counted before its own operation settles.
 */
export const decoderWarnings = (): number => warnings;

/** Any operation may be told another's warnings, so all are listened to. */
function counted(sharp: SharpModule): SharpModule {
  return new Proxy(sharp, {
    apply(target, self, options) {
      const image: Image = Reflect.apply(target, self, options);
      return image.on('warning', (message: string) => {
        if (message.startsWith(JPEG_WARNING)) warnings += 1;
      });
    },
  });
}
