import { DecodeError } from '../decoder.ts';

/**
 * The header of a BMP, and of the ones inside an ICO: https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-storage;
 * OS/2's by http://netghost.narod.ru/gff/graphics/summary/os2bmp.htm. What real writers get wrong is read as Chromium reads it.
 */
export interface BmpHead {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: 1 | 2 | 4 | 8 | 16 | 24 | 32;
  readonly packing: 'none' | 'rle4' | 'rle8' | 'rle24';
  /** Of 16 and 32 bits a pixel; alpha is 0 where there is none. */
  readonly masks: Masks;
  /** The alpha of `masks` stands not in the header. */
  readonly alphaIsGuessed: boolean;
  /** Offset and number of the palette's entries, and the bytes of each. */
  readonly palette: { readonly at: number; readonly entries: number; readonly bytes: 3 | 4 };
  /** Offset of the pixels. */
  readonly pixelsAt: number;
  readonly icc: Uint8Array | undefined;
}

export interface Masks {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
  readonly alpha: number;
}

/** Of the header in front of all others in a file: its name, its length, where the pixels begin. */
const FILE_HEADER_BYTES = 14;
const PIXELS_AT = 10;
/** The sizes by which headers are told apart. */
const CORE = 12;
const INFO = 40;
const WITH_MASKS = 52;
const WITH_ALPHA_MASK = 56;
const V4 = 108;
const V5 = 124;
const OS2 = [16, 64] as const;
/** `PROFILE_EMBEDDED`; a linked profile is a file name, which is never opened. */
const EMBEDDED = 0x4d424544;
const MAX_PROFILE_BYTES = 4 * 1024 * 1024;

const NO_MASKS: Masks = { red: 0, green: 0, blue: 0, alpha: 0 };
const MASKS_16: Masks = { red: 0x7c00, green: 0x3e0, blue: 0x1f, alpha: 0 };
const MASKS_32: Masks = { red: 0xff0000, green: 0xff00, blue: 0xff, alpha: 0 };

/** Throws a `DecodeError`. */
export function readBmpHead(file: Uint8Array): BmpHead {
  if (file.length < FILE_HEADER_BYTES + CORE) throw new DecodeError('broken', 'the BMP ends before its header');
  const pixelsAt = viewOf(file).getUint32(PIXELS_AT, true);
  return readInfo(file, FILE_HEADER_BYTES, pixelsAt);
}

/** Of a BMP without the header of a file, as it lies in an ICO: twice as high, for the mask behind it, and 32 bits have alpha. */
export function readIconHead(file: Uint8Array, at: number): BmpHead {
  const head = readInfo(file, at, 0);
  const icon = { ...head, height: Math.floor(head.height / 2), pixelsAt: head.palette.at + paletteBytes(head) };
  if (head.bits !== 32 || head.masks.alpha !== 0) return icon;
  return { ...icon, masks: { ...head.masks, alpha: 0xff000000 }, alphaIsGuessed: true };
}

function paletteBytes({ palette: { entries, bytes } }: BmpHead): number {
  return entries * bytes;
}

function readInfo(file: Uint8Array, start: number, pixelsAt: number): BmpHead {
  const view = viewOf(file);
  const size = start + 4 <= file.length ? view.getUint32(start, true) : 0;
  const known = size === CORE || size >= INFO || OS2.includes(size as 16);
  if (!known || size > 1024 || start + size > file.length) throw new DecodeError('broken', 'no header of a BMP');
  const core = size === CORE;
  const width = core ? view.getUint16(start + 4, true) : view.getInt32(start + 4, true);
  const height = core ? view.getUint16(start + 6, true) : view.getInt32(start + 8, true);
  if (width <= 0 || height === 0) throw new DecodeError('broken', `no BMP has ${width} × ${height} pixels`);
  const bits = view.getUint16(start + (core ? 10 : 14), true);
  const compression = core || size < 20 ? 0 : view.getUint32(start + 16, true);
  // For printers alone.
  if (compression === 5 || (compression === 4 && bits !== 24))
    throw new DecodeError('unsupported', 'a BMP around another picture');
  if (!isDepth(bits)) throw new DecodeError('broken', `no BMP has ${bits} bits a pixel`);
  const used = core || size < 36 ? 0 : view.getUint32(start + 32, true);
  const { packing, masks, behind } = packingOf(view, { start, size, bits, compression });
  const bytes = core ? 3 : 4;
  const entries = Math.min(bits > 8 ? used : used || 2 ** bits, bits > 8 ? used : 2 ** bits);
  return {
    ...{ width, height: Math.abs(height), topDown: height < 0, bits, packing, masks, pixelsAt },
    palette: { at: start + size + behind, entries: bits > 8 ? 0 : entries, bytes },
    alphaIsGuessed: false,
    icc: profileOf(file, start, size),
  };
}

interface Coding {
  readonly start: number;
  readonly size: number;
  readonly bits: number;
  readonly compression: number;
}

/** `behind`: bytes of masks between header and palette. */
function packingOf(view: DataView, coding: Coding): Pick<BmpHead, 'packing' | 'masks'> & { behind: number } {
  const { start, size, bits, compression } = coding;
  const ofOs2 = OS2.includes(size as 16);
  const plain = bits === 16 ? MASKS_16 : bits === 32 ? MASKS_32 : NO_MASKS;
  if (compression === 0) return { packing: 'none', masks: plain, behind: 0 };
  if (compression === 1 && bits === 8) return { packing: 'rle8', masks: NO_MASKS, behind: 0 };
  if (compression === 2 && bits === 4) return { packing: 'rle4', masks: NO_MASKS, behind: 0 };
  if (compression === 4 && bits === 24 && ofOs2) return { packing: 'rle24', masks: NO_MASKS, behind: 0 };
  const masked = (compression === 3 && !ofOs2) || compression === 6;
  if (!masked || (bits !== 16 && bits !== 32))
    throw new DecodeError('unsupported', `a BMP of compression ${compression} at ${bits} bits a pixel`);
  const withAlpha = size >= WITH_ALPHA_MASK || compression === 6;
  const behind = size >= WITH_MASKS ? 0 : withAlpha ? 16 : 12;
  const at = start + INFO;
  if (at + 16 > view.byteLength) throw new DecodeError('broken', 'the BMP ends before its masks');
  const mask = (place: number) => view.getUint32(at + 4 * place, true);
  return {
    packing: 'none',
    masks: { red: mask(0), green: mask(1), blue: mask(2), alpha: withAlpha ? mask(3) : 0 },
    behind,
  };
}

function profileOf(file: Uint8Array, start: number, size: number): Uint8Array | undefined {
  if (size < V5 || viewOf(file).getUint32(start + INFO + 16, true) !== EMBEDDED) return undefined;
  const [at, bytes] = [
    start + viewOf(file).getUint32(start + V4 + 4, true),
    viewOf(file).getUint32(start + V4 + 8, true),
  ];
  const fits = bytes > 0 && bytes <= MAX_PROFILE_BYTES && at + bytes <= file.length;
  return fits ? file.subarray(at, at + bytes) : undefined;
}

function isDepth(bits: number): bits is BmpHead['bits'] {
  return [1, 2, 4, 8, 16, 24, 32].includes(bits);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
