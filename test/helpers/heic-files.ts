/**
 * HEIC files whose container is written here (ISO/IEC 14496-12 and 23008-12), around HEVC that an encoder made: grids, turns, cuts
 * and profiles of any kind, with a few KB of pictures in the repository.
 */
import { readFileSync } from 'node:fs';

const FILES = new URL('../decoders/files/', import.meta.url);
export const heicFile = (name: string): Buffer => readFileSync(new URL(name, FILES));

/** The codec's configuration and the one coded picture of a HEIC without grid. */
export interface Coded {
  readonly config: Buffer;
  readonly data: Buffer;
}

/** Of a file of one `hvc1` item, as encoders write it. */
export function codedIn(file: Buffer): Coded {
  const at = file.indexOf('hvcC', 0, 'latin1') - 4;
  const mdat = file.indexOf('mdat', 0, 'latin1') - 4;
  return {
    config: file.subarray(at + 8, at + file.readUInt32BE(at)),
    data: file.subarray(mdat + 8, mdat + file.readUInt32BE(mdat)),
  };
}

/** The quarters of one picture, 512 × 512 each: upper left, upper right, lower left, lower right. */
export const TILES: readonly Coded[] = [0, 1, 2, 3].map((n) => codedIn(heicFile(`tile-${n}.heic`)));
export const TILE_PX = 512;

export interface GridOptions {
  readonly columns: number;
  readonly rows: number;
  /** Of the picture; the tiles cover it. */
  readonly width?: number;
  readonly height?: number;
  /** The tile at a place; one coded picture may stand at many. */
  tileAt?(column: number, row: number): Coded;
  /** Of the grid, in their order: see `irot`, `imir`, `clap`, `icc`, `nclx`. */
  readonly properties?: readonly Buffer[];
  /** A TIFF block of metadata. */
  readonly exif?: Buffer;
  /** What `ispe` says, where that is not the truth. */
  readonly said?: { readonly width: number; readonly height: number };
}

const u8 = (...values: number[]) => Buffer.from(values);
function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
type Part = Buffer | string;
const joined = (parts: readonly Part[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1')));
export function box(type: string, ...parts: Part[]): Buffer {
  const body = joined(parts);
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body]);
}
const fullBox = (type: string, versionAndFlags: number, ...parts: Part[]) => box(type, u32(versionAndFlags), ...parts);

/** Anticlockwise, in steps of 90°. */
export const irot = (steps: number) => box('irot', u8(steps));
/** 0: top to bottom; 1: left to right. */
export const imir = (axis: 0 | 1) => box('imir', u8(axis));
export const icc = (profile: Buffer) => box('colr', 'prof', profile);
export const nclx = (primaries: number, transfer: number, matrix: number) =>
  box('colr', 'nclx', u16(primaries), u16(transfer), u16(matrix), u8(0x80));
/** Width and height of what is kept, and the shift of its middle, each as a numerator and a denominator. */
export const clap = (...numbers: [number, number, number, number, number, number, number, number]) =>
  box('clap', ...numbers.map(u32));

/** A picture in a grid of tiles. */
export function gridFile(options: GridOptions): Buffer {
  const { columns, rows, properties = [] } = options;
  const {
    width = columns * TILE_PX,
    height = rows * TILE_PX,
    tileAt = (x, y) => TILES[(x % 2) + 2 * (y % 2)]!,
  } = options;
  const places = Array.from({ length: columns * rows }, (_, n) => tileAt(n % columns, Math.floor(n / columns)));
  const coded = [...new Set(places)];
  const said = options.said ?? { width, height };
  const grid = joined([u8(0, 1, rows - 1, columns - 1), u32(width), u32(height)]);
  const ids = places.map((_, n) => n + 2);

  const shared = [
    ...coded.map(({ config }) => box('hvcC', config)),
    fullBox('ispe', 0, u32(TILE_PX), u32(TILE_PX)),
    fullBox('ispe', 0, u32(said.width), u32(said.height)),
    fullBox('pixi', 0, u8(3, 8, 8, 8)),
  ];
  const essential = 0x80;
  const [tileSize, gridSize, bits] = [coded.length + 1, coded.length + 2, coded.length + 3];
  const ofTile = (place: Coded) => [u8(3, (coded.indexOf(place) + 1) | essential, tileSize, bits)];
  const ofGrid = [gridSize, bits, ...properties.map((_, n) => (coded.length + 4 + n) | essential)];
  // ISO/IEC 23008-12, annex A.2.1: how far the TIFF header is from here.
  const exif = options.exif ? Buffer.concat([u32(6), Buffer.from('Exif\0\0'), options.exif]) : undefined;
  const exifId = ids.length + 2;
  const codedBytes = coded.reduce((sum, { data }) => sum + data.length, 0);
  const mdat = Buffer.concat([grid, ...coded.map(({ data }) => data), ...(exif ? [exif] : [])]);

  const metaAt = (at: number) => {
    const lengths = coded.map(({ data }) => data.length);
    const before = (n: number) => lengths.slice(0, n).reduce((sum, length) => sum + length, at + grid.length);
    const offsets = new Map(coded.map((one, n) => [one, before(n)]));
    const located = (id: number, from: number, length: number) => [u16(id), u16(0), u16(1), u32(from), u32(length)];
    return fullBox(
      'meta',
      0,
      fullBox('hdlr', 0, u32(0), 'pict', u32(0), u32(0), u32(0), u8(0)),
      fullBox('pitm', 0, u16(1)),
      fullBox(
        'iinf',
        0,
        ...[u16(ids.length + (exif ? 2 : 1)), infe(1, 'grid', 0), ...ids.map((id) => infe(id, 'hvc1', 1))],
        ...(exif ? [infe(exifId, 'Exif', 1)] : []),
      ),
      fullBox(
        'iref',
        0,
        box('dimg', u16(1), u16(ids.length), ...ids.map(u16)),
        ...(exif ? [box('cdsc', u16(exifId), u16(1), u16(1))] : []),
      ),
      box(
        'iprp',
        box('ipco', ...shared, ...properties),
        fullBox(
          'ipma',
          0,
          u32(ids.length + 1),
          ...[u16(1), u8(ofGrid.length, ...ofGrid)],
          ...places.flatMap((place, n) => [u16(ids[n]!), ...ofTile(place)]),
        ),
      ),
      fullBox(
        'iloc',
        0,
        u8(0x44, 0),
        u16(ids.length + (exif ? 2 : 1)),
        ...located(1, at, grid.length),
        ...(exif ? located(exifId, at + grid.length + codedBytes, exif.length) : []),
        ...places.flatMap((place, n) => located(ids[n]!, offsets.get(place)!, place.data.length)),
      ),
    );
  };
  const ftyp = box('ftyp', 'heic', u32(0), 'mif1', 'heic');
  const start = ftyp.length + metaAt(0).length + 8;
  return Buffer.concat([ftyp, metaAt(start), box('mdat', mdat)]);
}

/** Version 2; tiles are hidden. */
function infe(id: number, type: string, hidden: 0 | 1): Buffer {
  return fullBox('infe', (2 << 24) | hidden, u16(id), u16(0), type, u8(0));
}
