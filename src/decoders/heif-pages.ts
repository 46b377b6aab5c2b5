import { type Box, boxesIn, innerBoxes, itemsIn } from './heif-boxes.ts';

/** Coded, put together of others, or the same as another, turned. */
const PICTURES = new Set(['hvc1', 'grid', 'iovl', 'iden']);
/** Whose first item is a smaller copy, or alpha, depth or gain of another; and that of which the others are parts. */
const BESIDE = new Set(['thmb', 'auxl']);
const PARTS = new Set(['dimg']);

/**
 * The same HEIF with another primary picture, a copy. Pages are its primary picture, then its other pictures in the order of the file:
 * those that are shown, no thumbnails, tiles, depth or gain maps (ISO/IEC 23008-12). Undefined where there are fewer.
 */
export function heifPage(file: Buffer, page: number): Buffer | undefined {
  const inner = innerBoxes(file);
  const primary = inner?.find(({ type }) => type === 'pitm');
  if (!inner || !primary || primary.end - primary.start < 6) return undefined;
  const long = file[primary.start] !== 0;
  if (long && primary.end - primary.start < 8) return undefined;
  const at = primary.start + 4;
  const first = long ? file.readUInt32BE(at) : file.readUInt16BE(at);
  const hidden = hiddenItems(file, inner);
  const others = itemsIn(file, inner).filter(
    ({ id, type, isHidden }) => id !== first && PICTURES.has(type) && !isHidden && !hidden.has(id),
  );
  const id = [first, ...others.map((item) => item.id)][page];
  if (id === undefined || (!long && id > 0xffff)) return undefined;
  const copy = Buffer.from(file);
  if (long) copy.writeUInt32BE(id, at);
  else copy.writeUInt16BE(id, at);
  return copy;
}

/** By the references between items (ISO/IEC 14496-12, 8.11.12). */
function hiddenItems(file: Buffer, inner: readonly Box[]): Set<number> {
  const hidden = new Set<number>();
  const references = inner.find(({ type }) => type === 'iref');
  if (!references) return hidden;
  const bytes = file[references.start] === 0 ? 2 : 4;
  for (const { type, start, end } of boxesIn(file, references.start + 4, Math.min(references.end, file.length))) {
    if (end > file.length || start + bytes + 2 > end) continue;
    if (BESIDE.has(type)) hidden.add(file.readUIntBE(start, bytes));
    if (!PARTS.has(type)) continue;
    const count = file.readUInt16BE(start + bytes);
    for (let n = 0, at = start + bytes + 2; n < count && at + bytes <= end; n += 1, at += bytes)
      hidden.add(file.readUIntBE(at, bytes));
  }
  return hidden;
}
