/** A box of ISO/IEC 14496-12, by where it lies in its file: its head at `at`, its content from `body` to `end`. */
export interface Box {
  readonly type: string;
  readonly at: number;
  readonly body: number;
  readonly end: number;
}

/** More than a picture of many tiles has; a file of nothing but empty boxes would take seconds. */
const MAX_BOXES = 50_000;

/** Boxes one after another; those that are broken or reach past `to`, and what follows them, are left out. */
export function* boxes(file: Buffer, from: number, to: number): Generator<Box> {
  for (let [at, count] = [from, 0]; at + 8 <= to && count < MAX_BOXES; count += 1) {
    let size = file.readUInt32BE(at);
    const long = size === 1;
    if (long && at + 16 > to) return;
    if (long) size = file.readUInt32BE(at + 8) * 2 ** 32 + file.readUInt32BE(at + 12);
    if (size === 0) size = to - at;
    const body = at + (long ? 16 : 8);
    if (at + size > to || at + size < body) return;
    yield { type: file.toString('latin1', at + 4, at + 8), at, body, end: at + size };
    at += size;
  }
}

export function boxOf(file: Buffer, type: string, { body, end }: Pick<Box, 'body' | 'end'>, skip = 0): Box | undefined {
  return boxes(file, body + skip, end).find((box) => box.type === type);
}

/** The items of a HEIF file (ISO/IEC 23008-12) and what is said of them, as far as colours depend on it. */
export interface Items {
  readonly meta: Box;
  readonly iprp: Box;
  readonly ipco: Box;
  /** Some encoders write one for each item. */
  readonly ipmas: readonly Box[];
  readonly primary: number;
  /** Types by item. */
  readonly types: ReadonlyMap<number, string>;
  /** In the order of `ipco`. */
  readonly properties: readonly Box[];
  readonly associations: ReadonlyMap<number, Association>;
  readonly references: readonly Reference[];
}

interface Association {
  /** Where the number of its properties stands, a byte, and where they end. */
  readonly count: number;
  readonly end: number;
  /** From 0, in the order of `ipco`. */
  readonly properties: readonly number[];
}

interface Reference {
  readonly type: string;
  readonly from: number;
  readonly to: readonly number[];
}

/** A version and flags. */
const FULL = 4;

/** Undefined where there are none. Throws a RangeError where one of these boxes is cut short. */
export function itemsOf(file: Buffer): Items | undefined {
  const meta = boxOf(file, 'meta', { body: 0, end: file.length });
  if (!meta) return undefined;
  const inner = (type: string) => boxOf(file, type, meta, FULL);
  const [pitm, iinf, iref, iprp] = [inner('pitm'), inner('iinf'), inner('iref'), inner('iprp')];
  const ipco = iprp && boxOf(file, 'ipco', iprp);
  if (!pitm || !iinf || !iprp || !ipco) return undefined;
  const primary = numberAt(file, pitm.body + FULL, isLong(file, pitm));
  const ipmas = Array.from(boxes(file, iprp.body, iprp.end)).filter(({ type }) => type === 'ipma');
  if (ipmas.length === 0) return undefined;
  return {
    ...{ meta, iprp, ipco, ipmas, primary },
    types: new Map(itemTypes(file, iinf)),
    properties: Array.from(boxes(file, ipco.body, ipco.end)),
    associations: new Map(ipmas.flatMap((box) => Array.from(associations(file, box)))),
    references: iref ? Array.from(references(file, iref)) : [],
  };
}

/** Version 0 has item numbers of 16 bits, later ones of 32. */
const isLong = (file: Buffer, { body }: Box) => file.readUInt8(body) > 0;
const numberAt = (file: Buffer, at: number, long: boolean) => (long ? file.readUInt32BE(at) : file.readUInt16BE(at));

function* itemTypes(file: Buffer, iinf: Box): Generator<[number, string]> {
  const count = isLong(file, iinf) ? 4 : 2;
  for (const { type, body } of boxes(file, iinf.body + FULL + count, iinf.end)) {
    const version = file.readUInt8(body);
    if (type !== 'infe' || version < 2) continue;
    const after = body + FULL + (version === 2 ? 2 : 4);
    yield [numberAt(file, body + FULL, version > 2), file.toString('latin1', after + 2, after + 6)];
  }
}

/** ISO/IEC 23008-12, 9.3. */
function* associations(file: Buffer, ipma: Box): Generator<[number, Association]> {
  const long = isLong(file, ipma);
  const wide = hasWideIndexes(file, ipma);
  const entries = file.readUInt32BE(ipma.body + FULL);
  for (let [n, at] = [0, ipma.body + FULL + 4]; n < entries && at < ipma.end; n += 1) {
    const item = numberAt(file, at, long);
    const count = at + (long ? 4 : 2);
    const properties: number[] = [];
    at = count + 1;
    for (let left = file.readUInt8(count); left > 0; left -= 1, at += wide ? 2 : 1)
      properties.push((wide ? file.readUInt16BE(at) & 0x7fff : file.readUInt8(at) & 0x7f) - 1);
    yield [item, { count, end: at, properties }];
  }
}

/** Whether `ipma` numbers properties with 15 bits, not 7. */
export const hasWideIndexes = (file: Buffer, { body }: Box) => (file.readUInt8(body + 3) & 1) === 1;

function* references(file: Buffer, iref: Box): Generator<Reference> {
  const long = isLong(file, iref);
  const step = long ? 4 : 2;
  for (const { type, body, end } of boxes(file, iref.body + FULL, iref.end)) {
    // As many as there is room for, whatever the box says.
    const count = Math.min(file.readUInt16BE(body + step), Math.floor((end - body - step - 2) / step));
    const to = Array.from({ length: count }, (_, n) => numberAt(file, body + step + 2 + n * step, long));
    yield { type, from: numberAt(file, body, long), to };
  }
}

/** The properties of an item, with their number in `ipco`. */
export function propertiesOf({ associations: all, properties }: Items, item: number): Box[] {
  return (all.get(item)?.properties ?? []).flatMap((index) => properties[index] ?? []);
}

/** The first bytes of an item's data, at most `length`; undefined where they lie elsewhere. ISO/IEC 14496-12, 8.11.3. */
export function startOfItem(file: Buffer, { meta }: Items, item: number, length: number): Buffer | undefined {
  const iloc = boxOf(file, 'iloc', meta, FULL);
  if (!iloc) return undefined;
  const version = file.readUInt8(iloc.body);
  const sizes = file.readUInt16BE(iloc.body + FULL);
  const [offset, extent, base, index] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15, version ? sizes & 15 : 0];
  const long = version === 2;
  let at = iloc.body + FULL + 2;
  const read = (bytes: number) => {
    const value = bytes === 0 ? 0 : Number(BigInt(`0x${file.toString('hex', at, at + bytes) || 0}`));
    at += bytes;
    return value;
  };
  for (let left = read(long ? 4 : 2); left > 0 && at < iloc.end; left -= 1) {
    const id = read(long ? 4 : 2);
    const method = version ? read(2) & 15 : 0;
    at += 2;
    const start = read(base);
    const extents = read(2);
    if (id !== item) {
      at += extents * (index + offset + extent);
      continue;
    }
    at += index;
    const [from, size] = [start + read(offset), read(extent)];
    const idat = method === 1 ? boxOf(file, 'idat', meta, FULL) : undefined;
    if (extents < 1 || method > 1 || (method === 1 && !idat)) return undefined;
    const origin = (idat?.body ?? 0) + from;
    return file.subarray(origin, origin + Math.min(size || length, length));
  }
  return undefined;
}
