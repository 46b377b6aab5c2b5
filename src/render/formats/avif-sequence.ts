/**
 * An AVIF that is a sequence: its frames lie in a track (ISO/IEC 14496-12). libvips reads the still picture beside it alone, which may be
 * missing. https://aomediacodec.github.io/av1-avif/#image-sequences
 */

import { box, bytesOf, flat, fullBox, type Part, u8, u16, u32 } from './box-writer.ts';
import { type Box, boxes, boxOf } from './colour/avif/boxes.ts';

/** In front of the boxes of a `VisualSampleEntry` (12.1.3), and where its size stands. */
const ENTRY = { boxes: 78, width: 24, height: 26 };
const FULL_BOX = 4;

/** A file of the first frame; undefined where there is no such track. */
export function firstOfSequence(file: Buffer): Buffer | undefined {
  if (file.toString('latin1', 4, 8) !== 'ftyp') return undefined;
  const movie = boxOf(file, 'moov', { body: 0, end: file.length });
  if (!movie) return undefined;
  for (const track of boxes(file, movie.body, movie.end)) {
    const still = track.type === 'trak' ? stillOf(file, track) : undefined;
    if (still) return still;
  }
  return undefined;
}

function stillOf(file: Buffer, track: Box): Buffer | undefined {
  const table = within(file, track, 'mdia', 'minf', 'stbl');
  const [sizes, offsets, wide] = ['stsz', 'stco', 'co64'].map((type) => table && within(file, table, type));
  const kinds = table && within(file, table, 'stsd');
  const chunks = offsets ?? wide;
  if (!kinds || !sizes || !chunks || sizes.end - sizes.body < 16 || chunks.end - chunks.body < (offsets ? 12 : 16))
    return undefined;
  const entry = boxOf(file, 'av01', kinds, FULL_BOX + 4);
  if (!entry || entry.end - entry.body < ENTRY.boxes) return undefined;
  const bytes = file.readUInt32BE(sizes.body + 4) || file.readUInt32BE(sizes.body + 12);
  const at = offsets ? file.readUInt32BE(chunks.body + 8) : Number(file.readBigUInt64BE(chunks.body + 8));
  if (at + bytes > file.length) return undefined;
  const properties = [...boxes(file, entry.body + ENTRY.boxes, entry.end)]
    .filter(({ type }) => type === 'av1C' || type === 'colr')
    .map((found) => box(found.type, file.subarray(found.body, found.end)));
  const [width, height] = [file.readUInt16BE(entry.body + ENTRY.width), file.readUInt16BE(entry.body + ENTRY.height)];
  return stillFile(file.subarray(at, at + bytes), [fullBox('ispe', u32(width), u32(height)), ...properties]);
}

function within(file: Buffer, outer: Box, ...path: readonly string[]): Box | undefined {
  return path.reduce<Box | undefined>((found, name) => found && boxOf(file, name, found), outer);
}

/** ISO/IEC 23008-12, 6: one item, its properties, and its data behind. */
function stillFile(data: Buffer, properties: readonly Part[]): Buffer {
  const brands = box('ftyp', 'avif', u32(0), 'avifmif1miaf');
  const meta = (dataAt: number) =>
    fullBox(
      'meta',
      fullBox('hdlr', u32(0), 'pict', Buffer.alloc(13)),
      fullBox('pitm', u16(1)),
      fullBox('iloc', u8(0x44), u8(0), u16(1), u16(1), u16(0), u16(1), u32(dataAt), u32(data.length)),
      fullBox('iinf', u16(1), box('infe', u32(2 << 24), u16(1), u16(0), 'av01', u8(0))),
      box(
        'iprp',
        box('ipco', ...properties),
        fullBox('ipma', u32(1), u16(1), u8(properties.length), ...properties.map((_, n) => u8(n + 1))),
      ),
    );
  const dataAt = bytesOf([brands, meta(0)]) + 8;
  return Buffer.concat(flat([brands, meta(dataAt), box('mdat', data)]));
}
