import { DecodeError, type FileHeader } from '../decoder.ts';
import { readDirectory, type TiffTags } from './tiff-directory.ts';

const TAG = {
  ...{ width: 256, height: 257, bits: 258, compression: 259, photometric: 262, orientation: 274, samples: 277 },
  ...{
    rowsPerStrip: 278,
    planar: 284,
    tileWidth: 322,
    tileHeight: 323,
    extraSamples: 338,
    sampleFormat: 339,
    icc: 34675,
  },
} as const;
/**
 * What libtiff needs for the pixels of one page, the profile, and nothing else: it fails at private tags and directories that it does
 * not understand, and at pages behind the first one. Sections 8 to 22 of TIFF 6.0, and technical note 2.
 */
const OF_PIXELS: ReadonlySet<number> = new Set([
  ...[...Object.values(TAG), 266, 273, 279, 292, 293, 317, 320, 324, 325, 347],
  ...[512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532],
]);
/** Tags of the pixels' bytes: strips, then tiles. */
const OFFSETS = [273, 324];
const LENGTHS = [279, 325];
/** A TIFF/EP or DNG begins with a small picture, and its sensor's values lie behind (ISO 12234-2; DNG 1.7, chapter 4). */
const RAW = { reduced: 254, subDirectories: 330, dngVersion: 50706, cfa: 33422 };

/** Photometric interpretations that are decoded: white or black as zero, RGB, palette, inks, YCbCr, CIELab. */
const PHOTOMETRICS = new Set([0, 1, 2, 3, 5, 6, 8]);
/** None, CCITT, LZW, old and new JPEG, both names of deflate, PackBits. */
const COMPRESSIONS = new Set([1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946]);
/** More, and numbers with a sign or a fraction, are measurements, which say nothing of how they are to be shown. */
const MAX_BITS = 16;
const WHOLE_NUMBERS = new Set([1, 4]);
const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, INKS, LAB] = [0, 1, 2, 3, 5, 8];
/** CCITT's: fax machines. */
const FAXES = new Set([2, 3, 4]);
const JPEG = 7;
/** Of ExtraSamples: libtiff leaves such values as they are. */
const PREMULTIPLIED = 1;
const MAX_SAMPLES = 16;
/** The bytes of one strip or tile when it is unpacked; beside the pixels, libtiff holds one of them. */
const MAX_PART_BYTES = 256 * 1024 * 1024;

