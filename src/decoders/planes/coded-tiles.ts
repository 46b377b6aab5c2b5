import { DecodeError } from '../decoder.ts';
import type { Libheif } from '../libheif.ts';
import type { Size } from '../shrink.ts';
import type { PlaneCoding } from './levels.ts';
import { createPlaneShrinker, type PlaneTile, type Samples } from './shrink-planes.ts';

/**
 * Tiles that stay brightness and colour differences until they are shrunk, as HEVC has them: most pictures have half as many samples
 * of these as of red, green and blue, and what is left to convert is a picture of the size wanted.
 */

/** How a tile is decoded as it is coded, and what it then is, as libheif numbers them (heif_image.h). */
export const CODED = { space: 99, chroma: 99 } as const;
const YCBCR = 0;
const ERROR_BYTES = 16;
/** How many pixels a sample of the differences covers, by `heif_chroma`. */
const COVERS: Readonly<Record<number, Size>> = {
  1: { width: 2, height: 2 },
  2: { width: 2, height: 1 },
  3: { width: 1, height: 1 },
};
/** Offsets in `heif_color_profile_nclx`. */
const NCLX = { matrix: 12, isFull: 16 };
/** What libheif takes where neither container nor bitstream says it. */
const UNTOLD = { matrix: 6, isFull: true };
/** Shares of red and blue in brightness by the matrix's code point: ITU-T H.273, table 4. 2 is not told; others are rare. */
const SHARES: Readonly<Record<number, readonly [red: number, blue: number]>> = {
  1: [0.2126, 0.0722],
  2: [0.299, 0.114],
  5: [0.299, 0.114],
  6: [0.299, 0.114],
  9: [0.2627, 0.0593],
};

/** A grid; its sides are in pixels, columns and rows in tiles. */
export interface TiledPicture extends Size {
  readonly columns: number;
  readonly rows: number;
  readonly tile: Size;
}

/** What all tiles of a picture have in common. */
interface Coding {
  readonly chroma: number;
  /** Of a sample. */
  readonly bits: number;
  readonly matrix: number;
  readonly isFull: boolean;
}

/** Whether the primary picture is coded so, as its header says it. */
export function isByPlanes({ c, view }: Libheif, handle: number): boolean {
  const [error, space, chroma] = [c._malloc(ERROR_BYTES), c._malloc(4), c._malloc(4)];
  c._heif_image_handle_get_preferred_decoding_colorspace(error, handle, space, chroma);
  const isTold = view().getInt32(error, true) === 0;
  return isTold && view().getInt32(space, true) === YCBCR && COVERS[view().getInt32(chroma, true)] !== undefined;
}

/**
 * Fills rows of red, green and blue, of the size `to`, with what tiles shrink to. `decode` decodes one, as `CODED` says. False where a tile
 * is of a kind that is not known here, or of another one than the first: the rows are to be filled in another way then.
 */
export function fillByPlanes(
  heif: Libheif,
  rows: Uint8Array,
  from: TiledPicture,
  to: Size,
  decode: (x: number, y: number) => number,
): boolean {
  const { tile } = from;
  const strideAt = heif.c._malloc(4);
  let first: Coding | undefined;
  let shrinker: ReturnType<typeof createPlaneShrinker> | undefined;
  for (let y = 0; y < from.rows; y += 1)
    for (let x = 0; x < from.columns; x += 1) {
      const image = decode(x, y);
      const coding = codingOf(heif, image, from);
      first ??= coding;
      if (!coding || !first || !isSame(coding, first)) {
        heif.c._heif_image_release(image);
        return false;
      }
      shrinker ??= createPlaneShrinker(rows, from, to, codedAs(coding));
      const planes = planesOf(heif, image, coding.bits, strideAt);
      shrinker.add({ planes, ...tile, left: x * tile.width, top: y * tile.height });
      heif.c._heif_image_release(image);
    }
  return true;
}

function codedAs({ chroma, bits, matrix, isFull }: Coding): PlaneCoding {
  const [covers, shares] = [COVERS[chroma], SHARES[matrix]];
  if (!covers || !shares) throw new DecodeError('unsupported', `no planes of ${chroma} and ${matrix}`);
  return { covers, bits, shares, isFull };
}

const isSame = (one: Coding, other: Coding) =>
  one.chroma === other.chroma && one.bits === other.bits && one.matrix === other.matrix && one.isFull === other.isFull;

/** Undefined for what is not known here: no colour differences, a rare matrix, planes of odd sizes. */
function codingOf(heif: Libheif, image: number, { tile, columns, rows }: TiledPicture): Coding | undefined {
  const { c } = heif;
  const chroma = c._heif_image_get_chroma_format(image);
  const covers = COVERS[chroma];
  if (c._heif_image_get_colorspace(image) !== YCBCR || !covers) return undefined;
  // A sample that two tiles share would count twice.
  if ((columns > 1 && tile.width % covers.width > 0) || (rows > 1 && tile.height % covers.height > 0)) return undefined;
  const told = colourOf(heif, image);
  const bits = c._heif_image_get_bits_per_pixel_range(image, 0);
  const fits = [{ width: 1, height: 1 }, covers, covers].every(
    ({ width, height }, channel) =>
      c._heif_image_get_width(image, channel) === Math.ceil(tile.width / width) &&
      c._heif_image_get_height(image, channel) === Math.ceil(tile.height / height) &&
      c._heif_image_get_bits_per_pixel_range(image, channel) === bits,
  );
  return fits && bits >= 8 && bits <= 16 && SHARES[told.matrix] ? { chroma, bits, ...told } : undefined;
}

function colourOf({ c, made, view }: Libheif, image: number): Pick<Coding, 'matrix' | 'isFull'> {
  try {
    const at = made((error, out) => c._heif_image_get_nclx_color_profile(error, image, out));
    const told = { matrix: view().getInt32(at + NCLX.matrix, true), isFull: view().getUint8(at + NCLX.isFull) !== 0 };
    c._heif_nclx_color_profile_free(at);
    return told;
  } catch (error) {
    if (error instanceof DecodeError) return UNTOLD;
    throw error;
  }
}

/** The planes of a tile, which lie in libheif's heap until it is released. */
function planesOf({ c, view }: Libheif, image: number, bits: number, strideAt: number): PlaneTile['planes'] {
  const plane = (channel: number): Samples => {
    const at = c._heif_image_get_plane_readonly2(image, channel, strideAt);
    if (at === 0) throw new DecodeError('broken', 'a tile has no pixels');
    const stride = view().getUint32(strideAt, true);
    if (bits === 8) return { pixels: c.HEAPU8.subarray(at), stride };
    return { pixels: new Uint16Array(c.HEAPU8.buffer, at), stride: stride / 2 };
  };
  return [plane(0), plane(1), plane(2)];
}
