import type { Box, Size } from '../../pixels.ts';
import type { FractionBox, Recipe } from '../../recipe.ts';

/**
 * Which part of the upright original a recipe shows, and how that is turned: numbers in, numbers out. What follows is planned in
 * pixels of the turned part, and mapped back onto the original where pixels are read.
 */
export interface View {
  /** In pixels of the upright original; at least 1 × 1, inside it. */
  readonly region: Box;
  readonly turn: Turn;
}

/** One of the eight ways to lay a rectangle on its corners: mirrored left to right first, then turned clockwise. */
export interface Turn {
  readonly mirrored: boolean;
  /** Quarter turns clockwise. */
  readonly quarters: 0 | 1 | 2 | 3;
}

export const UPRIGHT: Turn = { mirrored: false, quarters: 0 };

/** A place in a picture, in pixels or in fractions of it. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

type Moved = Pick<Recipe, 'edit' | 'crop' | 'rotate' | 'flip'>;

/** The view of a recipe; undefined where it shows all of the original as it is. */
export function viewOf(original: Size, { edit, crop, rotate, flip }: Moved): View | undefined {
  if (!edit && !crop && !rotate && !flip) return undefined;
  const { turn: edited, size, part } = editedOf(original, edit);
  const cut = crop ? within(cropOf(crop, part), part) : part;
  const region = turnedBox(cut, size, inverse(edited));
  const turn = andThen(edited, turnOf({ rotate, flip }));
  const all = region.width === original.width && region.height === original.height;
  return all && isUpright(turn) ? undefined : { region, turn };
}

/** The point that a recipe wants in the middle, in pixels of the upright original. */
export function focusOf(original: Size, { edit, gravity }: Pick<Recipe, 'edit' | 'gravity'>): Point | undefined {
  const { turn, size, part } = editedOf(original, edit);
  const back = (x: number, y: number) => {
    const { left, top } = turnedBox({ left: x, top: y, width: 0, height: 0 }, size, inverse(turn));
    return { x: left, y: top };
  };
  if (typeof gravity === 'object') return back(part.left + gravity.x * part.width, part.top + gravity.y * part.height);
  const sought = gravity === 'auto' || gravity === 'faces' || gravity === 'attention' || gravity === 'entropy';
  return edit?.focus && sought ? back(edit.focus.x * size.width, edit.focus.y * size.height) : undefined;
}

/** The original turned and flipped by its edit, and the part of that which the edit leaves. */
function editedOf(original: Size, edit: Recipe['edit']): { turn: Turn; size: Size; part: Box } {
  const turn = turnOf(edit ?? {});
  const size = turnedSize(original, turn);
  const all = { left: 0, top: 0, ...size };
  return { turn, size, part: edit?.crop ? within(inFractions(edit.crop, size), all) : all };
}

/** Turned first, then flipped. */
function turnOf({ rotate, flip }: { [field in 'rotate' | 'flip']?: Moved[field] | undefined }): Turn {
  const quarters = ((rotate ?? 0) / 90) as Turn['quarters'];
  const flipped: Turn = {
    mirrored: flip === 'horizontal' || flip === 'vertical',
    quarters: flip === 'vertical' || flip === 'both' ? 2 : 0,
  };
  return andThen({ mirrored: false, quarters }, flipped);
}

export function isUpright({ mirrored, quarters }: Turn): boolean {
  return !mirrored && quarters === 0;
}

/** The turn that does `first` and then `second`. */
export function andThen(first: Turn, second: Turn): Turn {
  const before = second.mirrored ? 4 - first.quarters : first.quarters;
  return {
    mirrored: first.mirrored !== second.mirrored,
    quarters: ((before + second.quarters) % 4) as Turn['quarters'],
  };
}

/** The turn that undoes this one. */
export function inverse({ mirrored, quarters }: Turn): Turn {
  return { mirrored, quarters: mirrored ? quarters : (((4 - quarters) % 4) as Turn['quarters']) };
}

export function turnedSize({ width, height }: Size, { quarters }: Turn): Size {
  return quarters % 2 === 0 ? { width, height } : { width: height, height: width };
}

/** Where a box of a picture of this size lies after the turn. In any unit. */
export function turnedBox(box: Box, size: Size, { mirrored, quarters }: Turn): Box {
  let { left, top, width, height } = box;
  let all = { width: size.width, height: size.height };
  if (mirrored) left = all.width - left - width;
  for (let quarter = 0; quarter < quarters; quarter += 1) {
    [left, top, width, height] = [all.height - top - height, left, height, width];
    all = { width: all.height, height: all.width };
  }
  return { left, top, width, height };
}

function cropOf({ x, y, width, height }: NonNullable<Recipe['crop']>, part: Box): Box {
  const across = (length: number | string) => inPixels(length, part.width);
  const down = (length: number | string) => inPixels(length, part.height);
  const [left, top] = [across(x), down(y)];
  return { left: part.left + left, top: part.top + top, width: across(width), height: down(height) };
}

/** A length such as `120` or `12.5%`. */
function inPixels(length: number | string, of: number): number {
  return typeof length === 'number' ? length : (Number.parseFloat(length) / 100) * of;
}

function inFractions({ x, y, width, height }: FractionBox, size: Size): Box {
  return { left: x * size.width, top: y * size.height, width: width * size.width, height: height * size.height };
}

/** Each edge rounded to a pixel and moved into the picture, with at least one pixel between them. */
function within({ left, top, width, height }: Box, outer: Box): Box {
  const [x, right] = edges(left, width, outer.left, outer.width);
  const [y, bottom] = edges(top, height, outer.top, outer.height);
  return { left: x, top: y, width: right - x, height: bottom - y };
}

function edges(start: number, length: number, from: number, most: number): [first: number, end: number] {
  const first = Math.min(Math.max(from, Math.round(start)), from + most - 1);
  return [first, Math.min(from + most, Math.max(first + 1, Math.round(start + length)))];
}

/** A picture of one byte a pixel, turned. */
export function turnedGrey<T extends Size & { readonly data: Uint8Array }>(picture: T, turn: Turn): T {
  if (isUpright(turn)) return picture;
  const { width, height } = turnedSize(picture, turn);
  const data = new Uint8Array(picture.data.length);
  for (let y = 0; y < picture.height; y += 1)
    for (let x = 0; x < picture.width; x += 1) {
      const { left, top } = turnedBox({ left: x, top: y, width: 1, height: 1 }, picture, turn);
      data[top * width + left] = picture.data[y * picture.width + x] ?? 0;
    }
  return { ...picture, data, width, height };
}
