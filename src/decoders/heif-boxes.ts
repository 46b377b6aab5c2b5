/** What is read of a HEIF's boxes (ISO/IEC 14496-12 and 23008-12) before any library sees it. */
export interface HeifOutline {
  /** The primary picture is put together of tiles, so that no whole one needs to be decoded at once. */
  readonly grid: boolean;
  readonly items: number;
}

/** A box besides those of coded data; of a picture of 200 megapixels it is 60 KB. */
const MAX_BOX_BYTES = 1024 * 1024;
/** Tiles of a picture, its gain map and its depth. */
const MAX_ITEMS = 8192;
const CODED = new Set(['mdat', 'free', 'skip']);
const HEAD_BYTES = 8;

export interface Box {
  readonly type: string;
  /** Of its content. */
  readonly start: number;
  readonly end: number;
}

/**
 * Undefined for a file whose boxes do not fit into each other or are larger than any camera writes: libraries allocate by what
 * stands in them. Copies nothing; takes microseconds.
 */
export function heifOutline(file: Buffer): HeifOutline | undefined {
  let meta: Box | undefined;
  for (const box of boxesIn(file, 0, file.length)) {
    if (!CODED.has(box.type) && box.end - box.start > MAX_BOX_BYTES) return undefined;
    if (box.type === 'meta') meta ??= box;
  }
  // A full box: its version and flags come first.
  if (!meta || meta.end > file.length || meta.end - meta.start < 4) return undefined;
  const { end } = meta;
  const inner = [...boxesIn(file, meta.start + 4, end)];
  if (inner.some((box) => box.end > end)) return undefined;
  const information = inner.find(({ type }) => type === 'iinf');
  const primary = inner.find(({ type }) => type === 'pitm');
  if (!information || !primary || primary.end - primary.start < 6 || information.end - information.start < 8)
    return undefined;
  const wide = file[information.start] !== 0;
  const items = wide ? file.readUInt32BE(information.start + 4) : file.readUInt16BE(information.start + 4);
  if (items > MAX_ITEMS) return undefined;
  const id = file[primary.start] === 0 ? file.readUInt16BE(primary.start + 4) : file.readUInt32BE(primary.end - 4);
  return { items, grid: typeOf(file, id, information, wide) === 'grid' };
}

function typeOf(file: Buffer, id: number, { start, end }: Box, wide: boolean): string | undefined {
  for (const item of entriesIn(file, { start, end, type: 'iinf' }, wide)) if (item.id === id) return item.type;
  return undefined;
}

interface Item {
  readonly id: number;
  readonly type: string;
  /** Not meant to be shown. */
  readonly isHidden: boolean;
}

/** By their `infe` of version 2 or 3. */
function* entriesIn(file: Buffer, { start, end }: Box, wide: boolean): Generator<Item> {
  for (const entry of boxesIn(file, start + (wide ? 8 : 6), end)) {
    if (entry.end - entry.start < 12 || entry.end > file.length) continue;
    const long = (file[entry.start] ?? 0) > 2;
    const id = long ? file.readUInt32BE(entry.start + 4) : file.readUInt16BE(entry.start + 4);
    const typeAt = entry.start + (long ? 10 : 8);
    const isHidden = ((file[entry.start + 3] ?? 0) & 1) === 1;
    yield { id, type: file.toString('latin1', typeAt, typeAt + 4), isHidden };
  }
}

/** Of a file whose outline was read, those of its `meta`. */
export function innerBoxes(file: Buffer): Box[] | undefined {
  const meta = [...boxesIn(file, 0, file.length)].find(({ type }) => type === 'meta');
  if (!meta || meta.end > file.length || meta.end - meta.start < 4) return undefined;
  return [...boxesIn(file, meta.start + 4, meta.end)];
}

/** All items that the file names, in its order. */
export function itemsIn(file: Buffer, inner: readonly Box[]): Item[] {
  const information = inner.find(({ type }) => type === 'iinf');
  if (!information || information.end - information.start < 8) return [];
  return [...entriesIn(file, information, file[information.start] !== 0)].slice(0, MAX_ITEMS);
}

/** Side by side; ends at the first one that does not fit. The last one may end behind the file. */
export function* boxesIn(file: Buffer, from: number, to: number): Generator<Box> {
  for (let at = from; at + HEAD_BYTES <= to; ) {
    const size = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + HEAD_BYTES);
    // 1: the size follows in 64 bits; 0: up to the end of the file.
    if (size === 1 && at + 16 > to) return;
    const length = size === 1 ? Number(file.readBigUInt64BE(at + HEAD_BYTES)) : size === 0 ? to - at : size;
    const head = size === 1 ? 16 : HEAD_BYTES;
    if (length < head) return;
    yield { type, start: at + head, end: at + length };
    at += length;
  }
}
