import type { Decoded } from '../../decoders/decoder.ts';

/** TIFF 6.0, section 8, and tag 34675 of the ICC specification, annex B.4. */
const TAG = {
  ...{ width: 256, height: 257, bits: 258, compression: 259, photometric: 262, stripOffsets: 273, orientation: 274 },
  ...{ samples: 277, rowsPerStrip: 278, stripBytes: 279, planes: 284, extraSamples: 338, profile: 34675 },
};
const TYPE = { short: 3, long: 4, undefined: 7 };
const DIRECTORY_AT = 8;
const ENTRY_BYTES = 12;
/** Of 13 entries at most; the lists that do not fit into an entry follow. */
const LISTS_AT = 176;
const BITS = 8;
const GREY = 1;
const RGB = 2;
const INKS = 5;
const STRAIGHT_ALPHA = 2;
/** libvips holds a strip at a time. As many as fit between the directory and the profile. */
const MAX_STRIPS = 64;
const LEAST_ROWS = 16;

/**
 * A TIFF file around decoded rows, by which sharp takes pixels together with their profile and orientation. Written into the
 * room in front of the rows, so nothing is copied.
 */
export function tiffAround({ memory, at, width, height, channels, ink, orientation, icc }: Decoded): Buffer {
  const file = Buffer.from(memory);
  const profileAt = at - (icc?.length ?? 0);
  const rowsPerStrip = Math.max(LEAST_ROWS, Math.ceil(height / MAX_STRIPS));
  const strips = Math.ceil(height / rowsPerStrip);
  const bitsAt = LISTS_AT;
  const offsetsAt = bitsAt + 8;
  const bytesAt = offsetsAt + 4 * strips;
  if (bytesAt + 4 * strips > profileAt) throw new Error('there is no room for a header in front of these rows');

  const rowBytes = width * channels;
  const list = (value: number, elsewhere: number) => (strips === 1 ? value : elsewhere);
  const bytesOf = (strip: number) => Math.min(rowsPerStrip, height - strip * rowsPerStrip) * rowBytes;
  const entries: [tag: number, type: number, count: number, value: number][] = [
    [TAG.width, TYPE.long, 1, width],
    [TAG.height, TYPE.long, 1, height],
    [TAG.bits, TYPE.short, channels, channels === 1 ? BITS : bitsAt],
    [TAG.compression, TYPE.short, 1, 1],
    [TAG.photometric, TYPE.short, 1, ink ? INKS : channels === 1 ? GREY : RGB],
    [TAG.stripOffsets, TYPE.long, strips, list(at, offsetsAt)],
    [TAG.orientation, TYPE.short, 1, orientation],
    [TAG.samples, TYPE.short, 1, channels],
    [TAG.rowsPerStrip, TYPE.long, 1, rowsPerStrip],
    [TAG.stripBytes, TYPE.long, strips, list(bytesOf(0), bytesAt)],
    [TAG.planes, TYPE.short, 1, 1],
  ];
  if (channels === 4 && !ink) entries.push([TAG.extraSamples, TYPE.short, 1, STRAIGHT_ALPHA]);
  if (icc) entries.push([TAG.profile, TYPE.undefined, icc.length, profileAt]);

  file.write('II*\0', 'latin1');
  file.writeUInt32LE(DIRECTORY_AT, 4);
  file.writeUInt16LE(entries.length, DIRECTORY_AT);
  for (const [n, [tag, type, count, value]] of entries.entries()) {
    const to = DIRECTORY_AT + 2 + n * ENTRY_BYTES;
    file.writeUInt16LE(tag, to);
    file.writeUInt16LE(type, to + 2);
    file.writeUInt32LE(count, to + 4);
    file.writeUInt32LE(value, to + 8);
  }
  file.writeUInt32LE(0, DIRECTORY_AT + 2 + entries.length * ENTRY_BYTES);
  for (let channel = 0; channel < channels; channel += 1) file.writeUInt16LE(BITS, bitsAt + 2 * channel);
  for (let strip = 0; strip < strips; strip += 1) {
    file.writeUInt32LE(at + strip * rowsPerStrip * rowBytes, offsetsAt + 4 * strip);
    file.writeUInt32LE(bytesOf(strip), bytesAt + 4 * strip);
  }
  if (icc) file.set(icc, profileAt);
  return file;
}
