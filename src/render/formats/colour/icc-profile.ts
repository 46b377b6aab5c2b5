import { D50, type Matrix } from './primaries.ts';

/** A function of 0 to 1 into 0 to 1, as an ICC curve: sampled, see `curve`. */
export type Curve = (value: number) => number;

/**
 * A profile by which a colour engine reads pixels: their curves, then a matrix into D50 XYZ. ICC.1:2022, 8.3.3 (three-component
 * matrix-based input profiles). Some kilobytes.
 */
export function matrixProfile(name: string, toXyz: Matrix, decode: Curve): Buffer {
  const shared = curve(decode);
  return profile('RGB ', [
    ['desc', description(name)],
    ['wtpt', xyz(D50)],
    ['rXYZ', xyz([toXyz[0][0], toXyz[1][0], toXyz[2][0]])],
    ['gXYZ', xyz([toXyz[0][1], toXyz[1][1], toXyz[2][1]])],
    ['bXYZ', xyz([toXyz[0][2], toXyz[1][2], toXyz[2][2]])],
    ['rTRC', shared],
    ['gTRC', shared],
    ['bTRC', shared],
  ]);
}

/** The same for pictures of one channel: ICC.1:2022, 8.3.4. */
export function greyProfile(name: string, decode: Curve): Buffer {
  return profile('GRAY', [
    ['desc', description(name)],
    ['wtpt', xyz(D50)],
    ['kTRC', curve(decode)],
  ]);
}

/** Whether this is the beginning of a profile for pictures in these colours: ICC.1:2022, 7.2. */
export function isColourProfile(head: Buffer, spaces: RegExp = /^(RGB |GRAY)$/): boolean {
  return head.toString('latin1', 36, 40) === 'acsp' && spaces.test(head.toString('latin1', 16, 20));
}

const HEADER_BYTES = 128;
/** A name, an offset and a length. */
const ENTRY_BYTES = 12;
/** Little CMS reads no more. */
const MOST_TAGS = 100;

interface ListedTag {
  readonly name: string;
  /** Where it begins in the profile, and how many bytes it takes: as listed, not checked. */
  readonly offset: number;
  readonly length: number;
}

/**
 * The tags that a profile lists behind its header: ICC.1:2022, 7.2 and 7.3. `whole`: whether the list has all that are counted, and not too
 * many; `end`: where it ends then, in bytes. Undefined where there is no list.
 */
export function listedTags(
  profile: Buffer,
): { readonly tags: readonly ListedTag[]; readonly whole: boolean; readonly end: number } | undefined {
  const start = HEADER_BYTES + 4;
  if (profile.length < start) return undefined;
  const count = profile.readUInt32BE(HEADER_BYTES);
  const listed = Math.min(count, MOST_TAGS, Math.floor((profile.length - start) / ENTRY_BYTES));
  const tags = Array.from({ length: listed }, (_, n) => {
    const at = start + ENTRY_BYTES * n;
    const name = profile.toString('latin1', at, at + 4);
    return { name, offset: profile.readUInt32BE(at + 4), length: profile.readUInt32BE(at + 8) };
  });
  return { tags, whole: listed === count, end: start + ENTRY_BYTES * count };
}

/** Red, green and blue of a table's colour, 0 to 1, for the channels of a pixel, 0 to 1. */
export type TableEntry = (channels: readonly number[]) => readonly [number, number, number];

interface Table {
  readonly channels: 3 | 4;
  /** Samples along each channel. */
  readonly points: number;
  readonly entry: TableEntry;
  /** How what the table holds is decoded, and the matrix into D50 XYZ. */
  readonly decode: Curve;
  readonly toXyz: Matrix;
}

/**
 * A profile with a table of colours, interpolated by the colour engine, for what no curve and matrix can say: lutAToBType,
 * ICC.1:2022, 10.12. `points` to the power of `channels`, times 6 bytes.
 */
