import { box, bytesOf, flat, fullBox, type Part, u8, u16, u32 } from './box-writer.ts';

/** One picture as an AV1 stream. Width and height in pixels. */
export interface StillPicture {
  readonly width: number;
  readonly height: number;
  /** OBUs of one key frame, 8 bits, 4:2:0, whose first one besides a temporal delimiter is the sequence header. */
  readonly stream: Buffer;
  /** The same of its alpha, without colours. */
  readonly alpha?: Buffer | undefined;
}

const TEMPORAL_DELIMITER = 2;
const SEQUENCE_HEADER = 1;

/** sRGB in full-range BT.601, by ITU-T H.273: primaries of BT.709, sRGB's curve, matrix of BT.601. */
const COLOUR = { primaries: 1, transfer: 13, matrix: 6 };

/** MediaPack, "Baseline": 8 bits, 4:2:0, up to level 5.1. */
const BRANDS = ['avif', 'mif1', 'miaf', 'MA1B'];
const ITEM = 1;
const ALPHA_ITEM = 2;
/** The auxiliary picture of this type says how opaque a picture is (AV1 Image File Format, 4.1). */
const ALPHA_TYPE = 'urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0';

/**
 * An AVIF file of one picture without metadata, 270 bytes beside its stream; alpha takes 150 more beside its own.
 * https://aomediacodec.github.io/av1-avif/ in ISO/IEC 14496-12 and 23008-12.
 */
export function avifFile({ width, height, stream, alpha }: StillPicture): Buffer {
  const frame = withoutDelimiter(stream);
  const frames = alpha ? [frame, withoutDelimiter(alpha)] : [frame];
  const head = [box('ftyp', 'avif', u32(0), ...BRANDS), meta(width, height, frames, 0)];
  const at = bytesOf(head) + 8;
  // The offset of a stream takes four bytes whatever it is, so the size of `meta` is known before the offset.
  return Buffer.concat([...flat(head.with(1, meta(width, height, frames, at))), ...flat([box('mdat', ...frames)])]);
}

/** `frames`: the picture's, and behind it its alpha's where it has one; the first of them begins at `at`. */
function meta(width: number, height: number, frames: readonly Buffer[], at: number): Part {
  const items = [ITEM, ALPHA_ITEM].slice(0, frames.length);
  const begins = [at, at + (frames[0]?.length ?? 0)];
  const places = frames.map(({ length }, index) => [
    ...[u16(items[index]!), u16(0), u16(1)],
    ...[u32(begins[index]!), u32(length)],
  ]);
  const reference = fullBox('iref', box('auxl', u16(ALPHA_ITEM), u16(1), u16(ITEM)));
  return fullBox(
    'meta',
    fullBox('hdlr', u32(0), 'pict', u32(0), u32(0), u32(0), u8(0)),
    fullBox('pitm', u16(ITEM)),
    // Offsets and lengths of 4 bytes; items of one extent in this file.
    fullBox('iloc', u8(0x44), u8(0), u16(items.length), ...places),
    fullBox('iinf', u16(items.length), ...items.map(infoEntry)),
    ...(frames.length > 1 ? [reference] : []),
    box('iprp', box('ipco', ...properties(width, height, frames)), associations(items)),
  );
}

/** Version 2, the first whose items have a type. */
function infoEntry(item: number): Part {
  return box('infe', u32(2 << 24), u16(item), u16(0), 'av01', u8(0));
}

function properties(width: number, height: number, [frame, alpha]: readonly Buffer[]): Part[] {
  const { primaries, transfer, matrix } = COLOUR;
  return [
    fullBox('ispe', u32(width), u32(height)),
    fullBox('pixi', u8(3), u8(8), u8(8), u8(8)),
    box('av1C', codecConfiguration(frame!, 0)),
    box('colr', 'nclx', u16(primaries), u16(transfer), u16(matrix), u8(0x80)),
    ...(alpha
      ? [fullBox('pixi', u8(1), u8(8)), box('av1C', codecConfiguration(alpha, MONOCHROME)), fullBox('auxC', ALPHA_TYPE)]
      : []),
  ];
}

/** Of a codec's configuration. */
const MONOCHROME = 0x10;
const ESSENTIAL = 0x80;
/** Numbers of `properties`; a reader must understand the codec's configuration. */
const OF_PICTURE = [1, 2, 3 | ESSENTIAL, 4];
const OF_ALPHA = [1, 5, 6 | ESSENTIAL, 7];

function associations(items: readonly number[]): Part {
  const each = items.map((item) => {
    const own = item === ITEM ? OF_PICTURE : OF_ALPHA;
    return [u16(item), u8(own.length), ...own.map(u8)];
  });
  return fullBox('ipma', u32(items.length), ...each);
}

/**
 * Profile and level of the sequence header (AV1 specification, 5.5.1), which begins with 3 bits of profile, 2 bits that say
 * that it is reduced to one still picture, and 5 bits of level.
 */
function codecConfiguration(frame: Buffer, monochrome: number): Buffer {
  const { type, start } = obuAt(frame, 0);
  const bits = frame.readUInt16BE(start);
  const [profile, reducedStill, level] = [bits >> 13, (bits >> 11) & 3, (bits >> 6) & 31];
  if (type !== SEQUENCE_HEADER || profile !== 0 || reducedStill !== 3)
    throw new Error('this AV1 stream is not a still picture of the main profile');
  const subsampledBothWays = 0x0c;
  return Buffer.from([0x81, (profile << 5) | level, subsampledBothWays | monochrome, 0]);
}

/** AVIF files have no temporal delimiters. */
function withoutDelimiter(stream: Buffer): Buffer {
  const { type, start, length } = obuAt(stream, 0);
  return type === TEMPORAL_DELIMITER ? stream.subarray(start + length) : stream;
}

/** An OBU's type, and where its payload is. SVT-AV1 always writes sizes, and no extension for a single layer. */
function obuAt(stream: Buffer, at: number): { type: number; start: number; length: number } {
  let [length, byte, read] = [0, 0x80, 0];
  for (; byte & 0x80 && read < 4; read += 1) {
    byte = stream[at + 1 + read] ?? 0;
    length |= (byte & 0x7f) << (7 * read);
  }
  return { type: ((stream[at] ?? 0) >> 3) & 15, start: at + 1 + read, length };
}
