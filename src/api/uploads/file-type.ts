/** The media type of a file by its first bytes, whatever it is called, to say what a refused upload is. */

/** Bytes at an offset, in latin1. All of a row must match. */
const SIGNATURES: readonly [type: string, ...parts: [at: number, bytes: string][]][] = [
  ['image/jpeg', [0, '\xff\xd8\xff']],
  ['image/png', [0, '\x89PNG\r\n\x1a\n']],
  ['image/gif', [0, 'GIF8']],
  ['image/webp', [0, 'RIFF'], [8, 'WEBP']],
  ['image/tiff', [0, 'II*\0']],
  ['image/tiff', [0, 'MM\0*']],
  ['image/tiff', [0, 'II+\0']],
  ['image/tiff', [0, 'MM\0+']],
  // The two bytes in front are also those of texts; the header behind them is never larger than 255 bytes.
  ['image/bmp', [0, 'BM'], [6, '\0\0\0\0'], [15, '\0\0\0']],
  ['image/jxl', [0, '\xff\x0a']],
  ['image/jxl', [4, 'JXL \r\n\x87\n']],
  ['image/jp2', [4, 'jP  \r\n\x87\n']],
  ['image/jp2', [0, '\xff\x4f\xff\x51']],
  ['image/vnd.adobe.photoshop', [0, '8BPS']],
  ['image/x-icon', [0, '\0\0\x01\0']],
  ['application/pdf', [0, '%PDF-']],
  ['application/zip', [0, 'PK\x03\x04']],
  ['video/webm', [0, '\x1aE\xdf\xa3']],
];

/** Brands of an `ftyp` box (ISO/IEC 23008-12; https://aomediacodec.github.io/av1-avif/#brands), the first that is listed decides. */
const BRANDS: readonly [type: string, ...brands: string[]][] = [
  ['image/avif', 'avif', 'avis'],
  ['image/heic', 'heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs'],
  ['image/heif', 'mif1', 'msf1'],
  ['video/quicktime', 'qt  '],
];

/** As far as an XML or HTML file is read for its first element. */
const TEXT_BYTES = 1024;
/** Of an `ftyp` box. Real ones list up to a dozen brands. */
const BRANDS_BYTES = 256;

/** Undefined for content that is not told apart. */
export function fileTypeOf(file: Buffer): string | undefined {
  const found = SIGNATURES.find(([, ...parts]) =>
    parts.every(([at, bytes]) => file.toString('latin1', at, at + bytes.length) === bytes),
  );
  return found?.[0] ?? typeByBrands(file) ?? typeOfText(file);
}

/** A picture, though it may be of a type that is not read. */
export function isPictureType(type: string): boolean {
  return type.startsWith('image/') && type !== 'image/svg+xml';
}

function typeByBrands(file: Buffer): string | undefined {
  if (file.length < 12 || file.toString('latin1', 4, 8) !== 'ftyp') return undefined;
  const brands: string[] = [];
  const end = Math.min(file.readUInt32BE(0), file.length, BRANDS_BYTES);
  // The minor version lies between the major brand and the compatible ones.
  for (let at = 8; at + 4 <= end; at += 4) if (at !== 12) brands.push(file.toString('latin1', at, at + 4));
  return BRANDS.find(([, ...ofType]) => ofType.some((brand) => brands.includes(brand)))?.[0] ?? 'video/mp4';
}

function typeOfText(file: Buffer): string | undefined {
  const start = file.toString('utf8', 0, TEXT_BYTES).trimStart();
  if (/^<(?:!doctype html|html|head|script|body)[\s>]/i.test(start)) return 'text/html';
  return start.startsWith('<') && /<svg[\s>]/i.test(start) ? 'image/svg+xml' : undefined;
}
