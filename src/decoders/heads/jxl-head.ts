import { type CodedColours, DecodeError, type FileHeader } from '../decoder.ts';
import { type Bits, bitsOf } from './bits.ts';

/**
 * Size, alpha and colours of a JPEG XL, from its codestream's header: ISO/IEC 18181-1, annex D; boxes: ISO/IEC 18181-2.
 * `linear`: its decoder gives linear sRGB, because the picture is coded in XYB and has a profile that only a colour management
 * system could lead to; else the profile that is told is that of the values. `nclx`: they are PQ or HLG, whose profile from the decoder
 * makes 10,000 nits the white of paper.
 */
export function readJxlHead(file: Buffer): FileHeader & { readonly linear: boolean; readonly nclx?: CodedColours } {
  const bits = bitsOf(codestreamOf(file).subarray(0, HEADER_BYTES));
  bits.skip(16);
  const { width, height } = readSize(bits);
  if (bits.flag()) return { width, height, hasAlpha: false, hasProfile: true, linear: false };
  const { turned } = bits.flag() ? readExtraFields(bits) : { turned: false };
  skipDepth(bits);
  bits.flag();
  const size = turned ? { width: height, height: width } : { width, height };
  const hasAlpha = readAlpha(bits);
  const xyb = bits.flag();
  // The default colours; an ICC profile.
  if (bits.flag()) return { ...size, hasAlpha, hasProfile: true, linear: false };
  if (bits.flag()) return { ...size, hasAlpha, hasProfile: !xyb, linear: xyb };
  const nclx = readHdr(bits);
  return { ...size, hasAlpha, hasProfile: !nclx, linear: false, ...(nclx ? { nclx } : {}) };
}

/** Headers are shorter; the names of extra channels may be longer. */
const HEADER_BYTES = 4096;
const CODESTREAM = 0xff0a;
/** Boxes that stand in front of the codestream: some ten. */
const MAX_BOXES = 1000;
const MAX_CHANNELS = 64;
const ALPHA = 0;
const SPOT = 2;
const FILTER_ARRAY = 5;
/** Colour spaces, white points, primaries and transfer functions: ISO/IEC 18181-1, annex E; most numbers are those of ITU-T H.273. */
const [GREY, XYB] = [1, 2];
const CUSTOM = 2;
const DCI_WHITE = 11;
const [BT_709, BT_2100, P3, DISPLAY_P3] = [1, 9, 11, 12];
const HDR = new Set([16, 18]);

function codestreamOf(file: Buffer): Buffer {
  if (file.length >= 2 && file.readUInt16BE(0) === CODESTREAM) return file;
  let at = 0;
  for (let n = 0; n < MAX_BOXES && at + 16 <= file.length; n += 1) {
    const said = file.readUInt32BE(at);
    const header = said === 1 ? 16 : 8;
    const type = file.toString('latin1', at + 4, at + 8);
    if (type === 'jxlc') return file.subarray(at + header);
    // A number stands in front of each part.
    if (type === 'jxlp') return file.subarray(at + header + 4);
    const bytes = said === 1 ? Number(file.readBigUInt64BE(at + 8)) : said;
    if (bytes < header) break;
    at += bytes;
  }
  throw new DecodeError('broken', 'the JPEG XL holds no picture');
}

/**
 * Writes the size of a last box that says that it goes on to the end of the file (ISO/IEC 14496-12, 4.2), in place: the library waits for
 * more of it, and tells of no picture.
 */
export function endLastBox(file: Buffer): void {
  if (file.readUInt16BE(0) === CODESTREAM) return;
  let at = 0;
  for (let n = 0; n < MAX_BOXES && at + 16 <= file.length; n += 1) {
    const said = file.readUInt32BE(at);
    if (said === 0) return void file.writeUInt32BE(file.length - at, at);
    const bytes = said === 1 ? Number(file.readBigUInt64BE(at + 8)) : said;
    if (bytes < 8) return;
    at += bytes;
  }
}