export function tableProfile(name: string, { channels, points, entry, decode, toXyz }: Table): Buffer {
  const straight = Buffer.concat([tag('curv'), u32(0)]);
  const identity = (count: number) => Buffer.concat(Array.from({ length: count }, () => straight));
  const decoding = curve(decode);
  // XYZ has a range of 0 to 1 + 32767/32768 there.
  const scaled = toXyz.flat().map((value) => s15((value * 32768) / 65535));
  const parts = {
    b: identity(3),
    matrix: Buffer.concat([...scaled, u32(0), u32(0), u32(0)]),
    m: Buffer.concat([decoding, decoding, decoding]),
    table: table(channels, points, entry),
    a: identity(channels),
  };
  const offsets: Buffer[] = [];
  let offset = 32;
  for (const part of Object.values(parts)) {
    offsets.push(u32(offset));
    offset += part.length;
  }
  const head = Buffer.concat([tag('mAB '), Buffer.from([channels, 3, 0, 0]), ...offsets]);
  return profile(channels === 4 ? 'CMYK' : 'RGB ', [
    ['desc', description(name)],
    ['wtpt', xyz(D50)],
    ['A2B0', Buffer.concat([head, ...Object.values(parts)])],
  ]);
}

function table(channels: number, points: number, entry: TableEntry): Buffer {
  const count = points ** channels;
  const samples = Buffer.alloc(count * 6);
  const at = Array.from({ length: channels }, () => 0);
  for (let n = 0; n < count; n += 1) {
    let rest = n;
    for (let channel = channels - 1; channel >= 0; channel -= 1) {
      at[channel] = (rest % points) / (points - 1);
      rest = Math.floor(rest / points);
    }
    const [red, green, blue] = entry(at);
    samples.writeUInt16BE(to16(red), n * 6);
    samples.writeUInt16BE(to16(green), n * 6 + 2);
    samples.writeUInt16BE(to16(blue), n * 6 + 4);
  }
  const head = Buffer.alloc(20);
  head.fill(points, 0, channels);
  head.writeUInt8(2, 16);
  return padded(Buffer.concat([head, samples]));
}

/** One sample for each value of 12 bits, so that curves that are steep near black come out within a level. */
const CURVE_SAMPLES = 4096;

function curve(decode: Curve): Buffer {
  const samples = Buffer.alloc(CURVE_SAMPLES * 2);
  for (let n = 0; n < CURVE_SAMPLES; n += 1) samples.writeUInt16BE(to16(decode(n / (CURVE_SAMPLES - 1))), n * 2);
  return padded(Buffer.concat([tag('curv'), u32(CURVE_SAMPLES), samples]));
}

/** textDescriptionType of version 2 (ICC.1:2001-04, 6.5.17). */
function description(name: string): Buffer {
  const text = Buffer.from(`${name}\0`, 'latin1');
  return padded(Buffer.concat([tag('desc'), u32(text.length), text, Buffer.alloc(8 + 3 + 67)]));
}

const xyz = (values: readonly number[]) => Buffer.concat([tag('XYZ '), ...values.map(s15)]);

/**
 * Of version 2.4, because colour engines take the black of a table of version 4 for that of print, and darken shadows.
 */
function profile(space: 'RGB ' | 'GRAY' | 'CMYK', tags: readonly (readonly [string, Buffer])[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(0x02400000, 8);
  header.write(`${space === 'CMYK' ? 'prtr' : 'mntr'}${space}XYZ `, 12, 'latin1');
  header.write('acsp', 36, 'latin1');
  Buffer.concat(D50.map(s15)).copy(header, 68);
  const placed = new Map<Buffer, number>();
  let end = header.length + 4 + tags.length * ENTRY_BYTES;
  const rows: Buffer[] = [u32(tags.length)];
  for (const [name, body] of tags) {
    const offset = placed.get(body) ?? end;
    if (offset === end) end += body.length;
    placed.set(body, offset);
    rows.push(Buffer.from(name, 'latin1'), u32(offset), u32(body.length));
  }
  header.writeUInt32BE(end, 0);
  return Buffer.concat([header, ...rows, ...placed.keys()]);
}

const to16 = (value: number) => Math.round(Math.min(1, Math.max(0, value)) * 65535);
const tag = (type: string) => Buffer.from(`${type}\0\0\0\0`, 'latin1');
const padded = (part: Buffer) => Buffer.concat([part, Buffer.alloc((4 - (part.length % 4)) % 4)]);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function s15(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(Math.round(value * 65536));
  return bytes;
}
