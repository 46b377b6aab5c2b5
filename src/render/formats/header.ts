import type { FileHeader } from '../../decoders/decoder.ts';
import type { DecodedFormat } from '../../decoders/formats.ts';
import { DarkroomError, errors, type Refusal } from '../../errors.ts';
import type { OriginalHeader, OriginalLimits, PictureHeader } from '../picture-source.ts';
import type { Size } from '../pixels.ts';
import type { SharpModule } from '../sharp.ts';
import { hdrOf } from './colour/hdr-profile.ts';
import { isColourProfile } from './colour/icc-profile.ts';
import { readRgbProfile } from './colour/rgb-profile.ts';
import { type FileMetadata, plainJpegHeader } from './jpeg/plain-header.ts';
import { countScans, hasAllPasses } from './jpeg/structure.ts';

/** All frames of an animation are decoded at once; this many pixels together at most. */
const MAX_ANIMATION_PIXELS = 60_000_000;
/**
 * The largest side that all formats but PNG can have. libvips holds rows of working pixels: a PNG of 1,048,672 × 64 pixels,
 * 16 KB, took 17 s and 1.7 GiB.
 */
const MAX_SIDE_PX = 65_535;
/**
 * Each scan of a progressive JPEG visits every pixel, 11 ms at 100 megapixels, however few bytes it has: 3,000 scans in
 * 0.6 MB took 45 s. Cameras and encoders write up to 20.
 */
const MAX_SCANS = 100;
/** Grey, YCbCr or RGB, and inks. */
const JPEG_COMPONENTS = [1, 3, 4];

/** `elsewhere`: of a file whose pixels are decoded outside sharp. Reads the header only. Throws `original_unreadable` or `original_too_large` before any pixel is decoded. */
export async function readHeader(
  sharp: SharpModule,
  original: Buffer,
  limits: OriginalLimits,
  elsewhere?: DecodedFormat,
): Promise<OriginalHeader> {
  if (original.length === 0) throw errors.refusedUpload('The original is empty.', { reason: 'empty' });
  const decoder = elsewhere?.name;
  const outline = elsewhere?.outline?.(original);
  // libvips allows 256 items, and a picture of 48 megapixels with its gain map has more: the outline has limits of its own.
  const unlimited = outline !== undefined;
  const metadata: FileMetadata =
    (elsewhere ? undefined : plainJpegHeader(original)) ??
    (await sharp(original, { limitInputPixels: false, unlimited }).metadata().catch(refuse));
  // libvips reads the header of a HEIC and fails at its pixels.
  if (metadata.format === 'heif' && metadata.compression !== 'av1' && !decoder) {
    throw errors.originalUnreadable('HEIC originals are not read; upload JPEG, PNG, WebP, AVIF or GIF.');
  }
  // Its loader is there for rows that were decoded elsewhere.
  if (metadata.format === 'tiff') throw errors.unreadable();
  // Of two components or five no colours are known, and libvips gives them as they are.
  if (metadata.format === 'jpeg' && !JPEG_COMPONENTS.includes(metadata.channels)) throw errors.unreadable();
  const { width, height, autoOrient } = metadata;
  // Other pictures of an AVIF file are no animation that is shown, however many it has.
  const frames = metadata.format === 'gif' || metadata.format === 'webp' ? (metadata.pages ?? 1) : 1;
  assertSize({ width, height }, limits);
  if (metadata.format === 'jpeg' && metadata.isProgressive) assertPasses(original);
  const inColour = metadata.format === 'jpeg' && metadata.space === 'srgb' && metadata.channels === 3;
  const colours = inColour && metadata.icc ? readRgbProfile(metadata.icc) : undefined;
  const hdr = metadata.icc && hdrOf(metadata.icc);
  const size = { width: autoOrient.width, height: autoOrient.height };
  return {
    format: decoder ?? (metadata.format === 'heif' ? 'avif' : metadata.format),
    decoder,
    ...{ size, stored: size },
    frames,
    delays: frames > 1 ? metadata.delay?.map(withinTiming) : undefined,
    loop: frames > 1 && metadata.loop !== undefined ? withinTiming(metadata.loop) : undefined,
    hasAlpha: metadata.hasAlpha,
    coding: outline?.coding ?? decoder ?? codingOf(metadata, original),
    turned: (metadata.orientation ?? 1) !== 1,
    ...(metadata.orientation && metadata.orientation !== 1 ? { orientation: metadata.orientation } : {}),
    plain: !decoder && isPlain(metadata),
    hasProfile: metadata.icc !== undefined,
    ...(colours ? { colours } : {}),
    ...(hdr ? { hdr } : {}),
    // Decoders give 8 bits.
    deep: !decoder && metadata.depth !== 'uchar',
    exif: metadata.exif,
    bareInks: metadata.space === 'cmyk' && !(metadata.icc && isColourProfile(metadata.icc, /^CMYK$/)),
  };
}