/** Widths by the height, where they are not written: 1:1, 12:10, 4:3, 3:2, 16:9, 5:4, 2:1. */
const RATIOS = [
  [1, 1],
  [1, 1],
  [12, 10],
  [4, 3],
  [3, 2],
  [16, 9],
  [5, 4],
  [2, 1],
] as const;

function readSize(bits: Bits): { width: number; height: number } {
  const small = bits.flag();
  const side = () => (small ? 8 * (1 + bits.read(5)) : bits.chosen([1, 9], [1, 13], [1, 18], [1, 30]));
  const height = side();
  const ratio = bits.read(3);
  const [across, down] = RATIOS[ratio] ?? [1, 1];
  return { height, width: ratio === 0 ? side() : Math.floor((height * across) / down) };
}

/** Orientation, size shown, preview and animation. */
function readExtraFields(bits: Bits): { turned: boolean } {
  const orientation = 1 + bits.read(3);
  if (bits.flag()) readSize(bits);
  if (bits.flag()) skipPreview(bits);
  if (bits.flag()) {
    bits.chosen([100, 0], [1000, 0], [1, 10], [1, 30]);
    bits.chosen([1, 0], [1001, 0], [1, 8], [1, 10]);
    bits.chosen([0, 0], [0, 3], [0, 16], [0, 32]);
    bits.flag();
  }
  return { turned: orientation >= 5 };
}

function skipPreview(bits: Bits): void {
  const coarse = bits.flag();
  const skipSide = () =>
    coarse ? bits.chosen([16, 0], [32, 0], [1, 5], [33, 9]) : bits.chosen([1, 6], [65, 8], [321, 10], [1345, 12]);
  skipSide();
  if (bits.read(3) === 0) skipSide();
}

function skipDepth(bits: Bits): void {
  const float = bits.flag();
  if (float) bits.chosen([32, 0], [16, 0], [24, 0], [1, 6]);
  else bits.chosen([8, 0], [10, 0], [12, 0], [1, 6]);
  if (float) bits.skip(4);
}

function readAlpha(bits: Bits): boolean {
  const count = bits.chosen([0, 0], [1, 0], [2, 4], [1, 12]);
  if (count > MAX_CHANNELS) throw new DecodeError('unsupported', `a JPEG XL of ${count} more channels`);
  let hasAlpha = false;
  for (let n = 0; n < count; n += 1) {
    // By default an alpha of 8 bits.
    const type = bits.flag() ? undefined : bits.chosen([0, 0], [1, 0], [2, 4], [18, 6]);
    hasAlpha ||= type === undefined || type === ALPHA;
    if (type === undefined) continue;
    skipDepth(bits);
    bits.chosen([0, 0], [3, 0], [4, 0], [1, 3]);
    bits.skip(8 * bits.chosen([0, 0], [0, 4], [16, 5], [48, 10]));
    // Whether colours were multiplied by it.
    if (type === ALPHA) bits.flag();
    if (type === SPOT) bits.skip(64);
    if (type === FILTER_ARRAY) bits.chosen([1, 0], [0, 2], [3, 4], [19, 8]);
  }
  return hasAlpha;
}

/** Undefined for colours that are not HDR, and for primaries that have no number. */
function readHdr(bits: Bits): CodedColours | undefined {
  const number = () => bits.chosen([0, 0], [1, 0], [2, 4], [18, 6]);
  const skipPoint = () => {
    for (let n = 0; n < 2; n += 1) bits.chosen([0, 19], [524_288, 19], [1_048_576, 20], [2_097_152, 21]);
  };
  const space = number();
  if (space === XYB) return undefined;
  const white = number();
  if (white === CUSTOM) skipPoint();
  const primaries = space === GREY ? BT_709 : number();
  if (primaries === CUSTOM) for (let n = 0; n < 3; n += 1) skipPoint();
  // A gamma.
  if (bits.flag()) return undefined;
  const transfer = number();
  if (!HDR.has(transfer) || white === CUSTOM) return undefined;
  if (primaries === P3) return { primaries: white === DCI_WHITE ? P3 : DISPLAY_P3, transfer };
  return primaries === BT_709 || primaries === BT_2100 ? { primaries, transfer } : undefined;
}
