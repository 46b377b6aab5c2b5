import { mostEncodes } from './formats/encoding/search.ts';
import { operationBytes, overlayMs } from './operation-estimate.ts';
import { withMotion } from './pages/motion.ts';
import type { PictureHeader, PictureSource } from './picture-source.ts';
import type { Size } from './pixels.ts';
import { coversFaces, keepsFrames, type Output, type Recipe, seeksFaces } from './recipe.ts';
import { DEAR_SIDE_PX, dearProxySize } from './stages/dear-proxy.ts';
import { suffices } from './stages/downscaled.ts';
import { dependsOnFaces } from './stages/geometry.ts';
import { lookedAtSize, PROBE_SIDE_PX } from './stages/look-depth.ts';
import { cutOf } from './stages/view/cut.ts';
import { interestOf } from './stages/view/interest-window.ts';
import { planView, type ViewPlan } from './stages/view/plan.ts';
import { isUpright } from './stages/view/view.ts';

/**
 * The cost of a render, estimated before it begins: CPU in milliseconds, so that small ones go first, and peak memory in
 * bytes, so that no more begin than the machine can hold. Measured by `node bench/ceiling.ts`; where the measurements
 * scatter, these are the upper ends.
 */
export interface CostEstimate {
  readonly ms: number;
  readonly bytes: number;
}

const MIB = 1024 * 1024;
const MEGAPIXEL = 1_000_000;

/** CPU in milliseconds per million pixels, and bytes per pixel. */
interface Rate {
  readonly ms: number;
  readonly bytes: number;
}

/**
 * By the source's pixels. libvips streams what it can, and shrinks JPEG and plain WebP while it loads them; files in passes
 * are held entirely, as coefficients (JPEG, 2 bytes each; twice as many without chroma subsampling) or as pixels.
 */
const DECODING: Readonly<Record<string, Rate>> = {
  jpeg: { ms: 2.5, bytes: 0.1 },
  // A downscaled decode: its pixels are in memory already.
  pixels: { ms: 4, bytes: 0.1 },
  'jpeg in passes': { ms: 11, bytes: 3.1 },
  'jpeg in passes, 4:4:4': { ms: 17, bytes: 6.1 },
  png: { ms: 12, bytes: 1.2 },
  'png in passes': { ms: 22, bytes: 3.7 },
  webp: { ms: 10, bytes: 0.2 },
  'webp, not plain': { ms: 22, bytes: 4.1 },
  gif: { ms: 11, bytes: 5.2 },
  avif: { ms: 55, bytes: 18.9 },
  // Decoded once more, into a PNG: see `mended`.
  'avif, mended': { ms: 70, bytes: 20 },
  'png, mended': { ms: 190, bytes: 9 },
  'webp, mended': { ms: 190, bytes: 9 },
};
interface Elsewhere extends Rate {
  readonly thread?: number;
  /** Shrinks to the very size that is wanted, but for pictures with alpha; others by whole factors. */
  readonly anyFactor?: boolean;
}

/** Of codings that are decoded outside sharp: bytes in the decoder's own heap, by the pixels of the whole picture. */
const ELSEWHERE: Readonly<Record<string, Elsewhere>> = {
  heic: { ms: 62, bytes: 0, anyFactor: true },
  'heic, large tiles': { ms: 110, bytes: 4, anyFactor: true },
  'heic, no grid': { ms: 75, bytes: 7, anyFactor: true },
  // ImageMagick holds the whole picture, and the libraries inside what they need beside it.
  jxl: { ms: 125, bytes: 13, thread: 70 * MIB },
  tiff: { ms: 45, bytes: 12, thread: 70 * MIB },
  jp2: { ms: 120, bytes: 21, thread: 70 * MIB },
  psd: { ms: 25, bytes: 6 },
  bmp: { ms: 6, bytes: 3 },
  ico: { ms: 30, bytes: 4 },
  svg: { ms: 10, bytes: 9 },
};
/** A thread with its decoder, and the rows that it hands over, with what sharp needs to read them: bench/heic.ts. */
const THREAD_BYTES = 19 * MIB;
const ROW_BYTES = 3.1;
/** For formats without a row. */
const MOST_EXPENSIVE: Rate = { ms: 55, bytes: 18.9 };

