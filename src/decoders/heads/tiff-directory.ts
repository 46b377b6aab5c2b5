import { DecodeError } from '../decoder.ts';

/** The entries of a TIFF's first directory. Lists are read when they are asked for. */
export interface TiffTags {
  has(tag: number): boolean;
  /** The first number of an entry. */
  number(tag: number, otherwise: number): number;
  all(tag: number): number[];
  /** Overwrites the first number of an entry, in the file; nothing where there is none. */
  overwrite(tag: number, value: number): void;
  /**
   * Takes all other entries and all later pages out of the file, in place, after which these tags are not to be read any more. `added`,
   * each one SHORT, come in; false where what is taken out leaves no room for them.
   */
  keepOnly(tags: ReadonlySet<number>, added: readonly (readonly [tag: number, value: number])[]): boolean;
}

interface Entry {
  readonly type: number;
  readonly count: number;
  /** Where its values lie. */
  readonly at: number;
}

/** Bytes of each numeric type: BYTE, SHORT, LONG, SBYTE, SSHORT, SLONG, IFD, LONG8, SLONG8, IFD8. */
const BYTES: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8 };
/** Of types that are only kept: text, fractions, floating point. */
const OTHER_BYTES: Readonly<Record<number, number>> = { 2: 1, 5: 8, 7: 1, 10: 8, 11: 4, 12: 8 };
const SHORT = 3;
const MAX_ENTRIES = 4096;
/** Strips or tiles of a picture: one for each row of the highest one. */
const MAX_VALUES = 65_536;
const BIG_TIFF = 43;

/** TIFF 6.0, section 2; https://www.awaresystems.be/imaging/tiff/bigtiff.html. Throws a `DecodeError`. */
export function readDirectory(file: Buffer): TiffTags {
  const little = file[0] === 0x49;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const fits = (at: number, bytes: number) => at >= 0 && at + bytes <= file.length;
  const short = (at: number) => (fits(at, 2) ? view.getUint16(at, little) : fail());
  const long = (at: number) => (fits(at, 4) ? view.getUint32(at, little) : fail());
  const longer = (at: number) => (fits(at, 8) ? Number(view.getBigUint64(at, little)) : fail());
  const big = short(2) === BIG_TIFF;
  const start = big ? longer(8) : long(4);
  const count = big ? longer(start) : short(start);
  if (count > MAX_ENTRIES) throw new DecodeError('broken', `a TIFF of ${count} tags`);
  const [first, size, inline] = big ? [start + 8, 20, 8] : [start + 2, 12, 4];
  const entries = new Map<number, Entry>();
  for (let n = 0, at = first; n < count && fits(at, size); n += 1, at += size) {
    const type = short(at + 2);
    const values = big ? longer(at + 4) : long(at + 4);
    const bytes = values * (BYTES[type] ?? OTHER_BYTES[type] ?? 0);
    const valueAt = at + size - inline;
    const place = bytes <= inline ? valueAt : big ? longer(valueAt) : long(valueAt);
    // Of two with one number, libtiff takes the first.
    if (!entries.has(short(at))) entries.set(short(at), { type, count: values, at: place });
  }
  function shortEntry(tag: number, number: number): Buffer {
    const bytes = Buffer.alloc(size);
    const entry = new DataView(bytes.buffer, bytes.byteOffset, size);
    entry.setUint16(0, tag, little);
    entry.setUint16(2, SHORT, little);
    if (big) entry.setBigUint64(4, 1n, little);
    else entry.setUint32(4, 1, little);
    entry.setUint16(size - inline, number, little);
    return bytes;
  }
  function value({ type, at }: Entry, index: number): number {
    const bytes = BYTES[type] ?? 0;
    const place = at + index * bytes;
    if (bytes === 0) return fail();
    if (bytes === 1) return fits(place, 1) ? view.getUint8(place) : fail();
    return bytes === 2 ? short(place) : bytes === 4 ? long(place) : longer(place);
  }
  return {
    has: (tag) => entries.has(tag),
    number(tag, otherwise) {
      const entry = entries.get(tag);
      return entry && entry.count > 0 ? value(entry, 0) : otherwise;
    },
    all(tag) {
      const entry = entries.get(tag);
      if (!entry) return [];
      if (entry.count > MAX_VALUES) throw new DecodeError('too_large', `the TIFF has ${entry.count} parts`);
      return Array.from({ length: entry.count }, (_, index) => value(entry, index));
    },
    overwrite(tag, number) {
      const { type = 0, at = 0 } = entries.get(tag) ?? {};
      const bytes = BYTES[type] ?? 0;
      if (!fits(at, bytes)) return;
      if (bytes === 1) view.setUint8(at, number);
      if (bytes === 2) view.setUint16(at, number, little);
      if (bytes === 4) view.setUint32(at, number, little);
      if (bytes === 8) view.setBigUint64(at, BigInt(number), little);
    },
    keepOnly(tags, added) {
      const kept: Buffer[] = [];
      const found = new Set<number>();
      for (let n = 0, at = first; n < count && fits(at, size); n += 1, at += size) {
        const tag = short(at);
        if (tags.has(tag) && !found.has(tag)) kept.push(Buffer.from(file.subarray(at, at + size)));
        found.add(tag);
      }
      kept.push(...added.map(([tag, value]) => shortEntry(tag, value)));
      if (kept.length > count) return false;
      const tagOf = (entry: Buffer) => (little ? entry.readUInt16LE(0) : entry.readUInt16BE(0));
      kept.sort((a, b) => tagOf(a) - tagOf(b));
      for (const [n, entry] of kept.entries()) file.set(entry, first + n * size);
      // Where the next page begins: nowhere.
      const end = first + kept.length * size;
      file.fill(0, end, Math.min(end + inline, file.length));
      if (big) view.setBigUint64(start, BigInt(kept.length), little);
      else view.setUint16(start, kept.length, little);
      return true;
    },
  };
}

function fail(): never {
  throw new DecodeError('broken', 'the TIFF ends before its header');
}