/** Of a file that is decoded elsewhere, by what its own reader said. Throws `original_too_large`. */
export function headerOfDecoded(
  { width, height, hasAlpha, hasProfile }: FileHeader,
  decoder: string,
  limits: OriginalLimits,
): OriginalHeader {
  const size = { width, height };
  assertSize(size, limits);
  const still = { frames: 1, delays: undefined, loop: undefined, exif: undefined };
  const rows = { turned: false, plain: false, deep: false, coding: decoder };
  return { format: decoder, decoder, size, stored: size, hasAlpha, hasProfile, ...still, ...rows };
}

function assertSize({ width, height }: Size, { maxPixels }: OriginalLimits): void {
  if (Math.max(width, height) > MAX_SIDE_PX)
    throw overLimit(`is more than ${MAX_SIDE_PX} pixels wide or high`, 'side_too_long', MAX_SIDE_PX);
  if (width * height > maxPixels) throw overLimit(`has more than ${maxPixels} pixels`, 'too_many_pixels', maxPixels);
}

function overLimit(what: string, reason: Refusal['reason'], limit: number): DarkroomError {
  return errors.overLimit(`The original ${what}.`, { reason, limit });
}

function assertPasses(jpeg: Buffer): void {
  if (countScans(jpeg, MAX_SCANS) > MAX_SCANS) {
    throw overLimit(`comes in more than ${MAX_SCANS} scans`, 'too_many_scans', MAX_SCANS);
  }
  if (!hasAllPasses(jpeg)) refuse(new Error('the JPEG ends before its last passes'));
}

/**
 * Throws `original_too_large` when there are too many frames, or all together have too many pixels, and
 * `original_unreadable` when they are broken behind the first one. Only animated renditions decode them all.
 */
export function assertFramesFit({ size, frames, others }: PictureHeader): void {
  if (others === 'too many') throw errors.originalTooLarge('The original has too many frames to be animated.');
  if (others === 'broken') throw errors.originalUnreadable('The original is broken behind its first frame.');
  if (size.width * size.height * frames <= MAX_ANIMATION_PIXELS) return;
  throw errors.originalTooLarge(`The original's frames have more than ${MAX_ANIMATION_PIXELS} pixels together.`);
}

/** An error of libvips while reading is the original's fault, so it is answered as a 4xx; a timeout as 503. Always throws. */
export function refuse(cause: unknown): never {
  if (cause instanceof DarkroomError) throw cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (/^timeout/i.test(message)) throw errors.renderTimeout(RETRY_AFTER_TIMEOUT_S);
  if (/pixel limit/i.test(message))
    throw errors.overLimit('The original has too many pixels.', { reason: 'too_many_pixels' }, cause);
  throw errors.unreadable(cause);
}

const RETRY_AFTER_TIMEOUT_S = 5;

/** The largest delay in milliseconds and loop count that sharp writes; a GIF or WebP may have larger ones. */
const withinTiming = (value: number) => Math.min(65_535, value);

/** Files in passes (JPEG, PNG) are held in memory entirely before the first row is decoded. */
function codingOf({ format, isProgressive, chromaSubsampling }: FileMetadata, original: Buffer): string {
  if (format === 'heif') return 'avif';
  // The first chunk of a lossy WebP without alpha and frames: https://developers.google.com/speed/webp/docs/riff_container
  if (format === 'webp') return original.toString('latin1', 12, 16) === 'VP8 ' ? 'webp' : 'webp, not plain';
  if (!isProgressive) return format;
  return format === 'jpeg' && chromaSubsampling?.startsWith('4:4:4') ? 'jpeg in passes, 4:4:4' : `${format} in passes`;
}

function isPlain({ orientation = 1, icc, depth, space }: FileMetadata): boolean {
  return orientation === 1 && icc === undefined && depth === 'uchar' && space === 'srgb';
}
