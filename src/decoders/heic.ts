import { type CodedColours, type DecodedHead, DecodeError, type OpenRows, type Wanted } from './decoder.ts';
import { type Libheif, openLibheif } from './libheif.ts';
import { orientationOf, type Turn } from './orientation.ts';
import { CODED, fillByPlanes, isByPlanes, type TiledPicture } from './planes/coded-tiles.ts';
import { shrinkInto, shrinkTo, type Tile } from './shrink.ts';
import { createTileShrinker, sizeOf } from './shrink-tiles.ts';

/**
 * HEIC and HEIF: the primary picture alone, without depth, gain map, thumbnails and sequences (ISO/IEC 23008-12). A grid is
 * decoded tile by tile, each shrunk on its way into the rows, so that no whole picture lies in the heap.
 */

/** As ISO/IEC 23008-12 numbers them, and libheif. */
const RGB = { space: 1, chroma: { 3: 10, 4: 11 }, channel: 10 } as const;
/** Bytes of `heif_image_tiling`, and where its numbers begin. */
const TILING = { bytes: 96, version: 1, numbers: 4 };
/** Offsets in `heif_security_limits`, and what a camera never exceeds. */
const LIMITS = {
  pixels: { at: 8, wide: true },
  tiles: { at: 16, wide: true, most: 4096 },
  items: { at: 28, wide: false, most: 8192 },
  profile: { at: 32, wide: false, most: 4 * 1024 * 1024 },
} as const;
/** HEVC codes whole blocks of up to 64 × 64 pixels, and libheif counts them. What is shown is counted apart. */
const CODED_MORE = { times: 1.1, pixels: 1_000_000 };
/** Offsets in `heif_decoding_options`: turned or not, to 8 bits, strictly, with colours as they are. */
const OPTIONS = { ignoreTransformations: 1, to8Bits: 20, strict: 21, mendRange: 68, keepColours: 69 };
/** Of a picture's irot, imir and clap. */
const MAX_TRANSFORMATIONS = 16;
const TURNS: Readonly<Record<string, Turn['kind']>> = { irot: 'rotate', imir: 'mirror' };

export function decode(file: Uint8Array, wanted: Wanted, open: OpenRows): void {
  const heif = openLibheif();
  const { c } = heif;
  const context = c._heif_context_alloc();
  setLimits(heif, context, wanted.maxPixels);
  const at = c._malloc(file.length);
  if (at === 0) throw new DecodeError('too_large', 'the file does not fit into the decoder');
  c.HEAPU8.set(file, at);
  heif.call((error) => c._heif_context_read_from_memory_without_copy(error, context, at, file.length, 0));
  const handle = heif.made((error, out) => c._heif_context_get_primary_image_handle(error, context, out));
  decodePrimary(heif, context, handle, wanted, open);
}

function decodePrimary(heif: Libheif, context: number, handle: number, wanted: Wanted, open: OpenRows): void {
  const { c } = heif;
  const turns = turnsOf(heif, context, c._heif_image_handle_get_item_id(handle));
  const channels = c._heif_image_handle_has_alpha_channel(handle) ? 4 : 3;
  const colours = { icc: profileOf(heif, handle), nclx: colourCodesOf(heif, handle) };
  // libheif puts alpha and cuts together for whole pictures only.
  const whole = turns === undefined || channels === 4;
  const options = optionsFor(heif, { whole, to8Bits: true });
  if (!whole) {
    const grid = tilingOf(heif, handle);
    const size = sizeOf(wanted.side, grid);
    if (grid.width * grid.height > wanted.maxPixels) throw new DecodeError('too_large', 'over the pixel limit');
    const rows = open({ ...size, channels, orientation: orientationOf(turns), ...colours });
    const decodeTile = (x: number, y: number, space: number, chroma: number, settings: number) =>
      heif.made((error, out) =>
        c._heif_image_handle_decode_image_tile(error, handle, out, space, chroma, settings, x, y),
      );
    const byPlanes = size.width * size.height < grid.width * grid.height && isByPlanes(heif, handle);
    const coded = byPlanes ? optionsFor(heif, { whole, to8Bits: false }) : 0;
    const decodeCoded = (x: number, y: number) => decodeTile(x, y, CODED.space, CODED.chroma, coded);
    if (byPlanes && fillByPlanes(heif, rows, grid, size, decodeCoded)) return;
    const shrinker = createTileShrinker(rows, grid, size);
    for (let y = 0; y < grid.rows; y += 1)
      for (let x = 0; x < grid.columns; x += 1) {
        const tile = decodeTile(x, y, RGB.space, RGB.chroma[channels], options);
        place(heif, tile, { left: x * grid.tile.width, top: y * grid.tile.height }, shrinker.add);
      }
    return;
  }
  const image = heif.made((error, out) =>
    c._heif_decode_image(error, handle, out, RGB.space, RGB.chroma[channels], options),
  );
  const size = {
    width: c._heif_image_get_width(image, RGB.channel),
    height: c._heif_image_get_height(image, RGB.channel),
  };
  const start = { left: 0, top: 0 };
  if (channels === 3) {
    const to = sizeOf(wanted.side, size);
    const rows = open({ ...to, channels, orientation: 1, ...colours });
    place(heif, image, start, createTileShrinker(rows, size, to).add);
    return;
  }
  const shrunk = shrinkTo(size, wanted.side);
  const rows = open({ ...shrunk.size, channels, orientation: 1, ...colours });
  const premultiplied = c._heif_image_handle_is_premultiplied_alpha(handle) !== 0;
  place(heif, image, start, (tile) => shrinkInto({ rows, channels, ...shrunk, premultiplied }, tile));
}

