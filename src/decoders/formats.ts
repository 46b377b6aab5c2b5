import { bmpHeader, icoHeader } from './bitmaps/headers.ts';
import { embeddedPng } from './bitmaps/ico-entries.ts';
import type { FileHeader } from './decoder.ts';
import { readJp2Head } from './heads/jp2-head.ts';
import { readJxlHead } from './heads/jxl-head.ts';
import { isRawTiff, readTiffHead } from './heads/tiff-head.ts';
import { tiffPage } from './heads/tiff-page.ts';
import { heifOutline } from './heif-boxes.ts';
import { heifPage } from './heif-pages.ts';
import { psdHeader } from './psd/psd-head.ts';
import { isSvg, readSvgHead } from './svg/svg-head.ts';

/**
 * The table of formats that are decoded here: what is done on the main thread, without loading a decoder. A new one has a row
 * here, its decoder in `worker.ts`, and what it costs in render/cost-estimate.ts, by its name.
 */
export interface DecodedFormat {
  /** As `format` of an original, in the API and in metrics. */
  readonly name: FormatName;
  readonly mediaTypes: readonly string[];
  /** By content, never by name. */
  recognises(file: Buffer): boolean;
  /** Throws a `DecodeError`. Absent where sharp reads the header. */
  readHeader?(file: Buffer): FileHeader;
  /** The picture of this file where it is one that sharp reads, whole inside. Throws a `DecodeError`. */
  embedded?(file: Buffer): Buffer | undefined;
  /** The same file with another of its pictures as the first one, a copy; undefined where there are fewer. Absent where there is one. */
  page?(file: Buffer, page: number): Buffer | undefined;
  /** What is known before sharp reads the header; undefined for a file that is not to be read but within libraries' own limits. */
  outline?(file: Buffer): Outline | undefined;
}

export interface Outline {
  /** Kind of coding, by which render/cost-estimate.ts knows its cost. */
  readonly coding: string;
}

export type FormatName = 'heic' | 'jxl' | 'tiff' | 'jp2' | 'psd' | 'bmp' | 'ico' | 'svg';

/** Brands of an `ftyp` box (ISO/IEC 23008-12, annex B) that stand for pictures in HEVC; `hevc` and its kin for sequences. */
const HEVC_BRANDS = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs']);
const ANY_CODEC = new Set(['mif1', 'msf1', 'mif2', 'miaf']);
const AV1_BRANDS = new Set(['avif', 'avis', 'MA1A', 'MA1B']);
/** A photo of so few items has tiles of megapixels, as Sony's cameras write them; phones write tiles of 512 × 512. */
const FEW_ITEMS = 16;
/** Real ones list up to a dozen brands. */
const MAX_FTYP_BYTES = 1024;

/** Bytes at an offset, in latin1; all of a row must match. */
const startsWith =
  (...parts: readonly (readonly [at: number, bytes: string])[]) =>
  (file: Buffer) =>
    parts.every(([at, bytes]) => file.toString('latin1', at, at + bytes.length) === bytes);
const isTiff = (file: Buffer) => /^(?:II[*+]\0|MM\0[*+])/.test(file.toString('latin1', 0, 4));
const anyOf =
  (...tests: readonly ((file: Buffer) => boolean)[]) =>
  (file: Buffer) =>
    tests.some((test) => test(file));

export const FORMATS: readonly DecodedFormat[] = [
  {
    name: 'heic',
    mediaTypes: ['image/heic', 'image/heif'],
    recognises: isHeif,
    outline: outlineOfHeic,
    page: heifPage,
  },
  {
    name: 'jxl',
    mediaTypes: ['image/jxl'],
    recognises: anyOf(startsWith([0, '\xff\x0a']), startsWith([0, '\0\0\0\x0cJXL \r\n\x87\n'])),
    readHeader: readJxlHead,
  },
  {
    name: 'tiff',
    mediaTypes: ['image/tiff'],
    recognises: (file) => isTiff(file) && !isRawTiff(file),
    readHeader: readTiffHead,
    page: tiffPage,
  },
  {
    name: 'jp2',
    mediaTypes: ['image/jp2'],
    recognises: anyOf(startsWith([0, '\0\0\0\x0cjP  \r\n\x87\n']), startsWith([0, '\xff\x4f\xff\x51'])),
    readHeader: readJp2Head,
  },
  {
    name: 'psd',
    mediaTypes: ['image/vnd.adobe.photoshop'],
    recognises: startsWith([0, '8BPS']),
    readHeader: psdHeader,
  },
  // The two bytes in front are also those of texts; the header behind them is never larger than 255 bytes.
  { name: 'bmp', mediaTypes: ['image/bmp'], recognises: startsWith([0, 'BM'], [15, '\0\0\0']), readHeader: bmpHeader },
  {
    name: 'ico',
    mediaTypes: ['image/x-icon'],
    recognises: startsWith([0, '\0\0\x01\0']),
    readHeader: icoHeader,
    embedded: embeddedPng,
  },
  { name: 'svg', mediaTypes: ['image/svg+xml'], recognises: isSvg, readHeader: readSvgHead },
];

/** Undefined for what sharp reads, and for what is not read at all. */
export function decodedFormatOf(file: Buffer): DecodedFormat | undefined {
  return FORMATS.find(({ recognises }) => recognises(file));
}

function outlineOfHeic(file: Buffer): Outline | undefined {
  const outline = heifOutline(file);
  if (!outline) return undefined;
  if (!outline.grid) return { coding: 'heic, no grid' };
  return { coding: outline.items < FEW_ITEMS ? 'heic, large tiles' : 'heic' };
}

/** HEVC by its brands, or by brands that name no codec and none of AV1, which sharp reads. */
function isHeif(file: Buffer): boolean {
  const brands = brandsOf(file);
  if (brands.some((brand) => AV1_BRANDS.has(brand))) return false;
  return brands.some((brand) => HEVC_BRANDS.has(brand) || ANY_CODEC.has(brand));
}

/** ISO/IEC 14496-12, 4.3. The minor version lies between the major brand and the compatible ones. */
function brandsOf(file: Buffer): string[] {
  if (file.length < 12 || file.toString('latin1', 4, 8) !== 'ftyp') return [];
  const end = Math.min(file.readUInt32BE(0), file.length, MAX_FTYP_BYTES);
  const brands: string[] = [];
  for (let at = 8; at + 4 <= end; at += 4) if (at !== 12) brands.push(file.toString('latin1', at, at + 4));
  return brands;
}
