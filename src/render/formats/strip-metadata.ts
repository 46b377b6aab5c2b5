import { pngChunk } from './colour/png-chunks.ts';
import { stripGif } from './strip-gif.ts';

/** What of a file is looked at or kept beside its pixels. */
interface Kept {
  readonly frames?: number | 'all';
  readonly keepColours?: boolean;
  /** Profiles and what else says how colours are shown, and the frames of an animated PNG. */
  readonly keepLook?: boolean;
  /** Put in as the file's EXIF block. */
  readonly exif?: Buffer | undefined;
}
type Asked = Required<Kept>;

/**
 * Removes the metadata of a file and leaves its compressed pixels untouched: EXIF, GPS, XMP, IPTC, profiles, comments,
 * thumbnails, and bytes behind the picture's end. Undefined for other formats, for files that do not parse to their end, and for
 * those of more or fewer `frames`. `keepColours`: a PNG's gamma and primaries stay, because its colours depend on them.
 */
export function stripMetadata(
  file: Buffer,
  format: string,
  { frames = 1, keepColours = false, keepLook = false, exif }: Kept = {},
): Buffer | undefined {
  const strip = STRIPPERS[format];
  try {
    return strip?.(file, { frames, keepColours, keepLook, exif });
  } catch (error) {
    // A truncated file: the parser read past its end.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const STRIPPERS: Readonly<Record<string, (file: Buffer, kept: Asked) => Buffer | undefined>> = {
  jpeg: stripJpeg,
  png: stripPng,
  webp: stripWebp,
  gif: (file, { frames }) => stripGif(file, frames),
};

const JPEG = {
  start: 0xd8,
  end: 0xd9,
  scan: 0xda,
  app0: 0xe0,
  app1: 0xe1,
  app2: 0xe2,
  app14: 0xee,
  app15: 0xef,
  comment: 0xfe,
};

const ADOBE_BYTES = 16;

/**
 * ITU-T T.81, annex B. Keeps Adobe's APP14 and a JFIF header (APP0) without its thumbnail: both say how colours are coded, and
 * without them decoders go by the names of the components.
 */
function stripJpeg(file: Buffer, { keepLook, exif }: Asked): Buffer | undefined {
  if (file.readUInt16BE(0) !== 0xff00 + JPEG.start) return undefined;
  const kept: Buffer[] = [file.subarray(0, 2)];
  if (exif) kept.push(jpegExif(exif));
  for (let at = 2; ; ) {
    if (file.readUInt8(at) !== 0xff) return undefined;
    const marker = file.readUInt8(at + 1);
    if (marker === JPEG.end) return Buffer.concat([...kept, file.subarray(at, at + 2)]);
    let end = at + 2 + file.readUInt16BE(at + 2);
    if (marker === JPEG.scan) end = endOfScan(file, end);
    const segment = file.subarray(at, end);
    const jfif =
      marker === JPEG.app0 && segment.subarray(4, 9).equals(Buffer.from('JFIF\0')) && segment.length >= JFIF.bytes;
    const adobe = marker === JPEG.app14 && segment.subarray(4, 9).equals(Buffer.from('Adobe'));
    // A longer APP14 could carry any data.
    if (adobe && segment.length !== ADOBE_BYTES) return undefined;
    const profile = keepLook && marker === JPEG.app2 && segment.toString('latin1', 4, 16) === 'ICC_PROFILE\0';
    const needed = adobe || jfif || profile;
    const dropped = (marker >= JPEG.app0 && marker <= JPEG.app15 && !needed) || marker === JPEG.comment;
    if (!dropped) kept.push(jfif ? withoutThumbnail(segment) : segment);
    at = end;
  }
}

/** CIPA DC-008, 4.7.2. */
function jpegExif(block: Buffer): Buffer {
  const head = Buffer.from('\xff\xe1\0\0Exif\0\0', 'latin1');
  head.writeUInt16BE(head.length - 2 + block.length, 2);
  return Buffer.concat([head, block]);
}

const JFIF = { bytes: 18, thumbnail: 16 };

/** ITU-T T.871, 10.1: the size of a thumbnail, in pixels, and then its pixels stand at the header's end. */
function withoutThumbnail(segment: Buffer): Buffer {
  if (segment.length === JFIF.bytes) return segment;
  const header = Buffer.from(segment.subarray(0, JFIF.bytes));
  header.writeUInt16BE(JFIF.bytes - 2, 2);
  header.writeUInt16BE(0, JFIF.thumbnail);
  return header;
}

/** Entropy-coded data ends at the first marker that is neither a stuffed zero, a restart nor a fill byte. */
function endOfScan(file: Buffer, start: number): number {
  for (let at = start; ; at += 1) {
    if (file.readUInt8(at) !== 0xff) continue;
    const next = file.readUInt8(at + 1);
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
}

const PNG_SIGNATURE_BYTES = 8;
const PNG_PIXELS = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);

const PNG_COLOURS = new Set(['gAMA', 'cHRM']);
/** An animated PNG's own chunks with them: https://www.w3.org/TR/png-3/#apng-frame-based-animation */
const PNG_LOOK = new Set([...PNG_COLOURS, 'iCCP', 'sRGB', 'cICP', 'sBIT', 'acTL', 'fcTL', 'fdAT']);

/** W3C PNG, section 5: length, type, data, CRC. */
function stripPng(file: Buffer, { keepColours, keepLook, exif }: Asked): Buffer | undefined {
  const kept: Buffer[] = [file.subarray(0, PNG_SIGNATURE_BYTES)];
  for (let at = PNG_SIGNATURE_BYTES; ; ) {
    const end = at + 12 + file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    if (end > file.length) return undefined;
    const shown = PNG_PIXELS.has(type) || (keepColours && PNG_COLOURS.has(type)) || (keepLook && PNG_LOOK.has(type));
    if (shown) kept.push(file.subarray(at, end));
    if (type === 'IHDR' && exif) kept.push(pngChunk('eXIf', exif));
    if (type === 'IEND') return Buffer.concat(kept);
    at = end;
  }
}

const WEBP_PIXELS = new Set(['VP8 ', 'VP8L', 'ALPH']);
const WEBP_KEPT_FLAGS = { profile: 0x20, alpha: 0x10, exif: 0x08, animation: 0x02 };
/** Of an ANMF chunk, before its frame's own chunks: its head, place, size, duration and flags. */
const WEBP_FRAME_HEAD_BYTES = 8 + 16;

/** RFC 9649, section 2: RIFF chunks, padded to even lengths. */
function stripWebp(file: Buffer, { frames, keepLook, exif }: Asked): Buffer | undefined {
  const length = Math.min(file.length, 8 + file.readUInt32LE(4));
  const kept: Buffer[] = [];
  let found = 0;
  for (let at = 12; at < length; ) {
    const type = file.toString('latin1', at, at + 4);
    const end = at + 8 + file.readUInt32LE(at + 4);
    if (end > file.length) return undefined;
    const chunk = Buffer.from(file.subarray(at, end));
    const { profile, alpha, animation } = WEBP_KEPT_FLAGS;
    const flags = alpha | animation | (keepLook ? profile : 0);
    if (type === 'VP8X') chunk.writeUInt8((chunk.readUInt8(8) & flags) | (exif ? WEBP_KEPT_FLAGS.exif : 0), 8);
    if (type === 'ANMF' && !isBareFrame(chunk)) return undefined;
    if (type === 'ANMF') found += 1;
    if (['VP8X', 'ANIM', 'ANMF'].includes(type) || WEBP_PIXELS.has(type) || (keepLook && type === 'ICCP'))
      kept.push(chunk, Buffer.alloc(chunk.length % 2));
    at = end + ((end - at) % 2);
  }
  if (frames !== 'all' && Math.max(1, found) !== frames) return undefined;
  if (exif) kept.push(webpExif(exif));
  const body = Buffer.concat(kept);
  const head = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  head.writeUInt32LE(4 + body.length, 4);
  return body.length === 0 ? undefined : Buffer.concat([head, body]);
}

function webpExif(block: Buffer): Buffer {
  const chunk = Buffer.alloc(8 + block.length + (block.length % 2));
  chunk.write('EXIF', 'latin1');
  chunk.writeUInt32LE(block.length, 4);
  block.copy(chunk, 8);
  return chunk;
}

/** Whether a frame of an animation holds its pixels and nothing else. */
function isBareFrame(chunk: Buffer): boolean {
  let at = WEBP_FRAME_HEAD_BYTES;
  while (at + 8 <= chunk.length) {
    if (!WEBP_PIXELS.has(chunk.toString('latin1', at, at + 4))) return false;
    const bytes = chunk.readUInt32LE(at + 4);
    at += 8 + bytes + (bytes % 2);
  }
  return at >= chunk.length;
}
