import { pngChunk } from '../colour/png-chunks.ts';

/** Dots per inch in a file that an encoder made: it says nothing of pixels, and is the one thing beside them that is written. */

const INCH_M = 0.0254;

/** JPEG and PNG; other formats come back as they are. */
export function withDensity(file: Buffer, format: string, dpi: number): Buffer {
  if (format === 'jpeg') return jpegWith(file, dpi);
  return format === 'png' ? pngWith(file, dpi) : file;
}

const JFIF = { at: 2, marker: 0xffe0, bytes: 18, version: 0x0102, dotsPerInch: 1 };

/** ITU-T T.871, 10.1. In the header that is there, or in one of its own. */
function jpegWith(file: Buffer, dpi: number): Buffer {
  const there = file.readUInt16BE(JFIF.at) === JFIF.marker && file.toString('latin1', 6, 11) === 'JFIF\0';
  const head = Buffer.alloc(JFIF.bytes);
  if (there) file.copy(head, 0, JFIF.at, JFIF.at + JFIF.bytes);
  else {
    head.writeUInt16BE(JFIF.marker, 0);
    head.writeUInt16BE(JFIF.bytes - 2, 2);
    head.write('JFIF\0', 4, 'latin1');
    head.writeUInt16BE(JFIF.version, 9);
  }
  head.writeUInt8(JFIF.dotsPerInch, 11);
  head.writeUInt16BE(dpi, 12);
  head.writeUInt16BE(dpi, 14);
  return Buffer.concat([file.subarray(0, JFIF.at), head, file.subarray(JFIF.at + (there ? JFIF.bytes : 0))]);
}

/** Behind the signature and IHDR. */
const PNG_HEAD_BYTES = 8 + 25;
const METRE = 1;

/** W3C PNG, 11.3.4.3: pixels a metre. */
function pngWith(file: Buffer, dpi: number): Buffer {
  const data = Buffer.alloc(9);
  const perMetre = Math.round(dpi / INCH_M);
  data.writeUInt32BE(perMetre, 0);
  data.writeUInt32BE(perMetre, 4);
  data.writeUInt8(METRE, 8);
  return Buffer.concat([file.subarray(0, PNG_HEAD_BYTES), pngChunk('pHYs', data), file.subarray(PNG_HEAD_BYTES)]);
}
