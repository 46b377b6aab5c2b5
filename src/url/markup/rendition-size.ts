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
export function sidesOf(shape: PresetShape, { width, pixelRatio = 1 }: Variant = {}): Partial<Size> {
  const { aspectRatio } = shape;
  const [across = 1, down = 1] = (aspectRatio ?? '').split(':').map(Number);
  const known = (sides: PresetShape) =>
    aspectRatio === undefined || (sides.width !== undefined) === (sides.height !== undefined)
      ? sides
      : {
          width: sides.width ?? whole(((sides.height ?? 1) * across) / down),
          height: sides.height ?? whole(((sides.width ?? 1) * down) / across),
        };
  const base = known({ width: shape.width, height: shape.height });
  if (width === undefined) {
    const at = (length: number | undefined) => (length === undefined ? undefined : whole(length * pixelRatio));
    return known({ width: at(shape.width), height: at(shape.height) }) as Partial<Size>;
  }
  if (aspectRatio !== undefined) return known({ width, height: undefined }) as Partial<Size>;
  return base.width && base.height ? { width, height: whole((base.height * width) / base.width) } : { width };
}

/** The size of a rendition of an upright original of this size. Nothing is enlarged, save by `enlarge`. */
export function renditionSize(shape: PresetShape, original: Size, variant: Variant = {}): Size {
  const { fit = 'inside', enlarge, extend, margin = 0, padding = 0 } = shape;
  const asked = sidesOf(shape, variant);
  const unit = (variant.width ?? 0) / (sidesOf(shape).width ?? variant.width ?? 1) || (variant.pixelRatio ?? 1);
  const [top = 0, right = 0, bottom = 0, left = 0] = (
    typeof padding === 'number' ? [padding, padding, padding, padding] : padding
  ).map((side) => Math.round(side * unit));
  const shown = shownOf(shape, original);
  const inner = 1 - margin / 50;
  const less = (length: number | undefined, by: number) =>
    length === undefined ? undefined : Math.max(1, Math.max(1, length - by) * inner);
  const [width, height] = [less(asked.width, left + right), less(asked.height, top + bottom)];
  const wanted = {
    width: width ?? ((height ?? 1) * shown.width) / shown.height,
    height: height ?? ((width ?? 1) * shown.height) / shown.width,
  };
  const [across, down] = [wanted.width / shown.width, wanted.height / shown.height];
  const most = enlarge ? Number.POSITIVE_INFINITY : 1;
  const [least, largest] = [Math.min(across, down), Math.max(across, down)];

  const free = !isFixed(shape);
  const scale = free
    ? fit === 'inside'
      ? least
      : largest
    : 1 / (fit === 'contain' || fit === 'pad' ? least : largest);
  const frame = free
    ? shrunk(shown, Math.min(most, scale))
    : shrunk(wanted, extend || enlarge ? 1 : Math.min(1, scale));
  const canvas = margin === 0 ? frame : resized(frame, 1 / inner);
  const by = free
    ? Math.min(1, Math.max(frame.width / shown.width, frame.height / shown.height) / scale)
    : Math.min(1, (canvas.width * inner) / wanted.width, (canvas.height * inner) / wanted.height);
  return {
    width: canvas.width + Math.round(left * by) + Math.round(right * by),
    height: canvas.height + Math.round(top * by) + Math.round(bottom * by),
  };
}

function shrunk(size: Size, scale: number): Size {
  const limit = Math.min(
    MAX_SIDE / Math.max(size.width, size.height),
    Math.sqrt(MAX_PIXELS / (size.width * size.height)),
  );
  return resized(size, Math.min(scale, limit));
}

/** What is left of the original after the crop, turned. */
function shownOf({ crop, rotate = 0 }: PresetShape, { width, height }: Size): Size {
  const part = crop
    ? { width: within(crop.x, crop.width, width), height: within(crop.y, crop.height, height) }
    : { width, height };
  return rotate % 180 === 0 ? part : { width: part.height, height: part.width };
}

/** Both edges rounded to a pixel and moved into the original, with at least one pixel between them. */
function within(start: number | string = 0, length: number | string, most: number): number {
  const inPixels = (of: number | string) => (typeof of === 'number' ? of : (Number.parseFloat(of) / 100) * most);
  const first = Math.min(Math.max(0, Math.round(inPixels(start))), most - 1);
  return Math.min(most, Math.max(first + 1, Math.round(inPixels(start) + inPixels(length)))) - first;
}
