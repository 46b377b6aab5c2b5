import { PROBE_SIDE_PX } from './aim.ts';
import { type Box, dependsOnFaces, planFrame, type Size, workingSize } from './crop.ts';
import { keepsFrames } from './encode.ts';
import type { OriginalHeader } from './header.ts';
import { type Output, type Recipe, seeksFaces } from './recipe.ts';

/**
 * What a render will cost, told before it begins: CPU in milliseconds, to let small ones go first, and bytes of memory at
 * its peak, to let no more begin than the machine can hold. Measured by `node bench/memory.ts`; where the measurements
 * scatter, these are the upper ends.
 */
export interface RenderCost {
  readonly ms: number;
  readonly bytes: number;
}

const MIB = 1024 * 1024;
const MEGAPIXEL = 1_000_000;

/** Per million pixels: CPU, and bytes for each pixel. */
interface Rate {
  readonly ms: number;
  readonly bytes: number;
}

/** libvips streams what it can; what comes in passes, or lying on its side, is held whole. */
const DECODING: Readonly<Record<string, Rate>> = {
  jpeg: { ms: 4, bytes: 0.6 },
  'jpeg in passes': { ms: 12, bytes: 3.4 },
  png: { ms: 20, bytes: 0.6 },
  'png in passes': { ms: 25, bytes: 5 },
  webp: { ms: 15, bytes: 5.5 },
  gif: { ms: 15, bytes: 5.5 },
  avif: { ms: 35, bytes: 22 },
};
const DEAREST: Rate = { ms: 35, bytes: 22 };
/** A turned picture is decoded whole before its first line can be written. */
const TURNING_BYTES = 3.2;

const ENCODING: Readonly<Record<Output, Rate>> = {
  webp: { ms: 60, bytes: 14 },
  avif: { ms: 180, bytes: 40 },
  jpeg: { ms: 25, bytes: 10 },
  png: { ms: 120, bytes: 12 },
  base: { ms: 120, bytes: 14 },
};

/** sharp's and libvips' own: buffers, line caches, a thread's stack. */
const EVERY_RENDER: RenderCost = { ms: 2, bytes: 16 * MIB };
/** Looking for faces, mostly in another thread. */
const LOOK_MS = 60;
/** Before its original is read, a job is as large as its output and as dear as a camera's photo. */
const TYPICAL_DECODE_MS = 30;

/** By the recipe alone. */
export function expectedMs(recipe: Recipe): number {
  const { width, height, output } = recipe;
  const pixels = (width ?? height ?? 0) * (height ?? width ?? 0);
  return EVERY_RENDER.ms + TYPICAL_DECODE_MS + (ENCODING[output].ms * pixels) / MEGAPIXEL;
}

/** By the original's header and the recipe. */
export function renderCost({ header }: { readonly header: OriginalHeader }, recipe: Recipe): RenderCost {
  const moves = keepsFrames(recipe) && header.frames > 1;
  const frames = moves ? header.frames : 1;
  const plan = planFrame(header.size, recipe, frames);
  const written = area(plan.canvas) * frames;
  const encoding = ENCODING[recipe.output];
  const whole: Box = { left: 0, top: 0, ...header.size };
  const looks = seeksFaces(recipe) && dependsOnFaces(plan, whole, recipe.faceZoom);
  const held = looks ? area(workingSize(plan, whole, recipe.faceZoom, PROBE_SIDE_PX)) : 0;
  const wide = recipe.gamut === 'p3' ? 2 : 1;
  const decoding = decodeCost(header, frames);
  return {
    ms: decoding.ms + (encoding.ms * written) / MEGAPIXEL + (looks ? LOOK_MS : 0),
    bytes: Math.round(decoding.bytes + wide * encoding.bytes * written + 4 * held),
  };
}

/** Size, colour and placeholder: a decode, and next to nothing besides. */
export function describeCost({ header }: { readonly header: OriginalHeader }): RenderCost {
  return decodeCost(header, 1);
}
export const DESCRIBE_MS = EVERY_RENDER.ms + TYPICAL_DECODE_MS;

function decodeCost({ format, progressive, turned, size, deep }: OriginalHeader, frames: number): RenderCost {
  const rate = DECODING[progressive ? `${format} in passes` : format] ?? DECODING[format] ?? DEAREST;
  const pixels = area(size) * frames;
  const bytes = rate.bytes + (turned ? TURNING_BYTES : 0);
  return {
    ms: EVERY_RENDER.ms + (rate.ms * pixels) / MEGAPIXEL,
    bytes: EVERY_RENDER.bytes + Math.round(bytes * (deep ? 2 : 1) * pixels),
  };
}

function area({ width, height }: Size): number {
  return width * height;
}
