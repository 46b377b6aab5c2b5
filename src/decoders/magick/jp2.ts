import { MagickFormat } from '@imagemagick/magick-wasm';
import type { Decode } from '../decoder.ts';
import { readJp2Boxes, readJp2Head } from '../heads/jp2-head.ts';
import { magickDecoder } from './read.ts';

/** The boxes of a file, or the bare codestream (ISO/IEC 15444-1, A.4 and I.5). */
const read = magickDecoder((file) => (file[0] === 0xff ? MagickFormat.J2k : MagickFormat.Jp2), readJp2Head);

export const decode: Decode = (file, wanted, open) => {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  return read(withNamedAlpha(bytes) ?? file, wanted, open);
};

const SRGB = 16;
const GREY = 17;
/** `cdef`: what a channel is, and of which colour; 0 is the whole picture. */
const COLOUR = 0;
const OPACITY = 1;

/**
 * The same picture in new boxes, which say that the last of two or four components is alpha. ImageMagick takes it for a colour, or
 * for nothing, where no box says so. Undefined where one does, and where the colours are a profile's: these may be inks.
 */
function withNamedAlpha(file: Buffer): Buffer | undefined {
  const { codestream, hasProfile, hasAlpha, hasPalette } = readJp2Boxes(file);
  if (hasProfile || hasAlpha || hasPalette || codestream.length < 42) return undefined;
  const components = codestream.readUInt16BE(40);
  const depths = new Set(Array.from({ length: components }, (_, n) => codestream[42 + 3 * n]));
  const [depth] = depths;
  if ((components !== 2 && components !== 4) || depths.size !== 1 || depth === undefined) return undefined;
  const [right, bottom, left, top] = [8, 12, 16, 20].map((at) => codestream.readUInt32BE(at)) as [
    number,
    number,
    number,
    number,
  ];
  const channels = Array.from({ length: components }, (_, n) =>
    n < components - 1 ? [n, COLOUR, n + 1] : [n, OPACITY, 0],
  );
  const header = [
    // 7 is the only kind of coding.
    box('ihdr', u32(bottom - top), u32(right - left), u16(components), Buffer.from([depth, 7, 0, 0])),
    box('colr', Buffer.from([1, 0, 0]), u32(components === 2 ? GREY : SRGB)),
    box('cdef', u16(components), ...channels.flat().map(u16)),
  ];
  return Buffer.concat([
    box('jP  ', Buffer.from('\r\n\x87\n', 'latin1')),
    box('ftyp', Buffer.from('jp2 \0\0\0\0jp2 ', 'latin1')),
    box('jp2h', ...header),
    box('jp2c', codestream),
  ]);
}

function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([u32(length), Buffer.from(type, 'latin1'), ...parts]);
}

const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