/** By the rendition's pixels. */
const ENCODING: Readonly<Record<Exclude<Output, 'original'>, Rate>> = {
  webp: { ms: 70, bytes: 17 },
  avif: { ms: 125, bytes: 37 },
  jpeg: { ms: 30, bytes: 12 },
  png: { ms: 120, bytes: 14 },
  base: { ms: 120, bytes: 14 },
  jxl: { ms: 260, bytes: 50 },
};
/** Of a thread with ImageMagick, where JPEG XL is encoded. */
const JXL_THREAD_BYTES = 100 * MIB;
/** libvips holds rows while it scales; bytes for each pixel of width beyond the ordinary: 232 MiB for a PNG 65,535 wide. */
const ORDINARY_WIDTH_PX = 16_384;
const WIDE_ROW_BYTES = 3500;
/** For each pixel of a rendition whose original is turned. */
const TURNING_BYTES = 6;
/** For each pixel of an original that is turned before a part of it is read. */
const ORIENTED_BYTES = { narrow: 4, wide: 6 };
/** For each pixel of an original that is turned and keeps wide colours, where all of it is shown. */
const WIDE_TURNED_BYTES = 1;
/** Decoding frees most of its memory before encoding takes its own; this share of the lesser one overlaps. */
const OVERLAP = 0.35;
/** Of pixels that are held whole, and from which a part is cut or enlarged: they stay until the end, some rows of them twice. */
const HELD_OVERLAP = 1.3;

/** For buffers, line caches and a thread's stack of sharp and libvips. */
export const EVERY_RENDER: CostEstimate = { ms: 15, bytes: 12 * MIB };
/** For face detection, mostly in another thread. */
const FACES_MS = 60;
/** For each pixel that is decoded once for the detector and for the rendition, with a copy on the way. */
const HELD_BYTES = 9;
/** Of the detector input where all faces are covered. */
const PROBE_PIXELS = PROBE_SIDE_PX.tiles ** 2;
/** Before the original is read, its decode is taken to cost that of a camera's photo. */
const TYPICAL_DECODE_MS = 25;

/** CPU in milliseconds by the recipe alone, before the original is known. */
export function expectedMs(recipe: Recipe): number {
  const { width, height, output } = recipe;
  if (output === 'original') return EVERY_RENDER.ms;
  const pixels = (width ?? height ?? 0) * (height ?? width ?? 0);
  return EVERY_RENDER.ms + TYPICAL_DECODE_MS + (ENCODING[output].ms * mostEncodes(recipe) * pixels) / MEGAPIXEL;
}

/** Of a file from which metadata are taken: its parts, and what is made of them. */
const STRIPPED_COPIES = 3;
/** Also of the sum of its bytes, by which it is named. */
const STRIPPED_MS_PER_MIB = 3;

function estimateStripping(bytes: number): CostEstimate {
  return {
    ms: EVERY_RENDER.ms + (STRIPPED_MS_PER_MIB * bytes) / MIB,
    bytes: EVERY_RENDER.bytes + STRIPPED_COPIES * bytes,
  };
}

/** By the header of the source and the recipe; `body`: the file of an original that is sent itself. */
export function estimateRender(
  source: Pick<PictureSource, 'header'> & { readonly body?: Buffer },
  recipe: Recipe,
): CostEstimate {
  const { body } = source;
  const header = withMotion(source.header, recipe);
  if (recipe.output === 'original') return estimateStripping(body?.length ?? 0);
  const moves = keepsFrames(recipe) && header.frames > 1;
  const frames = moves ? header.frames : 1;
  const view = planView(header.size, recipe, frames);
  const { plan, shown, plain } = view;
  const written = area(plan.canvas) * frames;
  const encoding = ENCODING[recipe.output];
  const seeks = seeksFaces(recipe) && dependsOnFaces(plan, shown, recipe.faceZoom);
  const whole = plain && !recipe.enlarge;
  const interest = moves || seeks ? undefined : interestOf(view, recipe);
  const held = !seeks
    ? 0
    : whole
      ? area(lookedAtSize(plan, header.size, shown, recipe.faceZoom))
      : PROBE_SIDE_PX.tiles ** 2;
  const covers = coversFaces(recipe);
  const wide = recipe.gamut === 'p3' ? 2 : 1;
  const turning = (header.turned ? TURNING_BYTES : 0) + (isUpright(view.turn) ? 0 : TURNING_BYTES);
  const turned = estimateTurning(header, view, wide > 1, whole);
  const entire = header.decoder !== undefined && !suffices({ kind: 'proxy', header: proxied(header) }, recipe);
  const decoding = estimateDecode(header, frames, entire ? Number.POSITIVE_INFINITY : DEAR_SIDE_PX);
  const encodingBytes =
    (wide * encoding.bytes + turning + operationBytes(recipe)) * written +
    HELD_BYTES * (held + (covers ? PROBE_PIXELS : 0)) +
    (recipe.output === 'jxl' ? JXL_THREAD_BYTES : 0) +
    turned;
  // All frames before it are decoded too, one at a time; of other files a copy is read.
  const before = (recipe.page ?? 0) * (header.decoder ? 0 : decoding.ms - EVERY_RENDER.ms);
  const copied = recipe.page && header.decoder ? (body?.length ?? 0) : 0;
  const decoded = decoding.bytes - EVERY_RENDER.bytes;
  const [less = 0, more = 0] = [decoded, encodingBytes].sort((a, b) => a - b);
  // JPEGs are shrunk while they are read, and what a thread decodes is counted with its rows.
  const stays = (!whole || interest) && !header.decoder && header.format !== 'jpeg';
  // What is rendered from the proxy image begins when the rows are freed; with glibc's mmap 30 MiB were measured in all for 12 megapixels.
  const overlap = header.decoder === 'heic' && !entire ? 0 : OVERLAP;
  const both = stays ? HELD_OVERLAP * decoded + encodingBytes : more + overlap * less;
  return {
    // What libvips looks at is decoded once more.
    ms:
      decoding.ms * (interest ? 2 : 1) +
      before +
      ((encoding.ms * mostEncodes(recipe) + overlayMs(recipe)) * written) / MEGAPIXEL +
      (seeks || covers ? FACES_MS : 0),
    bytes: Math.round(EVERY_RENDER.bytes + copied + both),
  };
}

