import { DecodeError } from '../decoder.ts';

/** One picture of an ICO file: bytes from `at`, and whether they are a PNG. */
export interface IconPicture {
  readonly at: number;
  readonly bytes: number;
  readonly png: boolean;
}

const HEADER_BYTES = 6;
const ENTRY_BYTES = 16;
/** More are not looked at. Real ones have up to some twenty. */
const MAX_ENTRIES = 256;
const PNG = '\x89PNG\r\n\x1a\n';

/** The largest picture, where that is a PNG. */
export function embeddedPng(file: Buffer): Buffer | undefined {
  const { at, bytes, png } = largestPicture(file);
  return png ? file.subarray(at, at + bytes) : undefined;
}

/** By size, then by bits a pixel, as browsers choose: https://learn.microsoft.com/en-us/previous-versions/ms997538(v=msdn.10) */
export function largestPicture(file: Uint8Array): IconPicture {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const said = file.length >= HEADER_BYTES ? view.getUint16(4, true) : 0;
  const count = Math.min(said, MAX_ENTRIES, Math.floor((file.length - HEADER_BYTES) / ENTRY_BYTES));
  const entries = Array.from({ length: Math.max(0, count) }, (_, index) => {
    const entry = HEADER_BYTES + index * ENTRY_BYTES;
    // A side of 256 does not fit into its byte.
    const [width, height] = [view.getUint8(entry) || 256, view.getUint8(entry + 1) || 256];
    const [bits, bytes, at] = [
      view.getUint16(entry + 6, true),
      view.getUint32(entry + 8, true),
      view.getUint32(entry + 12, true),
    ];
    return { area: width * height, bits, at, bytes: Math.min(bytes, file.length - at) };
  }).filter(({ at, bytes }) => at < file.length && bytes > PNG.length);
  const [largest] = entries.sort((a, b) => b.area - a.area || b.bits - a.bits);
  if (!largest) throw new DecodeError('broken', 'the icon holds no picture');
  const { at, bytes } = largest;
  const start = Buffer.from(file.buffer, file.byteOffset + at, PNG.length).toString('latin1');
  return { at, bytes, png: start === PNG };
}
