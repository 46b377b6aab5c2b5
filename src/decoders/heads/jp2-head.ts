import { DecodeError, type FileHeader } from '../decoder.ts';

/** Size of a JPEG 2000, from the SIZ marker of its codestream: ISO/IEC 15444-1, A.5.1; boxes: annex I. */
export function readJp2Head(file: Buffer): FileHeader {
  const { codestream, hasProfile, hasAlpha, isYcc } = readJp2Boxes(file);
  if (codestream.length < 42 || codestream.readUInt32BE(0) !== START_AND_SIZ)
    throw new DecodeError('broken', 'the JPEG 2000 holds no picture');
  const [right, bottom, left, top] = [8, 12, 16, 20].map((at) => codestream.readUInt32BE(at)) as [
    number,
    number,
    number,
    number,
  ];
  const [tileWidth, tileHeight] = [codestream.readUInt32BE(24), codestream.readUInt32BE(28)];
  const [width, height] = [right - left, bottom - top];
  if (width <= 0 || height <= 0 || tileWidth === 0 || tileHeight === 0)
    throw new DecodeError('broken', `no JPEG 2000 has ${width} × ${height} pixels`);
  // Each takes memory before any is decoded.
  if (Math.ceil(right / tileWidth) * Math.ceil(bottom / tileHeight) > MAX_TILES)
    throw new DecodeError('too_large', `the JPEG 2000 has more than ${MAX_TILES} tiles`);
  const components = codestream.readUInt16BE(40);
  if (components === 0 || components > MAX_COMPONENTS)
    throw new DecodeError('unsupported', `a JPEG 2000 of ${components} components`);
  // Depth with a sign in its highest bit, and how many pixels across and down a value stands for.
  for (let n = 0, at = 42; n < components; n += 1, at += 3) {
    const [depth, across, down] = [codestream[at] ?? 0, codestream[at + 1], codestream[at + 2]];
    const shared = isYcc && components === 3 && n > 0;
    if (depth > MAX_DEPTH || !isStep(across, shared) || !isStep(down, shared))
      throw new DecodeError('unsupported', 'a JPEG 2000 of parts with sizes of their own, or of measurements');
  }
  return { width, height, hasAlpha: hasAlpha || components === 2 || components === 4, hasProfile };
}

const START_AND_SIZ = 0xff4fff51;
const MAX_TILES = 4096;
const MAX_COMPONENTS = 5;
/** 16 bits, less one. */
const MAX_DEPTH = 15;
const MAX_BOXES = 1000;
/** `colr` by an ICC profile. */
const BY_PROFILE = 2;
/** `colr` by a number: sRGB, grey, and sYCC, whose differences of colour may be shared by two pixels across and down. */
const ENUMERATED = 1;
const SYCC = 18;
const SHOWN = new Set([16, 17, SYCC]);
const isStep = (step: number | undefined, shared: boolean) => step === 1 || (shared && step === 2);

interface Boxes {
  readonly codestream: Buffer;
  readonly hasProfile: boolean;
  readonly hasPalette: boolean;
  /** A definition of channels names one that is no colour. */
  readonly hasAlpha: boolean;
  /** Brightness and differences of colour (IEC 61966-2-1, amendment 1). */
  readonly isYcc: boolean;
}

/** The codestream of a file, which may be nothing else, and what the boxes in front of it say. */
export function readJp2Boxes(file: Buffer): Boxes {
  let [hasProfile, hasAlpha, hasPalette, isYcc] = [false, false, false, false];
  if (file[0] === 0xff) return { codestream: file, hasProfile, hasAlpha, hasPalette, isYcc };
  let at = 0;
  for (let n = 0; n < MAX_BOXES && at + 16 <= file.length; n += 1) {
    const said = file.readUInt32BE(at);
    const header = said === 1 ? 16 : 8;
    const type = file.toString('latin1', at + 4, at + 8);
    if (type === 'jp2c') return { codestream: file.subarray(at + header), hasProfile, hasAlpha, hasPalette, isYcc };
    if (type === 'colr' && file[at + header] === ENUMERATED && at + header + 7 <= file.length) {
      const colours = file.readUInt32BE(at + header + 3);
      if (!SHOWN.has(colours)) throw new DecodeError('unsupported', `a JPEG 2000 in colour space ${colours}`);
      isYcc ||= colours === SYCC;
    }
    if (type === 'colr') hasProfile ||= file[at + header] === BY_PROFILE;
    if (type === 'cdef') hasAlpha = true;
    if (type === 'pclr') hasPalette = true;
    const bytes = said === 1 ? Number(file.readBigUInt64BE(at + 8)) : said;
    if (bytes < header) break;
    // The header is a box of boxes.
    at += type === 'jp2h' ? header : bytes;
  }
  throw new DecodeError('broken', 'the JPEG 2000 holds no picture');
}
