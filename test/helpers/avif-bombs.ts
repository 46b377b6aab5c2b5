/** AVIF files put together by hand (ISO/IEC 23008-12), around the pixels of one that an encoder made. */

export function box(type: string, ...parts: (Buffer | number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.from(`\0\0\0\0${type}`, 'latin1');
  head.writeUInt32BE(8 + content.length);
  return Buffer.concat([head, content]);
}

const u16 = (value: number) => [(value >> 8) & 255, value & 255];
const u32 = (value: number) => [...u16(value >>> 16), ...u16(value)];
const FULL = [0, 0, 0, 0];

/** The box of that type in a file, wherever it is; `undefined` when there is none. */
export function findBox(file: Buffer, type: string): Buffer | undefined {
  const at = file.indexOf(type, 0, 'latin1') - 4;
  return at < 0 ? undefined : file.subarray(at, at + file.readUInt32BE(at));
}

const HANDLER = box('hdlr', FULL, u32(0), Buffer.from('pict'), Array(13).fill(0));
const TYPE = box('ftyp', Buffer.from('avif'), u32(0), Buffer.from('avifmif1miaf'));

interface Item {
  readonly type: string;
  readonly data: Buffer;
  /** Numbers of the items that this one is derived from; the first item is number 1 and the one shown. */
  readonly from?: number[];
  readonly width: number;
  readonly height: number;
  readonly av1C?: Buffer;
}

function avifOf(items: readonly Item[]): Buffer {
  const properties: Buffer[] = [];
  const associations = items.map(({ width, height, av1C }, index) => {
    const own = [box('ispe', FULL, u32(width), u32(height)), ...(av1C ? [av1C] : [])];
    const numbers = own.map((property) => properties.push(property));
    return [...u16(index + 1), numbers.length, ...numbers];
  });
  const references = items.flatMap(({ from }, index) =>
    from ? [box('dimg', u16(index + 1), u16(from.length), from.flatMap(u16))] : [],
  );
  const build = (dataAt: number): Buffer => {
    let at = dataAt;
    const places = items.flatMap(({ data }, index) => {
      const place = [...u16(index + 1), ...u16(0), ...u16(1), ...u32(at), ...u32(data.length)];
      at += data.length;
      return place;
    });
    const entries = items.map(({ type }, index) =>
      box('infe', [2, 0, 0, 0], u16(index + 1), u16(0), Buffer.from(type), [0]),
    );
    const meta = box(
      'meta',
      FULL,
      HANDLER,
      box('pitm', FULL, u16(1)),
      box('iloc', FULL, [0x44, 0], u16(items.length), places),
      box('iinf', FULL, u16(items.length), ...entries),
      ...(references.length > 0 ? [box('iref', FULL, ...references)] : []),
      box('iprp', box('ipco', ...properties), box('ipma', FULL, u32(items.length), associations.flat())),
    );
    return Buffer.concat([TYPE, meta, box('mdat', ...items.map(({ data }) => data))]);
  };
  return build(build(0).length - items.reduce((sum, { data }) => sum + data.length, 0));
}

/** The pixels of an AVIF still of that size. */
function pixelsOf(still: Buffer, width: number, height: number): Item {
  const [av1C, mdat] = [findBox(still, 'av1C'), findBox(still, 'mdat')];
  if (!av1C || !mdat) throw new Error('not an AVIF still');
  return { type: 'av01', data: mdat.subarray(8), width, height, av1C };
}

/** One picture laid over itself that many times: each time it is decoded again. */
export function overlay(still: Buffer, width: number, height: number, times: number): Buffer {
  const places = Array<number[]>(times).fill([...u16(0), ...u16(0)]);
  const data = Buffer.from([0, 0, ...Array(8).fill(0), ...u16(width), ...u16(height), ...places.flat()]);
  return avifOf([{ type: 'iovl', data, from: Array(times).fill(2), width, height }, pixelsOf(still, width, height)]);
}

/** Overlays of overlays, each laid twice: every level doubles the work. */
export function doubling(still: Buffer, width: number, height: number, levels: number): Buffer {
  const data = Buffer.from([0, 0, ...Array(8).fill(0), ...u16(width), ...u16(height), ...Array(8).fill(0)]);
  const level = (next: number): Item => ({ type: 'iovl', data, from: [next, next], width, height });
  return avifOf([...Array.from({ length: levels }, (_, n) => level(n + 2)), pixelsOf(still, width, height)]);
}

/** A picture that is derived from itself. */
export function loop(width: number, height: number): Buffer {
  const data = Buffer.from([0, 0, ...Array(8).fill(0), ...u16(width), ...u16(height), 0, 0, 0, 0]);
  return avifOf([{ type: 'iovl', data, from: [1], width, height }]);
}

/** The same pixels tiled columns × rows times. */
export function grid(still: Buffer, width: number, height: number, columns: number, rows: number): Buffer {
  const size = [width * columns, height * rows] as const;
  const data = Buffer.from([0, 1, rows - 1, columns - 1, ...u32(size[0]), ...u32(size[1])]);
  const from = Array(columns * rows).fill(2);
  return avifOf([{ type: 'grid', data, from, width: size[0], height: size[1] }, pixelsOf(still, width, height)]);
}

/** Items each of which is the next one, unchanged, down to a picture. */
export function chain(still: Buffer, width: number, height: number, links: number): Buffer {
  const item = (next: number): Item => ({ type: 'iden', data: Buffer.alloc(0), from: [next], width, height });
  return avifOf([...Array.from({ length: links }, (_, n) => item(n + 2)), pixelsOf(still, width, height)]);
}

/** A still that promises another size than its pixels have. */
export function promising(still: Buffer, width: number, height: number): Buffer {
  return avifOf([{ ...pixelsOf(still, width, height) }]);
}

/** Boxes within boxes. */
export function nested(depth: number): Buffer {
  const inner = Buffer.alloc(8 * depth);
  for (let n = 0; n < depth; n += 1) {
    inner.writeUInt32BE(8 * (depth - n), 8 * n);
    inner.write(n % 2 ? 'ipco' : 'iprp', 8 * n + 4);
  }
  return Buffer.concat([TYPE, box('meta', FULL, HANDLER, inner)]);
}
