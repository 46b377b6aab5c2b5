/**
 * An AVIF that is a sequence: its frames lie in a track (ISO/IEC 14496-12). libvips reads the still picture beside it alone, which may be
 * missing. https://aomediacodec.github.io/av1-avif/#image-sequences
 */

interface BoxRange {
  readonly type: string;
  /** Of its content; `end` is that of the box. */
  readonly at: number;
  readonly end: number;
}

/** Real files have some twenty at each level. */
const MAX_BOXES = 256;
/** In front of the boxes of a `VisualSampleEntry` (12.1.3), and where its size stands. */
const ENTRY = { boxes: 78, width: 24, height: 26 };
const FULL_BOX = 4;

/** A file of the first frame; undefined where there is no such track. */
export function firstOfSequence(file: Buffer): Buffer | undefined {
  if (file.toString('latin1', 4, 8) !== 'ftyp') return undefined;
  const outer = boxesIn(file, 0, file.length);
  const movie = outer.find(({ type }) => type === 'moov');
  if (!movie) return undefined;
  for (const track of boxesIn(file, movie.at, movie.end)) {
    const still = track.type === 'trak' ? stillOf(file, track) : undefined;
    if (still) return still;
  }
  return undefined;
}

function stillOf(file: Buffer, track: BoxRange): Buffer | undefined {
  const table = within(file, track, 'mdia', 'minf', 'stbl');
  const [sizes, offsets, wide] = ['stsz', 'stco', 'co64'].map((type) => table && within(file, table, type));
  const kinds = table && within(file, table, 'stsd');
  const chunks = offsets ?? wide;
  if (!kinds || !sizes || !chunks || sizes.end - sizes.at < 16 || chunks.end - chunks.at < (offsets ? 12 : 16))
    return undefined;
  const entry = boxesIn(file, kinds.at + FULL_BOX + 4, kinds.end).find(({ type }) => type === 'av01');
  if (!entry || entry.end - entry.at < ENTRY.boxes) return undefined;
  const bytes = file.readUInt32BE(sizes.at + 4) || file.readUInt32BE(sizes.at + 12);
  const at = offsets ? file.readUInt32BE(chunks.at + 8) : Number(file.readBigUInt64BE(chunks.at + 8));
  if (at + bytes > file.length) return undefined;
  const properties = boxesIn(file, entry.at + ENTRY.boxes, entry.end)
    .filter(({ type }) => type === 'av1C' || type === 'colr')
    .map((found) => box(found.type, file.subarray(found.at, found.end)));
  const size = [file.readUInt16BE(entry.at + ENTRY.width), file.readUInt16BE(entry.at + ENTRY.height)];
  return stillFile(file.subarray(at, at + bytes), [fullBox('ispe', long(...size)), ...properties]);
}

function within(file: Buffer, outer: BoxRange, ...path: readonly string[]): BoxRange | undefined {
  return path.reduce<BoxRange | undefined>(
    (found, name) => found && boxesIn(file, found.at, found.end).find(({ type }) => type === name),
    outer,
  );
}

function boxesIn(file: Buffer, from: number, to: number): BoxRange[] {
  const found: BoxRange[] = [];
  for (let at = from; at + 8 <= to && found.length < MAX_BOXES; ) {
    const said = file.readUInt32BE(at);
    const header = said === 1 ? 16 : 8;
    if (at + header > to) break;
    const bytes = said === 1 ? Number(file.readBigUInt64BE(at + 8)) : said === 0 ? to - at : said;
    if (bytes < header || at + bytes > to) break;
    found.push({ type: file.toString('latin1', at + 4, at + 8), at: at + header, end: at + bytes });
    at += bytes;
  }
  return found;
}

/** ISO/IEC 23008-12, 6: one item, its properties, and its data behind. */
function stillFile(data: Buffer, properties: readonly Buffer[]): Buffer {
  const brands = box('ftyp', Buffer.from('avif\0\0\0\0avifmif1miaf', 'latin1'));
  const meta = (dataAt: number) =>
    fullBox(
      'meta',
      fullBox('hdlr', long(0), Buffer.from('pict', 'latin1'), Buffer.alloc(13)),
      fullBox('pitm', short(1)),
      fullBox('iloc', Buffer.from([0x44, 0]), short(1, 1, 0, 1), long(dataAt, data.length)),
      fullBox('iinf', short(1), box('infe', Buffer.from([2, 0, 0, 0]), short(1, 0), Buffer.from('av01\0', 'latin1'))),
      box(
        'iprp',
        box('ipco', ...properties),
        fullBox('ipma', long(1), short(1), Buffer.from([properties.length, ...properties.map((_, n) => n + 1)])),
      ),
    );
  const dataAt = brands.length + meta(0).length + 8;
  return Buffer.concat([brands, meta(dataAt), box('mdat', data)]);
}

function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([long(content.length + 8), Buffer.from(type, 'latin1'), content]);
}

function fullBox(type: string, ...parts: readonly Buffer[]): Buffer {
  return box(type, Buffer.alloc(FULL_BOX), ...parts);
}

function long(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [n, value] of values.entries()) bytes.writeUInt32BE(value, 4 * n);
  return bytes;
}

function short(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [n, value] of values.entries()) bytes.writeUInt16BE(value, 2 * n);
  return bytes;
}