/** Shrinks a decoded tile into its place, and gives its memory back. */
function place(heif: Libheif, image: number, at: { left: number; top: number }, add: (tile: Tile) => void): void {
  const { c, view } = heif;
  const stride = c._malloc(4);
  const plane = c._heif_image_get_plane_readonly2(image, RGB.channel, stride);
  const size = {
    width: c._heif_image_get_width(image, RGB.channel),
    height: c._heif_image_get_height(image, RGB.channel),
  };
  if (plane === 0 || size.width <= 0 || size.height <= 0) throw new DecodeError('broken', 'a tile has no pixels');
  add({ pixels: c.HEAPU8.subarray(plane), stride: view().getUint32(stride, true), ...size, ...at });
  c._free(stride);
  c._heif_image_release(image);
}

function setLimits({ c, view }: Libheif, context: number, maxPixels: number): void {
  const at = c._heif_context_get_security_limits(context);
  const set = ({ at: offset, wide }: { at: number; wide: boolean }, value: number) =>
    wide ? view().setBigUint64(at + offset, BigInt(value), true) : view().setUint32(at + offset, value, true);
  set(LIMITS.pixels, Math.round(CODED_MORE.times * maxPixels) + CODED_MORE.pixels);
  for (const limit of [LIMITS.tiles, LIMITS.items, LIMITS.profile]) set(limit, limit.most);
}

function optionsFor({ c }: Libheif, { whole, to8Bits }: { whole: boolean; to8Bits: boolean }): number {
  const options = c._heif_decoding_options_alloc();
  c.HEAPU8[options + OPTIONS.ignoreTransformations] = whole ? 0 : 1;
  c.HEAPU8[options + OPTIONS.to8Bits] = to8Bits ? 1 : 0;
  for (const flag of [OPTIONS.strict, OPTIONS.mendRange, OPTIONS.keepColours]) c.HEAPU8[options + flag] = 1;
  return options;
}

/** As it is stored: the tiles of a turned picture do not begin at its corner. A picture that is no grid is one tile. */
function tilingOf({ c, call, view }: Libheif, handle: number): TiledPicture {
  const at = c._malloc(TILING.bytes);
  c.HEAPU8.fill(0, at, at + TILING.bytes);
  view().setInt32(at, TILING.version, true);
  call((error) => c._heif_image_handle_get_image_tiling(error, handle, 0, at));
  const [columns = 0, rows = 0, tileWidth = 0, tileHeight = 0, width = 0, height = 0] = Array.from(
    { length: 6 },
    (_, n) => view().getUint32(at + TILING.numbers + 4 * n, true),
  );
  const covers = columns * tileWidth >= width && rows * tileHeight >= height;
  if (!covers || columns * rows > LIMITS.tiles.most)
    throw new DecodeError('broken', 'the tiles do not cover the picture');
  return { columns, rows, tile: { width: tileWidth, height: tileHeight }, width, height };
}

/** In their order; undefined where the picture is cut too. */
function turnsOf({ c, view }: Libheif, context: number, item: number): Turn[] | undefined {
  const at = c._malloc(4 * MAX_TRANSFORMATIONS);
  const count = c._heif_item_get_transformation_properties(context, item, at, MAX_TRANSFORMATIONS);
  const turns: Turn[] = [];
  for (let n = 0; n < count; n += 1) {
    const property = view().getUint32(at + 4 * n, true);
    const kind = TURNS[fourcc(c._heif_item_get_property_type(context, item, property))];
    if (kind === undefined) return undefined;
    if (kind === 'rotate')
      turns.push({ kind, degrees: c._heif_item_get_property_transform_rotation_ccw(context, item, property) });
    else turns.push({ kind, across: c._heif_item_get_property_transform_mirror(context, item, property) === 1 });
  }
  return turns;
}

function fourcc(code: number): string {
  return String.fromCharCode(code >>> 24, (code >>> 16) & 0xff, (code >>> 8) & 0xff, code & 0xff);
}

function profileOf({ c, call }: Libheif, handle: number): DecodedHead['icc'] {
  const length = c._heif_image_handle_get_raw_color_profile_size(handle);
  if (length === 0) return undefined;
  const at = c._malloc(length);
  call((error) => c._heif_image_handle_get_raw_color_profile(error, handle, at));
  return c.HEAPU8.slice(at, at + length);
}

/** Offsets in `heif_color_profile_nclx`. */
const NCLX = { primaries: 4, transfer: 8 };

function colourCodesOf({ c, made, view }: Libheif, handle: number): CodedColours | undefined {
  try {
    const at = made((error, out) => c._heif_image_handle_get_nclx_color_profile(error, handle, out));
    return {
      primaries: view().getInt32(at + NCLX.primaries, true),
      transfer: view().getInt32(at + NCLX.transfer, true),
    };
  } catch (error) {
    // It has none.
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
