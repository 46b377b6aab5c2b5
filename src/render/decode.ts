import type { Metadata, Sharp } from 'sharp';
import { DarkroomError, errors } from '../errors.ts';
import { centredWindow, planCrop, type Size } from './crop.ts';
import type { SharpModule } from './engine.ts';
import type { Recipe } from './recipe.ts';

export interface DecodeLimits {
  /** Width × height of one frame. */
  readonly maxPixels: number;
  readonly maxFrames: number;
  /** sharp gives up decoding after this many seconds; it does not stop every encoder. */
  readonly timeoutSeconds: number;
}

const RETRY_AFTER_TIMEOUT_S = 5;

/** What the header of an original says. */
export interface OriginalHeader {
  readonly format: string;
  /** Upright size in pixels. */
  readonly size: Size;
  readonly frames: number;
  readonly hasAlpha: boolean;
}

/** Upright sRGB pixels, 8 bits a channel, 3 channels or 4 with straight alpha. */
export interface Pixels extends Size {
  readonly data: Buffer;
  readonly channels: 3 | 4;
}

/** Reads the header only. Throws `original_unreadable` or `original_too_large` before any pixel is decoded. */
export async function readHeader(sharp: SharpModule, original: Buffer, limits: DecodeLimits): Promise<OriginalHeader> {
  const header = await sharp(original, { limitInputPixels: false }).metadata().catch(refuse);
  const { width, height, pages: frames = 1 } = header;
  if (header.format === 'heif' && header.compression !== 'av1') {
    throw errors.originalUnreadable('HEIC originals are not read; upload JPEG, PNG, WebP, AVIF or GIF.');
  }
  if (width * height > limits.maxPixels) {
    throw errors.originalTooLarge(`The original has more than ${limits.maxPixels} pixels.`);
  }
  if (frames > limits.maxFrames)
    throw errors.originalTooLarge(`The original has more than ${limits.maxFrames} frames.`);
  return { format: header.format, size: uprightSize(header), frames, hasAlpha: header.hasAlpha };
}

/** Decodes, turns upright, converts to sRGB, scales and crops. libvips shrinks while loading where the format can. */
export async function decode(
  sharp: SharpModule,
  original: Buffer,
  header: OriginalHeader,
  recipe: Recipe,
  limits: DecodeLimits,
): Promise<Pixels> {
  const image = sharp(original, {
    autoOrient: true,
    // 'warning' would refuse many real photos; 'error' still refuses truncated ones.
    failOn: 'error',
    limitInputPixels: limits.maxPixels,
  }).timeout({ seconds: limits.timeoutSeconds });
  const { data, info } = await framed(sharp, image, header, recipe)
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  return { data, width: info.width, height: info.height, channels: info.channels as 3 | 4 };
}

function framed(sharp: SharpModule, image: Sharp, header: OriginalHeader, recipe: Recipe): Sharp {
  const plan = planCrop(header.size, recipe);
  const { scaled, output } = plan;
  if (recipe.fit === 'contain') {
    // Around a cut-out the frame stays as transparent as the picture's own ground.
    const unset = header.hasAlpha && recipe.output !== 'jpeg' ? '#ffffff00' : '#ffffff';
    return image.resize({ ...output, fit: 'contain', background: recipe.background ?? unset });
  }
  const whole = scaled.width === output.width && scaled.height === output.height;
  if (whole) return image.resize({ ...scaled, fit: 'fill' });
  if (recipe.gravity === 'center') return image.resize({ ...scaled, fit: 'fill' }).extract(centredWindow(plan));
  return image.resize({ ...output, fit: 'cover', position: sharp.strategy.attention });
}

function uprightSize({ autoOrient: { width, height } }: Metadata): Size {
  return { width, height };
}

/** Whatever libvips says while reading is about the original, so it is a 4xx. */
function refuse(cause: unknown): never {
  if (cause instanceof DarkroomError) throw cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (/^timeout/i.test(message)) throw errors.renderTimeout(RETRY_AFTER_TIMEOUT_S);
  if (/pixel limit/i.test(message)) throw errors.originalTooLarge('The original has too many pixels.', cause);
  throw errors.originalUnreadable(
    'The original is not a picture that can be read: JPEG, PNG, WebP, AVIF or GIF.',
    cause,
  );
}
