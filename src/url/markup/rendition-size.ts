/** What size a rendition has: the rule of the server's geometry, for storefronts that know the size of the original. */
import type { PresetShape } from './shapes.ts';

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** One size of a preset's family: a width, or a pixel ratio. */
export interface Variant {
  readonly width?: number | undefined;
  readonly pixelRatio?: number | undefined;
}

/** The server's largest rendition: pixels, and pixels of its longer side. */
const MAX_PIXELS = 16_000_000;
const MAX_SIDE = 8192;

const whole = (length: number) => Math.max(1, Math.round(length));
const resized = ({ width, height }: Size, by: number) => ({ width: whole(width * by), height: whole(height * by) });

/** Whether the shape of renditions follows from the preset alone. */
export function isFixed({ fit = 'inside', extend }: PresetShape): boolean {
  return extend === true || (fit !== 'inside' && fit !== 'outside');
}

/** Width and height that the preset asks for in this variant. */
export function sidesOf({ width: base, height, aspectRatio }: PresetShape, { width, pixelRatio = 1 }: Variant = {}) {
  const [across, down] = aspectRatio?.split(':').map(Number) ?? [];
  const sides = (width: number | undefined, height: number | undefined) => ({
    width: width ?? (height && across && down && whole((height * across) / down)),
    height: height ?? (width && across && down && whole((width * down) / across)),
  });
  const at = (length: number | undefined) => length && whole(length * pixelRatio);
  if (width === undefined) return sides(at(base), at(height));
  return sides(width, aspectRatio ? undefined : base && height && whole((height * width) / base));
}

/**
 * The size of a rendition of an upright original of this size. Nothing is enlarged, save by `enlarge`. Step by step as `planFrame` of
 * the server has it, so that both round alike: test/url/sizes.test.ts compares them.
 */
export function renditionSize(shape: PresetShape, original: Size, variant: Variant = {}): Size {
  const { fit = 'inside', enlarge, extend, margin = 0, padding = 0 } = shape;
  const shown = shownOf(shape, original);
  const asked = sidesOf(shape, variant);
  const unit = (variant.width ?? 0) / (sidesOf(shape).width ?? variant.width ?? 1) || (variant.pixelRatio ?? 1);
  const sides = [padding].flat();
  const [top = 0, right = top, bottom = top, left = right] = sides.map((side) => Math.round(side * unit));
  const [across, down] = [padded(asked.width, left, right), padded(asked.height, top, bottom)];
  const inner = 1 - 2 * (margin / 100);
  const less = ([, , room]: Padded) => room && Math.max(1, room * inner);
  const [room, wanted] = [complete(shown, across[2], down[2]), complete(shown, less(across), less(down))];

  const free = !isFixed(shape);
  const which = /inside|contain|pad/.test(fit) ? Math.min : Math.max;
  const scale = ratio(wanted, shown, which);
  const frame = free
    ? shrunk(shown, enlarge ? scale : Math.min(1, scale))
    : shrunk(wanted, enlarge || extend ? 1 : Math.min(1, 1 / scale));
  const canvas = margin ? resized(frame, 1 / inner) : frame;
  // By so much it is smaller than asked for, and its padding with it.
  const by = free ? ratio(frame, shown, Math.max) / (ratio(room, shown, which) * inner) : ratio(canvas, room, Math.min);
  const at = (length: number) => Math.round(length * Math.min(1, by));
  // A shape that is asked for is kept, whichever way each side is rounded.
  const keeps = !free && sides.some(Boolean);
  const all = complete(shown, asked.width, asked.height);
  const around = ([before, behind]: Padded, length: number, whole: number) =>
    keeps ? Math.max(at(before) + length, at(whole)) : at(before) + length + at(behind);
  return { width: around(across, canvas.width, all.width), height: around(down, canvas.height, all.height) };
}

const ratio = (size: Size, to: Size, which: typeof Math.min) => which(size.width / to.width, size.height / to.height);

type Padded = readonly [before: number, behind: number, room: number | undefined];

/** Padding of a side, and what it leaves of that: at least one pixel. */
function padded(length: number | undefined, before: number, behind: number): Padded {
  const room = length && length - before - behind;
  if (!length || (room ?? 0) > 0) return [before, behind, room];
  const fit = (side: number) => Math.floor((side * (length - 1)) / (before + behind));
  return padded(length, fit(before), fit(behind));
}

/** With both sides; the picture's shape decides about one that is missing. */
function complete(shown: Size, width: number | undefined, height: number | undefined): Size {
  return {
    width: width ?? ((height ?? 1) * shown.width) / shown.height,
    height: height ?? ((width ?? 1) * shown.height) / shown.width,
  };
}

function shrunk(size: Size, scale: number): Size {
  const { width, height } = size;
  return resized(size, Math.min(scale, MAX_SIDE / Math.max(width, height), Math.sqrt(MAX_PIXELS / (width * height))));
}

/** What is left of the original after the crop, turned. */
function shownOf({ crop, rotate = 0 }: PresetShape, { width, height }: Size): Size {
  const across = crop ? within(crop.x, crop.width, width) : width;
  const down = crop ? within(crop.y, crop.height, height) : height;
  return rotate % 180 ? { width: down, height: across } : { width: across, height: down };
}

/** Both edges rounded to a pixel and moved into the original, with at least one pixel between them. */
function within(start: number | string = 0, length: number | string, most: number): number {
  const inPixels = (of: number | string) => (typeof of === 'number' ? of : (Number.parseFloat(of) / 100) * most);
  const first = Math.min(Math.max(0, Math.round(inPixels(start))), most - 1);
  return Math.min(most, Math.max(first + 1, Math.round(inPixels(start) + inPixels(length)))) - first;
}