/** Bytes of what libvips turns before it cuts a part out: it holds all of it. */
function estimateTurning(header: PictureHeader, view: ViewPlan, wide: boolean, whole: boolean): number {
  if (whole) return wide && header.turned ? WIDE_TURNED_BYTES * area(header.stored) : 0;
  const { from, scaled } = cutOf(view, header.size, false);
  const shown = wide && !isUpright(view.turn) ? TURNING_BYTES * area(scaled) : 0;
  if (!header.turned) return shown;
  const each = ORIENTED_BYTES[wide ? 'wide' : 'narrow'] * (header.deep ? 2 : 1);
  return shown + (from || wide ? each * area(header.stored) : TURNING_BYTES * area(scaled));
}

/** Of size, colour and placeholder: next to nothing beside the decode. */
export function estimateDescription({ header }: Pick<PictureSource, 'header'>): CostEstimate {
  return estimateDecode(header, 1);
}
/** The same in milliseconds, before the original is known. */
export const DESCRIBE_MS = EVERY_RENDER.ms + TYPICAL_DECODE_MS;

/** Of a decode alone, of this many frames. `side`: that is left of the longer one where a decoder shrinks on its way. */
export function estimateDecode(header: PictureHeader, frames: number, side = DEAR_SIDE_PX): CostEstimate {
  const { format, coding, stored, deep } = header;
  const elsewhere = ELSEWHERE[coding];
  if (elsewhere) return estimateElsewhere(elsewhere, header, side);
  const rate = DECODING[coding] ?? DECODING[format] ?? MOST_EXPENSIVE;
  const pixels = area(stored) * frames;
  return {
    ms: EVERY_RENDER.ms + (rate.ms * pixels) / MEGAPIXEL,
    bytes: EVERY_RENDER.bytes + Math.round(rate.bytes * (deep ? 2 : 1) * pixels) + wideRows(stored),
  };
}

function estimateElsewhere(rate: Elsewhere, { stored, hasAlpha }: PictureHeader, side: number): CostEstimate {
  const longer = Math.max(stored.width, stored.height);
  const whole = [8, 4, 2].find((k) => longer / k >= side) ?? 1;
  const factor = rate.anyFactor && !hasAlpha ? Math.max(1, longer / side) : whole;
  const pixels = area(stored);
  const bytes = (rate.thread ?? THREAD_BYTES) + rate.bytes * pixels + (ROW_BYTES * pixels) / factor ** 2;
  return {
    ms: EVERY_RENDER.ms + (rate.ms * pixels) / MEGAPIXEL,
    bytes: EVERY_RENDER.bytes + Math.round(bytes),
  };
}

function proxied(header: PictureHeader): PictureHeader {
  return { ...header, stored: dearProxySize(header.size) };
}

function wideRows({ width }: Size): number {
  return Math.max(0, width - ORDINARY_WIDTH_PX) * WIDE_ROW_BYTES;
}

function area({ width, height }: Size): number {
  return width * height;
}