/** Whether a file with a TIFF's first bytes is a camera's RAW. */
export function isRawTiff(file: Buffer): boolean {
  // Canon's own mark.
  if (file.toString('latin1', 8, 10) === 'CR') return true;
  try {
    const tags = readDirectory(file);
    if (tags.has(RAW.dngVersion) || tags.has(RAW.cfa)) return true;
    return tags.has(RAW.subDirectories) && tags.number(RAW.reduced, 0) === 1;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

/** Of the first page: TIFF 6.0, and BigTIFF. Throws a `DecodeError`. */
export function readTiffHead(file: Buffer): FileHeader {
  const tags = readDirectory(file);
  const [width, height] = [tags.number(TAG.width, 0), tags.number(TAG.height, 0)];
  if (width <= 0 || height <= 0) throw new DecodeError('broken', `no TIFF has ${width} × ${height} pixels`);
  const [samples, bits] = [tags.number(TAG.samples, 1), tags.number(TAG.bits, 1)];
  const [photometric, compression] = [photometricOf(tags), tags.number(TAG.compression, 1)];
  if (!COMPRESSIONS.has(compression)) throw new DecodeError('unsupported', `a TIFF of compression ${compression}`);
  if (!PHOTOMETRICS.has(photometric)) throw new DecodeError('unsupported', `a TIFF in colour space ${photometric}`);
  const countable = WHOLE_NUMBERS.has(tags.number(TAG.sampleFormat, 1)) && !(photometric === PALETTE && bits > 8);
  if (!countable || bits < 1 || bits > MAX_BITS || samples < 1 || samples > MAX_SAMPLES)
    throw new DecodeError('unsupported', `a TIFF of ${samples} samples of ${bits} bits`);
  checkParts(file, tags, { width, height, bytes: (samples * bits) / 8 });
  const turned = tags.number(TAG.orientation, 1) >= 5;
  return {
    ...(turned ? { width: height, height: width } : { width, height }),
    hasAlpha: tags.number(TAG.extraSamples, 0) !== 0,
    // One of CIELab would be of the values before they become sRGB.
    hasProfile: tags.has(TAG.icc) && photometric !== LAB,
  };
}

/** As libtiff guesses it where a file leaves it out. */
function photometricOf(tags: TiffTags): number {
  const guess = tags.number(TAG.samples, 1) === 3 ? RGB : BLACK_IS_ZERO;
  return tags.number(TAG.photometric, FAXES.has(tags.number(TAG.compression, 1)) ? WHITE_IS_ZERO : guess);
}

/** How the rows are to be turned, and whether they are a negative, CIELab, or inks. */
export interface TiffLook {
  readonly orientation: number;
  readonly negative: boolean;
  readonly lab: boolean;
  readonly inks: boolean;
}

/**
 * Takes the look of a TIFF whose head was read out of the file, which is then an upright positive: in place, of the decoder's own copy.
 * ImageMagick leaves some files to libtiff (CCITT group 3, YCbCr), which turns them once more; it shows
 * 2 and 4 bits with white as zero as a negative, and CIELab as if its white were D65; tiles of inks in JPEG it reads as RGB with a
 * fourth value alone.
 */
export function takeLook(file: Uint8Array): TiffLook {
  const tags = readDirectory(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  const orientation = tags.number(TAG.orientation, 1);
  const photometric = photometricOf(tags);
  const samples = tags.number(TAG.samples, 1);
  const [negative, lab] = [photometric === WHITE_IS_ZERO, photometric === LAB && samples >= 3];
  const inks =
    photometric === INKS && samples === 4 && tags.number(TAG.compression, 1) === JPEG && tags.has(TAG.tileWidth);
  const shown = negative ? BLACK_IS_ZERO : lab || inks ? RGB : photometric;
  tags.overwrite(TAG.orientation, 1);
  tags.overwrite(TAG.photometric, shown);
  const added = [
    ...(tags.has(TAG.photometric) ? [] : ([[TAG.photometric, shown]] as const)),
    ...(inks && !tags.has(TAG.extraSamples) ? ([[TAG.extraSamples, PREMULTIPLIED]] as const) : []),
  ];
  if (!tags.keepOnly(OF_PIXELS, added))
    throw new DecodeError('unsupported', 'a TIFF that leaves out what its values are');
  return { orientation: orientation >= 1 && orientation <= 8 ? orientation : 1, negative, lab, inks };
}

interface Shape {
  readonly width: number;
  readonly height: number;
  /** Of a pixel. */
  readonly bytes: number;
}

/** Strips and tiles must lie in the file, and unpacked within bounds: each is allocated before it is read. */
function checkParts(file: Buffer, tags: TiffTags, { width, height, bytes }: Shape): void {
  const tiled = tags.has(TAG.tileWidth);
  const across = tiled ? tags.number(TAG.tileWidth, 0) : width;
  const down = tiled
    ? tags.number(TAG.tileHeight, 0)
    : Math.min(height, tags.number(TAG.rowsPerStrip, height) || height);
  if (across <= 0 || down <= 0 || across * down * bytes > MAX_PART_BYTES)
    throw new DecodeError('too_large', `the TIFF has parts of ${across} × ${down} pixels`);
  const [offsets, lengths] = [OFFSETS, LENGTHS].map(
    (names) => names.map((tag) => tags.all(tag)).find((found) => found.length > 0) ?? [],
  ) as [number[], number[]];
  if (offsets.length === 0) throw new DecodeError('broken', 'the TIFF holds no pixels');
  const outside = offsets.some((offset) => offset >= file.length);
  const tooLong = lengths.some((length) => length > file.length);
  if (outside || tooLong) throw new DecodeError('broken', 'the TIFF ends before its last rows');
}
